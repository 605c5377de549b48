//! A row of Moonraker's history. Decides which of its fields can be trusted.

use jiff::{SignedDuration, Timestamp};

use crate::tracker::tolerances::{COMPUTED_START, LATE_END, MISSED_START, ONE_PRINT, UNREPORTED_START};
use crate::{Cause, Figures, Job, JobStatus, PackedJson, job::same_name};

/// One job as reported by `server.history.list` and `notify_history_changed`.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryJob {
    /// Moonraker's id, six or more hex digits. Reused after deletions.
    pub job_id: String,
    /// The user who started the job. `None` before Moonraker 0.9.
    pub user: Option<String>,
    /// File, relative to the gcodes root. `None` if Moonraker missed the start.
    pub filename: Option<String>,
    /// How the job ended.
    pub end: HistoryEnd,
    /// Moonraker's status, unchanged.
    pub cause: Cause,
    /// When Moonraker noticed the start, by the clock of its host. `None` if missing or 0.
    pub start_time: Option<Timestamp>,
    /// When Moonraker noticed the end. `None` while running, if the end was not observed, and for 0.
    pub end_time: Option<Timestamp>,
    /// Durations and filament. In a row without an end they are the values at the start.
    pub figures: Figures,
    /// File metadata. `None` if missing or empty.
    pub metadata: Option<PackedJson>,
    /// Data added by other Moonraker components, such as spools. `None` before Moonraker 0.9.
    pub auxiliary_data: Option<PackedJson>,
}

/// The end of a job according to its history row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryEnd {
    /// Still running, according to Moonraker.
    Running,
    /// Moonraker itself stopped watching (`server_exit`, `interrupted`); the print may have continued.
    Unseen,
    /// Ended, with this status.
    Seen(JobStatus),
}

impl HistoryEnd {
    /// The end that a row with this status has. An unknown status means that the print ended with an unknown outcome.
    #[must_use]
    pub fn of(status: &Cause) -> Self {
        match status {
            Cause::InProgress => Self::Running,
            Cause::ServerExit | Cause::Interrupted => Self::Unseen,
            Cause::Completed => Self::Seen(JobStatus::Completed),
            Cause::Cancelled => Self::Seen(JobStatus::Cancelled),
            Cause::Error | Cause::KlippyShutdown => Self::Seen(JobStatus::Error),
            Cause::KlippyDisconnect | Cause::Replaced | Cause::Other(_) => Self::Seen(JobStatus::Interrupted),
        }
    }
}

impl HistoryJob {
    /// Whether Moonraker missed the start: the row has no file, was created at the end or at an earlier shutdown, and
    /// has only one figure.
    #[must_use]
    pub fn missed_start(&self) -> bool {
        let (Some(start), Some(end)) = (self.start_time, self.end_time) else {
            return self.filename.is_none();
        };
        let made_at_the_end = end.duration_since(start).abs() < MISSED_START;
        let began_before = self
            .began()
            .is_some_and(|began| start.duration_since(began) > MISSED_START);
        self.filename.is_none() && (made_at_the_end || began_before)
    }

    /// When the run of a missed start began: its end minus its length. `None` if either is unknown.
    #[must_use]
    pub(crate) fn began(&self) -> Option<Timestamp> {
        let total = SignedDuration::try_from_secs_f64(self.figures.total_duration?).ok()?;
        self.end_time?.checked_sub(total).ok()
    }

    /// When the run began, as far as the row can be trusted. `None` if it cannot be, or has no start.
    #[must_use]
    pub(crate) fn trusted_start(&self) -> Option<Timestamp> {
        match self.missed_start() {
            true => self.began(),
            false => self.start_time,
        }
    }

    /// Whether the row covers a single print: its figures account for the whole time since its start. If the same file
    /// was started again within one tick, Moonraker merges two prints into one row, with the start of the first and the
    /// figures of the second.
    #[must_use]
    pub(crate) fn covers_one_print(&self) -> bool {
        self.began()
            .zip(self.start_time)
            .is_some_and(|(began, start)| began.duration_since(start).abs() < ONE_PRINT)
    }

    /// Whether the row and the job are the same run. A start time never changes; an id or a file name alone proves
    /// nothing.
    #[must_use]
    pub fn is_run_of(&self, job: &Job) -> bool {
        if job.history_start_time != self.start_time {
            return false;
        }
        let same_id = job.job_id.as_deref() == Some(self.job_id.as_str());
        match self.start_time {
            Some(_) => job.job_id.is_some() && (same_id || job.filename == self.filename),
            None => same_id && job.filename == self.filename,
        }
    }

    /// Whether the row belongs to a run that was recorded from `print_stats` alone, because Moonraker did not report it
    /// at the time.
    #[must_use]
    pub fn is_late_report_of(&self, job: &Job) -> bool {
        if job.job_id.is_some() {
            return false;
        }
        if self.missed_start() {
            let near = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
                (Some(a), Some(b)) => a.duration_since(b).abs() < LATE_END,
                _ => true,
            };
            // The figures of an open job are from printlog's last reading, so only the start can be compared.
            let began_so = job.status.is_open()
                && self.figures.can_end(&job.figures)
                && matches!((self.began(), job.start_time), (Some(a), Some(b)) if a.duration_since(b).abs() < COMPUTED_START);
            return began_so || (self.figures.about_equal(&job.figures) && near(self.end_time, job.end_time));
        }
        let starts_agree = match (self.start_time, job.start_time) {
            (Some(a), Some(b)) => a.duration_since(b).abs() < UNREPORTED_START,
            _ => false,
        };
        same_name(self.filename.as_deref(), job.filename.as_deref()) && starts_agree
    }
}
