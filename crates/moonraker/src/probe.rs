//! Tests an address and a key once, and explains to the user what is wrong with them.

use crate::{
    Capability, Client, ConnectError, ConnectOptions, Endpoint, Limitation, RequestError, ServerInfo,
    StatusMirror, connect, optional,
};

/// A printer that can be recorded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProbeReport {
    /// `None` if Moonraker does not report it.
    pub moonraker_version: Option<String>,
    /// `ready`, `disconnected`, `startup`, `error` or `shutdown`. `None` if Moonraker does not report it.
    pub klippy_state: Option<String>,
    /// Klippy's message about its state. `None` if it is ready or not connected.
    pub klippy_message: Option<String>,
    /// Name of the printer's host. `None` if Klippy is not connected.
    pub hostname: Option<String>,
    /// Capabilities that this Moonraker does not offer. Its prints can be recorded nevertheless.
    pub limitations: Vec<Limitation>,
}

impl ProbeReport {
    /// Whether the printer can print now. A printer that cannot print can still be recorded.
    #[must_use]
    pub fn klippy_is_ready(&self) -> bool {
        self.klippy_state.as_deref() == Some("ready")
    }
}

/// Why a printer cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No connection, or the other end is not Moonraker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Moonraker requires a key.
    #[error(
        "the printer requires an API key; Moonraker shows it in its front end's settings, or at /access/api_key"
    )]
    KeyNeeded,
    /// Moonraker does not accept this key.
    #[error(
        "the printer does not accept this API key; Moonraker 0.11 and later refuse a wrong key even from addresses \
         that need none, so also try without a key"
    )]
    WrongKey,
    /// The other end is a WebSocket, but its answers are not Moonraker's.
    #[error("the server at {url} is not Moonraker")]
    NotMoonraker {
        /// The URL of the request.
        url: String,
        /// The cause.
        source: RequestError,
    },
    /// Klipper is ready, but the print cannot be read.
    #[error("Klipper is ready, but the state of the print cannot be read, so no job would be recorded")]
    NoPrint {
        /// The cause.
        source: RequestError,
    },
    /// Klipper is ready, but reports no `print_stats`.
    #[error(
        "Klipper reports no `print_stats`, so no job would be recorded; it needs a section [virtual_sdcard] in \
         printer.cfg"
    )]
    NoPrintStats,
}

/// Connects, makes every call that recording needs, and disconnects.
///
/// # Errors
/// Explains why the printer cannot be recorded.
pub async fn probe(endpoint: &Endpoint, options: &ConnectOptions) -> Result<ProbeReport, ProbeError> {
    let (client, _notifications) = connect(endpoint, options).await?;
    let refused = |cause| match cause {
        RequestError::Unauthorized { key_given: true, .. } => ProbeError::WrongKey,
        RequestError::Unauthorized { key_given: false, .. } => ProbeError::KeyNeeded,
        source => ProbeError::NotMoonraker {
            url: endpoint.websocket_url().to_string(),
            source,
        },
    };
    let mut report = read_server(&client).await.map_err(refused)?;
    let is_named = report
        .limitations
        .iter()
        .all(|limitation| limitation.capability != Capability::ServerInfo);
    match read_print(&client).await {
        Ok(print) if report.klippy_is_ready() && print.print_stats().is_none() => {
            return Err(ProbeError::NoPrintStats);
        }
        Ok(print) => {
            let state = print.webhooks().and_then(|webhooks| webhooks.state);
            report.klippy_state = report.klippy_state.or(state.map(str::to_owned));
            if report.klippy_is_ready() {
                let objects = optional(Capability::ObjectList, client.printer_objects_list().await);
                report.limitations.extend(objects.map_err(refused)?.err());
            }
        }
        Err(cause @ RequestError::Unauthorized { .. }) => return Err(refused(cause)),
        Err(source) if report.klippy_is_ready() => return Err(ProbeError::NoPrint { source }),
        // Klippy is not connected.
        Err(_) if is_named => {}
        Err(cause) => return Err(refused(cause)),
    }
    Ok(report)
}

async fn read_server(client: &Client) -> Result<ProbeReport, RequestError> {
    let mut limitations = Vec::new();
    let identified = client.identify("printlog-test", env!("CARGO_PKG_VERSION")).await;
    limitations.extend(optional(Capability::Identify, identified)?.err());
    let server = client
        .server_info_if_offered()
        .await?
        .unwrap_or_else(|limitation| {
            limitations.push(limitation);
            ServerInfo::default()
        });
    // Without Klippy, the last call is refused; Klippy's state explains it.
    let (history, clock, extras, printer) = tokio::join!(
        client.try_history(),
        client.host_time(),
        client.missing_extras(),
        client.printer_info(),
    );
    match history? {
        Ok(()) => {
            let end = optional(Capability::HistoryImport, client.check_history_end().await)?;
            let rows = optional(Capability::HistoryRows, client.check_history_rows().await)?;
            limitations.extend(end.flatten().err());
            limitations.extend(rows.flatten().err());
        }
        Err(limitation) => limitations.push(limitation),
    }
    limitations.extend(optional(Capability::HostClock, clock)?.err());
    limitations.extend(extras?);
    let mut report = ProbeReport {
        moonraker_version: server.moonraker_version,
        klippy_state: server.klippy_state,
        ..ProbeReport::default()
    };
    report.limitations = limitations;
    if let Ok(printer) = printer {
        report.hostname = printer.hostname;
        report.klippy_message = printer
            .state_message
            .filter(|_| !report.klippy_is_ready())
            .map(|message| message.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|message| !message.is_empty());
    }
    Ok(report)
}

/// Reads the print in the same way as recording does. A subscription is tried only if a query is refused: it can make
/// an old Moonraker miss the start of a print.
async fn read_print(client: &Client) -> Result<StatusMirror, RequestError> {
    let snapshot = match client.query_print().await {
        Err(RequestError::Refused { .. }) => client.follow_print().await?.snapshot,
        answer => answer?,
    };
    Ok(StatusMirror::of(snapshot.status))
}
