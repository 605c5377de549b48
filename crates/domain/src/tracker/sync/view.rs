//! Compares a snapshot of the print with the history, by the clock of the printer's host.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Newest;
use crate::tracker::{
    state::{Current, same_file},
    tolerances::{HISTORY_START, JUST_STARTED, SEEN_RUNNING, SINCE_ROW_START, UNWATCHED},
};
use crate::{Cause, HistoryEnd, HistoryJob, Job, Moment, PrintStats, Source};

/// The current times and the newest history row, with which a snapshot is compared.
pub(super) struct View<'a> {
    pub(super) now: Moment,
    pub(super) host_clock: Timestamp,
    pub(super) newest: Option<&'a Newest>,
}

impl View<'_> {
    /// Whether the history reports the job as running.
    pub(super) fn is_running_row_of(&self, job: &Job) -> bool {
        self.newest
            .is_some_and(|newest| newest.row.end == HistoryEnd::Running && newest.row.is_run_of(job))
    }

    /// Whether the history reports as running a row of the job's file that began at the same time as the job or
    /// earlier. The history has then observed the end of none of these runs.
    pub(super) fn is_within_running_row(&self, job: &Job) -> bool {
        self.newest.is_some_and(|newest| {
            newest.row.end == HistoryEnd::Running
                && newest.row.filename == job.filename
                && newest.row.start_time <= job.start_time
        })
    }

    /// Whether the running print is this job. A printer prints one file at a time, so a print of the same file that
    /// began before the job was last seen running is this job.
    pub(super) fn is_print_of(&self, current: &Current, stats: &PrintStats) -> bool {
        let job = &current.job;
        // Without a counter, a different name proves nothing; the next update has a counter.
        let Some(total) = stats.figures.total_duration else {
            return true;
        };
        // The counter decides for firmwares that change the name during a print.
        let may_be = same_file(stats, job) || current.has_counter_of(self.now, stats);
        if !may_be || !stats.figures.continues(&job.figures) {
            return false;
        }
        // The monotonic clock is exact but restarts with the process; the wall clock of the last reading is stored.
        let began_before_seen = match (current.seen, job.last_seen) {
            (Some(seen), _) => Duration::try_from_secs_f64(total).is_ok_and(|total| {
                self.now.monotonic.saturating_sub(total) <= seen + SEEN_RUNNING.unsigned_abs()
            }),
            (None, Some(seen)) => self
                .now
                .wall_before(total)
                .is_some_and(|began| began.duration_since(seen) <= SEEN_RUNNING),
            (None, None) => true,
        };
        began_before_seen
            || (self.is_running_row_of(job)
                && self.newest.is_some_and(|newest| {
                    self.began_at(stats)
                        .zip(newest.row.start_time)
                        .is_some_and(|(began, start)| began.duration_since(start).abs() <= HISTORY_START)
                }))
    }

    /// Whether the history has a later run of the job's file.
    pub(super) fn has_newer_run_of_the_file(&self, job: &Job) -> bool {
        self.newest.is_some_and(|newest| {
            newest.row.filename == job.filename
                && !newest.row.is_run_of(job)
                && newest.row.start_time > job.history_start_time.max(job.start_time)
        })
    }

    /// When the print began, by the clock of the printer's host.
    pub(super) fn began_at(&self, stats: &PrintStats) -> Option<Timestamp> {
        let total = SignedDuration::try_from_secs_f64(stats.figures.total_duration?).ok()?;
        self.host_clock.checked_sub(total).ok()
    }

    /// Whether the newest row, which has the name of the running file, can belong to the running print.
    pub(super) fn may_be_the_print(&self, newest: &Newest, stats: &PrintStats) -> bool {
        // The stored job already has another end, so the print that runs now is a later one.
        let resolved = newest.stored.as_ref().is_some_and(|stored| {
            stored.end_source == Some(Source::PrintStats) || stored.cause == Some(Cause::Replaced)
        });
        if resolved || !stats.figures.continues(&newest.row.figures) {
            return false;
        }
        match newest.row.end {
            // Moonraker follows one print at a time.
            HistoryEnd::Running => true,
            HistoryEnd::Seen(_) => false,
            // The print began before Moonraker stopped watching.
            HistoryEnd::Unseen => {
                let watched = newest.row.figures.total_duration.unwrap_or(0.0);
                let watched = SignedDuration::try_from_secs_f64(watched + UNWATCHED).unwrap_or_default();
                self.began_at(stats)
                    .zip(newest.row.start_time)
                    .is_some_and(|(began, start)| began.duration_since(start) <= watched)
            }
        }
    }

    /// Whether a print with this `total_duration` can have begun and ended since the row's start.
    pub(super) fn fits_since_start(&self, row: &HistoryJob, stats: &PrintStats) -> bool {
        self.began_at(stats)
            .zip(row.start_time)
            .is_some_and(|(latest_begin, start)| start.duration_since(latest_begin) <= SINCE_ROW_START)
    }

    pub(super) fn just_started(&self, row: &HistoryJob) -> bool {
        row.end == HistoryEnd::Running
            && row
                .start_time
                .is_some_and(|start| self.host_clock.duration_since(start).abs() < JUST_STARTED)
    }

    /// Ends a job whose end was not observed, with the history's outcome if there is one.
    pub(super) fn unseen_end(&self, mut job: Job) -> Job {
        match self.newest {
            Some(newest) if newest.row.is_run_of(&job) => job.end_by_history(&newest.row),
            _ => job.end_unseen(),
        }
        job
    }
}
