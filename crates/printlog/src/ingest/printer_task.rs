//! Follows one printer until told to stop. Never gives up on it: a printer that is off is normal.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Backfill, JobId, KlippyState, Moment, Printer, PrinterId,
    tracker::{Event, Newest, Sync, Tracker},
};
use jiff::Timestamp;
use moonraker::{Client, Endpoint, Notification, Notifications, StatusMirror};
use store::{FoundRun, Store};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Connection, ConnectionState, PrinterStatus,
    backoff::Backoff,
    convert, current_job,
    fleet::{JobChange, Shared, UNREADABLE_KEY},
    history_sync::{self, BackfillRun, HistoryError, HistoryReader},
    writer::{Writer, Written},
};

/// How often the state of a Klippy that is not ready is asked for: nobody announces `startup` and `error`.
const KLIPPY_POLL: Duration = Duration::from_secs(3);
/// The status is published this often at most, but for changes of state.
const PUBLISH: Duration = Duration::from_secs(1);
/// Reasons that are logged of one outage.
const REASONS: usize = 8;
/// How long writing may take after the stop.
const LAST_WRITES: Duration = Duration::from_secs(4);

/// Why a connection ended, or was not made.
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

/// What we know of our subscription. A Moonraker that is still starting may drop it without a word.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Subscription {
    Unproved,
    Proved,
    /// It lagged behind at the last look. News may have been under way; at the next look that is no excuse.
    Doubted,
}

pub(super) struct PrinterTask {
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
    /// Eventtime of the snapshot: updates from before it are older than it, however late they come.
    snapshot_time: f64,
    subscription: Subscription,
}

impl PrinterTask {
    pub(super) fn new(printer: Printer, shared: Shared) -> (Self, watch::Receiver<PrinterStatus>) {
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
            backfill: history_sync::progress(&printer.backfill, false, None),
            database_trouble: None,
            changes_waiting: 0,
        });
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
            printer,
            shared,
        };
        (task, receiver)
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        if !self.printer.config.is_active {
            stop.cancelled().await;
            return;
        }
        let settings = self.shared.settings.clone();
        let mut backoff = Backoff::new(settings.reconnect_delay, settings.max_reconnect_delay);
        let mut told = Vec::new();
        while let Some(result) = stop
            .run_until_cancelled(self.session(&mut backoff, &mut told))
            .await
        {
            let cause = match result {
                Ok(never) => match never {},
                Err(cause) => cause,
            };
            self.step(Event::LinkLost);
            self.tell_lost(cause, &mut told);
            let pause = Instant::now() + backoff.pause();
            // What has not been written goes on being written.
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
        self.writer.hurry();
        let last_writes = async {
            while !self.writer.is_empty() {
                self.writer.next().await;
            }
        };
        if tokio::time::timeout(LAST_WRITES, last_writes).await.is_err() {
            warn!("stopped with changes that the database did not take");
        }
    }

    /// One connection, from the handshake to its loss.
    async fn session(
        &mut self,
        backoff: &mut Backoff,
        told: &mut Vec<String>,
    ) -> Result<std::convert::Infallible, SessionError> {
        let config = &self.printer.config;
        let endpoint = Endpoint::parse(&config.moonraker_url, config.moonraker_api_key.as_deref())?;
        let (client, mut notifications) =
            moonraker::connect(&endpoint, &moonraker::ConnectOptions::default()).await?;
        // Closed by nobody; without a permit we go on all the same.
        let permit = self.shared.syncing.clone().acquire_owned().await.ok();
        client.identify("printlog", env!("CARGO_PKG_VERSION")).await?;
        // The handshake proves nothing: a socket without rights stays silent.
        let info = client.server_info().await?;
        self.heard();
        self.status
            .send_modify(|status| status.moonraker_version = info.moonraker_version.clone());
        self.sync(&client).await?;
        drop(permit);
        backoff.reset();
        if !std::mem::take(told).is_empty() {
            info!("connected to {} again", self.printer.config.name);
        }
        self.set_connection(ConnectionState::Connected, None);
        let reader = self.history_reader();
        let mut backfill = BackfillRun::new(reader, client.clone(), self.backfill);
        let mut poll = tokio::time::interval(KLIPPY_POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut checked = Instant::now();
        loop {
            let deadline = self
                .tracker
                .deadline()
                .map(|deadline| self.shared.clock.instant(deadline));
            let current = self.tracker.current();
            tokio::select! {
                notification = notifications.recv() => match notification {
                    Some(notification) => self.notified(&client, notification).await?,
                    None => return Err(SessionError::Closed(lost_because(&notifications))),
                },
                written = self.writer.next() => self.written(&written),
                () = sleep_until(deadline) => self.step(Event::Tick),
                page = next_page(&mut backfill, current) => match page {
                    Ok(progress) => {
                        self.backfill = progress;
                        self.backfill_error = None;
                        if progress.completed_at.is_some() {
                            backfill = None;
                        }
                        self.publish();
                    }
                    Err(cause) => {
                        self.backfill_error = Some(format!("{:#}", anyhow::Error::new(cause)));
                        warn!(error = self.backfill_error, "the import pauses until the next connection");
                        backfill = None;
                    }
                },
                _ = poll.tick() => {
                    let interval = self.shared.settings.health_check_interval;
                    let settled = self.klippy == KlippyState::Ready && self.subscription == Subscription::Proved;
                    if !settled || checked.elapsed() >= interval {
                        checked = Instant::now();
                        self.check(&client).await?;
                    }
                }
            }
        }
    }

    async fn notified(&mut self, client: &Client, notification: Notification) -> Result<(), SessionError> {
        self.heard();
        match notification {
            Notification::StatusUpdate { delta, eventtime } => {
                if eventtime.is_some_and(|time| time < self.snapshot_time) {
                    return Ok(());
                }
                let of_interest = delta.contains_key("print_stats") || delta.contains_key("webhooks");
                self.mirror.merge(delta);
                if of_interest {
                    self.status_changed();
                }
                self.publish_now_and_then();
            }
            Notification::HistoryChanged { action, job } => {
                let row = convert::history_job(*job);
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
            // News that could not be read: ask.
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

    fn status_changed(&mut self) {
        let Some(stats) = convert::print_stats(&self.mirror) else {
            return;
        };
        let (klippy, klippy_message) = convert::klippy(&self.mirror).unwrap_or((self.klippy, None));
        self.klippy = klippy;
        self.step(Event::Status {
            stats,
            klippy,
            klippy_message,
        });
    }

    /// Reads everything anew: first the history, then the print. A print that ends between the two is told about by
    /// the notifications that wait behind them.
    async fn sync(&mut self, client: &Client) -> Result<(), SessionError> {
        while !self.writer.is_empty() {
            let written = self.writer.next().await;
            self.written(&written);
        }
        let now = self.shared.clock.now();
        let host_clock = client
            .host_time()
            .await?
            .and_then(|time| convert::instant(Some(time)));
        let id = self.printer.id;
        let store = self.shared.store.clone();
        if self.backfill.first_contact.is_none() {
            self.backfill = history_sync::plan(self.shared.settings.backfill, now, host_clock.unwrap_or(now));
            store.save_backfill(id, &self.backfill).await?;
        }
        let open = jobs(store.open_jobs(id).await?);
        let newest = self
            .history_reader()
            .read_recent(client, &open, &self.backfill)
            .await?;
        let newest = match newest {
            Some(row) => Some(with_what_is_stored(&store, id, row).await?),
            None => None,
        };
        let (klippy, klippy_message) = self.read_status(client).await?;
        self.klippy = klippy;
        self.subscription = Subscription::Unproved;
        // The host's clock was read a moment ago.
        let host_clock = host_clock.map(|host| host + self.shared.clock.now().duration_since(now));
        let open = store.open_jobs(id).await?;
        self.current_row = open.first().map(|(row, job)| (job.start_time, *row));
        self.step(Event::Synced(Box::new(Sync {
            klippy,
            klippy_message,
            stats: convert::print_stats(&self.mirror),
            open: jobs(open),
            newest,
            host_clock,
        })));
        self.publish();
        Ok(())
    }

    /// Subscribes, which gives the full status. An own subscription is lost whenever Klippy restarts.
    async fn read_status(&mut self, client: &Client) -> Result<(KlippyState, Option<String>), SessionError> {
        self.mirror = StatusMirror::default();
        let info = client.server_info().await?;
        let klippy = KlippyState::from_moonraker(info.klippy_state.as_deref().unwrap_or_default());
        if matches!(klippy, KlippyState::Disconnected | KlippyState::Startup) {
            return Ok((klippy, None));
        }
        match client.subscribe_for_prints().await {
            Ok(snapshot) => {
                self.snapshot_time = snapshot.eventtime.unwrap_or(0.0);
                self.mirror = StatusMirror::of(snapshot.status);
                Ok(convert::klippy(&self.mirror).unwrap_or((klippy, None)))
            }
            // Klippy went away meanwhile, or Moonraker has not met it yet; it will say when it is ready.
            Err(moonraker::RequestError::Refused { .. }) => Ok((KlippyState::Startup, None)),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Whether Moonraker still answers us, and what Klippy's state is: nobody tells of `startup` and `error`.
    async fn check(&mut self, client: &Client) -> Result<(), SessionError> {
        let info = client.server_info().await?;
        self.heard();
        let klippy = KlippyState::from_moonraker(info.klippy_state.as_deref().unwrap_or_default());
        let appeared = klippy != self.klippy && !matches!(klippy, KlippyState::Disconnected);
        self.klippy = klippy;
        if appeared || (klippy == KlippyState::Ready && !self.is_subscribed(client).await?) {
            self.sync(client).await?;
        }
        self.publish_now_and_then();
        Ok(())
    }

    /// Compares what the subscription told with what Klipper says when asked. Asking changes nothing at the printer;
    /// to subscribe anew can make an old Moonraker miss the start of a print.
    async fn is_subscribed(&mut self, client: &Client) -> Result<bool, SessionError> {
        let asked = match client.query_print().await {
            Ok(snapshot) => StatusMirror::of(snapshot.status),
            // Klippy went away meanwhile; the notifications that wait say so.
            Err(moonraker::RequestError::Refused { .. }) => return Ok(true),
            Err(cause) => return Err(cause.into()),
        };
        let asked = convert::print_stats(&asked).unwrap_or_default();
        let told = convert::print_stats(&self.mirror).unwrap_or_default();
        let behind = told.is_behind(&asked);
        let doubted = self.subscription == Subscription::Doubted;
        self.subscription = match behind {
            true => Subscription::Doubted,
            false => Subscription::Proved,
        };
        Ok(!(behind && doubted))
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
                is_news,
            } => {
                self.current_row = Some((start_time, id));
                if is_news {
                    let change = JobChange {
                        id,
                        printer_id: self.printer.id,
                        is_deleted: false,
                    };
                    // Fails if nobody listens.
                    self.shared.job_changes.send(change).ok();
                }
            }
            Written::Deleted {
                start_time: Some(start_time),
            } => self.step(Event::DeletedHere(start_time)),
            Written::Deleted { start_time: None }
            | Written::Imported
            | Written::Failed
            | Written::GivenUp => {}
        }
        self.publish();
    }

    fn heard(&mut self) {
        // Kept by the published status; the fleet writes it once a minute.
        let now = self.shared.clock.now();
        self.status.send_if_modified(|status| {
            status.last_seen = Some(now);
            false
        });
    }

    fn publish_now_and_then(&mut self) {
        if self.shared.clock.moment().monotonic >= self.published + PUBLISH {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.published = self.shared.clock.moment().monotonic;
        let now = self.shared.clock.now();
        let job = self.tracker.current().map(|job| {
            let id = self
                .current_row
                .filter(|(start, _)| *start == job.start_time)
                .map(|(_, id)| id);
            current_job::describe(job, id, &self.mirror, now)
        });
        let temperatures = current_job::temperatures(&self.mirror);
        let message = convert::klippy(&self.mirror).and_then(|(_, message)| message);
        let backfill_runs = self.status.borrow().connection.state == ConnectionState::Connected
            && self.backfill_error.is_none();
        let backfill = history_sync::progress(&self.backfill, backfill_runs, self.backfill_error.clone());
        let trouble = self.writer.trouble().map(str::to_owned);
        let changes_waiting = trouble.as_ref().map_or(0, |_| self.writer.len());
        let klippy = self.klippy;
        self.status.send_modify(|status| {
            status.klippy_state = Some(klippy);
            status.klippy_message = message;
            status.job = job;
            status.temperatures = temperatures;
            status.backfill = backfill;
            status.database_trouble = trouble;
            status.changes_waiting = changes_waiting;
        });
    }

    fn set_connection(&mut self, state: ConnectionState, reason: Option<String>) {
        let since = self.shared.clock.now();
        self.status.send_modify(|status| {
            // A printer that stays off stays unreachable between two attempts.
            let retrying = state == ConnectionState::Connecting && status.connection.reason.is_some();
            if retrying || (status.connection.state == state && status.connection.reason == reason) {
                return;
            }
            let changed = status.connection.state != state;
            let since = if changed { since } else { status.connection.since };
            status.connection = Connection { state, reason, since };
            if state != ConnectionState::Connected {
                status.klippy_state = None;
                status.klippy_message = None;
                status.temperatures.clear();
            }
        });
        if state == ConnectionState::Connected {
            self.publish();
        }
    }

    /// Logs a loss once: a printer that stays off is not worth a line an attempt.
    fn tell_lost(&mut self, cause: SessionError, told: &mut Vec<String>) {
        let state = match &cause {
            SessionError::Request(moonraker::RequestError::Unauthorized { .. }) => {
                ConnectionState::Unauthorized
            }
            SessionError::Store(_) | SessionError::History(HistoryError::Store(_)) => {
                ConnectionState::Connecting
            }
            _ => ConnectionState::Unreachable,
        };
        let mut reason = format!("{:#}", anyhow::Error::new(cause));
        if self.printer.key_is_unreadable {
            reason = format!("{reason}; {UNREADABLE_KEY}");
        }
        // Each reason once an outage: a printer that is off for weeks, now here and now there, does not fill the log.
        if told.len() < REASONS && !told.contains(&reason) {
            let name = &self.printer.config.name;
            warn!(reason, "not connected to {name}: {reason}");
            told.push(reason.clone());
        }
        self.set_connection(state, Some(reason));
    }

    fn history_reader(&self) -> HistoryReader {
        HistoryReader {
            printer_id: self.printer.id,
            store: self.shared.store.clone(),
            clock: self.shared.clock,
        }
    }
}

async fn with_what_is_stored(
    store: &Store,
    printer_id: PrinterId,
    row: domain::HistoryJob,
) -> Result<Newest, store::Error> {
    let (stored, deleted) = match store.find_run(printer_id, &row).await? {
        FoundRun::Stored(_, job) => (Some(job), false),
        FoundRun::Deleted => (None, true),
        FoundRun::Unknown => (None, false),
    };
    Ok(Newest { row, stored, deleted })
}

fn jobs(rows: Vec<(JobId, domain::Job)>) -> Vec<domain::Job> {
    rows.into_iter().map(|(_, job)| job).collect()
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
