//! Tries an address and a key once, to tell a person what is wrong with them.

use crate::{Client, ConnectError, ConnectOptions, Endpoint, RequestError, connect};

/// A printer that can be logged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProbeReport {
    /// `None` if it does not tell.
    pub moonraker_version: Option<String>,
    /// `ready`, or why not: `disconnected`, `startup`, `error`, `shutdown`. `None` if it does not tell.
    pub klippy_state: Option<String>,
    /// Klippy's words on its state. `None` if it is ready, or not there to ask.
    pub klippy_message: Option<String>,
    /// Of the printer's host. `None` while Klippy is not there to ask.
    pub hostname: Option<String>,
}

impl ProbeReport {
    /// Whether the printer could print now. A printer that could not can be logged all the same.
    #[must_use]
    pub fn klippy_is_ready(&self) -> bool {
        self.klippy_state.as_deref() == Some("ready")
    }
}

/// Why a printer cannot be logged.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody there, or somebody else.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is a Moonraker, but it wants a key.
    #[error(
        "the printer wants an API key; Moonraker shows it in its front end's settings, or at /access/api_key"
    )]
    KeyNeeded,
    /// There is a Moonraker, but it does not accept this key.
    #[error(
        "the printer does not accept this API key; Moonraker 0.11 and later refuse a wrong key even from addresses \
         that need none, so try without, too"
    )]
    WrongKey,
    /// A WebSocket is there, but it does not answer as Moonraker does.
    #[error("something answers at {url}, but not as Moonraker does")]
    NotMoonraker {
        /// Where we asked.
        url: String,
        /// How it failed.
        source: RequestError,
    },
}

/// Connects, tests the rights, asks for the state, and disconnects.
///
/// # Errors
/// Says in plain words why the printer cannot be logged.
pub async fn probe(endpoint: &Endpoint, options: &ConnectOptions) -> Result<ProbeReport, ProbeError> {
    let (client, _notifications) = connect(endpoint, options).await?;
    ask(&client).await.map_err(|cause| match cause {
        RequestError::Unauthorized { key_given: true, .. } => ProbeError::WrongKey,
        RequestError::Unauthorized { key_given: false, .. } => ProbeError::KeyNeeded,
        source => ProbeError::NotMoonraker {
            url: endpoint.websocket_url().to_string(),
            source,
        },
    })
}

async fn ask(client: &Client) -> Result<ProbeReport, RequestError> {
    client
        .identify("printlog-test", env!("CARGO_PKG_VERSION"))
        .await?;
    let server = client.server_info().await?;
    // Without Klippy it is refused; the state says so.
    let printer = match client.printer_info().await {
        Ok(printer) => Some(printer),
        Err(RequestError::Refused { .. }) => None,
        Err(cause) => return Err(cause),
    };
    let mut report = ProbeReport {
        moonraker_version: server.moonraker_version,
        klippy_state: server.klippy_state,
        ..ProbeReport::default()
    };
    if let Some(printer) = printer {
        report.hostname = printer.hostname;
        report.klippy_message = printer
            .state_message
            .filter(|_| !report.klippy_is_ready())
            .map(|message| message.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|message| !message.is_empty());
    }
    Ok(report)
}
