//! Why a call failed, and why a connection ended.

use std::{sync::Arc, time::Duration};

use tokio_tungstenite::tungstenite;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Moonraker or Klipper refused the call.
    #[error("printer refused `{method}` (code {code}): {message}")]
    Refused {
        /// The method.
        method: &'static str,
        /// JSON-RPC's code; usually an HTTP status.
        code: i64,
        /// Moonraker's message.
        message: String,
    },
    /// Not authorized. An unauthorized connection gets no notifications either, so a silent printer may not be idle.
    #[error("{}", unauthorized(*.key_given, .message))]
    Unauthorized {
        /// The method.
        method: &'static str,
        /// Whether a key was sent.
        key_given: bool,
        /// Moonraker's message.
        message: String,
    },
    /// No answer arrived in time. The printer may have executed the call nevertheless.
    #[error("no answer to `{method}` within {limit:?}")]
    Timeout {
        /// The method.
        method: &'static str,
        /// The timeout that passed.
        limit: Duration,
    },
    /// The connection ended before an answer arrived.
    #[error("lost the connection while waiting for `{method}`")]
    Lost {
        /// The method.
        method: &'static str,
        /// Why it ended.
        source: Closed,
    },
    /// The answer has an unexpected form.
    #[error("cannot read the answer to `{method}`")]
    Unreadable {
        /// The method.
        method: &'static str,
        /// The cause.
        source: serde_json::Error,
    },
}

impl RequestError {
    /// Whether Moonraker reports that something does not exist (HTTP's 404). JSON-RPC gives it the code of an unknown
    /// method.
    pub(crate) fn is_not_found(&self, begins: &str) -> bool {
        match self {
            Self::Refused {
                code: -32601 | 404,
                message,
                ..
            } => message.starts_with(begins),
            _ => false,
        }
    }

    /// Whether Moonraker itself failed. 0.9 and older use the code -31000 for this.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: 500 | -31000 | -32603,
                ..
            }
        )
    }
}

fn unauthorized(key_given: bool, message: &str) -> String {
    if key_given {
        format!(
            "the printer does not accept the API key ({message}); Moonraker 0.11 and later refuse a wrong key even \
             from addresses that need none"
        )
    } else {
        format!("the printer requires an API key ({message})")
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Closed {
    /// The printer closed it. The code 1000 does not prove an intended end: Moonraker also uses it for a missed ping.
    #[error("the printer closed the connection ({})", describe(*.code, .reason))]
    ByPrinter {
        /// WebSocket close code. `None` if the connection ended without a close frame, for example after a crash.
        code: Option<u16>,
        /// Moonraker's reason; may be empty.
        reason: String,
    },
    /// No frame arrived, not even a pong.
    #[error("no data from the printer for {limit:?}")]
    Silent {
        /// The timeout that passed.
        limit: Duration,
    },
    /// A message was larger than a connection accepts.
    #[error("the printer sent a message of more than {} MiB", .limit >> 20)]
    TooLarge {
        /// Limit in bytes.
        limit: usize,
    },
    /// The network or the protocol failed.
    #[error("the connection failed")]
    Broken(#[source] Arc<tungstenite::Error>),
    /// Too many notifications arrived that were not read while calls waited for their answers.
    #[error("more than {limit} notifications are waiting to be processed")]
    Overrun {
        /// How many notifications are kept.
        limit: usize,
    },
    /// Closed by printlog.
    #[error("printlog closed the connection")]
    ByUs,
}

fn describe(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (Some(code), "") => format!("code {code}"),
        (Some(code), reason) => format!("code {code}: {reason}"),
        (None, _) => "without a close frame".to_owned(),
    }
}
