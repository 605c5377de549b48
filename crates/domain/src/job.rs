//! A job: one run of one G-code file on one printer.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use strum::VariantArray;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    Cause, Figures, HistoryEnd, HistoryJob, PackedJson, PrinterId, UnknownName, all,
    tracker::tolerances::CLOCK_JUMP,
};

/// The largest primary key: JSON numbers are exact up to here (RFC 8259, section 6).
pub const LARGEST_ID: i64 = (1 << 53) - 1;

/// Primary key of `print_jobs`. This is not Moonraker's `job_id`, which Moonraker reuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub i64);

/// Status of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum JobStatus {
    /// The print is running.
    Printing,
    /// The print is paused.
    Paused,
    /// The print finished.
    Completed,
    /// The print ended with a fault: a refused command, an emergency stop, a lost microcontroller.
    Error,
    /// The print was cancelled.
    Cancelled,
    /// The print ended, but its outcome is unknown.
    Interrupted,
}

impl JobStatus {
    /// All statuses.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the job ended with a fault or an unknown outcome. The success rate counts these and completed jobs.
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

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which component reported a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Source {
    /// Moonraker's history.
    History,
    /// Klipper's `print_stats`, observed by printlog, where the history was missing or wrong.
    PrintStats,
}

impl Source {
    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One run of one G-code file.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The printer that ran the job.
    pub printer_id: PrinterId,
    /// Moonraker's id. `None` if its history has no row for this run (yet).
    pub job_id: Option<String>,
    /// The start time in Moonraker's history. Together with `job_id` it identifies the history row. `None` if the row
    /// has none.
    pub history_start_time: Option<Timestamp>,
    /// The user who started the job, as Moonraker reports it. `None` if unknown.
    pub user: Option<String>,
    /// File, relative to the gcodes root. `None` if Moonraker missed the start and printlog did not observe the print
    /// either.
    pub filename: Option<String>,
    /// Current status.
    pub status: JobStatus,
    /// Cause of the end. `None` until the job ends, and if the end was not observed.
    pub cause: Option<Cause>,
    /// Klipper's error text. `None` if there was none or it was not received.
    pub message: Option<String>,
    /// Start of the job. Never changes once written. `None` if unknown.
    pub start_time: Option<Timestamp>,
    /// End of the job. `None` while the job is open, and if the end was not observed.
    pub end_time: Option<Timestamp>,
    /// Durations and filament.
    pub figures: Figures,
    /// Source of the reported end. `None` until the job ends.
    pub end_source: Option<Source>,
    /// Source of the figures.
    pub figures_source: Source,
    /// Whether start, end and `total_duration` contradict each other because the printer's clock was set.
    pub clock_jumped: bool,
    /// Moonraker's file metadata at the start. `None` if Moonraker had none.
    pub metadata: Option<PackedJson>,
    /// Data added by other Moonraker components, such as spools. `None` if there was none.
    pub auxiliary_data: Option<PackedJson>,
    /// When printlog last saw the job running, by printlog's clock. `None` if it never did.
    pub last_seen: Option<Timestamp>,
}

/// Whether two names can refer to the same file. An unknown name matches any name.
pub(crate) fn same_name(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// Whether the file is the rest of another file, written to resume a print after a power loss. Its slicer data
/// describes the whole print. Klipper's scripts for this write `plr.gcode`, or a file with the original name in the
/// folder `plr`.
#[must_use]
pub fn is_resumed_file(filename: &str) -> bool {
    let mut parts = filename.rsplit('/');
    let name = parts.next().unwrap_or_default();
    name.eq_ignore_ascii_case("plr.gcode")
        || parts
            .next()
            .is_some_and(|folder| folder.eq_ignore_ascii_case("plr"))
}

impl Job {
    /// Creates a job from a history row alone.
    ///
    /// A row that Moonraker still reports as running becomes an interrupted job; the caller corrects the status if it
    /// has better data.
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
            job.start_time = row.trusted_start();
            // In such a row a figure other than `total_duration` is either correct or 0.
            let counted = |value: Option<f64>| value.filter(|value| *value > 0.0);
            job.figures.print_duration = counted(row.figures.print_duration);
            job.figures.filament_used = counted(row.figures.filament_used);
        }
        job.end_by_history(row);
        job
    }

    /// Ends the job with the outcome in a history row. Better local data is kept: higher figures (Moonraker loses them
    /// if the file was reset first) and the metadata of the start.
    ///
    /// An end that `print_stats` reported is kept if the row contradicts it: a Moonraker that does not know a fork's
    /// state for the end reports the following standby as a cancellation.
    pub fn end_by_history(&mut self, row: &HistoryJob) {
        let status = match row.end {
            HistoryEnd::Seen(status) => status,
            HistoryEnd::Running | HistoryEnd::Unseen => JobStatus::Interrupted,
        };
        if !self.is_end_observed() || status == self.status {
            self.status = status;
            self.cause = Some(row.cause.clone());
            self.end_time = row.end_time;
            self.end_source = Some(Source::History);
        }
        // If the start was not observed, it is computed from the end and the length.
        self.start_time = self.start_time.or_else(|| row.trusted_start());
        if row.missed_start() {
            // Such a row has only the total duration; keep our own values of the other figures.
            if row.figures.continues(&self.figures) && !row.figures.about_equal(&self.figures) {
                self.figures.total_duration = row.figures.total_duration;
            }
        } else if row.figures.can_end(&self.figures) {
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

    /// Ends the job as `print_stats` showed it. The end time is the start plus the printer's own counter.
    pub fn end_by_print_stats(&mut self, status: JobStatus, cause: Cause) {
        self.status = status;
        self.cause = Some(cause);
        self.end_time = self.start_plus_total();
        self.end_source = Some(Source::PrintStats);
    }

    /// Whether `print_stats` itself reported the end. False for a cancellation, which may have been inferred from a
    /// file that was unloaded.
    #[must_use]
    pub(crate) fn is_end_observed(&self) -> bool {
        self.end_source == Some(Source::PrintStats)
            && match self.status {
                JobStatus::Completed => true,
                JobStatus::Error => self.cause == Some(Cause::Error),
                _ => false,
            }
    }

    /// Ends a job whose end was not observed: it keeps its last known figures and has no end time.
    pub fn end_unseen(&mut self) {
        self.status = JobStatus::Interrupted;
        self.cause = None;
        self.end_time = None;
        self.end_source = None;
    }

    /// Merges a history row into the stored job. `None` if nothing changes.
    ///
    /// The first end is kept unless it was inferred: an end that Moonraker observed replaces one that printlog derived
    /// from `print_stats` or did not observe.
    #[must_use]
    pub fn merged_with(&self, row: &HistoryJob) -> Option<Self> {
        let mut merged = self.clone();
        let seen_by_moonraker = matches!(row.end, HistoryEnd::Seen(_));
        // The row describes the print that replaced this one, unless the row is too short to cover both.
        let is_replaced =
            self.cause == Some(Cause::Replaced) && !(seen_by_moonraker && row.covers_one_print());
        if !is_replaced
            && (self.status.is_open()
                || (seen_by_moonraker && self.end_source != Some(Source::History))
                || (seen_by_moonraker
                    && self.status == JobStatus::Interrupted
                    && (self.cause.as_ref() != Some(&row.cause)
                        || row.end != HistoryEnd::Seen(JobStatus::Interrupted))))
        {
            merged.end_by_history(row);
        }
        if !is_replaced || merged.job_id.is_none() {
            merged.identify(row);
        }
        (merged != *self).then_some(merged)
    }

    /// Whether the row's file data belongs to this job's file.
    fn is_of_file(&self, row: &HistoryJob) -> bool {
        self.filename.is_none() || row.filename.is_none() || self.filename == row.filename
    }

    /// Copies the identity of the history row and the fields that only the history has.
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

    /// Detects a clock that was set during the job: the timestamps then contradict the printer's counter, which is
    /// correct.
    fn check_clock(&mut self) {
        let (Some(start), Some(end), Some(total)) =
            (self.start_time, self.end_time, self.figures.total_duration)
        else {
            return;
        };
        let length = end.duration_since(start).as_secs_f64();
        self.clock_jumped = (length - total).abs() > CLOCK_JUMP;
        if end < start {
            self.end_time = self.start_plus_total();
        }
    }
}
