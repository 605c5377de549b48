//! The job tracker: decides what to record from a printer's events.
//!
//! A pure state machine, one per printer. It has no clock and no I/O: each event carries its time. Moonraker's history
//! is authoritative for what it observed; where it was restarted or missed a start, Klipper's `print_stats` is used.

mod live;
mod sync;

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::job::{REPLACED, same_name};
use crate::{HistoryJob, Job, JobStatus, KlippyState, Moment, PrintState, PrintStats, PrinterId, Source};

pub use sync::{Newest, Sync};

/// How long to wait for the second report of a start or an end. `print_stats` and the history report the same start or
/// end within about 50 ms of each other, in either order.
const GRACE: Duration = Duration::from_secs(2);

/// Two readings of the same counter give the same start of the print within this tolerance.
const SAME_COUNTER: Duration = Duration::from_millis(500);

/// Shortest interval between writes of a running job while only its counters change.
const CHECKPOINT: Duration = Duration::from_secs(30);

/// Something that a printer reported, or a change of the connection to it.
#[derive(Debug, Clone)]
pub enum Event {
    /// Connected, or Klippy became ready: everything has been read again. This is a snapshot, not a change.
    Synced(Box<Sync>),
    /// A status update, merged into the full state.
    Status {
        /// The print.
        stats: PrintStats,
        /// `webhooks.state`. After a shutdown `print_stats` keeps reporting as if the print were running.
        klippy: KlippyState,
        /// `webhooks.state_message`, if Klippy is not ready.
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
    /// No event, only time passed. Due at [`Tracker::deadline`].
    Tick,
    /// The user deleted the job with this start time in printlog.
    DeletedByUser(Timestamp),
}

/// A change for the store to write, in the given order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write the job: it is new, or more than its counters changed.
    Save(Box<Job>),
    /// Write status, counters and `last_seen` of the job.
    Checkpoint(Box<Job>),
    /// Merge a history row about a job that is not the current one.
    Import(Box<HistoryJob>),
}

/// Follows the print on one printer.
#[derive(Debug)]
pub struct Tracker {
    printer_id: PrinterId,
    current: Option<Current>,
    ending: Option<Ending>,
    starting: Option<Starting>,
    ended: Option<Ended>,
    /// The last job that was ended by the history, until the next job begins: `print_stats` may show another end.
    reported_end: Option<Job>,
    finished_runs: FinishedRuns,
    /// The print that is running belongs to a job that the user deleted in printlog.
    ignored: bool,
    /// Moonraker announced its shutdown; from then on its Klippy reports are about itself.
    moonraker_leaving: bool,
}

/// The job that is running.
#[derive(Debug)]
struct Current {
    job: Job,
    /// Moonraker's history has closed the run: no event will report its end.
    untracked: bool,
    /// When the job was last seen running and when it was last written. `None` if not since this process started.
    seen: Option<Duration>,
    written: Option<Duration>,
    /// When the counter was last read. `None` if not since this process started.
    counted: Option<Duration>,
}

impl Current {
    /// Whether the counter continues from its last reading. If so, it is the same print, even under another name.
    fn has_counter_of(&self, now: Moment, stats: &PrintStats) -> bool {
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
struct Ending {
    job: Job,
    end: End,
    deadline: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// `print_stats` or Klippy's state showed the end.
    Shown(JobStatus, Option<&'static str>),
    /// Klippy disconnected. If Moonraker disconnects too, the print may still be running.
    KlippyLost,
    /// The printer shows another print, or none.
    Unseen,
}

impl End {
    /// Whether later data from the printer cannot change this end. If the same file was started again, the history
    /// still can.
    fn is_final(self) -> bool {
        matches!(self, Self::Shown(_, cause) if cause != Some(REPLACED))
    }
}

/// A print whose start has not been reported. It waits for the history, or for the grace period to pass.
#[derive(Debug)]
struct Starting {
    stats: PrintStats,
    began: Timestamp,
    deadline: Duration,
}

impl Starting {
    fn continues_as(&self, now: Moment, stats: &PrintStats) -> bool {
        let same_start = || {
            stats.figures.total_duration.is_some()
                && self.began.duration_since(began(now, stats)).unsigned_abs() < SAME_COUNTER
        };
        stats.figures.continues(&self.stats.figures)
            && (same_name(stats.filename.as_deref(), self.stats.filename.as_deref()) || same_start())
    }

    /// Applies a later update. Fields missing from the update are kept.
    fn update(&mut self, now: Moment, stats: PrintStats) {
        if self.stats.figures.total_duration.is_none() && stats.figures.total_duration.is_some() {
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
struct FinishedRuns {
    /// Runs that the history reported.
    reported: VecDeque<(String, Timestamp)>,
    /// The last run that the history did not report.
    unreported: Option<Job>,
}

/// More prints than can start and end while a notification is in transit.
const REMEMBERED_RUNS: usize = 8;

impl FinishedRuns {
    /// Remembers a run. A run without a start time in the history is skipped, because it cannot be distinguished from
    /// others.
    fn remember(&mut self, job_id: &str, start_time: Option<Timestamp>) {
        if let Some(start_time) = start_time {
            self.reported.truncate(REMEMBERED_RUNS - 1);
            self.reported.push_front((job_id.to_owned(), start_time));
        }
    }

    fn remember_job(&mut self, job: &Job) {
        match &job.job_id {
            Some(job_id) => self.remember(job_id, job.history_start_time),
            None => self.unreported = Some(job.clone()),
        }
    }

    fn contains(&self, row: &HistoryJob) -> bool {
        let mut reported = self.reported.iter();
        reported.any(|(job_id, start_time)| *job_id == row.job_id && Some(*start_time) == row.start_time)
    }
}

/// The last job that ended, to recognise stale updates about it.
#[derive(Debug)]
struct Ended {
    filename: Option<String>,
    began: Option<Duration>,
    at: Duration,
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
            End::KlippyLost => job.end_by_print_stats(JobStatus::Interrupted, Some("klippy_disconnect")),
            End::Unseen => job.end_unseen(None),
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

    /// Makes `job` the current job. A job that is still ending is written first.
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
        let grace = if untracked && end != End::KlippyLost {
            Duration::ZERO
        } else {
            GRACE
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

/// The current time if the update has the counter, else `None`.
fn counted(now: Moment, stats: &PrintStats) -> Option<Duration> {
    stats.figures.total_duration.map(|_| now.monotonic)
}

/// When the print began, computed from its counter. Without a counter, it begins now.
fn began(now: Moment, stats: &PrintStats) -> Timestamp {
    now.wall_before(stats.figures.total_duration.unwrap_or(0.0))
        .unwrap_or(now.wall)
}

/// Applies what `print_stats` shows of a running job.
fn observe(job: &mut Job, stats: &PrintStats) {
    job.status = match stats.state {
        PrintState::Paused => JobStatus::Paused,
        PrintState::Unknown => job.status,
        _ => JobStatus::Printing,
    };
    job.figures = stats.figures.or(job.figures);
    job.figures_source = Source::PrintStats;
    if job.filename.is_none() {
        job.filename.clone_from(&stats.filename);
    }
    if stats.message.is_some() {
        job.message.clone_from(&stats.message);
    }
}

/// The end that `print_stats` shows. `None` if it shows no ended print.
fn shown_end(state: PrintState) -> Option<End> {
    match state {
        PrintState::Complete => Some(End::Shown(JobStatus::Completed, Some("completed"))),
        PrintState::Cancelled => Some(End::Shown(JobStatus::Cancelled, Some("cancelled"))),
        PrintState::Error => Some(End::Shown(JobStatus::Error, Some("error"))),
        PrintState::Standby | PrintState::Printing | PrintState::Paused | PrintState::Unknown => None,
    }
}

fn same_file(stats: &PrintStats, job: &Job) -> bool {
    same_name(stats.filename.as_deref(), job.filename.as_deref())
}

/// The end of a job whose place another print has taken.
fn replaced_by(stats: &PrintStats, job: &Job) -> End {
    let cause = if same_file(stats, job) {
        REPLACED
    } else {
        "cancelled"
    };
    End::Shown(JobStatus::Cancelled, Some(cause))
}
