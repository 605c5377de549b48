//! The jobs that the tracker holds: running, ending and starting ones, and the last that ended.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::tolerances::{REMEMBERED_RUNS, SAME_COUNTER};
use crate::job::same_name;
use crate::{Cause, HistoryJob, Job, JobStatus, Moment, PrintState, PrintStats, Source};

/// The job that is running.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) job: Job,
    /// Moonraker's history has closed the run: no event will report its end.
    pub(super) untracked: bool,
    /// When the job was last seen running. `None` if it was not since this process started.
    pub(super) seen: Option<Duration>,
    /// When the job was last written. `None` if it was not since this process started.
    pub(super) written: Option<Duration>,
    /// When the counter was last read. `None` if it was not since this process started.
    pub(super) counted: Option<Duration>,
}

impl Current {
    /// A job that has not been seen running since this process started, or since the connection was lost.
    pub(super) fn new(job: Job) -> Self {
        Self {
            job,
            untracked: false,
            seen: None,
            written: None,
            counted: None,
        }
    }

    /// Whether the counter continues from its last reading. If so, it is the same print, even under another name.
    pub(super) fn has_counter_of(&self, now: Moment, stats: &PrintStats) -> bool {
        // Compared as starts: readings of one counter all give the same start, whenever they are made.
        let began = |at: Duration, total: Option<f64>| {
            let total = Duration::try_from_secs_f64(total?).ok()?;
            at.checked_sub(total)
        };
        let ours = self
            .counted
            .and_then(|counted| began(counted, self.job.figures.total_duration));
        let theirs = began(now.monotonic, stats.figures.total_duration);
        ours.zip(theirs)
            .is_some_and(|(ours, theirs)| ours.abs_diff(theirs) < SAME_COUNTER)
    }
}

/// A job whose print is over. It waits for the history to confirm the end, or for the grace period to pass.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) job: Job,
    pub(super) end: End,
    pub(super) deadline: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// `print_stats` or Klippy's state showed the end.
    Shown(JobStatus, Cause),
    /// Klippy disconnected. If Moonraker disconnects too, the print may still be running.
    KlippyLost,
    /// The printer reports another print, or none.
    Unseen,
}

impl End {
    /// Whether later data from the printer cannot change this end. If the same file was started again, the history
    /// still can.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Shown(_, cause) if *cause != Cause::Replaced)
    }
}

/// A print whose start has not been reported. It waits for the history, or for the grace period to pass.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) stats: PrintStats,
    pub(super) began: Timestamp,
    pub(super) deadline: Duration,
}

impl Starting {
    pub(super) fn continues_as(&self, now: Moment, stats: &PrintStats) -> bool {
        let same_start = || {
            stats.figures.total_duration.is_some()
                && self.began.duration_since(began(now, stats)).unsigned_abs() < SAME_COUNTER
        };
        stats.figures.continues(&self.stats.figures)
            && (same_name(stats.filename.as_deref(), self.stats.filename.as_deref()) || same_start())
    }

    /// Applies a later update. Fields missing from the update are kept.
    pub(super) fn update(&mut self, now: Moment, stats: PrintStats) {
        if self.stats.figures.total_duration.is_none() && stats.figures.total_duration.is_some() {
            // Until now the start was the time of the first update.
            self.began = began(now, &stats);
        }
        let state = match stats.state {
            PrintState::Unknown => self.stats.state,
            state => state,
        };
        self.stats = PrintStats {
            state,
            filename: self.stats.filename.take().or(stats.filename),
            figures: stats.figures.or(self.stats.figures),
            message: stats.message,
        };
    }
}

/// The runs that ended last, to recognise late reports of their start.
#[derive(Debug, Default)]
pub(super) struct FinishedRuns {
    /// Runs that the history reported.
    pub(super) reported: VecDeque<(String, Timestamp)>,
    /// The last run that the history did not report.
    pub(super) unreported: Option<Job>,
}

impl FinishedRuns {
    /// Remembers a run. A run without a start time in the history is skipped, because it cannot be distinguished from
    /// others.
    pub(super) fn remember(&mut self, job_id: &str, start_time: Option<Timestamp>) {
        if let Some(start_time) = start_time {
            self.reported.truncate(REMEMBERED_RUNS - 1);
            self.reported.push_front((job_id.to_owned(), start_time));
        }
    }

    pub(super) fn remember_job(&mut self, job: &Job) {
        match &job.job_id {
            Some(job_id) => self.remember(job_id, job.history_start_time),
            // One is enough: the import handles a report that is late by more than a whole print.
            None => self.unreported = Some(job.clone()),
        }
    }

    pub(super) fn contains(&self, row: &HistoryJob) -> bool {
        let mut reported = self.reported.iter();
        reported.any(|(job_id, start_time)| *job_id == row.job_id && Some(*start_time) == row.start_time)
    }
}

/// The last job that ended, to recognise stale updates about it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) filename: Option<String>,
    pub(super) began: Option<Duration>,
    pub(super) at: Duration,
}

/// The current time if the update has the counter, else `None`.
pub(super) fn counted(now: Moment, stats: &PrintStats) -> Option<Duration> {
    stats.figures.total_duration.map(|_| now.monotonic)
}

/// When the print began, computed from its counter. Without a counter, it begins now.
pub(super) fn began(now: Moment, stats: &PrintStats) -> Timestamp {
    now.wall_before(stats.figures.total_duration.unwrap_or(0.0))
        .unwrap_or(now.wall)
}

/// Applies the values in `print_stats` to a running job.
pub(super) fn observe(job: &mut Job, stats: &PrintStats) {
    job.status = match stats.state {
        PrintState::Paused => JobStatus::Paused,
        PrintState::Unknown => job.status,
        _ => JobStatus::Printing,
    };
    // A counter that is missing from this update keeps its last value.
    job.figures = stats.figures.or(job.figures);
    job.figures_source = Source::PrintStats;
    if job.filename.is_none() {
        job.filename.clone_from(&stats.filename);
    }
    // Klipper clears the text when another print starts; the job keeps its own.
    if stats.message.is_some() {
        job.message.clone_from(&stats.message);
    }
}

/// The end that `print_stats` reports. `None` if it reports no ended print.
pub(super) fn shown_end(state: PrintState) -> Option<End> {
    match state {
        PrintState::Complete => Some(End::Shown(JobStatus::Completed, Cause::Completed)),
        PrintState::Cancelled => Some(End::Shown(JobStatus::Cancelled, Cause::Cancelled)),
        PrintState::Error => Some(End::Shown(JobStatus::Error, Cause::Error)),
        PrintState::Standby | PrintState::Printing | PrintState::Paused | PrintState::Unknown => None,
    }
}

pub(super) fn same_file(stats: &PrintStats, job: &Job) -> bool {
    same_name(stats.filename.as_deref(), job.filename.as_deref())
}

/// The end of a job that another print has replaced.
pub(super) fn replaced_by(stats: &PrintStats, job: &Job) -> End {
    let cause = if same_file(stats, job) {
        Cause::Replaced
    } else {
        Cause::Cancelled
    };
    End::Shown(JobStatus::Cancelled, cause)
}
