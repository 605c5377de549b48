//! Handles the snapshot read after a connection is made or after Klippy becomes ready. It is a state, not a change.

mod view;

use std::time::Duration;

use jiff::Timestamp;

use super::state::{Current, End, Ending, counted, observe, replaced_by, same_file, shown_end};
use super::tolerances::REPORT_GRACE;
use super::{Action, Tracker};
use crate::{
    Cause, HistoryEnd, HistoryJob, Job, JobStatus, KlippyState, Moment, PrintState, PrintStats, Source,
    job::same_name,
};
use view::View;

/// Everything that was read after connecting. The history has already been merged into the store, except for its newest
/// row if the end of that row was not observed.
#[derive(Debug, Clone)]
pub struct Sync {
    /// State of Klippy.
    pub klippy: KlippyState,
    /// Klippy's message about its state, if it is not ready.
    pub klippy_message: Option<String>,
    /// The print. `None` while Klippy cannot be queried.
    pub stats: Option<PrintStats>,
    /// The printer's open jobs in the store.
    pub open: Vec<Job>,
    /// The newest row of the history. `None` if the history is empty.
    pub newest: Option<Newest>,
    /// The current wall clock of the printer's host. `None` if unknown; printlog's own clock is used then.
    pub host_clock: Option<Timestamp>,
}

/// The newest row of a printer's history.
#[derive(Debug, Clone)]
pub struct Newest {
    /// The row.
    pub row: HistoryJob,
    /// The stored job of that run. `None` if there is none.
    pub stored: Option<Job>,
    /// Whether the user deleted that run in printlog.
    pub deleted: bool,
}

impl Tracker {
    pub(super) fn synced(&mut self, now: Moment, sync: Sync, actions: &mut Vec<Action>) {
        // The snapshot is newer than anything that was pending, and includes a print that was starting.
        self.close_ending(actions);
        self.starting = None;
        self.reported_end = None;
        self.moonraker_leaving = false;
        let candidate = self.take_candidate(&sync, actions);
        let Sync {
            klippy,
            klippy_message,
            stats,
            newest,
            host_clock,
            ..
        } = sync;
        let view = View {
            now,
            host_clock: host_clock.unwrap_or(now.wall),
            newest: newest.as_ref(),
        };
        match (klippy, stats) {
            (KlippyState::Ready, Some(stats)) if stats.state.is_active() => {
                self.sync_active_print(&view, candidate, stats, actions);
            }
            (KlippyState::Ready, Some(stats)) if stats.state != PrintState::Unknown => {
                self.sync_inactive_print(&view, candidate, &stats, actions);
            }
            (KlippyState::Shutdown | KlippyState::Error, stats) => {
                let Some(mut current) = candidate else {
                    self.import_newest(&view, actions);
                    return;
                };
                // After a shutdown, `print_stats` keeps the state at that moment.
                let was_printing = stats.is_some_and(|stats| {
                    (stats.state.is_active() || stats.state == PrintState::Unknown)
                        && same_file(&stats, &current.job)
                        && stats.figures.continues(&current.job.figures)
                });
                if was_printing || view.is_running_row_of(&current.job) {
                    current.job.message = current.job.message.or(klippy_message);
                    let end = End::Shown(JobStatus::Error, Cause::KlippyShutdown);
                    self.end_after_grace(&view, current, end, actions);
                } else {
                    actions.push(Action::Save(Box::new(view.unseen_end(current.job))));
                }
            }
            // Nothing can be decided yet; the next sync can.
            _ => {
                self.current = candidate;
                return;
            }
        }
        self.import_newest(&view, actions);
    }

    /// Imports the newest row if it does not belong to a print that the tracker tracks.
    fn import_newest(&self, view: &View<'_>, actions: &mut Vec<Action>) {
        let Some(Newest {
            row,
            stored: None,
            deleted: false,
        }) = view.newest
        else {
            return;
        };
        let is_ours = |job: &Job| row.is_run_of(job);
        let followed = self.current().is_some_and(is_ours)
            || self.ending.as_ref().is_some_and(|ending| is_ours(&ending.job))
            || actions
                .iter()
                .any(|action| matches!(action, Action::Save(job) if is_ours(job)));
        // Its job is created by the notification or by the grace period, whichever comes first.
        let under_way = row.end == HistoryEnd::Running && (self.starting.is_some() || view.just_started(row));
        if !followed && !under_way {
            actions.push(Action::Import(Box::new(row.clone())));
        }
    }

    /// Returns the open job that may be running: the latest one. There should be no other.
    fn take_candidate(&mut self, sync: &Sync, actions: &mut Vec<Action>) -> Option<Current> {
        let memory = self.current.take();
        let mut open = sync.open.clone();
        open.sort_by_key(|job| std::cmp::Reverse(job.start_time));
        let mut open = open.into_iter();
        let latest = open.next();
        // A printer prints one job at a time: older open jobs were left by a kill.
        for mut job in open {
            job.end_unseen();
            actions.push(Action::Save(Box::new(job)));
        }
        let latest = latest?;
        // The job in memory has newer counters than the stored one.
        Some(match memory {
            Some(memory) if memory.job.start_time == latest.start_time => memory,
            _ => Current::new(latest),
        })
    }

    fn sync_active_print(
        &mut self,
        view: &View<'_>,
        candidate: Option<Current>,
        stats: PrintStats,
        actions: &mut Vec<Action>,
    ) {
        let mut just_closed = None;
        if let Some(mut current) = candidate {
            if view.is_print_of(&current, &stats) {
                // A Moonraker that was restarted does not resume the row: it will not report the end.
                current.untracked = current.job.job_id.is_some() && !view.is_running_row_of(&current.job);
                observe(&mut current.job, &stats);
                current.job.last_seen = Some(view.now.wall);
                current.seen = Some(view.now.monotonic);
                current.counted = counted(view.now, &stats).or(current.counted);
                current.written = Some(view.now.monotonic);
                actions.push(Action::Checkpoint(Box::new(current.job.clone())));
                self.current = Some(current);
                return;
            }
            just_closed = current.job.history_start_time;
            if view.is_within_running_row(&current.job) {
                // The job may also have ended, and the other print begun, after the history was read; that notification
                // is in transit.
                let end = replaced_by(&stats, &current.job);
                self.end_after_grace(view, current, end, actions);
            } else {
                actions.push(Action::Save(Box::new(view.unseen_end(current.job))));
            }
        }
        // The row of the job that was just closed cannot belong to the print that replaced it.
        let Some(newest) = view.newest.filter(|newest| {
            just_closed.is_none_or(|closed| newest.row.start_time != Some(closed))
                && same_name(newest.row.filename.as_deref(), stats.filename.as_deref())
                && view.may_be_the_print(newest, &stats)
        }) else {
            // The history would have reported this start by now.
            let overdue = stats.figures.total_duration >= Some(REPORT_GRACE.as_secs_f64());
            self.expect_start(view.now, stats);
            if overdue {
                self.open_unreported(view.now, actions);
            }
            return;
        };
        self.open_newest(view, newest, &stats, actions);
    }

    /// Makes the run of the newest row, which is the running print, the current job.
    fn open_newest(
        &mut self,
        view: &View<'_>,
        newest: &Newest,
        stats: &PrintStats,
        actions: &mut Vec<Action>,
    ) {
        if newest.deleted {
            self.ignored = true;
            return;
        }
        let untracked = newest.row.end != HistoryEnd::Running;
        let mut job = newest
            .stored
            .clone()
            .unwrap_or_else(|| Job::from_history(self.printer_id, &newest.row));
        // Moonraker missed the start of such a row; it is computed from the printer's counter.
        job.start_time = job.start_time.or_else(|| {
            let total = stats.figures.total_duration?;
            view.now.wall_before(total)
        });
        self.open(view.now, job, Some(stats), untracked, actions);
    }

    fn sync_inactive_print(
        &mut self,
        view: &View<'_>,
        candidate: Option<Current>,
        stats: &PrintStats,
        actions: &mut Vec<Action>,
    ) {
        self.ignored = false;
        let shown = shown_end(stats.state);
        let Some(mut current) = candidate else {
            self.correct_newest(view, stats, shown, actions);
            return;
        };
        // An end that `print_stats` still reports belongs to the last print of the file, not to an earlier one.
        let end = shown.filter(|_| {
            same_file(stats, &current.job)
                && stats.figures.continues(&current.job.figures)
                && !view.has_newer_run_of_the_file(&current.job)
        });
        if end.is_some() {
            let status = current.job.status;
            observe(&mut current.job, stats);
            current.job.status = status;
        }
        if end.is_some() || view.is_running_row_of(&current.job) {
            self.end_after_grace(view, current, end.unwrap_or(End::Unseen), actions);
        } else {
            actions.push(Action::Save(Box::new(view.unseen_end(current.job))));
        }
    }

    /// Ends the job. If Moonraker still reports it as running, its notification of the end is in transit.
    fn end_after_grace(&mut self, view: &View<'_>, current: Current, end: End, actions: &mut Vec<Action>) {
        let grace = if view.is_running_row_of(&current.job) {
            REPORT_GRACE
        } else {
            Duration::ZERO
        };
        self.remember_ended(view.now, &current.job, current.seen);
        self.ending = Some(Ending {
            job: current.job,
            end,
            deadline: view.now.monotonic + grace,
        });
        self.expire_ending(view.now, actions);
    }

    /// Corrects the newest row if Moonraker was restarted during the print and missed the end, or recorded another end,
    /// while `print_stats` still reports it.
    fn correct_newest(
        &mut self,
        view: &View<'_>,
        stats: &PrintStats,
        shown: Option<End>,
        actions: &mut Vec<Action>,
    ) {
        let Some(newest) = view.newest.filter(|newest| !newest.deleted) else {
            return;
        };
        let left_open = match &newest.stored {
            Some(stored) => {
                stored.status == JobStatus::Interrupted && stored.end_source != Some(Source::PrintStats)
            }
            None => true,
        };
        // A row whose end was observed changes only if `print_stats` shows the very same print.
        let is_of_print = match newest.row.end {
            HistoryEnd::Seen(_) => newest.stored.is_some() && stats.figures.about_equal(&newest.row.figures),
            _ => left_open && stats.figures.continues(&newest.row.figures),
        };
        let shown = shown.filter(|_| {
            is_of_print && newest.row.filename == stats.filename && view.fits_since_start(&newest.row, stats)
        });
        if let Some(End::Shown(status, cause)) = shown {
            let mut job = newest
                .stored
                .clone()
                .unwrap_or_else(|| Job::from_history(self.printer_id, &newest.row));
            let before = job.status;
            observe(&mut job, stats);
            job.end_by_print_stats(status, cause);
            let contradicts = before != status && job.is_end_observed();
            if contradicts || !matches!(newest.row.end, HistoryEnd::Seen(_)) {
                actions.push(Action::Save(Box::new(job)));
            }
        }
    }
}
