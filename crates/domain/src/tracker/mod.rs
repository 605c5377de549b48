//! The job tracker: what to record, given what the printer just said.
//!
//! A pure state machine, one a printer. No clock, no I/O: each event carries its time. Moonraker's history decides
//! where it saw what happened; where it did not (it was restarted, or missed a start), Klipper's `print_stats` does.

mod live;
mod sync;

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::job::{REPLACED, same_name};
use crate::{HistoryJob, Job, JobStatus, KlippyState, Moment, PrintState, PrintStats, PrinterId, Source};

pub use sync::{Newest, Sync};

/// How long the other half of a piece of news may take: `print_stats` and the history tell of the same start or
/// end within some 50 ms of each other, in either order.
const GRACE: Duration = Duration::from_secs(2);

/// Two readings of one counter give the same start of the print, give or take this.
const SAME_COUNTER: Duration = Duration::from_millis(500);

/// A running job is written at most this often while nothing but its counters change.
const CHECKPOINT: Duration = Duration::from_secs(30);

/// Something that a printer said, or that happened to the link to it.
#[derive(Debug, Clone)]
pub enum Event {
    /// Connected, or Klippy became ready: everything has been read anew. A state, not news.
    Synced(Box<Sync>),
    /// A status update, merged into the whole.
    Status {
        /// The print.
        stats: PrintStats,
        /// `webhooks.state`: after a shutdown `print_stats` goes on as if nothing had happened.
        klippy: KlippyState,
        /// `webhooks.state_message`, where Klippy is not ready.
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
    /// The connection to Moonraker is gone.
    LinkLost,
    /// Nothing happened; time passed. Wanted at [`Tracker::deadline`].
    Tick,
    /// The user deleted the job with this start here.
    DeletedHere(Timestamp),
}

/// Something to do for the store, in the given order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write the job; it is new or more than its counters changed.
    Save(Box<Job>),
    /// Write status, counters and `last_seen` of the job.
    Checkpoint(Box<Job>),
    /// Merge a history row about a job that is not the current one.
    Import(Box<HistoryJob>),
}

/// Follows the print in one printer.
#[derive(Debug)]
pub struct Tracker {
    printer_id: PrinterId,
    current: Option<Current>,
    ending: Option<Ending>,
    starting: Option<Starting>,
    ended: Option<Ended>,
    /// The last job that the history ended, until the next begins: `print_stats` may show another end.
    told_end: Option<Job>,
    over: Over,
    /// The print in the machine belongs to a job that the user deleted here.
    muted: bool,
    /// Moonraker said that it stops; what it says of Klippy from then on is about itself.
    moonraker_leaving: bool,
}

/// The job in the machine.
#[derive(Debug)]
struct Current {
    job: Job,
    /// Moonraker's history has given the run up: no event will tell of its end.
    untracked: bool,
    /// When it was last seen to run and when it was last written, if that was in the life of this process.
    seen: Option<Duration>,
    written: Option<Duration>,
    /// When its counter was last read, in the life of this process.
    counted: Option<Duration>,
}

impl Current {
    /// Whether the counter runs on from where it was last seen: then it is the same print, whatever its name is now.
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

/// A job whose print is over, until the history says so too, or the grace is over.
#[derive(Debug)]
struct Ending {
    job: Job,
    end: End,
    deadline: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// `print_stats` or Klippy's state showed it.
    Shown(JobStatus, Option<&'static str>),
    /// Klippy went away. If Moonraker goes too, that may have been all.
    KlippyLost,
    /// Something else is, or nothing is in the machine.
    Unseen,
}

impl End {
    /// Whether a later look at the printer can tell no more. Behind a print of the same file its history can.
    fn is_final(self) -> bool {
        matches!(self, Self::Shown(_, cause) if cause != Some(REPLACED))
    }
}

/// A print that nobody has told about, until the history does or the grace is over.
#[derive(Debug)]
struct Starting {
    stats: PrintStats,
    began: Timestamp,
    deadline: Duration,
}

impl Starting {
    fn goes_on_as(&self, now: Moment, stats: &PrintStats) -> bool {
        let same_start = || {
            stats.figures.total_duration.is_some()
                && self.began.duration_since(began(now, stats)).unsigned_abs() < SAME_COUNTER
        };
        stats.figures.continues(&self.stats.figures)
            && (same_name(stats.filename.as_deref(), self.stats.filename.as_deref()) || same_start())
    }

    /// Takes over a later update. What it does not say stays.
    fn go_on(&mut self, now: Moment, stats: PrintStats) {
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

/// Runs that ended last, to know late news of their start.
#[derive(Debug, Default)]
struct Over {
    /// Those that the history told of.
    told: VecDeque<(String, Timestamp)>,
    /// The last that it did not tell of.
    untold: Option<Job>,
}

/// More prints than can start and end while news is under way.
const OVER: usize = 8;

impl Over {
    /// A run whose start the history does not know cannot be told from others.
    fn note(&mut self, job_id: &str, start_time: Option<Timestamp>) {
        if let Some(start_time) = start_time {
            self.told.truncate(OVER - 1);
            self.told.push_front((job_id.to_owned(), start_time));
        }
    }

    fn note_job(&mut self, job: &Job) {
        match &job.job_id {
            Some(job_id) => self.note(job_id, job.history_start_time),
            None => self.untold = Some(job.clone()),
        }
    }

    fn has(&self, row: &HistoryJob) -> bool {
        let mut told = self.told.iter();
        told.any(|(job_id, start_time)| *job_id == row.job_id && Some(*start_time) == row.start_time)
    }
}

/// The last job that ended, to know stale news about it.
#[derive(Debug)]
struct Ended {
    filename: Option<String>,
    began: Option<Duration>,
    at: Duration,
}

impl Tracker {
    /// A tracker that knows nothing; its first event is [`Event::Synced`].
    #[must_use]
    pub fn new(printer_id: PrinterId) -> Self {
        Self {
            printer_id,
            current: None,
            ending: None,
            starting: None,
            ended: None,
            told_end: None,
            over: Over::default(),
            muted: false,
            moonraker_leaving: false,
        }
    }

    /// The job in the machine, with its latest counters.
    #[must_use]
    pub fn current(&self) -> Option<&Job> {
        self.current.as_ref().map(|current| &current.job)
    }

    /// When the tracker wants an [`Event::Tick`], on the monotonic clock. `None`: not by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let ending = self.ending.as_ref().map(|ending| ending.deadline);
        let starting = self.starting.as_ref().map(|starting| starting.deadline);
        ending.into_iter().chain(starting).min()
    }

    /// Takes an event in and says what is to be written.
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.end_graces(now, &mut actions);
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
            Event::DeletedHere(start_time) => self.deleted_here(start_time),
        }
        actions
    }

    fn end_graces(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.end_graces_of_ending(now, actions);
        if self
            .starting
            .as_ref()
            .is_some_and(|starting| starting.deadline <= now.monotonic)
        {
            self.open_untold(now, actions);
        }
    }

    /// Writes the end of the job that waits for one.
    fn close_ending(&mut self, actions: &mut Vec<Action>) {
        let Some(Ending { mut job, end, .. }) = self.ending.take() else {
            return;
        };
        match end {
            End::Shown(status, cause) => job.end_by_print_stats(status, cause),
            End::KlippyLost => job.end_by_print_stats(JobStatus::Interrupted, Some("klippy_disconnect")),
            End::Unseen => job.end_unseen(None),
        }
        self.over.note_job(&job);
        actions.push(Action::Save(Box::new(job)));
    }

    /// Makes a job of the print that the history did not tell of in time.
    fn open_untold(&mut self, now: Moment, actions: &mut Vec<Action>) {
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

    /// Makes `job` the current one; whatever ended before is written first.
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
        self.told_end = None;
        self.muted = false;
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

    /// The current job's print is over: wait for the history to say so, if it can.
    fn begin_ending(&mut self, now: Moment, end: End, actions: &mut Vec<Action>) {
        let Some(Current {
            job, untracked, seen, ..
        }) = self.current.take()
        else {
            return;
        };
        self.close_ending(actions);
        self.note_ended(now, &job, seen);
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
        self.end_graces_of_ending(now, actions);
    }

    fn end_graces_of_ending(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self
            .ending
            .as_ref()
            .is_some_and(|ending| ending.deadline <= now.monotonic)
        {
            self.close_ending(actions);
        }
    }

    fn note_ended(&mut self, now: Moment, job: &Job, seen: Option<Duration>) {
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

/// Now, if the update has the counter.
fn counted(now: Moment, stats: &PrintStats) -> Option<Duration> {
    stats.figures.total_duration.map(|_| now.monotonic)
}

/// When the print began, by its counter. A print whose counter is not known begins now.
fn began(now: Moment, stats: &PrintStats) -> Timestamp {
    now.wall_before(stats.figures.total_duration.unwrap_or(0.0))
        .unwrap_or(now.wall)
}

/// Takes over what `print_stats` shows of a running job.
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

/// How a print ended that `print_stats` shows as over. `None` if it shows no print.
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

/// How a print ended in whose place another one runs.
fn replaced_by(stats: &PrintStats, job: &Job) -> End {
    let cause = if same_file(stats, job) {
        REPLACED
    } else {
        "cancelled"
    };
    End::Shown(JobStatus::Cancelled, Some(cause))
}
