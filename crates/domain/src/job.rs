//! A job: one run of one gcode file on one printer.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{Figures, HistoryEnd, HistoryJob, PrinterId};

/// The largest primary key: JSON numbers are exact up to here (RFC 8259, section 6).
pub const LARGEST_ID: i64 = (1 << 53) - 1;

/// Primary key of `print_jobs`. Not Moonraker's id, which is reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub i64);

/// How a job stands. Each job is in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Runs.
    Printing,
    /// Runs, and waits for somebody.
    Paused,
    /// Ended well.
    Completed,
    /// Ended by a fault: a refused command, an emergency stop, a lost microcontroller.
    Error,
    /// Ended because somebody wanted it to.
    Cancelled,
    /// Ended and nobody saw how.
    Interrupted,
}

/// A word that is none of the statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownJobStatus(pub String);

impl JobStatus {
    /// All statuses.
    pub const ALL: [Self; 6] = [
        Self::Printing,
        Self::Paused,
        Self::Completed,
        Self::Error,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Printing => "printing",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the job ended by a fault, or nobody saw how it ended. The success rate is about these and completed jobs.
    #[must_use]
    pub fn has_failed(self) -> bool {
        matches!(self, Self::Error | Self::Interrupted)
    }

    /// Whether the job has not ended.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Printing | Self::Paused)
    }
}

impl FromStr for JobStatus {
    type Err = UnknownJobStatus;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| UnknownJobStatus(word.to_owned()))
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UnknownJobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = JobStatus::ALL.iter().map(|status| status.as_str()).collect();
        write!(f, "`{}` is no job status; there are {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownJobStatus {}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Moonraker's history.
    History,
    /// Klipper's `print_stats`, followed by printlog, where the history was silent or wrong.
    PrintStats,
}

impl Source {
    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::PrintStats => "print_stats",
        }
    }
}

/// One run of one gcode file.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The printer it ran on.
    pub printer_id: PrinterId,
    /// Moonraker's id. `None` while (or if) its history does not know the run.
    pub job_id: Option<String>,
    /// The start that Moonraker noted: with `job_id`, the identity of its history row. `None` as there.
    pub history_start_time: Option<Timestamp>,
    /// Who started it, in Moonraker's words. `None` if unknown.
    pub user: Option<String>,
    /// File, relative to the gcodes root. `None` if Moonraker missed it and nobody else saw it.
    pub filename: Option<String>,
    /// How it stands.
    pub status: JobStatus,
    /// Why it ended, in Moonraker's words (`klippy_shutdown`, `server_exit`, …) or, where printlog saw what
    /// Moonraker did not, `replaced` (the same file was started anew). `None` until it ended.
    pub cause: Option<String>,
    /// Error text of Klipper. `None` if there was none or nobody listened.
    pub message: Option<String>,
    /// When it started. Never changes once written. `None` if unknown.
    pub start_time: Option<Timestamp>,
    /// When it ended. `None` while it runs, and if nobody saw the end.
    pub end_time: Option<Timestamp>,
    /// What it took.
    pub figures: Figures,
    /// Who says how it ended. `None` until then.
    pub end_source: Option<Source>,
    /// Who says what it took.
    pub figures_source: Source,
    /// Whether start, end and `total_duration` contradict each other because the printer's clock was set.
    pub clock_jumped: bool,
    /// File metadata as Moonraker had it at the start. `None` if it had none.
    pub metadata: Option<Value>,
    /// What Moonraker's other components added, such as spools. `None` if there was nothing.
    pub auxiliary_data: Option<Value>,
    /// When printlog last saw it run, by printlog's clock. `None` if it never did.
    pub last_seen: Option<Timestamp>,
}

/// Cause of a job that ended because the same file was started anew, within one tick of Moonraker's.
pub(crate) const REPLACED: &str = "replaced";

/// Whether two names can be of one file; a name that is not known contradicts nothing.
pub(crate) fn same_name(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// Whether the file is the rest of another one, written to resume a print after a power loss: what its slicer says is
/// about the whole. Klipper's scripts for that write `plr.gcode`, or a file of the same name into the folder `plr`.
#[must_use]
pub fn is_resumed_file(filename: &str) -> bool {
    let mut parts = filename.rsplit('/');
    let name = parts.next().unwrap_or_default();
    name.eq_ignore_ascii_case("plr.gcode")
        || parts
            .next()
            .is_some_and(|folder| folder.eq_ignore_ascii_case("plr"))
}

/// Start, end and length may differ by so much before we call it a clock that was set.
const CLOCK_TOLERANCE: f64 = 60.0;

impl Job {
    /// The job that a history row describes, seen by nobody else.
    ///
    /// A row that Moonraker still calls running is taken as cut off; whoever knows better says so afterwards.
    #[must_use]
    pub fn from_history(printer_id: PrinterId, row: &HistoryJob) -> Self {
        let mut job = Self {
            printer_id,
            job_id: Some(row.job_id.clone()),
            history_start_time: row.start_time,
            user: row.user.clone(),
            filename: row.filename.clone(),
            status: JobStatus::Interrupted,
            cause: None,
            message: None,
            start_time: row.start_time,
            end_time: None,
            figures: row.figures,
            end_source: None,
            figures_source: Source::History,
            clock_jumped: false,
            metadata: row.metadata.clone(),
            auxiliary_data: row.auxiliary_data.clone(),
            last_seen: None,
        };
        if row.missed_start() {
            job.start_time = row.began_or_start();
            // What such a row counts of the rest is right, or it is 0.
            let counted = |value: Option<f64>| value.filter(|value| *value > 0.0);
            job.figures.print_duration = counted(row.figures.print_duration);
            job.figures.filament_used = counted(row.figures.filament_used);
        }
        job.end_by_history(row);
        job
    }

    /// Ends the job as a history row says. Keeps what is known better here: figures that were seen to be higher
    /// (Moonraker loses them if the file was reset first), and the metadata of the start.
    ///
    /// An end that `print_stats` showed stays where the row contradicts it: a Moonraker that does not know the word of
    /// a fork for the end takes the standby after it for a cancellation.
    pub fn end_by_history(&mut self, row: &HistoryJob) {
        let status = match row.end() {
            HistoryEnd::Seen(status) => status,
            HistoryEnd::Running | HistoryEnd::Unseen => JobStatus::Interrupted,
        };
        if !self.is_end_observed() || status == self.status {
            self.status = status;
            self.cause = Some(row.status.clone());
            self.end_time = row.end_time;
            self.end_source = Some(Source::History);
        }
        // Of a run whose start nobody saw, the end and the length tell it.
        self.start_time = self.start_time.or_else(|| row.began_or_start());
        if row.missed_start() {
            // All that such a row knows; what we counted of the rest stays.
            if row.figures.continues(&self.figures) && !row.figures.about_equal(&self.figures) {
                self.figures.total_duration = row.figures.total_duration;
            }
        } else if row.figures.may_end(&self.figures) {
            self.figures = row.figures.or(self.figures);
            self.figures_source = Source::History;
        }
        if self.metadata.is_none() && self.is_of_file(row) {
            self.metadata.clone_from(&row.metadata);
        }
        if row.auxiliary_data.is_some() {
            self.auxiliary_data.clone_from(&row.auxiliary_data);
        }
        self.check_clock();
    }

    /// Ends the job as `print_stats` showed it; the end is the start plus the printer's own counter.
    pub fn end_by_print_stats(&mut self, status: JobStatus, cause: Option<&str>) {
        self.status = status;
        self.cause = cause.map(str::to_owned);
        self.end_time = self.start_plus_total();
        self.end_source = Some(Source::PrintStats);
    }

    /// Whether `print_stats` itself showed the end. Not so of a cancellation, which may have been concluded from a file
    /// that was unloaded.
    #[must_use]
    pub(crate) fn is_end_observed(&self) -> bool {
        self.end_source == Some(Source::PrintStats)
            && match self.status {
                JobStatus::Completed => true,
                JobStatus::Error => self.cause.as_deref() == Some("error"),
                _ => false,
            }
    }

    /// Ends the job of which nobody saw the end: last known figures, no end time.
    pub fn end_unseen(&mut self, cause: Option<&str>) {
        self.status = JobStatus::Interrupted;
        self.cause = cause.map(str::to_owned);
        self.end_time = None;
        self.end_source = None;
    }

    /// What becomes of the stored job when the history shows `row` for it. `None` if nothing changes.
    ///
    /// The first end is kept, unless it was a guess: an end that Moonraker saw itself replaces one that
    /// printlog made out from `print_stats` or did not see at all.
    #[must_use]
    pub fn merged_with(&self, row: &HistoryJob) -> Option<Self> {
        let mut merged = self.clone();
        let seen_by_moonraker = matches!(row.end(), HistoryEnd::Seen(_));
        // What the row tells is about the print that took this one's place, unless it is too short for both.
        let sealed = self.cause.as_deref() == Some(REPLACED) && !(seen_by_moonraker && row.is_of_one_print());
        if !sealed
            && (self.status.is_open()
                || (seen_by_moonraker && self.end_source != Some(Source::History))
                || (seen_by_moonraker
                    && self.status == JobStatus::Interrupted
                    && (self.cause.as_deref() != Some(&row.status)
                        || row.end() != HistoryEnd::Seen(JobStatus::Interrupted))))
        {
            merged.end_by_history(row);
        }
        if !sealed || merged.job_id.is_none() {
            merged.identify(row);
        }
        (merged != *self).then_some(merged)
    }

    /// Whether what the row says of its file is of ours.
    fn is_of_file(&self, row: &HistoryJob) -> bool {
        self.filename.is_none() || row.filename.is_none() || self.filename == row.filename
    }

    /// Takes over the identity of the history row, and what only the history knows.
    pub fn identify(&mut self, row: &HistoryJob) {
        if self.metadata.is_none() && self.is_of_file(row) {
            self.metadata.clone_from(&row.metadata);
        }
        self.job_id = Some(row.job_id.clone());
        self.history_start_time = row.start_time;
        self.user = self.user.take().or_else(|| row.user.clone());
        let is_absolute_name =
            self.filename
                .as_deref()
                .zip(row.filename.as_deref())
                .is_some_and(|(ours, theirs)| {
                    ours.starts_with('/')
                        && ours
                            .strip_suffix(theirs)
                            .is_some_and(|folder| folder.ends_with('/'))
                });
        if self.filename.is_none() || is_absolute_name {
            self.filename.clone_from(&row.filename);
        }
        self.auxiliary_data = self.auxiliary_data.take().or_else(|| row.auxiliary_data.clone());
    }

    fn start_plus_total(&self) -> Option<Timestamp> {
        let total = SignedDuration::try_from_secs_f64(self.figures.total_duration?).ok()?;
        self.start_time?.checked_add(total).ok()
    }

    /// A clock that was set during the job shows in its times; the counter of the printer does not lie.
    fn check_clock(&mut self) {
        let (Some(start), Some(end), Some(total)) =
            (self.start_time, self.end_time, self.figures.total_duration)
        else {
            return;
        };
        let length = end.duration_since(start).as_secs_f64();
        self.clock_jumped = (length - total).abs() > CLOCK_TOLERANCE;
        if end < start {
            self.end_time = self.start_plus_total();
        }
    }
}
