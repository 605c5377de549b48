//! Records one printer of any kind: a session passes in the printer's reports, the tracker turns them into changes of
//! jobs, the writer stores these, and the status is published.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Job, JobId, Printer,
    tracker::{Event, Tracker},
};
use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};
use tracing::warn;

use crate::{
    clock::Clock,
    ingest::{
        BackfillProgress, Connection, ConnectionReason, ConnectionState, CurrentJob, PrinterStatus,
        fleet::Shared,
        writer::{Writer, Written},
    },
};

/// Shortest interval between two published statuses; a change of state is published at once.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
/// Time limit for pending writes after the stop.
const LAST_WRITES: Duration = Duration::from_secs(4);

pub(crate) struct Recorder {
    clock: Clock,
    tracker: Tracker,
    writer: Writer,
    /// Start time and row of the job that was written last.
    current_row: Option<(Option<Timestamp>, JobId)>,
    /// Database error that ended the last connection. `None` if it ended for another reason.
    connection_error: Option<String>,
    status: watch::Sender<PrinterStatus>,
    published: Duration,
}

impl Recorder {
    pub(crate) fn new(printer: &Printer, shared: &Shared) -> (Self, watch::Receiver<PrinterStatus>) {
        let state = match printer.config.is_active {
            true => ConnectionState::Connecting,
            false => ConnectionState::Disabled,
        };
        let (status, receiver) = watch::channel(PrinterStatus {
            connection: Connection {
                state,
                reason: None,
                since: shared.clock.now(),
            },
            klippy_state: None,
            klippy_message: None,
            moonraker_version: None,
            job: None,
            temperatures: BTreeMap::new(),
            // From the table: a printer that is off keeps it over a restart of printlog.
            last_seen: printer.last_seen,
            backfill: BackfillProgress::new(&printer.backfill, false, None),
            database_trouble: None,
            changes_waiting: 0,
            limitations: Vec::new(),
        });
        let recorder = Self {
            clock: shared.clock,
            tracker: Tracker::new(printer.id),
            writer: Writer::new(printer.id, shared.store.clone(), shared.clock),
            current_row: None,
            connection_error: None,
            status,
            published: Duration::ZERO,
        };
        (recorder, receiver)
    }

    /// Passes an event to the tracker and queues the resulting changes. Returns whether there are any.
    pub(crate) fn step(&mut self, event: Event) -> bool {
        let actions = self.tracker.step(self.clock.moment(), event);
        let has_changed = !actions.is_empty();
        for action in actions {
            // Queued only: a task that follows its printer never waits for the database.
            self.writer.push(action);
        }
        has_changed
    }

    /// The running job.
    pub(crate) fn current(&self) -> Option<&Job> {
        self.tracker.current()
    }

    /// When the tracker needs the next [`Event::Tick`].
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.tracker
            .deadline()
            .map(|deadline| self.clock.instant(deadline))
    }

    /// Sets the row of the running job, after reading it from the store.
    pub(crate) fn set_current_row(&mut self, row: Option<(Option<Timestamp>, JobId)>) {
        self.current_row = row;
    }

    /// Whether all changes are in the database.
    pub(crate) fn is_saved(&self) -> bool {
        self.writer.is_empty()
    }

    /// Writes the next change. Pending forever while there is none. Cancel-safe.
    pub(crate) async fn write_next(&mut self) {
        match self.writer.next().await {
            Written::Stored { start_time, id } => self.current_row = Some((start_time, id)),
            Written::Deleted {
                start_time: Some(start_time),
            } => {
                // The print goes on, and the tracker would save the job again.
                self.step(Event::DeletedByUser(start_time));
            }
            Written::Deleted { start_time: None }
            | Written::Imported
            | Written::Failed
            | Written::Dropped => {}
        }
    }

    /// Writes what is left when the server stops.
    pub(crate) async fn finish(mut self) {
        // As for a lost link: an end that was shown is written, and a running job gets its latest figures.
        self.step(Event::LinkLost);
        self.writer.retry_now();
        let last_writes = async {
            while !self.writer.is_empty() {
                self.writer.next().await;
            }
        };
        // What is missing then is recovered from the history at the next start.
        if tokio::time::timeout(LAST_WRITES, last_writes).await.is_err() {
            warn!("stopped with changes that are not in the database");
        }
    }

    /// Not published: the fleet reads `last_seen` from the status and writes it once a minute.
    pub(crate) fn touch_last_seen(&mut self) {
        let now = self.clock.now();
        self.status.send_if_modified(|status| {
            status.last_seen = Some(now);
            false
        });
    }

    /// Whether the last published status is old enough for a new one without a change of state.
    pub(crate) fn may_publish(&self) -> bool {
        self.clock.moment().monotonic >= self.published + PUBLISH_INTERVAL
    }

    /// Publishes the status. `complete` adds what the session knows of the printer and its running job.
    pub(crate) fn publish(&mut self, complete: impl FnOnce(&mut PrinterStatus, Option<&Job>)) {
        self.published = self.clock.moment().monotonic;
        let job = self.tracker.current();
        // Until the first write of a new job, the row is that of the job before.
        let row = self
            .current_row
            .filter(|(start, _)| job.is_some_and(|job| *start == job.start_time));
        let current = job.map(|job| CurrentJob::new(job, row.map(|(_, id)| id)));
        // A change that only waits for its turn is no trouble.
        let changes_waiting = self.writer.last_error().map_or(0, |_| self.writer.len());
        let trouble = self.database_trouble();
        self.status.send_modify(|status| {
            status.job = current;
            status.database_trouble = trouble;
            status.changes_waiting = changes_waiting;
            complete(status, job);
        });
    }

    pub(crate) fn set_version(&mut self, version: Option<String>) {
        self.status
            .send_modify(|status| status.moonraker_version = version);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.status.borrow().connection.state == ConnectionState::Connected
    }

    pub(crate) fn set_connection(&mut self, state: ConnectionState, reason: Option<ConnectionReason>) {
        let since = self.clock.now();
        self.status.send_modify(|status| {
            // A printer that stays off remains `Unreachable` during retries, until the reason changes.
            let retrying = state == ConnectionState::Connecting
                && reason.is_none()
                && status.connection.reason.is_some();
            if retrying || (status.connection.state == state && status.connection.reason == reason) {
                return;
            }
            let changed = status.connection.state != state;
            let since = if changed { since } else { status.connection.since };
            status.connection = Connection { state, reason, since };
            // These values would look current. Of the job, only the expected end is a promise.
            if state != ConnectionState::Connected {
                status.klippy_state = None;
                status.klippy_message = None;
                status.temperatures.clear();
                if let Some(job) = &mut status.job {
                    job.eta = None;
                }
            }
        });
    }

    /// Sets the database error that ended the connection, or `None` if the database did not end it.
    pub(crate) fn set_connection_error(&mut self, error: Option<String>) {
        self.connection_error = error;
        let trouble = self.database_trouble();
        self.status
            .send_modify(|status| status.database_trouble = trouble);
    }

    /// The current database error: from the writer, or else from the last attempt to connect.
    fn database_trouble(&self) -> Option<String> {
        let trouble = self.writer.last_error().or(self.connection_error.as_deref());
        trouble.map(str::to_owned)
    }
}
