//! Opens a connection, and explains why that failed.

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    Connector, client_async_tls_with_config,
    tungstenite::{self, client::IntoClientRequest, http::header::AUTHORIZATION, protocol::WebSocketConfig},
};

use crate::{
    Client, Endpoint, Notifications,
    link::{Link, Shared, Socket},
    trust,
};

/// Number of calls that may wait to be sent.
const CALL_QUEUE: usize = 16;
/// A printer's frames are small; the library's default of 128 KiB per connection is too much.
const READ_BUFFER: usize = 8 * 1024;

/// Timeouts and limits of a connection.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Limit for name lookup, TCP, TLS and the handshake together.
    pub connect_timeout: Duration,
    /// Limit for the answer to one call. A Raspberry Pi may need seconds for a large page of its history.
    pub call_timeout: Duration,
    /// Time between our pings. Some Moonrakers send none themselves.
    pub ping_interval: Duration,
    /// A connection without any frame for this long is considered dead.
    pub dead_after: Duration,
    /// Largest message that is accepted, in bytes; a larger one ends the connection. A history of 100,000 jobs in one
    /// answer would be 114 MB, a page of 500 is 0.6 MB.
    pub max_message_size: usize,
    /// Number of notifications that may wait to be read.
    pub notification_queue: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(15),
            dead_after: Duration::from_secs(40),
            max_message_size: 16 << 20,
            notification_queue: 1024,
        }
    }
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host name cannot be resolved.
    #[error("cannot find the host `{host}`; check the name, or use the printer's IP address")]
    UnknownHost {
        /// The name.
        host: String,
        /// Error of the resolver.
        source: io::Error,
    },
    /// The host answers, but the port is closed.
    #[error("nothing listens at {host}:{port}; is Moonraker running, and is the port correct?")]
    Refused {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The host does not answer.
    #[error("cannot reach {host}:{port}")]
    Unreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The host, or Moonraker, took too long.
    #[error("no connection to {host}:{port} within {limit:?}; is the printer switched on?")]
    Timeout {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The timeout that passed.
        limit: Duration,
    },
    /// The certificate is not trusted.
    #[error("the certificate of {host}:{port} {why}")]
    Certificate {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The problem, and what the user can do.
        why: String,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake with {host}:{port} failed")]
    Tls {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
    /// A web server answered, but not with a WebSocket.
    #[error("{url} is not Moonraker's WebSocket: HTTP status {status}")]
    NotMoonraker {
        /// The URL of the request.
        url: String,
        /// HTTP status of the answer.
        status: u16,
    },
    /// HTTP 500: Moonraker refuses a WebSocket when it has too many.
    #[error(
        "{url} answered HTTP status 500; the usual reason is too many open connections to this Moonraker"
    )]
    TooManyConnections {
        /// The URL of the request.
        url: String,
    },
    /// A reverse proxy asks for its own login.
    #[error(
        "{url} requires a login, or refuses the given one (HTTP status {status}); Moonraker itself does not do so here, \
         but a proxy in front of it may: put the login into the printer's address, as in http://USER:PASSWORD@HOST"
    )]
    ProxyLogin {
        /// The URL of the request.
        url: String,
        /// 401, 403 or 407.
        status: u16,
    },
    /// A reverse proxy cannot reach Moonraker.
    #[error("the proxy at {url} cannot reach Moonraker (HTTP status {status})")]
    Gateway {
        /// The URL of the request.
        url: String,
        /// 502, 503 or 504.
        status: u16,
    },
    /// The connection was accepted, and closed before an answer arrived.
    #[error("{url} closed the connection without an answer; Moonraker may be starting or stopping")]
    HungUp {
        /// The URL of the request.
        url: String,
        /// How the connection ended.
        source: tungstenite::Error,
    },
    /// The other end is not a web server.
    #[error("{url} does not speak the WebSocket protocol")]
    Protocol {
        /// The URL of the request.
        url: String,
        /// The cause.
        source: tungstenite::Error,
    },
}

impl ConnectError {
    /// Whether the failure is typical of a printer that is switched off. In a home network the host name disappears
    /// together with the host.
    #[must_use]
    pub fn may_be_switched_off(&self) -> bool {
        matches!(
            self,
            Self::UnknownHost { .. } | Self::Unreachable { .. } | Self::Timeout { .. }
        )
    }
}

/// Opens a connection. This does not show yet whether the key is accepted: see [`Client::server_info`].
///
/// # Errors
/// If no Moonraker answers at the endpoint.
pub async fn connect(
    endpoint: &Endpoint,
    options: &ConnectOptions,
) -> Result<(Client, Notifications), ConnectError> {
    let (host, port) = endpoint.address();
    let limit = options.connect_timeout;
    let socket = timeout(limit, open(endpoint, options))
        .await
        .map_err(|_| ConnectError::Timeout { host, port, limit })??;
    let (calls, call_queue) = mpsc::channel(CALL_QUEUE);
    let (notifications, receiver) = mpsc::channel(options.notification_queue.max(1));
    let shared = Arc::new(Shared::default());
    let link = Link {
        socket,
        calls: call_queue,
        notifications,
        shared: Arc::clone(&shared),
        ping_interval: options.ping_interval,
        dead_after: options.dead_after,
    };
    // Ends when the socket ends, or when the client and the notifications are dropped.
    tokio::spawn(link.run());
    let client = Client {
        calls,
        shared: Arc::clone(&shared),
        next_id: Arc::new(AtomicU64::new(1)),
        call_timeout: options.call_timeout,
        api_key: endpoint.api_key().map(Arc::from),
    };
    Ok((client, Notifications { receiver, shared }))
}

async fn open(endpoint: &Endpoint, options: &ConnectOptions) -> Result<Socket, ConnectError> {
    let stream = open_tcp(endpoint).await?;
    let url = endpoint.websocket_url();
    let protocol = |source| ConnectError::Protocol {
        url: url.to_string(),
        source,
    };
    let mut request = url.as_str().into_client_request().map_err(protocol)?;
    if let Some(key) = endpoint.api_key_header() {
        request.headers_mut().insert("X-Api-Key", key.clone());
    }
    if let Some(login) = endpoint.login_header() {
        request.headers_mut().insert(AUTHORIZATION, login.clone());
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(options.max_message_size))
        .max_frame_size(Some(options.max_message_size));
    let connector = match endpoint.is_tls() {
        true => Connector::Rustls(Arc::clone(&trust::current().tls)),
        false => Connector::Plain,
    };
    let (socket, _) = client_async_tls_with_config(request, stream, Some(config), Some(connector))
        .await
        .map_err(|cause| handshake_failed(endpoint, cause))?;
    Ok(socket)
}

async fn open_tcp(endpoint: &Endpoint) -> Result<TcpStream, ConnectError> {
    let (host, port) = endpoint.address();
    let found = lookup_host((host.as_str(), port))
        .await
        .map(Iterator::collect::<Vec<_>>);
    let addresses = match found {
        Ok(addresses) => addresses,
        Err(source) => return Err(ConnectError::UnknownHost { host, source }),
    };
    match TcpStream::connect(addresses.as_slice()).await {
        Ok(stream) => {
            // A failure only adds a few milliseconds of delay.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Err(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
            Err(ConnectError::Refused { host, port })
        }
        Err(source) => Err(ConnectError::Unreachable { host, port, source }),
    }
}

fn handshake_failed(endpoint: &Endpoint, cause: tungstenite::Error) -> ConnectError {
    let url = endpoint.websocket_url().to_string();
    let (host, port) = endpoint.address();
    match cause {
        tungstenite::Error::Http(response) => match response.status().as_u16() {
            500 => ConnectError::TooManyConnections { url },
            status @ (401 | 403 | 407) => ConnectError::ProxyLogin { url, status },
            status @ (502..=504) => ConnectError::Gateway { url, status },
            status => ConnectError::NotMoonraker { url, status },
        },
        tungstenite::Error::Io(source) if certificate_error(&source).is_some() => ConnectError::Certificate {
            host,
            port,
            why: certificate_error(&source)
                .map(trust::describe)
                .unwrap_or_default(),
        },
        tungstenite::Error::Io(source)
            if source.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) =>
        {
            ConnectError::Tls { host, port, source }
        }
        tungstenite::Error::Tls(cause) => ConnectError::Tls {
            host,
            port,
            source: io::Error::other(cause),
        },
        source @ (tungstenite::Error::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete)
        | tungstenite::Error::Io(_)) => ConnectError::HungUp { url, source },
        source => ConnectError::Protocol { url, source },
    }
}

fn certificate_error(cause: &io::Error) -> Option<&rustls::CertificateError> {
    match cause.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(cause) => Some(cause),
        _ => None,
    }
}
