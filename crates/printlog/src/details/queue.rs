//! Schedules the details queue: live jobs at once, imported jobs newest first at a limited rate, one job at a time
//! per printer.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{Printer, PrinterId};
use store::{Due, Store};
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
/// Number of due jobs that are examined to find one whose printer is free.
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
            failing,
            backoff: DATABASE_RETRY,
            outage: Outage::default(),
            paused_until: None,
        }
    }

    pub(super) async fn run(&mut self) {
        let mut tick = clock::every(INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {
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
                && let Err(cause) = self.begin().await
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

    async fn begin(&mut self) -> Result<(), store::Error> {
        let connections = self.fleet.connections();
        self.wake_connected(&connections).await?;
        let mut printers = None;
        for due in KINDS {
            if self.is_full() || (!due.is_live && self.allowance < 1.0) {
                continue;
            }
            for queued in self.store.due_details(due, self.clock.now(), CANDIDATES).await? {
                if self.is_full() || (!due.is_live && self.allowance < 1.0) {
                    break;
                }
                let printer = queued.printer_id;
                let connection = connections.get(&printer);
                // The result of a connection attempt will be known soon: skip the job until then.
                let Some(connection) = connection.filter(|state| **state != ConnectionState::Connecting)
                else {
                    continue;
                };
                if self.busy.contains_key(&printer) {
                    continue;
                }
                self.busy.insert(printer, Instant::now());
                if !due.is_live {
                    self.allowance -= 1.0;
                }
                if printers.is_none() {
                    printers = Some(self.printers().await?);
                }
                let attempt = Attempt {
                    store: self.store.clone(),
                    clock: self.clock,
                    printer: printers
                        .as_ref()
                        .and_then(|printers| printers.get(&printer))
                        .cloned(),
                    connection: *connection,
                    queued,
                };
                self.attempts
                    .spawn(async move { (printer, attempt.run().await.map(drop)) });
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let quick = self.busy.values().filter(|start| start.elapsed() < SLOW).count();
        quick >= MAX_RUNNING || self.busy.len() >= MAX_RUNNING_WITH_SLOW
    }

    /// Wakes the waiting jobs of printers that have connected since the last check.
    async fn wake_connected(
        &mut self,
        connections: &HashMap<PrinterId, ConnectionState>,
    ) -> Result<(), store::Error> {
        let connected: HashSet<_> = connections
            .iter()
            .filter(|(_, state)| **state == ConnectionState::Connected)
            .map(|(id, _)| *id)
            .collect();
        let back: Vec<_> = connected.difference(&self.connected).copied().collect();
        if !back.is_empty() {
            self.store.wake_details(&back, self.clock.now()).await?;
        }
        self.connected = connected;
        Ok(())
    }

    async fn printers(&self) -> Result<HashMap<PrinterId, Printer>, store::Error> {
        let printers = self.store.printers().await?;
        Ok(printers
            .into_iter()
            .map(|printer| (printer.id, printer))
            .collect())
    }
}
