//! A row of Moonraker's history, and what it can be believed about.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{Figures, Job, JobStatus, job::same_name, words};

/// One job as `server.history.list` and `notify_history_changed` give it.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryJob {
    /// Moonraker's id, six or more hex digits. Reused after deletions.
    pub job_id: String,
    /// Who started it. `None` before Moonraker 0.9.
    pub user: Option<String>,
    /// File, relative to the gcodes root. `None` where Moonraker missed the start.
    pub filename: Option<String>,
    /// Moonraker's word for how it stands, untouched.
    pub status: String,
    /// When Moonraker noticed the start, by the clock of its host. `None` if it says nothing or 0.
    pub start_time: Option<Timestamp>,
    /// When Moonraker noticed the end. `None` while running, when nobody saw the end, and for 0.
    pub end_time: Option<Timestamp>,
    /// Amounts. Of a job that has no end they are those of its start.
    pub figures: Figures,
    /// File metadata. `None` if missing or empty.
    pub metadata: Option<Value>,
    /// What Moonraker's other components add, such as spools. `None` before Moonraker 0.9.
    pub auxiliary_data: Option<Value>,
}

/// What a history row says of the end of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryEnd {
    /// Still running, as far as Moonraker knows.
    Running,
    /// Moonraker itself stopped looking (`server_exit`, `interrupted`): the print may have gone on.
    Unseen,
    /// Ended, with this status.
    Seen(JobStatus),
}

/// Moonraker notices a start it missed at most so long before the end; or so much of the length is before the start
/// it noted.
const MISSED_START: SignedDuration = SignedDuration::from_secs(1);

/// Moonraker and we see a start and an end up to half a second late each.
const SAME_BEGIN: SignedDuration = SignedDuration::from_secs(2);

/// Moonraker notes start and end with its next tick, up to 0.25 s late each.
const ONE_PRINT: SignedDuration = SignedDuration::from_secs(1);

impl HistoryJob {
    /// What the row says of the end. An unknown word means that the print ended and that the outcome is not known.
    #[must_use]
    pub fn end(&self) -> HistoryEnd {
        let word = words::normalised(&self.status);
        match word.as_str() {
            "in_progress" => HistoryEnd::Running,
            "server_exit" | "interrupted" => HistoryEnd::Unseen,
            "klippy_shutdown" => HistoryEnd::Seen(JobStatus::Error),
            word => HistoryEnd::Seen(words::outcome(word).unwrap_or(JobStatus::Interrupted)),
        }
    }

    /// Whether Moonraker missed the start: the row has no file, was made at the end or at a shutdown before it, and
    /// knows one figure only.
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

    /// When the run of a missed start began: its end less its length. `None` if either is unknown.
    #[must_use]
    pub(crate) fn began(&self) -> Option<Timestamp> {
        let total = SignedDuration::try_from_secs_f64(self.figures.total_duration?).ok()?;
        self.end_time?.checked_sub(total).ok()
    }

    /// When the run began, as far as the row can be believed. `None` if it cannot, or says nothing.
    #[must_use]
    pub(crate) fn began_or_start(&self) -> Option<Timestamp> {
        match self.missed_start() {
            true => self.began(),
            false => self.start_time,
        }
    }

    /// Whether the row is as long as its last print took: Moonraker has two prints as one if the same file was started
    /// anew within one of its ticks, with the start of the first and the figures of the second.
    #[must_use]
    pub(crate) fn is_of_one_print(&self) -> bool {
        self.began()
            .zip(self.start_time)
            .is_some_and(|(began, start)| began.duration_since(start).abs() < ONE_PRINT)
    }

    /// Whether `self` and `other` are one run: a start time never changes, an id or a file name alone proves nothing.
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

    /// Whether the row is about a run that was recorded from `print_stats` alone, because Moonraker said nothing
    /// of it at the time.
    #[must_use]
    pub fn is_late_word_of(&self, job: &Job) -> bool {
        if job.job_id.is_some() {
            return false;
        }
        if self.missed_start() {
            let near = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
                (Some(a), Some(b)) => a.duration_since(b).abs() < SignedDuration::from_secs(10),
                _ => true,
            };
            // The figures of an open job are from when we last looked; what agrees is when it began.
            let began_so = job.status.is_open()
                && self.figures.may_end(&job.figures)
                && matches!((self.began(), job.start_time), (Some(a), Some(b)) if a.duration_since(b).abs() < SAME_BEGIN);
            return began_so || (self.figures.about_equal(&job.figures) && near(self.end_time, job.end_time));
        }
        let starts_agree = match (self.start_time, job.start_time) {
            (Some(a), Some(b)) => a.duration_since(b).abs() < SignedDuration::from_secs(1),
            _ => false,
        };
        same_name(self.filename.as_deref(), job.filename.as_deref()) && starts_agree
    }
}
