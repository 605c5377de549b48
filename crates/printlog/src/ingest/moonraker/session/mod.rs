//! Follows one printer until it is stopped. Never gives up on a printer: being off is normal.

mod report;
mod sync;

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use domain::{
    Backfill, JobId, KlippyState, Moment, Printer,
    tracker::{Event, Tracker},
};
use jiff::Timestamp;
use moonraker::{Capability, Client, Closed, Endpoint, Notification, Notifications, StatusMirror, optional};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    clock,
    error_chain::ErrorChain,
    ingest::{
        Connection, ConnectionState, PrinterStatus,
        fleet::{JobChange, Shared},
        moonraker::{
            convert,
            gcode_names::GcodeNames,
            history::{self, BackfillRun, HistoryError},
            limitations::Limitations,
            page_size::PageSize,
        },
        writer::{Writer, Written},
    },
    retry::{Backoff, Outage},
};

/// Poll interval while Klippy is not ready: Moonraker sends no notification for `startup` and `error`.
const KLIPPY_POLL: Duration = Duration::from_secs(3);
/// Shortest interval between two published statuses; a change of state is published at once.
const PUBLISH: Duration = Duration::from_secs(1);
/// Longest pause between two attempts to read a history that Moonraker refuses, within one connection.
const HISTORY_RETRY: Duration = Duration::from_secs(3600);
/// Maximum number of unknown print states logged for one printer.
const UNKNOWN_STATES: usize = 8;
/// Time limit for pending writes after the stop.
const LAST_WRITES: Duration = Duration::from_secs(4);

/// Why a connection ended or could not be made.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Endpoint(#[from] moonraker::EndpointError),
    #[error(transparent)]
    Connect(#[from] moonraker::ConnectError),
    #[error(transparent)]
    Request(#[from] moonraker::RequestError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("cannot read or write the printer's jobs")]
    Store(#[from] store::Error),
    #[error("the connection ended: {0}")]
    Closed(String),
}

/// State of our subscription. A Moonraker that is still starting may drop it silently.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Subscription {
    Unproved,
    Proved,
    /// The mirror lagged behind at the last check. A notification may have been in flight then; if the mirror still
    /// lags at the next check, the subscription is lost.
    Doubted,
}

pub(crate) struct PrinterTask {
    printer: Printer,
    shared: Shared,
    tracker: Tracker,
    mirror: StatusMirror,
    writer: Writer,
    status: watch::Sender<PrinterStatus>,
    published: Duration,
    current_row: Option<(Option<Timestamp>, JobId)>,
    klippy: KlippyState,
    backfill: Backfill,
    backfill_error: Option<String>,
    /// Eventtime of the snapshot. Updates with an earlier eventtime are stale, even if they arrive later.
    snapshot_time: f64,
    subscription: Subscription,
    /// Moonraker sends no updates, so the print is polled.
    is_polled: bool,
    /// Time of the last health check.
    checked: Instant,
    /// Why Moonraker refuses to report the print. `None` if it reports it, or if Klippy is not connected.
    refusal: Option<String>,
    limitations: Limitations,
    page_size: PageSize,
    reconnect_backoff: Backoff,
    outage: Outage,
    history_backoff: Backoff,
    /// Time of the next attempt to read the history. `None` while it can be read.
    history_retry: Option<Instant>,
    /// The state of the print was unknown at the last sync.
    is_undecided: bool,
    /// Unknown print states that were already logged.
    unknown_words: HashSet<String>,
    /// Database error that ended the last connection. `None` if it ended for another reason.
    database_refusal: Option<String>,
    names: GcodeNames,
    /// Address of the printer's Moonraker. `None` until it has been parsed; without it there is no connection.
    endpoint: Option<Endpoint>,
}

impl PrinterTask {
    pub(crate) fn new(printer: Printer, shared: Shared) -> (Self, watch::Receiver<PrinterStatus>) {
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
            last_seen: printer.last_seen,
            backfill: history::progress(&printer.backfill, false, None),
            database_trouble: None,
            changes_waiting: 0,
            limitations: Vec::new(),
        });
        let settings = &shared.settings;
        let reconnect_backoff = Backoff::for_printer(settings.reconnect_delay, settings.max_reconnect_delay);
        let history_backoff = Backoff::for_printer(settings.health_check_interval, HISTORY_RETRY);
        let task = Self {
            tracker: Tracker::new(printer.id),
            mirror: StatusMirror::default(),
            writer: Writer::new(printer.id, shared.store.clone(), shared.clock),
            status,
            published: Duration::ZERO,
            current_row: None,
            klippy: KlippyState::Disconnected,
            backfill: printer.backfill,
            backfill_error: None,
            snapshot_time: 0.0,
            subscription: Subscription::Unproved,
            is_polled: false,
            checked: Instant::now(),
            refusal: None,
            limitations: Limitations::default(),
            page_size: PageSize::new(),
            reconnect_backoff,
            outage: Outage::default(),
            history_backoff,
            history_retry: None,
            is_undecided: false,
            unknown_words: HashSet::new(),
            database_refusal: None,
            names: GcodeNames::default(),
            endpoint: None,
            printer,
            shared,
        };
        (task, receiver)
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        if !self.printer.config.is_active {
            stop.cancelled().await;
            return;
        }
        while let Some(result) = stop.run_until_cancelled(self.session()).await {
            let cause = match result {
                Ok(never) => match never {},
                Err(cause) => cause,
            };
            self.step(Event::LinkLost);
            self.connection_lost(&cause);
            let pause = Instant::now() + self.reconnect_backoff.pause();
            // Pending changes are still written during the pause.
            let waiting = async {
                while let Ok(written) = tokio::time::timeout_at(pause, self.writer.next()).await {
                    self.written(&written);
                }
            };
            if stop.run_until_cancelled(waiting).await.is_none() {
                break;
            }
            self.set_connection(ConnectionState::Connecting, None);
        }
        self.step(Event::LinkLost);
        self.writer.retry_now();
        let last_writes = async {
            while !self.writer.is_empty() {
                self.writer.next().await;
            }
        };
        if tokio::time::timeout(LAST_WRITES, last_writes).await.is_err() {
            warn!("stopped with changes that are not in the database");
        }
    }

    /// Runs one connection, from the handshake until it is lost.
    async fn session(&mut self) -> Result<std::convert::Infallible, SessionError> {
        let config = &self.printer.config;
        let endpoint = Endpoint::parse(&config.moonraker_url, config.moonraker_api_key.as_deref())?;
        self.endpoint = Some(endpoint.clone());
        let (client, mut notifications) =
            moonraker::connect(&endpoint, &moonraker::ConnectOptions::default()).await?;
        let ended = self.converse(&client, &mut notifications).await;
        // No other response of Moonraker is that large.
        if matches!(client.closed_reason(), Some(Closed::TooLarge { .. })) {
            self.page_size.was_too_large();
        }
        ended
    }

    /// Reads the printer's state, then serves the connection until it is lost.
    async fn converse(
        &mut self,
        client: &Client,
        notifications: &mut Notifications,
    ) -> Result<std::convert::Infallible, SessionError> {
        // The semaphore is never closed. If it were, the printer would be followed without a permit.
        let permit = self.shared.syncing.clone().acquire_owned().await.ok();
        let identified = client.identify("printlog", env!("CARGO_PKG_VERSION")).await;
        let identified = optional(Capability::Identify, identified)?;
        self.limitations.note(Capability::Identify, identified);
        // The handshake proves nothing: Moonraker accepts an unauthorised socket and stays silent.
        let info = client.server_info_if_offered().await?;
        self.touch_last_seen();
        if let Some(info) = self.limitations.note(Capability::ServerInfo, info) {
            self.status
                .send_modify(|status| status.moonraker_version = info.moonraker_version);
        }
        self.history_backoff.reset();
        self.sync(client).await?;
        drop(permit);
        self.reconnect_backoff.reset();
        if self.outage.end() {
            info!("connected to {} again", self.printer.config.name);
        }
        self.database_refusal = None;
        self.set_connection(ConnectionState::Connected, None);
        self.follow(client, notifications).await
    }

    /// Serves a connection after the initial sync.
    async fn follow(
        &mut self,
        client: &Client,
        notifications: &mut Notifications,
    ) -> Result<std::convert::Infallible, SessionError> {
        let mut backfill = None;
        let mut backfill_failed = false;
        let mut extras = std::pin::pin!(client.missing_extras());
        let mut extras_known = false;
        let mut poll = clock::every(KLIPPY_POLL);
        self.checked = Instant::now();
        loop {
            if backfill.is_none() && !backfill_failed && !self.limitations.has(Capability::History) {
                backfill = BackfillRun::new(self.history_reader(), client.clone(), self.backfill);
            }
            let deadline = self
                .tracker
                .deadline()
                .map(|deadline| self.shared.clock.instant(deadline));
            let current = self.tracker.current();
            tokio::select! {
                notification = notifications.recv() => match notification {
                    Some(notification) => self.notified(client, notification).await?,
                    None => return Err(SessionError::Closed(lost_because(notifications))),
                },
                written = self.writer.next() => self.written(&written),
                () = sleep_until(deadline) => self.step(Event::Tick),
                page = next_page(&mut backfill, current) => {
                    if !matches!(page, Ok(Backfill { completed_at: None, .. })) {
                        backfill = None;
                    }
                    backfill_failed |= matches!(page, Err(HistoryError::Store(_) | HistoryError::Implausible(_)));
                    self.page_read(page)?;
                }
                missing = &mut extras, if !extras_known => {
                    extras_known = true;
                    let tried = [Capability::Metadata, Capability::TemperatureStore];
                    self.limitations.note_all(&tried, missing?);
                    self.publish();
                }
                _ = poll.tick() => self.tick(client).await?,
            }
        }
    }

    /// Handles the result of one page of the import.
    fn page_read(&mut self, page: Result<Backfill, HistoryError>) -> Result<(), SessionError> {
        let cause = match page {
            Ok(progress) => {
                if progress.completed_at.is_some() {
                    self.limitations.note(Capability::HistoryImport, Ok(()));
                }
                self.backfill = progress;
                self.backfill_error = None;
                self.publish();
                return Ok(());
            }
            Err(cause) => cause,
        };
        let reason = ErrorChain(&cause).to_string();
        if !matches!(cause, HistoryError::Store(_)) {
            self.history_failed(cause)?;
        }
        warn!(error = reason, "the import of the history is interrupted");
        self.backfill_error = Some(reason);
        self.publish();
        Ok(())
    }

    async fn notified(&mut self, client: &Client, notification: Notification) -> Result<(), SessionError> {
        self.touch_last_seen();
        match notification {
            Notification::StatusUpdate { delta, eventtime } => {
                if eventtime.is_some_and(|time| time < self.snapshot_time) {
                    return Ok(());
                }
                let of_interest = delta.contains_key("print_stats") || delta.contains_key("webhooks");
                self.mirror.merge(delta);
                if of_interest {
                    self.status_changed(client).await?;
                }
                self.publish_now_and_then();
            }
            Notification::HistoryChanged { action, job } => {
                // The notification proves that there is a history.
                if self.history_retry.is_some() {
                    self.history_retry = Some(Instant::now());
                }
                let mut row = convert::history_job(*job);
                if let Some(endpoint) = &self.endpoint {
                    self.names.make_relative(&mut row.filename, endpoint).await;
                }
                match action.as_str() {
                    "added" => self.step(Event::Added(row)),
                    "finished" => self.step(Event::Finished(row)),
                    other => debug!("unknown history action `{other}`"),
                }
            }
            Notification::KlippyReady => self.sync(client).await?,
            Notification::KlippyShutdown => {
                self.klippy = KlippyState::Shutdown;
                self.step(Event::KlippyShutdown);
            }
            Notification::KlippyDisconnected => {
                self.klippy = KlippyState::Disconnected;
                self.mirror = StatusMirror::default();
                self.step(Event::KlippyDisconnected);
            }
            // The notification could not be parsed: read the state instead.
            Notification::Other { method }
                if matches!(method.as_str(), "notify_history_changed" | "notify_status_update") =>
            {
                self.sync(client).await?;
            }
            Notification::ProcStats { .. }
            | Notification::Other { .. }
            | Notification::FilelistChanged(_) => {}
        }
        Ok(())
    }

    fn step(&mut self, event: Event) {
        let now: Moment = self.shared.clock.moment();
        let actions = self.tracker.step(now, event);
        if actions.is_empty() {
            return;
        }
        for action in actions {
            self.writer.push(action);
        }
        self.publish();
    }

    fn written(&mut self, written: &Written) {
        match *written {
            Written::Stored {
                start_time,
                id,
                is_change,
            } => {
                self.current_row = Some((start_time, id));
                if is_change {
                    let change = JobChange {
                        id,
                        printer_id: self.printer.id,
                        is_deleted: false,
                    };
                    // Fails if there are no receivers.
                    self.shared.job_changes.send(change).ok();
                }
            }
            Written::Deleted {
                start_time: Some(start_time),
            } => self.step(Event::DeletedByUser(start_time)),
            Written::Deleted { start_time: None }
            | Written::Imported
            | Written::Failed
            | Written::Dropped => {}
        }
        self.publish();
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn next_page(
    run: &mut Option<BackfillRun>,
    current: Option<&domain::Job>,
) -> Result<Backfill, HistoryError> {
    match run {
        Some(run) => run.next(current).await,
        None => std::future::pending().await,
    }
}

fn lost_because(notifications: &Notifications) -> String {
    notifications
        .closed_reason()
        .map_or_else(|| "no reason given".to_owned(), |reason| reason.to_string())
}
