//! A TCP proxy between a client and Moonraker that can be cut, frozen and restored.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A link to one server. It is closed with all its connections when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    link: watch::Sender<Link>,
    count: Arc<Count>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Up,
    Frozen,
    Cut,
}

#[derive(Debug, Default)]
struct Count {
    open: AtomicUsize,
    opened: AtomicUsize,
}

impl Proxy {
    /// Opens a link to `127.0.0.1:port`. The server need not be listening yet.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("could not open the proxy's port")?;
        let address = listener.local_addr().context("could not read the proxy's port")?;
        let (link, watched) = watch::channel(Link::Up);
        let count = Arc::new(Count::default());
        let task = tokio::spawn(serve(listener, port, watched, Arc::clone(&count)));
        Ok(Self {
            address,
            link,
            count,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Resets all connections, and every new one as soon as it is accepted.
    pub fn cut(&self) {
        self.link.send_replace(Link::Cut);
    }

    /// Stops all traffic, while connections stay open and new ones are accepted: a network that drops every packet.
    pub fn freeze(&self) {
        self.link.send_replace(Link::Frozen);
    }

    /// Restores the link. Data held back by [`Self::freeze`] is sent now.
    pub fn restore(&self) {
        self.link.send_replace(Link::Up);
    }

    /// Number of open connections.
    pub fn open_connections(&self) -> usize {
        self.count.open.load(Ordering::SeqCst)
    }

    /// Number of connections made so far, without those refused by a cut link.
    pub fn connections_made(&self) -> usize {
        self.count.opened.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, port: u16, link: watch::Receiver<Link>, count: Arc<Count>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connect(client, port, link.clone(), Arc::clone(&count)));
    }
}

async fn connect(mut client: TcpStream, port: u16, link: watch::Receiver<Link>, count: Arc<Count>) {
    if *link.borrow() != Link::Cut {
        let _open = Open::new(count);
        let mut watched = link.clone();
        tokio::select! {
            () = relay(&mut client, port, &link) => return, // ended by one of the two sides
            _ = watched.wait_for(|link| *link == Link::Cut) => {}
        }
    }
    // If the connection cannot be reset, it is closed, which has nearly the same effect.
    _ = client.set_zero_linger();
}

async fn relay(client: &mut TcpStream, port: u16, link: &watch::Receiver<Link>) {
    wait_while_frozen(link).await;
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        _ = client.set_zero_linger();
        return;
    };
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    tokio::join!(
        pump(client_read, server_write, link),
        pump(server_read, client_write, link)
    );
}

/// Copies bytes in one direction until the source ends, then shuts down the destination.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, link: &watch::Receiver<Link>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        wait_while_frozen(link).await;
        let Ok(length @ 1..) = from.read(&mut bytes).await else {
            break;
        };
        wait_while_frozen(link).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
    _ = to.shutdown().await;
}

async fn wait_while_frozen(link: &watch::Receiver<Link>) {
    // The sender outlives every connection, so this ends only when the link is no longer frozen.
    _ = link.clone().wait_for(|link| *link != Link::Frozen).await;
}

/// Counts a connection while it is open.
struct Open(Arc<Count>);

impl Open {
    fn new(count: Arc<Count>) -> Self {
        count.open.fetch_add(1, Ordering::SeqCst);
        count.opened.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
