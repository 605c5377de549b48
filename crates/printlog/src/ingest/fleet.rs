//! The supervisor: starts, replaces and stops one task per printer, following the `printers` table.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::{JobId, NewPrinter, Printer, PrinterId};
use jiff::Timestamp;
use store::Store;
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::{
    clock::{self, Clock},
    error_chain::ErrorChain,
    ingest::{ConnectionState, PrinterStatus, moonraker::session::MoonrakerTask},
    retry::Outage,
};

/// How often the `printers` table is read: changes made with the command line take effect within this time.
const PRINTERS_INTERVAL: Duration = Duration::from_secs(2);
/// Shortest interval between two writes of `last_seen`.
const LAST_SEEN_INTERVAL: Duration = Duration::from_secs(60);
/// Number of printers whose history is read at the same time after connecting. The limit keeps a farm that is
/// switched on from flooding the database.
const SYNCING: usize = 16;

/// Log text for a key that cannot be decrypted, with the remedy.
pub(crate) const UNREADABLE_KEY: &str = "its stored API key cannot be decrypted: the secret (database.secret_file) is \
     missing or has changed; restore the right file, or enter the key again";

/// Settings for following printers.
#[derive(Debug, Clone)]
pub struct FleetSettings {
    /// First pause after a lost connection; later ones are 2, 6 and 12 times as long.
    pub reconnect_delay: Duration,
    /// Longest pause after a lost connection.
    pub max_reconnect_delay: Duration,
    /// How often an idle connection is checked.
    pub health_check_interval: Duration,
    /// Which jobs from before the first contact are imported.
    pub backfill: BackfillSetting,
}

/// Which jobs from before the first contact are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillSetting {
    /// All jobs.
    All,
    /// No jobs.
    Nothing,
    /// Jobs that started at or after this instant.
    Since(Timestamp),
}

/// The recorded printers and their statuses.
pub type PrinterStatuses = HashMap<PrinterId, watch::Receiver<PrinterStatus>>;

/// Handle to the fleet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fleet {
    statuses: watch::Sender<PrinterStatuses>,
    printers_changed: Arc<Notify>,
    supervisor: CancellationToken,
}

/// Shared by all printer tasks.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) settings: Arc<FleetSettings>,
    pub(crate) clock: Clock,
    pub(crate) syncing: Arc<Semaphore>,
}

impl Fleet {
    /// Starts to follow the stored printers, until `stop`. If the supervisor or a printer task crashes, it cancels
    /// `stop`: a logger that no longer logs must not appear healthy.
    #[must_use]
    pub fn start(
        store: Store,
        settings: FleetSettings,
        clock: Clock,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let fleet = Self {
            statuses: watch::Sender::default(),
            printers_changed: Arc::default(),
            supervisor: CancellationToken::new(),
        };
        let supervisor = Supervisor {
            shared: Shared {
                store,
                settings: Arc::new(settings),
                clock,
                syncing: Arc::new(Semaphore::new(SYNCING)),
            },
            fleet: fleet.clone(),
            running: HashMap::new(),
            last_seen: HashMap::new(),
            outage: Outage::default(),
            last_seen_outage: Outage::default(),
        };
        // Dropped however the task ends, also by a panic: the first is what `is_alive` reports, the second
        // ends the process.
        let ended = fleet.supervisor.clone().drop_guard();
        let process = stop.clone().drop_guard();
        tasks.spawn(async move {
            let _guards = (ended, process);
            supervisor.run(stop).await;
        });
        fleet
    }

    /// The current status of a printer. `None` if it does not exist, or has not been started yet.
    #[must_use]
    pub fn status(&self, id: PrinterId) -> Option<PrinterStatus> {
        self.statuses
            .borrow()
            .get(&id)
            .map(|status| status.borrow().clone())
    }

    /// The connection state of a printer. `None` as in [`status`](Self::status).
    #[must_use]
    pub(crate) fn connection(&self, id: PrinterId) -> Option<ConnectionState> {
        let statuses = self.statuses.borrow();
        statuses.get(&id).map(|status| status.borrow().connection.state)
    }

    /// The connection state of each printer.
    #[must_use]
    pub fn connections(&self) -> HashMap<PrinterId, ConnectionState> {
        let statuses = self.statuses.borrow();
        statuses
            .iter()
            .map(|(id, status)| (*id, status.borrow().connection.state))
            .collect()
    }

    /// The current prints of connected printers. An open job of a disconnected printer is not one of them: nothing
    /// else may ever close it.
    #[must_use]
    pub fn current_jobs(&self) -> HashSet<JobId> {
        let statuses = self.statuses.borrow();
        let current = statuses.values().filter_map(|status| {
            let status = status.borrow();
            let is_connected = status.connection.state == ConnectionState::Connected;
            status.job.as_ref().filter(|_| is_connected)?.id
        });
        current.collect()
    }

    /// The recorded printers. Notifies whenever one is added, changed or removed.
    #[must_use]
    pub fn statuses(&self) -> watch::Receiver<PrinterStatuses> {
        self.statuses.subscribe()
    }

    /// Announces a change of the `printers` table, which then takes effect at once.
    pub fn printers_changed(&self) {
        // Keeps a permit: a change during an update leads to another one.
        self.printers_changed.notify_one();
    }

    /// Whether the supervisor is running.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.supervisor.is_cancelled()
    }
}

struct Supervisor {
    shared: Shared,
    fleet: Fleet,
    running: HashMap<PrinterId, Running>,
    last_seen: HashMap<PrinterId, Timestamp>,
    outage: Outage,
    last_seen_outage: Outage,
}

/// A running printer task.
struct Running {
    config: NewPrinter,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervisor {
    async fn run(mut self, stop: CancellationToken) {
        let mut update = clock::every(PRINTERS_INTERVAL);
        let mut write_last_seen = clock::every(LAST_SEEN_INTERVAL);
        let printers_changed = self.fleet.printers_changed.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = update.tick() => self.update().await,
                () = printers_changed.notified() => self.update().await,
                _ = write_last_seen.tick() => self.write_last_seen().await,
            }
            if self
                .running
                .values()
                // A task ends only when it is stopped. One that ended by itself has panicked.
                .any(|running| running.task.is_finished() && !running.stop.is_cancelled())
            {
                error!(
                    "the task of a printer has crashed; shutting down, so that the service manager restarts printlog"
                );
                break;
            }
        }
        // All at once, and only then the waiting: each may need seconds for its last writes.
        for running in self.running.values() {
            running.stop.cancel();
        }
        for (_, running) in self.running.drain() {
            end(running).await;
        }
    }

    /// Starts and stops tasks until they match the `printers` table.
    async fn update(&mut self) {
        let printers = match self.shared.store.printers().await {
            Ok(printers) => printers,
            Err(cause) => {
                let reason = ErrorChain(&cause).to_string();
                if self.outage.is_new(&reason) {
                    warn!("cannot read the table of printers, continuing with the known ones: {reason}");
                }
                return;
            }
        };
        self.outage.end();
        let wanted: HashMap<_, _> = printers
            .into_iter()
            .map(|printer| (printer.id, printer))
            .collect();
        let outdated: Vec<_> = self
            .running
            .iter()
            .filter(|(id, running)| {
                wanted
                    .get(id)
                    // Only what a user can change: `last_seen` and the import are written by the task itself.
                    .is_none_or(|printer| printer.config != running.config)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in outdated {
            // Close the old socket before a new one is opened.
            if let Some(running) = self.running.remove(&id) {
                running.stop.cancel();
                end(running).await;
            }
            // A printer that is only restarted keeps its status until the new task replaces it, so that
            // viewers do not see it vanish.
            if !wanted.contains_key(&id) {
                self.fleet
                    .statuses
                    .send_modify(|statuses| drop(statuses.remove(&id)));
                self.last_seen.remove(&id);
            }
        }
        for printer in wanted.into_values() {
            if !self.running.contains_key(&printer.id) {
                self.start(printer);
            }
        }
    }

    fn start(&mut self, printer: Printer) {
        let (id, config) = (printer.id, printer.config.clone());
        info!(
            printer.id = id.0,
            printer.name = config.name,
            "recording {} at {}",
            config.name,
            config.moonraker_url
        );
        if printer.key_is_unreadable {
            warn!(
                printer.id = id.0,
                printer.name = config.name,
                "{}: {}",
                config.name,
                UNREADABLE_KEY
            );
        }
        let stop = CancellationToken::new();
        let (task, status) = MoonrakerTask::new(printer, self.shared.clone());
        self.fleet
            .statuses
            .send_modify(|statuses| drop(statuses.insert(id, status)));
        // One for all connections of the printer, so that every line that its task logs names it.
        let span = info_span!("printer", printer.id = id.0, printer.name = config.name);
        let task = tokio::spawn(task.run(stop.clone()).instrument(span));
        self.running.insert(id, Running { config, stop, task });
    }

    /// Writes `last_seen` of the printers for which it changed.
    async fn write_last_seen(&mut self) {
        let changed: Vec<_> = self
            .fleet
            .statuses
            .borrow()
            .iter()
            .filter_map(|(id, status)| Some((*id, status.borrow().last_seen?)))
            // A printer that is off costs no write.
            .filter(|(id, seen)| self.last_seen.get(id) != Some(seen))
            .collect();
        if changed.is_empty() {
            return;
        }
        match self.shared.store.touch_printers(&changed).await {
            Ok(()) => {
                self.last_seen_outage.end();
                self.last_seen.extend(changed);
            }
            Err(cause) => {
                let reason = ErrorChain(&cause).to_string();
                // Nothing is lost: the next write has later times.
                if self.last_seen_outage.is_new(&reason) {
                    warn!("cannot write when printers were last seen, retrying: {reason}");
                }
            }
        }
    }
}

async fn end(running: Running) {
    // No task is aborted, so this is a panic.
    if let Err(cause) = running.task.await {
        error!("the task of printer {} has crashed: {cause}", running.config.name);
    }
}
