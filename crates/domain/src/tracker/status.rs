//! Status updates: `print_stats` and Klippy's state over a live connection.

use std::time::Duration;

use super::state::{Current, End, Starting, began, counted, observe, replaced_by, same_file, shown_end};
use super::tolerances::{CHECKPOINT, REPORT_GRACE, STALE_START};
use super::{Action, Tracker};
use crate::{Cause, JobStatus, KlippyState, Moment, PrintState, PrintStats, job::same_name};

impl Tracker {
    pub(super) fn status(
        &mut self,
        now: Moment,
        stats: PrintStats,
        klippy: KlippyState,
        klippy_message: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        match klippy {
            KlippyState::Ready if stats.state.is_active() => self.print_is_active(now, stats, actions),
            KlippyState::Ready if stats.state == PrintState::Unknown => {
                self.print_state_is_unknown(now, stats, actions);
            }
            KlippyState::Ready => self.print_is_inactive(now, &stats, actions),
            KlippyState::Shutdown | KlippyState::Error => {
                // The frame that reports the shutdown holds the counters at that moment; in later frames they keep
                // running.
                if let Some(current) = &mut self.current
                    && same_file(&stats, &current.job)
                    && stats.figures.continues(&current.job.figures)
                {
                    observe(&mut current.job, &stats);
                }
                self.klippy_shutdown(now, klippy_message, actions);
            }
            // Klippy has no print yet, or its last values are stale. A snapshot follows when Klippy becomes ready.
            KlippyState::Startup | KlippyState::Disconnected => {}
        }
    }

    fn print_is_active(&mut self, now: Moment, stats: PrintStats, actions: &mut Vec<Action>) {
        self.resume_unseen_end(&stats);
        // A second print can start within the grace period of the first: macros restart a file without a pause.
        if self
            .starting
            .as_ref()
            .is_some_and(|starting| !starting.continues_as(now, &stats))
        {
            // The pending print is already over, and its start was not reported either.
            self.open_unreported(now, actions);
        }
        if self.follow(now, &stats, actions) {
            return;
        }
        if let Some(current) = &self.current {
            // Another print is running, and the end of the current job has not been reported (yet).
            let end = replaced_by(&stats, &current.job);
            self.expect_end(now, end, actions);
        }
        // The job that the user deleted is still printing; saving it would create it again.
        if !self.ignored && !self.is_stale(now, &stats) {
            self.expect_start(now, stats);
        }
    }

    /// Handles an unknown state, which neither starts nor ends a job.
    fn print_state_is_unknown(&mut self, now: Moment, stats: PrintStats, actions: &mut Vec<Action>) {
        if !self.follow(now, &stats, actions)
            && let Some(starting) = &mut self.starting
            && starting.continues_as(now, &stats)
        {
            starting.update(now, stats);
        }
    }

    /// Applies an update to the current job. Returns `false` if the update belongs to another print or there is no
    /// current job.
    fn follow(&mut self, now: Moment, stats: &PrintStats, actions: &mut Vec<Action>) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        // Moonraker merges a print that is replaced within one of its updates; only the counter, which restarts, shows it.
        if !stats.figures.continues(&current.job.figures) {
            return false;
        }
        if !same_file(stats, &current.job) && !current.has_counter_of(now, stats) {
            // A different name without a counter does not start a job yet.
            return stats.figures.total_duration.is_none();
        }
        let status = current.job.status;
        let had_name = current.job.filename.is_some();
        observe(&mut current.job, stats);
        current.job.last_seen = Some(now.wall);
        current.seen = Some(now.monotonic);
        current.counted = counted(now, stats).or(current.counted);
        // Each write of counters is a transaction; they are exact at the end in any case.
        let due = current
            .written
            .is_none_or(|written| now.monotonic >= written + CHECKPOINT);
        // A checkpoint does not write the name.
        if current.job.filename.is_some() != had_name {
            current.written = Some(now.monotonic);
            actions.push(Action::Save(Box::new(current.job.clone())));
        } else if current.job.status != status || (due && current.job.status == JobStatus::Printing) {
            current.written = Some(now.monotonic);
            actions.push(Action::Checkpoint(Box::new(current.job.clone())));
        }
        true
    }

    /// Resumes a job that was considered ended because the printer did not report its print, if the print is reported
    /// again.
    fn resume_unseen_end(&mut self, stats: &PrintStats) {
        if self.current.is_none()
            && let Some(ending) = self.ending.take_if(|ending| {
                ending.end == End::Unseen
                    && same_file(stats, &ending.job)
                    && stats.figures.continues(&ending.job.figures)
            })
        {
            self.current = Some(Current::new(ending.job));
        }
    }

    /// Whether the update belongs to a print whose end the history has already reported. Such updates can still arrive
    /// after the end.
    fn is_stale(&self, now: Moment, stats: &PrintStats) -> bool {
        let Some(ended) = &self.ended else { return false };
        if !same_name(ended.filename.as_deref(), stats.filename.as_deref()) {
            return false;
        }
        // Without a counter only the time separates a late update from a reprint of the file.
        if stats.figures.total_duration.is_none() && now.monotonic < ended.at + REPORT_GRACE {
            return true;
        }
        let began = stats
            .figures
            .total_duration
            .and_then(|total| Duration::try_from_secs_f64(total).ok())
            .and_then(|total| now.monotonic.checked_sub(total));
        let (Some(began), Some(before)) = (began, ended.began) else {
            return false;
        };
        began < before + STALE_START
    }

    pub(super) fn expect_start(&mut self, now: Moment, stats: PrintStats) {
        if let Some(starting) = &mut self.starting
            && starting.continues_as(now, &stats)
        {
            starting.update(now, stats);
            return;
        }
        self.starting = Some(Starting {
            began: began(now, &stats),
            stats,
            deadline: now.monotonic + REPORT_GRACE,
        });
    }

    fn print_is_inactive(&mut self, now: Moment, stats: &PrintStats, actions: &mut Vec<Action>) {
        // The deleted print is over: the next one is recorded.
        self.ignored = false;
        if self.starting.is_some() {
            self.open_unreported(now, actions);
        }
        let Some(current) = &mut self.current else {
            if let Some(ending) = &mut self.ending
                && let Some(end) = shown_end(stats.state)
                && (ending.end == end || ending.end == End::Unseen)
                && same_file(stats, &ending.job)
                && stats.figures.continues(&ending.job.figures)
            {
                // The update that reported the end may have had no counters, or another name.
                ending.end = end;
                ending.job.figures = stats.figures.or(ending.job.figures);
            }
            self.correct_reported_end(now, stats, actions);
            return;
        };
        let end = match shown_end(stats.state) {
            // Some firmwares change the name at the end; the counter then shows that it is the same print.
            Some(end) if same_file(stats, &current.job) || current.has_counter_of(now, stats) => {
                if stats.figures.continues(&current.job.figures) {
                    // The status changes when the end is written, so that a restart before that finds an open job.
                    let status = current.job.status;
                    observe(&mut current.job, stats);
                    current.job.status = status;
                }
                end
            }
            // The end of another file, without a counter. The next update has a counter.
            Some(_) if stats.figures.total_duration.is_none() => return,
            // This is the end of a later print, so updates in between are missing.
            Some(_) => End::Unseen,
            // SDCARD_RESET_FILE during a print: the old way to cancel.
            None => End::Shown(JobStatus::Cancelled, Cause::Cancelled),
        };
        self.expect_end(now, end, actions);
    }

    /// Corrects the end if the history reported it first and `print_stats` reports another one.
    fn correct_reported_end(&mut self, now: Moment, stats: &PrintStats, actions: &mut Vec<Action>) {
        let Some(End::Shown(status, cause)) = shown_end(stats.state) else {
            return;
        };
        // After the grace period, an update with the same figures may belong to a reprint.
        let is_late = self
            .ended
            .as_ref()
            .is_none_or(|ended| now.monotonic >= ended.at + REPORT_GRACE);
        let job = self.reported_end.take_if(|job| {
            !is_late
                && same_file(stats, job)
                && stats.figures.about_equal(&job.figures)
                && job.status != status
        });
        if let Some(mut job) = job {
            job.end_by_print_stats(status, cause);
            // A cancellation may be inferred from an unloaded file; the history is then more reliable.
            if job.is_end_observed() {
                actions.push(Action::Save(Box::new(job)));
            }
        }
    }
}
