//! Opens a connection, and says in plain words why it cannot.

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

/// Calls that may wait to be sent.
const CALL_QUEUE: usize = 16;
/// A printer's frames are small; the library's 128 KiB a connection are not.
const READ_BUFFER: usize = 8 * 1024;

/// How patient a connection is, and how much it keeps.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// For name lookup, TCP, TLS and the handshake together.
    pub connect_timeout: Duration,
    /// For the answer to one call. A Raspberry Pi may need seconds for a big page of its history.
    pub call_timeout: Duration,
    /// Between our pings. Some Moonrakers send none of their own.
    pub ping_interval: Duration,
    /// Without any frame for so long, the connection is dead.
    pub dead_after: Duration,
    /// Biggest message that is accepted, in bytes; a bigger one ends the connection. A history of 100,000 jobs in one
    /// answer would be 114 MB, a page of 500 is 0.6 MB.
    pub max_message_size: usize,
    /// Notifications that may wait to be fetched.
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

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name is not known.
    #[error("cannot find the host `{host}`; check the name, or use the printer's IP address")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The host answers, but nothing listens there.
    #[error("nothing listens at {host}:{port}; is Moonraker running, and is it this port?")]
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
        /// What the system said.
        source: io::Error,
    },
    /// The host, or Moonraker, took too long.
    #[error("no connection to {host}:{port} within {limit:?}; is the printer switched on?")]
    Timeout {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// How long we waited.
        limit: Duration,
    },
    /// A certificate that is not trusted.
    #[error("the certificate of {host}:{port} {why}")]
    Certificate {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What is wrong, and what to do.
        why: String,
    },
    /// No TLS.
    #[error("cannot agree on TLS with {host}:{port}")]
    Tls {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What is wrong.
        source: io::Error,
    },
    /// A web server answered, but not with a WebSocket.
    #[error("{url} is not Moonraker's WebSocket: HTTP status {status}")]
    NotMoonraker {
        /// Where we asked.
        url: String,
        /// What it answered.
        status: u16,
    },
    /// HTTP 500, which is how Moonraker refuses a WebSocket too many.
    #[error(
        "{url} failed with HTTP status 500; mostly that means too many open connections to this Moonraker"
    )]
    TooManyConnections {
        /// Where we asked.
        url: String,
    },
    /// A reverse proxy wants a login of its own.
    #[error(
        "{url} wants a login, or another one (HTTP status {status}); Moonraker itself never does at this point, so a proxy \
         before it does: put the login into the printer's address, as in http://USER:PASSWORD@HOST"
    )]
    ProxyLogin {
        /// Where we asked.
        url: String,
        /// 401, 403 or 407.
        status: u16,
    },
    /// A reverse proxy does not reach Moonraker.
    #[error("the proxy at {url} cannot reach Moonraker (HTTP status {status})")]
    Gateway {
        /// Where we asked.
        url: String,
        /// 502, 503 or 504.
        status: u16,
    },
    /// The connection was accepted, and ended before an answer came.
    #[error("{url} hung up without an answer; Moonraker may be starting or stopping")]
    HungUp {
        /// Where we asked.
        url: String,
        /// How it ended.
        source: tungstenite::Error,
    },
    /// Something else than a web server is there.
    #[error("{url} does not speak the WebSocket protocol")]
    Protocol {
        /// Where we asked.
        url: String,
        /// What is wrong.
        source: tungstenite::Error,
    },
}

impl ConnectError {
    /// Whether that is what a printer looks like that is switched off: names of a home network go with their hosts.
    #[must_use]
    pub fn may_be_switched_off(&self) -> bool {
        matches!(
            self,
            Self::UnknownHost { .. } | Self::Unreachable { .. } | Self::Timeout { .. }
        )
    }
}

/// Opens a connection. It is not known yet whether the key is accepted: see [`Client::server_info`].
///
/// # Errors
/// If there is no Moonraker at the other end, or nobody at all.
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
    // Ends by itself when the socket does, or when its two users are dropped.
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
            // A failure costs some milliseconds of delay only.
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
