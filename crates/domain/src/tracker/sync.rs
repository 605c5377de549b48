//! What the printer shows after a connection is made, or after Klippy became ready: a state, never news.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Current, End, Ending, GRACE, Tracker, counted, observe, replaced_by, same_file, shown_end,
};
use crate::{
    HistoryEnd, HistoryJob, Job, JobStatus, KlippyState, Moment, PrintState, PrintStats, Source,
    job::{REPLACED, same_name},
};

/// Everything that was read after connecting. The history has been merged into the store before, except for its
/// newest row if that has not been seen to end.
#[derive(Debug, Clone)]
pub struct Sync {
    /// State of Klippy.
    pub klippy: KlippyState,
    /// Klippy's words on it, where it is not ready.
    pub klippy_message: Option<String>,
    /// The print. `None` while Klippy cannot be asked.
    pub stats: Option<PrintStats>,
    /// The printer's jobs that the store has as open.
    pub open: Vec<Job>,
    /// The newest row of the history. `None` if it is empty.
    pub newest: Option<Newest>,
    /// The wall clock of the printer's host now. `None` if it does not say; ours is taken then.
    pub host_clock: Option<Timestamp>,
}

/// The newest row of a printer's history.
#[derive(Debug, Clone)]
pub struct Newest {
    /// The row.
    pub row: HistoryJob,
    /// What the store has of that run. `None` if nothing.
    pub stored: Option<Job>,
    /// Whether the user deleted that run here.
    pub deleted: bool,
}

/// A start that is computed from a counter is up to so much later than it was.
const SLACK: Duration = Duration::from_millis(500);

impl Tracker {
    pub(super) fn synced(&mut self, now: Moment, sync: Sync, actions: &mut Vec<Action>) {
        self.close_ending(actions);
        self.starting = None;
        self.told_end = None;
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
                self.print_is_there(&view, candidate, stats, actions);
            }
            (KlippyState::Ready, Some(stats)) if stats.state != PrintState::Unknown => {
                self.no_print_is_there(&view, candidate, &stats, actions);
            }
            (KlippyState::Shutdown | KlippyState::Error, stats) => {
                let Some(mut current) = candidate else {
                    self.import_newest(&view, actions);
                    return;
                };
                let was_printing = stats.is_some_and(|stats| {
                    (stats.state.is_active() || stats.state == PrintState::Unknown)
                        && same_file(&stats, &current.job)
                        && stats.figures.continues(&current.job.figures)
                });
                if was_printing || view.is_running_row_of(&current.job) {
                    current.job.message = current.job.message.or(klippy_message);
                    let end = End::Shown(JobStatus::Error, Some("klippy_shutdown"));
                    self.end_soon(&view, current, end, actions);
                } else {
                    actions.push(Action::Save(Box::new(view.unseen_end(current.job))));
                }
            }
            // Nothing can be said yet; the next sync can.
            _ => {
                self.current = candidate;
                return;
            }
        }
        self.import_newest(&view, actions);
    }

    /// Hands the newest row on if it turned out to be about no print that is followed here.
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
        let under_way =
            row.end() == HistoryEnd::Running && (self.starting.is_some() || view.just_started(row));
        if !followed && !under_way {
            actions.push(Action::Import(Box::new(row.clone())));
        }
    }

    /// The open job that may be in the machine: the latest. There should be no other.
    fn take_candidate(&mut self, sync: &Sync, actions: &mut Vec<Action>) -> Option<Current> {
        let memory = self.current.take();
        let mut open = sync.open.clone();
        open.sort_by_key(|job| std::cmp::Reverse(job.start_time));
        let mut open = open.into_iter();
        let latest = open.next();
        for mut job in open {
            job.end_unseen(None);
            actions.push(Action::Save(Box::new(job)));
        }
        let latest = latest?;
        Some(match memory {
            Some(memory) if memory.job.start_time == latest.start_time => memory,
            _ => Current {
                job: latest,
                untracked: false,
                seen: None,
                counted: None,
                written: None,
            },
        })
    }

    fn print_is_there(
        &mut self,
        view: &View<'_>,
        candidate: Option<Current>,
        stats: PrintStats,
        actions: &mut Vec<Action>,
    ) {
        let mut just_closed = None;
        if let Some(mut current) = candidate {
            if view.is_print_of(&current, &stats) {
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
                // Or it ended, and the other began, after the history was read; the news of that is under way.
                let end = replaced_by(&stats, &current.job);
                self.end_soon(view, current, end, actions);
            } else {
                actions.push(Action::Save(Box::new(view.unseen_end(current.job))));
            }
        }
        let Some(newest) = view.newest.filter(|newest| {
            just_closed.is_none_or(|closed| newest.row.start_time != Some(closed))
                && same_name(newest.row.filename.as_deref(), stats.filename.as_deref())
                && view.may_be_the_print(newest, &stats)
        }) else {
            // What the history would say of this start, it has said by now.
            let overdue = stats.figures.total_duration >= Some(GRACE.as_secs_f64());
            self.begin_starting(view.now, stats);
            if overdue {
                self.open_untold(view.now, actions);
            }
            return;
        };
        if newest.deleted {
            self.muted = true;
            return;
        }
        let untracked = newest.row.end() != HistoryEnd::Running;
        let mut job = newest
            .stored
            .clone()
            .unwrap_or_else(|| Job::from_history(self.printer_id, &newest.row));
        // Moonraker missed the start of such a row; the counter of the printer knows it.
        job.start_time = job.start_time.or_else(|| {
            let total = stats.figures.total_duration?;
            view.now.wall_before(total)
        });
        self.open(view.now, job, Some(&stats), untracked, actions);
    }

    fn no_print_is_there(
        &mut self,
        view: &View<'_>,
        candidate: Option<Current>,
        stats: &PrintStats,
        actions: &mut Vec<Action>,
    ) {
        self.muted = false;
        let shown = shown_end(stats.state);
        let Some(mut current) = candidate else {
            self.correct_newest(view, stats, shown, actions);
            return;
        };
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
            self.end_soon(view, current, end.unwrap_or(End::Unseen), actions);
        } else {
            actions.push(Action::Save(Box::new(view.unseen_end(current.job))));
        }
    }

    /// Ends the job; if Moonraker still calls it running, its word on the end is under way.
    fn end_soon(&mut self, view: &View<'_>, current: Current, end: End, actions: &mut Vec<Action>) {
        let grace = if view.is_running_row_of(&current.job) {
            GRACE
        } else {
            Duration::ZERO
        };
        self.note_ended(view.now, &current.job, current.seen);
        self.ending = Some(Ending {
            job: current.job,
            end,
            deadline: view.now.monotonic + grace,
        });
        self.end_graces_of_ending(view.now, actions);
    }

    /// Moonraker was restarted in mid-print and did not see the end, or took it for another one, but `print_stats` still
    /// shows it.
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
        let is_of_print = match newest.row.end() {
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
            if contradicts || !matches!(newest.row.end(), HistoryEnd::Seen(_)) {
                actions.push(Action::Save(Box::new(job)));
            }
        }
    }
}

/// What a sync can be judged by.
struct View<'a> {
    now: Moment,
    host_clock: Timestamp,
    newest: Option<&'a Newest>,
}

impl View<'_> {
    /// Whether the history has the job as running.
    fn is_running_row_of(&self, job: &Job) -> bool {
        self.newest
            .is_some_and(|newest| newest.row.end() == HistoryEnd::Running && newest.row.is_run_of(job))
    }

    /// Whether the history has a job as running that began with this one or before: it saw none of them end.
    fn is_within_running_row(&self, job: &Job) -> bool {
        self.newest.is_some_and(|newest| {
            newest.row.end() == HistoryEnd::Running
                && newest.row.filename == job.filename
                && newest.row.start_time <= job.start_time
        })
    }

    /// Whether the print in the machine is the job's. A machine prints one thing at a time: a print of the same
    /// file that began before the job was last seen to run is the job.
    fn is_print_of(&self, current: &Current, stats: &PrintStats) -> bool {
        let job = &current.job;
        // Without a counter another name proves nothing; the next update has one.
        let Some(total) = stats.figures.total_duration else {
            return true;
        };
        let may_be = same_file(stats, job) || current.has_counter_of(self.now, stats);
        if !may_be || !stats.figures.continues(&job.figures) {
            return false;
        }
        let began_before_seen = match (current.seen, job.last_seen) {
            (Some(seen), _) => Duration::try_from_secs_f64(total)
                .is_ok_and(|total| self.now.monotonic.saturating_sub(total) <= seen + SLACK),
            (None, Some(seen)) => self
                .now
                .wall_before(total)
                .is_some_and(|began| began.duration_since(seen) <= SignedDuration::from_millis(500)),
            (None, None) => true,
        };
        began_before_seen
            || (self.is_running_row_of(job)
                && self.newest.is_some_and(|newest| {
                    self.began_at(stats)
                        .zip(newest.row.start_time)
                        .is_some_and(|(began, start)| {
                            began.duration_since(start).abs() <= SignedDuration::from_millis(1_500)
                        })
                }))
    }

    /// Whether the history tells of a later run of the job's file.
    fn has_newer_run_of_the_file(&self, job: &Job) -> bool {
        self.newest.is_some_and(|newest| {
            newest.row.filename == job.filename
                && !newest.row.is_run_of(job)
                && newest.row.start_time > job.history_start_time.max(job.start_time)
        })
    }

    /// When the print began, by the clock of the printer's host.
    fn began_at(&self, stats: &PrintStats) -> Option<Timestamp> {
        let total = SignedDuration::try_from_secs_f64(stats.figures.total_duration?).ok()?;
        self.host_clock.checked_sub(total).ok()
    }

    /// Whether the newest row, of the file that is printed, can be about the print in the machine.
    fn may_be_the_print(&self, newest: &Newest, stats: &PrintStats) -> bool {
        let resolved = newest.stored.as_ref().is_some_and(|stored| {
            stored.end_source == Some(Source::PrintStats) || stored.cause.as_deref() == Some(REPLACED)
        });
        if resolved || !stats.figures.continues(&newest.row.figures) {
            return false;
        }
        match newest.row.end() {
            HistoryEnd::Running => true,
            HistoryEnd::Seen(_) => false,
            // It began before Moonraker stopped looking.
            HistoryEnd::Unseen => {
                let watched = newest.row.figures.total_duration.unwrap_or(0.0);
                let watched = SignedDuration::try_from_secs_f64(watched + 5.0).unwrap_or_default();
                self.began_at(stats)
                    .zip(newest.row.start_time)
                    .is_some_and(|(began, start)| began.duration_since(start) <= watched)
            }
        }
    }

    /// Whether a print that took `total_duration` can have begun and ended since the row's start.
    fn fits_since_start(&self, row: &HistoryJob, stats: &PrintStats) -> bool {
        self.began_at(stats)
            .zip(row.start_time)
            .is_some_and(|(latest_begin, start)| {
                start.duration_since(latest_begin) <= SignedDuration::from_secs(5)
            })
    }

    fn just_started(&self, row: &HistoryJob) -> bool {
        row.end() == HistoryEnd::Running
            && row.start_time.is_some_and(|start| {
                self.host_clock.duration_since(start).abs() < SignedDuration::from_secs(10)
            })
    }

    /// Ends a job that nobody saw end, with the history's words on it if it has some.
    fn unseen_end(&self, mut job: Job) -> Job {
        match self.newest {
            Some(newest) if newest.row.is_run_of(&job) => job.end_by_history(&newest.row),
            _ => job.end_unseen(None),
        }
        job
    }
}
