//! Why a call failed, and why a connection ended.

use std::{sync::Arc, time::Duration};

use tokio_tungstenite::tungstenite;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Moonraker or Klipper said no.
    #[error("printer refused `{method}` (code {code}): {message}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// JSON-RPC's code; mostly an HTTP status.
        code: i64,
        /// Moonraker's words.
        message: String,
    },
    /// No right to ask. Without rights there are no notifications either: silence is not idleness.
    #[error("{}", unauthorized(*.key_given, .message))]
    Unauthorized {
        /// What was asked.
        method: &'static str,
        /// Whether we gave a key.
        key_given: bool,
        /// Moonraker's words.
        message: String,
    },
    /// No answer in time. The printer may have done it all the same.
    #[error("no answer to `{method}` within {limit:?}")]
    Timeout {
        /// What was asked.
        method: &'static str,
        /// How long we waited.
        limit: Duration,
    },
    /// The connection ended first.
    #[error("lost the connection while waiting for `{method}`")]
    Lost {
        /// What was asked.
        method: &'static str,
        /// Why it ended.
        source: Closed,
    },
    /// The answer is not what it should be.
    #[error("cannot read the answer to `{method}`")]
    Unreadable {
        /// What was asked.
        method: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl RequestError {
    /// Whether Moonraker says that there is no such thing (HTTP's 404), which JSON-RPC gives the code of an unknown
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

    /// Whether Moonraker failed by itself. 0.9 and older have the code -31000 for it.
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
        format!("the printer wants an API key ({message})")
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Closed {
    /// The printer closed it. The code 1000 is no proof of a wanted end: Moonraker also uses it for a missed ping.
    #[error("the printer closed the connection ({})", describe(*.code, .reason))]
    ByPrinter {
        /// WebSocket close code. `None` if the connection ended without a word, as after a crash.
        code: Option<u16>,
        /// Moonraker's words; may be empty.
        reason: String,
    },
    /// Nothing came, not even the answer to our ping.
    #[error("nothing came from the printer for {limit:?}")]
    Silent {
        /// How long we waited.
        limit: Duration,
    },
    /// A message was larger than a connection accepts.
    #[error("the printer sent a message of more than {} MiB", .limit >> 20)]
    TooLarge {
        /// Bytes that are accepted.
        limit: usize,
    },
    /// The network or the protocol failed.
    #[error("the connection broke")]
    Broken(#[source] Arc<tungstenite::Error>),
    /// Notifications were not fetched while calls waited for their answers, and grew too many to keep.
    #[error("more than {limit} notifications waited to be read")]
    Overrun {
        /// How many are kept.
        limit: usize,
    },
    /// Our side dropped it.
    #[error("closed by us")]
    ByUs,
}

fn describe(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (Some(code), "") => format!("code {code}"),
        (Some(code), reason) => format!("code {code}: {reason}"),
        (None, _) => "without a close frame".to_owned(),
    }
}
