//! The job tracker: decides what to record from a printer's events.
//!
//! A pure state machine, one per printer. It has no clock and no I/O: each event carries its time. Moonraker's history
//! is authoritative for what it observed; where it was restarted or missed a start, Klipper's `print_stats` is used.

mod notifications;
mod state;
mod status;
mod sync;
pub(crate) mod tolerances;

use std::time::Duration;

use jiff::Timestamp;

use crate::{Cause, HistoryJob, Job, JobStatus, KlippyState, Moment, PrintStats, PrinterId, Source};
use state::{Current, End, Ended, Ending, FinishedRuns, Starting, observe};
use tolerances::REPORT_GRACE;

pub use sync::{Newest, Sync};

/// Something that a printer reported, or a change of the connection to it.
#[derive(Debug, Clone)]
pub enum Event {
    /// Connected, or Klippy became ready: everything has been read again. This is a snapshot, not a change.
    Synced(Box<Sync>),
    /// A status update, merged into the full state.
    Status {
        /// The print.
        stats: PrintStats,
        /// `webhooks.state`. After a shutdown, `print_stats` keeps reporting the print as running.
        klippy: KlippyState,
        /// `webhooks.state_message`. `None` if Klippy is ready.
        klippy_message: Option<String>,
    },
    /// `notify_history_changed`: a job was added.
    Added(HistoryJob),
    /// `notify_history_changed`: a job was finished.
    Finished(HistoryJob),
    /// `notify_klippy_shutdown`.
    KlippyShutdown,
    /// `notify_klippy_disconnected`.
    KlippyDisconnected,
    /// The connection to Moonraker was lost.
    LinkLost,
    /// No event: only time has passed. Due at [`Tracker::deadline`].
    Tick,
    /// The user deleted the job with this start time in printlog.
    DeletedByUser(Timestamp),
}

/// A change for the store to write, in the given order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write the whole job: it is new, or more than its counters changed.
    Save(Box<Job>),
    /// Write status, counters and `last_seen` of the job.
    Checkpoint(Box<Job>),
    /// Merge a history row that belongs to another job than the current one.
    Import(Box<HistoryJob>),
}

/// Tracks the print on one printer.
#[derive(Debug)]
pub struct Tracker {
    printer_id: PrinterId,
    current: Option<Current>,
    ending: Option<Ending>,
    starting: Option<Starting>,
    ended: Option<Ended>,
    /// The last job that was ended by the history, until the next job begins: `print_stats` may report another end.
    reported_end: Option<Job>,
    finished_runs: FinishedRuns,
    /// The print that is running belongs to a job that the user deleted in printlog.
    ignored: bool,
    /// Moonraker announced its shutdown. From then on, a lost Klippy connection is a consequence of that shutdown.
    moonraker_leaving: bool,
}

impl Tracker {
    /// Creates a tracker without any state; its first event must be [`Event::Synced`].
    #[must_use]
    pub fn new(printer_id: PrinterId) -> Self {
        Self {
            printer_id,
            current: None,
            ending: None,
            starting: None,
            ended: None,
            reported_end: None,
            finished_runs: FinishedRuns::default(),
            ignored: false,
            moonraker_leaving: false,
        }
    }

    /// The job that is running, with its latest counters.
    #[must_use]
    pub fn current(&self) -> Option<&Job> {
        self.current.as_ref().map(|current| &current.job)
    }

    /// When the tracker needs an [`Event::Tick`], on the monotonic clock. `None` if it needs none.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let ending = self.ending.as_ref().map(|ending| ending.deadline);
        let starting = self.starting.as_ref().map(|starting| starting.deadline);
        ending.into_iter().chain(starting).min()
    }

    /// Processes an event and returns the changes to write.
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        // Before the event, because the event may arrive later than the tick that was due.
        self.expire_graces(now, &mut actions);
        match event {
            Event::Synced(sync) => self.synced(now, *sync, &mut actions),
            Event::Status {
                stats,
                klippy,
                klippy_message,
            } => {
                self.status(now, stats, klippy, klippy_message, &mut actions);
            }
            Event::Added(row) => self.added(now, &row, &mut actions),
            Event::Finished(row) => self.finished(now, row, &mut actions),
            Event::KlippyShutdown => self.klippy_shutdown(now, None, &mut actions),
            Event::KlippyDisconnected => self.klippy_disconnected(now, &mut actions),
            Event::LinkLost => self.link_lost(&mut actions),
            Event::Tick => {}
            Event::DeletedByUser(start_time) => self.deleted_by_user(start_time),
        }
        actions
    }

    fn expire_graces(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.expire_ending(now, actions);
        if self
            .starting
            .as_ref()
            .is_some_and(|starting| starting.deadline <= now.monotonic)
        {
            self.open_unreported(now, actions);
        }
    }

    /// Writes the end of the job that is ending.
    fn close_ending(&mut self, actions: &mut Vec<Action>) {
        let Some(Ending { mut job, end, .. }) = self.ending.take() else {
            return;
        };
        match end {
            End::Shown(status, cause) => job.end_by_print_stats(status, cause),
            // The outcome is unknown until Klippy is ready again, and then nothing remembers the print.
            End::KlippyLost => job.end_by_print_stats(JobStatus::Interrupted, Cause::KlippyDisconnect),
            End::Unseen => job.end_unseen(),
        }
        self.finished_runs.remember_job(&job);
        actions.push(Action::Save(Box::new(job)));
    }

    /// Creates a job for the print whose start the history did not report in time.
    fn open_unreported(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let Some(Starting { stats, began, .. }) = self.starting.take() else {
            return;
        };
        let job = Job {
            printer_id: self.printer_id,
            job_id: None,
            history_start_time: None,
            user: None,
            filename: stats.filename.clone(),
            status: JobStatus::Printing,
            cause: None,
            message: None,
            start_time: Some(began),
            end_time: None,
            figures: stats.figures,
            end_source: None,
            figures_source: Source::PrintStats,
            clock_jumped: false,
            metadata: None,
            auxiliary_data: None,
            last_seen: None,
        };
        self.open(now, job, Some(&stats), false, actions);
    }

    /// Makes `job` the current job. Writes a job that is still ending first.
    fn open(
        &mut self,
        now: Moment,
        mut job: Job,
        stats: Option<&PrintStats>,
        untracked: bool,
        actions: &mut Vec<Action>,
    ) {
        self.close_ending(actions);
        self.starting = None;
        self.reported_end = None;
        self.ignored = false;
        // A stored job that was closed as interrupted, but whose print continues, is open again.
        job.status = JobStatus::Printing;
        job.cause = None;
        job.end_time = None;
        job.end_source = None;
        if let Some(stats) = stats {
            observe(&mut job, stats);
        }
        job.last_seen = Some(now.wall);
        actions.push(Action::Save(Box::new(job.clone())));
        self.current = Some(Current {
            counted: job.figures.total_duration.map(|_| now.monotonic),
            job,
            untracked,
            seen: Some(now.monotonic),
            written: Some(now.monotonic),
        });
    }

    /// Ends the current job: waits for the history to confirm the end, if it can.
    fn expect_end(&mut self, now: Moment, end: End, actions: &mut Vec<Action>) {
        let Some(Current {
            job, untracked, seen, ..
        }) = self.current.take()
        else {
            return;
        };
        self.close_ending(actions);
        self.remember_ended(now, &job, seen);
        // The history will not report an untracked run. When Klippy is lost, Moonraker may be stopping instead; the loss of
        // its connection follows within the grace period.
        let grace = if untracked && end != End::KlippyLost {
            Duration::ZERO
        } else {
            REPORT_GRACE
        };
        self.ending = Some(Ending {
            job,
            end,
            deadline: now.monotonic + grace,
        });
        self.expire_ending(now, actions);
    }

    fn expire_ending(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self
            .ending
            .as_ref()
            .is_some_and(|ending| ending.deadline <= now.monotonic)
        {
            self.close_ending(actions);
        }
    }

    fn remember_ended(&mut self, now: Moment, job: &Job, seen: Option<Duration>) {
        let total = job
            .figures
            .total_duration
            .and_then(|total| Duration::try_from_secs_f64(total).ok());
        self.ended = Some(Ended {
            filename: job.filename.clone(),
            began: seen.zip(total).and_then(|(seen, total)| seen.checked_sub(total)),
            at: now.monotonic,
        });
    }
}
