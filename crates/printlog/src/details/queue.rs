//! Schedules the details queue: live jobs at once, imported jobs newest first at a limited rate, one job at a time
//! per printer.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use domain::PrinterId;
use store::{Due, QueuedDetails, Store};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tracing::warn;

use crate::{
    clock::{self, Clock},
    details::attempt::Attempt,
    error_chain::ErrorChain,
    ingest::{ConnectionState, Fleet},
    retry::{Backoff, Outage},
};

/// How often the queue is checked.
const INTERVAL: Duration = Duration::from_secs(1);
/// First and longest pause after a database error: an attempt whose result cannot be stored still costs the printer a
/// download.
const DATABASE_RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// Maximum number of printers read at the same time, not counting attempts that take longer than [`SLOW`].
const MAX_RUNNING: usize = 8;
/// The same, counting slow attempts: each may hold 512 KiB.
const MAX_RUNNING_WITH_SLOW: usize = 64;
/// An attempt that takes longer than this is waiting for a slow printer and no longer counts towards [`MAX_RUNNING`].
const SLOW: Duration = Duration::from_secs(5);
/// Number of due jobs of each kind that are read at once.
const CANDIDATES: u64 = 64;
/// The kinds of due jobs, in order of priority.
const KINDS: [Due; 4] = [
    Due {
        is_live: true,
        is_retry: false,
    },
    Due {
        is_live: true,
        is_retry: true,
    },
    Due {
        is_live: false,
        is_retry: false,
    },
    Due {
        is_live: false,
        is_retry: true,
    },
];

pub(super) struct Queue {
    store: Store,
    fleet: Fleet,
    clock: Clock,
    /// Imported jobs per minute.
    rate: f64,
    /// Number of imported jobs that may be started now.
    allowance: f64,
    /// Printers that were connected at the last check.
    connected: HashSet<PrinterId>,
    /// Printers with a running attempt, and its start. One job per printer, so that no file is fetched twice at the
    /// same time and no printer is overloaded.
    busy: HashMap<PrinterId, Instant>,
    attempts: JoinSet<(PrinterId, Result<(), store::Error>)>,
    /// Due jobs, in order of priority. They are read once per check: with a thousand printers an attempt ends every few
    /// milliseconds, and each would read the queue again.
    due: VecDeque<(Due, QueuedDetails)>,
    /// The database has more due jobs than were read.
    has_more: bool,
    /// Whether the database currently fails.
    failing: watch::Sender<bool>,
    backoff: Backoff,
    outage: Outage,
    /// End of the pause after a database error.
    paused_until: Option<Instant>,
}

impl Queue {
    pub(super) fn new(
        store: Store,
        fleet: Fleet,
        clock: Clock,
        rate: f64,
        failing: watch::Sender<bool>,
    ) -> Self {
        Self {
            store,
            fleet,
            clock,
            rate,
            allowance: 0.0,
            connected: HashSet::new(),
            busy: HashMap::new(),
            attempts: JoinSet::new(),
            due: VecDeque::new(),
            has_more: false,
            failing,
            backoff: DATABASE_RETRY,
            outage: Outage::default(),
            paused_until: None,
        }
    }

    pub(super) async fn run(&mut self) {
        let mut tick = clock::every(INTERVAL);
        loop {
            let mut is_check = false;
            tokio::select! {
                _ = tick.tick() => {
                    is_check = true;
                    let more = self.rate * INTERVAL.as_secs_f64() / 60.0;
                    self.allowance = (self.allowance + more).min(f64::max(more, 1.0));
                }
                Some(ended) = self.attempts.join_next() => {
                    let (printer, result) = match ended {
                        Ok(ended) => ended,
                        Err(crash) if crash.is_panic() => std::panic::resume_unwind(crash.into_panic()),
                        Err(_) => return,
                    };
                    self.busy.remove(&printer);
                    self.attempt_ended(result);
                }
            }
            if self.paused_until.is_none_or(|end| Instant::now() >= end)
                && let Err(cause) = self.begin(is_check).await
            {
                self.attempt_ended(Err(cause));
            }
        }
    }

    /// Pauses the queue if an attempt, or reading the queue, failed at the database.
    fn attempt_ended(&mut self, result: Result<(), store::Error>) {
        let Err(cause) = result else {
            self.backoff.reset();
            self.outage.end();
            self.paused_until = None;
            self.failing.send_replace(false);
            return;
        };
        self.failing.send_replace(true);
        let reason = ErrorChain(&cause).to_string();
        if self.outage.is_new(&reason) {
            warn!("cannot store details of jobs, retrying: {reason}");
        }
        self.paused_until = Some(Instant::now() + self.backoff.pause());
    }

    /// Starts attempts until nothing more can be started.
    async fn begin(&mut self, is_check: bool) -> Result<(), store::Error> {
        if is_check {
            self.wake_connected().await?;
        }
        let is_used_up = self.due.is_empty() && self.has_more;
        if (is_check || is_used_up) && !self.is_full() {
            self.read_due().await?;
        }
        let mut waiting = VecDeque::new();
        while let Some((due, queued)) = self.due.pop_front() {
            let printer = queued.printer_id;
            // The result of a connection attempt will be known soon: skip the job until then.
            let connection = self.fleet.connection(printer);
            let connection = connection.filter(|state| *state != ConnectionState::Connecting);
            let is_possible = !self.is_full()
                && (due.is_live || self.allowance >= 1.0)
                && !self.busy.contains_key(&printer);
            let Some(connection) = connection.filter(|_| is_possible) else {
                waiting.push_back((due, queued));
                continue;
            };
            let attempt = Attempt {
                store: self.store.clone(),
                clock: self.clock,
                printer: self.store.printer(printer).await?,
                connection,
                queued,
            };
            self.busy.insert(printer, Instant::now());
            if !due.is_live {
                self.allowance -= 1.0;
            }
            self.attempts
                .spawn(async move { (printer, attempt.run().await.map(drop)) });
        }
        self.due = waiting;
        Ok(())
    }

    /// Reads the due jobs, except those of printers with a running attempt: it may be of the same job.
    async fn read_due(&mut self) -> Result<(), store::Error> {
        self.due.clear();
        self.has_more = false;
        for due in KINDS {
            if !due.is_live && self.allowance < 1.0 {
                continue;
            }
            let jobs = self.store.due_details(due, self.clock.now(), CANDIDATES).await?;
            self.has_more |= jobs.len() as u64 == CANDIDATES;
            let free = jobs
                .into_iter()
                .filter(|queued| !self.busy.contains_key(&queued.printer_id));
            self.due.extend(free.map(|queued| (due, queued)));
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let quick = self.busy.values().filter(|start| start.elapsed() < SLOW).count();
        quick >= MAX_RUNNING || self.busy.len() >= MAX_RUNNING_WITH_SLOW
    }

    /// Wakes the waiting jobs of printers that have connected since the last check.
    async fn wake_connected(&mut self) -> Result<(), store::Error> {
        let connections = self.fleet.connections().into_iter();
        let connected: HashSet<_> = connections
            .filter(|(_, state)| *state == ConnectionState::Connected)
            .map(|(id, _)| id)
            .collect();
        let back: Vec<_> = connected.difference(&self.connected).copied().collect();
        if !back.is_empty() {
            self.store.wake_details(&back, self.clock.now()).await?;
        }
        self.connected = connected;
        Ok(())
    }
}
