//! Whose turn it is: live jobs at once, imported ones newest first and gently, one at a time for each printer.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{Printer, PrinterId};
use store::{Due, Store};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tracing::warn;

use super::attempt::Attempt;
use crate::ingest::{Clock, ConnectionState, Fleet, JobChange};

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Pauses after the database refused, the first and the longest: what is stored costs the printer a download.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Printers that are read from at the same time, without those that have taken longer than [`SLOW`].
const AT_ONCE: usize = 8;
/// The same, with those: each may hold 512 KiB.
const AT_ONCE_WITH_SLOW: usize = 64;
/// An attempt that takes longer waits for a slow printer, and gives its place to others.
const SLOW: Duration = Duration::from_secs(5);
/// Jobs that are looked at to find one whose printer is free.
const CANDIDATES: u64 = 64;
/// In this order.
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
    /// Imported jobs a minute.
    rate: f64,
    /// Imported jobs that may be begun now.
    allowance: f64,
    /// Printers that were connected when the queue was last looked at.
    connected: HashSet<PrinterId>,
    /// One job of each: the same file is never fetched twice at the same time, and nobody floods a printer.
    /// With the start of the attempt.
    busy: HashMap<PrinterId, Instant>,
    attempts: JoinSet<(PrinterId, Result<(), store::Error>)>,
    /// Whether the database refuses, for those who want to know.
    failing: watch::Sender<bool>,
    /// Refusals one after another, and when to try again.
    failures: u32,
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
            failures: 0,
            paused_until: None,
        }
    }

    pub(super) async fn run(&mut self) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    let more = self.rate * LOOK.as_secs_f64() / 60.0;
                    self.allowance = (self.allowance + more).min(f64::max(more, 1.0));
                }
                Some(ended) = self.attempts.join_next() => {
                    let (printer, result) = match ended {
                        Ok(ended) => ended,
                        Err(crash) if crash.is_panic() => std::panic::resume_unwind(crash.into_panic()),
                        Err(_) => return,
                    };
                    self.busy.remove(&printer);
                    self.tell(result);
                }
            }
            if self.paused_until.is_none_or(|end| Instant::now() >= end)
                && let Err(cause) = self.begin().await
            {
                self.tell(Err(cause));
            }
        }
    }

    /// Logs a trouble once, not once an attempt.
    fn tell(&mut self, attempt: Result<(), store::Error>) {
        let Err(cause) = attempt else {
            self.failures = 0;
            self.paused_until = None;
            self.failing.send_replace(false);
            return;
        };
        if !self.failing.send_replace(true) {
            warn!(
                "cannot work on details of jobs, trying on: {:#}",
                anyhow::Error::new(cause)
            );
        }
        let pause = PAUSE.0 * 2_u32.saturating_pow(self.failures).min(60);
        self.failures += 1;
        self.paused_until = Some(Instant::now() + pause.min(PAUSE.1));
    }

    async fn begin(&mut self) -> Result<(), store::Error> {
        let connections = self.fleet.connections();
        self.welcome(&connections).await?;
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
                // One that is just being connected to will be known in a moment.
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
                // Who looks at a job that was seen to start wants to see its details come.
                let viewers = due.is_live.then(|| self.fleet.clone());
                self.attempts.spawn(async move {
                    let result = attempt.carry_out().await;
                    if let (Ok(true), Some(viewers)) = (&result, viewers) {
                        viewers.job_changed(JobChange {
                            id: attempt.queued.job_id,
                            printer_id: printer,
                            is_deleted: false,
                        });
                    }
                    (printer, result.map(drop))
                });
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let quick = self.busy.values().filter(|start| start.elapsed() < SLOW).count();
        quick >= AT_ONCE || self.busy.len() >= AT_ONCE_WITH_SLOW
    }

    /// Has the jobs tried that waited for printers that are connected now and were not before.
    async fn welcome(
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
