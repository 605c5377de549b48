//! Records one printer through its Moonraker until it is stopped. Always retries: a printer that is off is normal.

mod events;
mod health;
mod report;
mod sync;

use std::{collections::HashSet, convert::Infallible, time::Duration};

use domain::{Backfill, KlippyState, Printer, tracker::Event};
use moonraker::{Capability, Client, Closed, Endpoint, Notifications, StatusMirror, optional};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    ingest::{
        ConnectionState, PrinterStatus,
        fleet::Shared,
        moonraker::{
            current_job::Estimate,
            gcode_names::GcodeNames,
            history::HistoryError,
            limitations::{Limitations, RowProblems},
            page_size::PageSize,
        },
        recorder::Recorder,
    },
    retry::{Backoff, Outage},
};

/// Longest pause between two attempts to read a history that Moonraker refuses, within one connection.
const HISTORY_RETRY: Duration = Duration::from_secs(3600);

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
    /// No check since the last sync.
    Unchecked,
    /// The mirror was up to date at the last check.
    Confirmed,
    /// The mirror lagged behind at the last check. A notification may have been in flight then; if the mirror still
    /// lags at the next check, the subscription is lost.
    Doubtful,
}

/// The task of one printer, over all its connections.
pub(crate) struct MoonrakerTask {
    printer: Printer,
    shared: Shared,
    recorder: Recorder,
    mirror: StatusMirror,
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
    /// Problems with rows of the history since the last sync, and with those that were imported.
    rows: RowProblems,
    imported_rows: RowProblems,
    /// Time of the next attempt to read the history. `None` while it can be read.
    history_retry: Option<Instant>,
    /// The state of the print was unknown at the last sync.
    is_undecided: bool,
    /// Unknown print states that were already logged.
    unknown_states: HashSet<String>,
    names: GcodeNames,
    estimate: Estimate,
    /// Address of the printer's Moonraker. `None` until it has been parsed; without it there is no connection.
    endpoint: Option<Endpoint>,
}

impl MoonrakerTask {
    pub(crate) fn new(printer: Printer, shared: Shared) -> (Self, watch::Receiver<PrinterStatus>) {
        let (recorder, status) = Recorder::new(&printer, &shared);
        let settings = &shared.settings;
        let reconnect_backoff = Backoff::for_printer(settings.reconnect_delay, settings.max_reconnect_delay);
        let history_backoff = Backoff::for_printer(settings.health_check_interval, HISTORY_RETRY);
        let task = Self {
            recorder,
            mirror: StatusMirror::default(),
            klippy: KlippyState::Disconnected,
            backfill: printer.backfill,
            backfill_error: None,
            snapshot_time: 0.0,
            subscription: Subscription::Unchecked,
            is_polled: false,
            checked: Instant::now(),
            refusal: None,
            limitations: Limitations::default(),
            page_size: PageSize::new(),
            reconnect_backoff,
            outage: Outage::default(),
            history_backoff,
            rows: RowProblems::default(),
            imported_rows: RowProblems::default(),
            history_retry: None,
            is_undecided: false,
            unknown_states: HashSet::new(),
            names: GcodeNames::default(),
            estimate: Estimate::default(),
            endpoint: None,
            printer,
            shared,
        };
        (task, status)
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // The task exists all the same, so that the printer has a status.
        if !self.printer.config.is_active {
            stop.cancelled().await;
            return;
        }
        while let Some(result) = stop.run_until_cancelled(self.connection()).await {
            let cause = match result {
                Ok(never) => match never {},
                Err(cause) => cause,
            };
            self.step(Event::LinkLost);
            self.connection_lost(&cause);
            let pause = Instant::now() + self.reconnect_backoff.pause();
            // Pending changes are still written during the pause.
            let waiting = async {
                while tokio::time::timeout_at(pause, self.recorder.write_next())
                    .await
                    .is_ok()
                {
                    self.publish();
                }
            };
            if stop.run_until_cancelled(waiting).await.is_none() {
                break;
            }
            self.recorder.set_connection(ConnectionState::Connecting, None);
        }
        self.recorder.finish().await;
    }

    /// Runs one connection, from the handshake until it is lost.
    async fn connection(&mut self) -> Result<Infallible, SessionError> {
        let config = &self.printer.config;
        let endpoint = Endpoint::parse(&config.moonraker_url, config.moonraker_api_key.as_deref())?;
        self.endpoint = Some(endpoint.clone());
        // In a box, because the room for a handshake would otherwise be kept for as long as the connection.
        let options = moonraker::ConnectOptions::default();
        let (client, mut notifications) = Box::pin(moonraker::connect(&endpoint, &options)).await?;
        let ended = self.read_and_follow(&client, &mut notifications).await;
        // No other response of Moonraker is that large.
        if matches!(client.closed_reason(), Some(Closed::TooLarge { .. })) {
            self.page_size.shrink();
        }
        ended
    }

    /// Reads the printer's state, then follows its changes until the connection is lost.
    async fn read_and_follow(
        &mut self,
        client: &Client,
        notifications: &mut Notifications,
    ) -> Result<Infallible, SessionError> {
        // The semaphore is never closed. If it were, the printer would be followed without a permit.
        let permit = self.shared.syncing.clone().acquire_owned().await.ok();
        let identified = client.identify("printlog", env!("CARGO_PKG_VERSION")).await;
        let identified = optional(Capability::Identify, identified)?;
        self.limitations.note(Capability::Identify, identified);
        // The handshake proves nothing: Moonraker accepts an unauthorised socket and stays silent.
        let info = client.server_info_if_offered().await?;
        self.recorder.touch_last_seen();
        if let Some(info) = self.limitations.note(Capability::ServerInfo, info) {
            self.recorder.set_version(info.moonraker_version);
        }
        self.history_backoff.reset();
        self.sync(client).await?;
        // Following needs little of the database, so another printer may sync.
        drop(permit);
        // Not earlier: a printer that accepts connections and then fails would be called without a pause.
        self.reconnect_backoff.reset();
        if self.outage.end() {
            info!("connected to {} again", self.printer.config.name);
        }
        self.connected();
        self.follow(client, notifications).await
    }
}
