//! Why a printer is not connected: a stable code with its variable parts, so that clients can translate the sentence.

use std::time::Duration;

use moonraker::{ConnectError, EndpointError, ProbeError, RequestError};
use serde::Serialize;
use strum_macros::EnumDiscriminants;
use utoipa::ToSchema;

use crate::error_chain::ErrorChain;

/// Why a printer is not connected, or cannot be recorded.
///
/// The name of a variant is its code in the API, and its fields are the `params` there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, EnumDiscriminants)]
#[serde(untagged)]
#[strum_discriminants(
    name(ConnectionTroubleCode),
    vis(pub(crate)),
    derive(Serialize, ToSchema),
    serde(rename_all = "snake_case"),
    doc = "Stable name of the reason for which a printer is not connected."
)]
pub enum ConnectionTrouble {
    /// The printer was added a moment ago.
    JustAdded,
    /// The address is empty.
    AddressEmpty,
    /// The address is no URL.
    AddressUnreadable {
        /// The address as given.
        url: String,
    },
    /// Moonraker does not support the scheme.
    AddressScheme {
        /// The scheme as given.
        scheme: String,
    },
    /// The address has a part that would be ignored.
    AddressPart {
        /// Which part.
        part: &'static str,
    },
    /// The API key cannot be sent in a header.
    KeyCharacters,
    /// The host name cannot be resolved.
    UnknownHost {
        /// Its name.
        host: String,
    },
    /// Nothing listens at the port.
    NothingListens {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The network reports an error.
    HostUnreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The error.
        detail: String,
    },
    /// No connection within the time limit.
    ConnectTimeout {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The limit.
        seconds: u64,
    },
    /// The certificate is not valid.
    Certificate {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What is wrong with it.
        detail: String,
    },
    /// The TLS handshake failed.
    TlsFailed {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The error.
        detail: String,
    },
    /// Another server is at this address.
    NotMoonraker {
        /// The URL of the request.
        url: String,
    },
    /// Moonraker has too many open connections.
    TooManyConnections {
        /// The URL of the request.
        url: String,
    },
    /// A proxy requires a login.
    ProxyLogin {
        /// The URL of the request.
        url: String,
    },
    /// A proxy cannot reach Moonraker.
    ProxyFails {
        /// The URL of the request.
        url: String,
    },
    /// The server closed the connection without an answer.
    HungUp {
        /// The URL of the request.
        url: String,
    },
    /// Moonraker requires an API key.
    KeyNeeded,
    /// Moonraker does not accept the API key.
    KeyRefused,
    /// The stored API key cannot be decrypted.
    StoredKeyUnreadable,
    /// No answer within the time limit.
    AnswerTimeout {
        /// The limit.
        seconds: u64,
    },
    /// The state of the print cannot be read.
    NoPrint,
    /// Klipper is not ready.
    KlipperNotReady {
        /// Its state.
        state: String,
    },
    /// The connection ended.
    ConnectionEnded {
        /// Why.
        detail: String,
    },
    /// The database does not accept what the printer reports.
    DatabaseFails,
    /// Any other reason.
    Other {
        /// The English sentence.
        detail: String,
    },
}

impl From<&EndpointError> for ConnectionTrouble {
    fn from(cause: &EndpointError) -> Self {
        match cause {
            EndpointError::Empty => Self::AddressEmpty,
            EndpointError::Syntax { url, .. } => Self::AddressUnreadable { url: url.clone() },
            EndpointError::Scheme { scheme } => Self::AddressScheme {
                scheme: scheme.clone(),
            },
            EndpointError::Part { part } => Self::AddressPart { part },
            EndpointError::Key => Self::KeyCharacters,
        }
    }
}

impl From<&ConnectError> for ConnectionTrouble {
    fn from(cause: &ConnectError) -> Self {
        match cause {
            ConnectError::UnknownHost { host, .. } => Self::UnknownHost { host: host.clone() },
            ConnectError::Refused { host, port } => Self::NothingListens {
                host: host.clone(),
                port: *port,
            },
            ConnectError::Unreachable { host, port, source } => Self::HostUnreachable {
                host: host.clone(),
                port: *port,
                detail: source.to_string(),
            },
            ConnectError::Timeout { host, port, limit } => Self::ConnectTimeout {
                host: host.clone(),
                port: *port,
                seconds: seconds(*limit),
            },
            ConnectError::Certificate { host, port, why } => Self::Certificate {
                host: host.clone(),
                port: *port,
                detail: why.clone(),
            },
            ConnectError::Tls { host, port, source } => Self::TlsFailed {
                host: host.clone(),
                port: *port,
                detail: source.to_string(),
            },
            ConnectError::NotMoonraker { url, .. } | ConnectError::Protocol { url, .. } => {
                Self::NotMoonraker { url: url.clone() }
            }
            ConnectError::TooManyConnections { url } => Self::TooManyConnections { url: url.clone() },
            ConnectError::ProxyLogin { url, .. } => Self::ProxyLogin { url: url.clone() },
            ConnectError::Gateway { url, .. } => Self::ProxyFails { url: url.clone() },
            ConnectError::HungUp { url, .. } => Self::HungUp { url: url.clone() },
        }
    }
}

impl From<&RequestError> for ConnectionTrouble {
    fn from(cause: &RequestError) -> Self {
        match cause {
            RequestError::Unauthorized { key_given: false, .. } => Self::KeyNeeded,
            RequestError::Unauthorized { key_given: true, .. } => Self::KeyRefused,
            RequestError::Timeout { limit, .. } => Self::AnswerTimeout {
                seconds: seconds(*limit),
            },
            RequestError::Lost { source, .. } => Self::ConnectionEnded {
                detail: ErrorChain(source).to_string(),
            },
            RequestError::Refused { .. } | RequestError::Unreadable { .. } => Self::other(cause),
        }
    }
}

impl From<&ProbeError> for ConnectionTrouble {
    fn from(cause: &ProbeError) -> Self {
        match cause {
            ProbeError::Connect(cause) => cause.into(),
            ProbeError::KeyNeeded => Self::KeyNeeded,
            ProbeError::WrongKey => Self::KeyRefused,
            ProbeError::NotMoonraker { url, .. } => Self::NotMoonraker { url: url.clone() },
            ProbeError::NoPrint { .. } | ProbeError::NoPrintStats => Self::NoPrint,
        }
    }
}

impl ConnectionTrouble {
    pub(crate) fn other(cause: &(dyn std::error::Error + 'static)) -> Self {
        Self::Other {
            detail: ErrorChain(cause).to_string(),
        }
    }
}

/// Rounded up, so that a short limit is not 0.
fn seconds(limit: Duration) -> u64 {
    limit.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
