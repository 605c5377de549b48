//! The sockets of a printer.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, interval_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tracing::debug;

use crate::{
    connections::{OUTBOX, Out},
    http::{Head, Response},
    model::Model,
    thumbnail,
};

/// Maximum number of WebSockets that Moonraker serves.
const MAX_WEBSOCKETS: usize = 50;
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// State of the printer's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Up,
    /// Connections break, and new ones fail.
    Cut,
    /// Connections stay open, but no data is transferred.
    Frozen,
}

/// A printer, shared by its tasks.
#[derive(Clone)]
pub(crate) struct Shared {
    model: Arc<Mutex<Model>>,
    pub(crate) network: watch::Sender<Network>,
    /// Whether the printer's time is frozen.
    pub(crate) held: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(model: Model) -> Self {
        Self {
            model: Arc::new(Mutex::new(model)),
            network: watch::Sender::new(Network::Up),
            held: watch::Sender::new(false),
        }
    }

    /// The printer's model. The guard is never held across an await.
    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        // The model is consistent between two steps, and a panic within one has already failed its test.
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Advances the printer's time, one status update at a time.
    pub(crate) async fn tick(self, updates_per_second: f64) {
        let mut interval = interval(Duration::from_secs_f64(1.0 / updates_per_second));
        // Delayed ticks are executed in a burst, so that the clocks stay correct in the long run.
        interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut held = self.held.subscribe();
        loop {
            interval.tick().await;
            if *held.borrow_and_update() {
                if held.wait_for(|held| !held).await.is_err() {
                    return;
                }
                interval.reset();
                continue;
            }
            self.model().tick();
        }
    }

    /// Accepts clients.
    pub(crate) async fn listen(self, listener: TcpListener) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let shared = self.clone();
                        clients.spawn(async move {
                            if let Err(cause) = shared.serve(stream).await {
                                debug!("a client of a simulated printer is gone: {cause}");
                            }
                        });
                    }
                    // Out of file descriptors: wait until some are released.
                    Err(cause) => {
                        debug!("a simulated printer cannot accept: {cause}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = clients.join_next(), if !clients.is_empty() => {}
            }
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut network = self.network.subscribe();
        while *network.borrow_and_update() == Network::Frozen {
            if network.changed().await.is_err() {
                return Ok(());
            }
        }
        let mut buffer = Vec::new();
        loop {
            if !self.answers() {
                return Ok(());
            }
            let head = tokio::select! {
                head = Head::read(&mut stream, &mut buffer) => head?,
                _ = network.changed() => None,
            };
            let Some(head) = head.filter(|_| self.answers()) else {
                return Ok(());
            };
            if head.wants_websocket() {
                return self.serve_websocket(stream, buffer, &head, network).await;
            }
            let response = self.route(&head);
            let pause = self.model().config.file_pause;
            response.write(&mut stream, head.method != "HEAD", pause).await?;
        }
    }

    fn answers(&self) -> bool {
        *self.network.borrow() == Network::Up && self.model().moonraker.is_some()
    }

    fn route(&self, head: &Head) -> Response {
        let mut model = self.model();
        let path = head.path.as_str();
        if !model.accepts_key(head.api_key.as_deref()) && path != "/access/info" {
            return Response::error(401, "Unauthorized");
        }
        if let Some(name) = path.strip_prefix("/server/files/gcodes/") {
            let response = match model.files.get(name) {
                Some(file) => Response::file(file, head),
                None if name.contains(".thumbs/") && name.ends_with(".png") => {
                    Response::bytes("image/png", thumbnail::png(name))
                }
                None => Response::error(404, "Not Found"),
            };
            let counters = &model.connections.counters;
            counters.file_reads.fetch_add(1, Ordering::Relaxed);
            counters
                .file_bytes
                .fetch_add(response.length(), Ordering::Relaxed);
            return response;
        }
        let method = match path {
            "/access/info" => "access.info",
            "/access/oneshot_token" => "access.oneshot_token",
            "/server/info" => "server.info",
            "/printer/info" => "printer.info",
            "/server/history/totals" => "server.history.totals",
            "/server/files/list" => "server.files.list",
            _ => return Response::error(404, "Not Found"),
        };
        match model.http_call(method) {
            Some(result) => Response::json(&serde_json::json!({ "result": result })),
            None => Response::error(503, "Klippy Host not connected"),
        }
    }

    async fn serve_websocket(
        &self,
        mut stream: TcpStream,
        buffer: Vec<u8>,
        head: &Head,
        network: watch::Receiver<Network>,
    ) -> io::Result<()> {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let id = {
            let mut model = self.model();
            if model.moonraker.is_none() {
                return Ok(());
            }
            if model.connections.list.len() < MAX_WEBSOCKETS {
                let token = head.query_value("token");
                let authorized = match token {
                    Some(token) => model.takes_token(&token),
                    None => model.accepts_key(head.api_key.as_deref()),
                };
                Some(model.connections.open(outbox, authorized))
            } else {
                None
            }
        };
        let Some(id) = id else {
            return Response::too_many_websockets()
                .write(&mut stream, true, None)
                .await;
        };
        // Unregisters the connection even if this task is aborted.
        let _closed = Closed { shared: self, id };
        head.accept_websocket(&mut stream).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(8 * 1024)
            .write_buffer_size(0);
        let socket = WebSocketStream::from_partially_read(stream, buffer, Role::Server, Some(config)).await;
        Client {
            shared: self,
            id,
            socket,
            inbox,
            network,
        }
        .run()
        .await;
        Ok(())
    }
}

struct Closed<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.shared.model().connections.closed(self.id);
    }
}

/// One WebSocket.
struct Client<'a> {
    shared: &'a Shared,
    id: u64,
    socket: WebSocketStream<TcpStream>,
    inbox: mpsc::Receiver<Out>,
    network: watch::Receiver<Network>,
}

impl Client<'_> {
    async fn run(mut self) {
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        let mut last_pong = Instant::now();
        loop {
            let network = *self.network.borrow_and_update();
            match network {
                Network::Up => {}
                Network::Cut => return,
                Network::Frozen => {
                    if self.network.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
            }
            tokio::select! {
                out = self.inbox.recv() => match out {
                    Some(out) => if !self.send(out).await {
                        return;
                    },
                    None => return,
                },
                frame = self.socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => self.shared.model().frame(self.id, &text),
                    // Moonraker treats binary frames as text.
                    Some(Ok(Message::Binary(bytes))) => {
                        self.shared.model().frame(self.id, &String::from_utf8_lossy(&bytes));
                    }
                    Some(Ok(Message::Pong(_))) => last_pong = Instant::now(),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                _ = pings.tick() => {
                    if last_pong.elapsed() > PING_TIMEOUT {
                        self.send(Out::Close(1000, "ping timed out")).await;
                        return;
                    }
                    if self.socket.send(Message::Ping(Bytes::new())).await.is_err() {
                        return;
                    }
                }
                _ = self.network.changed() => {}
            }
        }
    }

    /// Sends all queued frames. `false` when the connection has ended.
    async fn send(&mut self, first: Out) -> bool {
        let mut waiting = VecDeque::from([first]);
        while let Some(out) = waiting.pop_front() {
            let sent = match out {
                Out::Text(text) => self.socket.feed(Message::Text(text)).await,
                Out::Close(code, reason) => {
                    let close = CloseFrame {
                        code: CloseCode::from(code),
                        reason: reason.into(),
                    };
                    if self.socket.close(Some(close)).await.is_ok() {
                        let answer = async { while let Some(Ok(_)) = self.socket.next().await {} };
                        let _ = tokio::time::timeout(Duration::from_secs(2), answer).await;
                    }
                    return false;
                }
                Out::Drop => return false,
            };
            if sent.is_err() {
                return false;
            }
            waiting.extend(self.inbox.try_recv().ok());
        }
        self.socket.flush().await.is_ok()
    }
}
