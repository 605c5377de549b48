//! The task that owns a socket: reads and writes frames, keeps the connection alive, and detects when it is dead.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Bytes, Message as WsMessage, error::CapacityError},
};

use crate::{
    error::Closed,
    frame::{self, Message, Refusal},
    notification::{self, Notification},
    skipped::{Skipped, SkippedFrames},
};

/// Number of notifications kept beyond the queue while calls wait for their answers, in multiples of the queue size.
const OVERRUN: usize = 16;
/// Total size in bytes of the waiting notifications, as received.
const WAITING: usize = 4 << 20;
/// Largest size of a notification in bytes. Moonraker's have a few thousand.
const NOTIFICATION: usize = 256 * 1024;
/// Time limit for closing the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
pub(crate) type Reply = oneshot::Sender<Result<Option<Box<RawValue>>, Refusal>>;

/// A notification that waits to be read. In a box, because a channel keeps room for 32 or more messages, also while it
/// is empty.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) notification: Notification,
    /// Released when the notification is read, or dropped with a queue.
    _room: Room,
}

/// The share of a notification in the limit for waiting bytes.
#[derive(Debug)]
struct Room {
    bytes: usize,
    shared: Arc<Shared>,
}

impl Room {
    fn take(bytes: usize, shared: &Arc<Shared>) -> Self {
        shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        Self {
            bytes,
            shared: Arc::clone(shared),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A call to send. In a box, as [`Waiting`].
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) text: String,
    pub(crate) reply: Reply,
}

/// State that the parts of a connection share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Set before the last notification is delivered and the open calls fail.
    pub(crate) closed: OnceLock<Closed>,
    pub(crate) skipped: SkippedFrames,
    /// Bytes of the waiting notifications.
    pub(crate) waiting: AtomicUsize,
}

pub(crate) struct Link {
    pub(crate) socket: Socket,
    pub(crate) calls: mpsc::Receiver<Box<Call>>,
    pub(crate) notifications: mpsc::Sender<Box<Waiting>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ping_interval: Duration,
    pub(crate) dead_after: Duration,
}

impl Link {
    /// Serves the connection until it ends or all its users are dropped.
    pub(crate) async fn run(self) {
        let Self {
            mut socket,
            calls,
            notifications,
            shared,
            ping_interval,
            dead_after,
        } = self;
        let now = Instant::now();
        let mut state = State {
            queue: VecDeque::new(),
            open: HashMap::new(),
            last_frame_at: now,
            next_ping: now + ping_interval,
            calls,
            notifications,
            ping_interval,
            dead_after,
            shared: Arc::clone(&shared),
        };
        let reason = state.serve(&mut socket).await;
        let ended_by_us = !matches!(reason, Closed::Broken(_) | Closed::Silent { .. });
        // The reason is set first and the channels are closed afterwards, so it is there for readers that see a closed
        // channel.
        let _ = shared.closed.set(reason);
        drop(state);
        if ended_by_us {
            let _ = timeout(CLOSE_TIMEOUT, async {
                if socket.close(None).await.is_ok() {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            })
            .await;
        }
    }
}

struct State {
    /// Notifications that do not fit into the channel.
    queue: VecDeque<Box<Waiting>>,
    open: HashMap<u64, Reply>,
    last_frame_at: Instant,
    next_ping: Instant,
    calls: mpsc::Receiver<Box<Call>>,
    notifications: mpsc::Sender<Box<Waiting>>,
    ping_interval: Duration,
    dead_after: Duration,
    shared: Arc<Shared>,
}

impl State {
    async fn serve(&mut self, socket: &mut Socket) -> Closed {
        // A clone, because its permit must outlive the borrow of `self`.
        let notifications = self.notifications.clone();
        let mut clients_gone = false;
        loop {
            if clients_gone && notifications.is_closed() {
                return Closed::ByUs;
            }
            // If the queue is full, stop reading the socket too, so that the printer's side buffers the rest. While a
            // call waits, keep reading: its answer comes after those notifications.
            let reading = self.queue.is_empty() || self.waits_for_answer();
            let limit = OVERRUN * notifications.max_capacity();
            if self.queue.len() > limit || self.shared.waiting.load(Ordering::Relaxed) > WAITING {
                return Closed::Overrun { limit };
            }
            tokio::select! {
                call = self.calls.recv(), if !clients_gone => match call {
                    Some(call) => {
                        if let Err(closed) = self.send_call(socket, call).await {
                            return closed;
                        }
                    }
                    None => clients_gone = true,
                },
                frame = socket.next(), if reading => match frame {
                    Some(Ok(frame)) => {
                        self.last_frame_at = Instant::now();
                        if let Some(closed) = self.frame(frame) {
                            return closed;
                        }
                    }
                    Some(Err(cause)) => return broken(cause),
                    None => return Closed::ByPrinter { code: None, reason: String::new() },
                },
                permit = notifications.reserve(), if !self.queue.is_empty() => {
                    match (permit, self.queue.pop_front()) {
                        (Ok(permit), Some(notification)) => permit.send(notification),
                        // The receiver was dropped.
                        (Err(_), _) | (_, None) => self.queue.clear(),
                    }
                }
                () = notifications.closed(), if clients_gone => {}
                () = sleep_until(self.next_ping.min(self.last_frame_at + self.dead_after)), if reading => {
                    if let Err(closed) = self.keep_alive(socket).await {
                        return closed;
                    }
                }
            }
            // While printlog does not read, silence does not mean that the connection is dead.
            if !reading {
                self.last_frame_at = Instant::now();
            }
        }
    }

    fn waits_for_answer(&mut self) -> bool {
        self.open.retain(|_, reply| !reply.is_closed());
        !self.open.is_empty()
    }

    async fn send_call(&mut self, socket: &mut Socket, call: Box<Call>) -> Result<(), Closed> {
        let Call { id, text, reply } = *call;
        if reply.is_closed() {
            return Ok(());
        }
        self.open.insert(id, reply);
        self.send(socket, WsMessage::text(text)).await
    }

    async fn keep_alive(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        let now = Instant::now();
        if now >= self.last_frame_at + self.dead_after {
            return Err(Closed::Silent {
                limit: self.dead_after,
            });
        }
        if now >= self.next_ping {
            self.next_ping = now + self.ping_interval;
            // Calls whose callers gave up and whose answers never arrived.
            self.open.retain(|_, reply| !reply.is_closed());
            self.send(socket, WsMessage::Ping(Bytes::new())).await?;
        }
        Ok(())
    }

    async fn send(&mut self, socket: &mut Socket, message: WsMessage) -> Result<(), Closed> {
        match timeout(self.dead_after, socket.send(message)).await {
            Ok(sent) => sent.map_err(broken),
            Err(_) => Err(Closed::Silent {
                limit: self.dead_after,
            }),
        }
    }

    fn frame(&mut self, frame: WsMessage) -> Option<Closed> {
        match frame {
            WsMessage::Text(text) => frame::read(&text, |message| match message {
                Ok(Message::Answer { id, result }) => self.answer(id, result, &text),
                Ok(Message::Notification { method, params }) => self.notification(method, params, &text),
                Err(cause) => self
                    .shared
                    .skipped
                    .log(Skipped::Malformed, &text, &cause.to_string()),
            }),
            WsMessage::Binary(bytes) => {
                self.shared
                    .skipped
                    .log(Skipped::Binary, "", &format!("{} bytes", bytes.len()));
            }
            WsMessage::Close(close) => {
                let (code, reason) = close.map_or((None, String::new()), |close| {
                    (Some(close.code.into()), close.reason.to_string())
                });
                return Some(Closed::ByPrinter { code, reason });
            }
            // The library answers pings when it is polled next.
            WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => {}
        }
        None
    }

    fn answer(&mut self, id: Option<u64>, result: Result<Option<&RawValue>, Refusal>, frame: &str) {
        let reply = id.and_then(|id| self.open.remove(&id));
        let answered =
            reply.is_some_and(|reply| reply.send(result.map(|raw| raw.map(ToOwned::to_owned))).is_ok());
        if !answered {
            self.shared
                .skipped
                .log(Skipped::UnexpectedAnswer, frame, "no open call has this id");
        }
    }

    fn notification(&mut self, method: &str, params: Option<&RawValue>, frame: &str) {
        let bytes = params.map_or(0, |params| params.get().len()) + method.len();
        let (queue, shared) = (&mut self.queue, &self.shared);
        let mut push = |notification| {
            queue.push_back(Box::new(Waiting {
                notification,
                _room: Room::take(bytes, shared),
            }));
        };
        let read = match bytes {
            0..=NOTIFICATION => notification::read(method, params, &mut push),
            _ => Err(serde::de::Error::custom("longer than any notification")),
        };
        if let Err(cause) = read {
            // No known method has a name this long.
            let method = method[..method.floor_char_boundary(64)].to_owned();
            push(Notification::Other { method });
            self.shared
                .skipped
                .log(Skipped::Malformed, frame, &cause.to_string());
        }
        while let Some(notification) = self.queue.pop_front() {
            match self.notifications.try_send(notification) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(notification)) => {
                    self.queue.push_front(notification);
                    break;
                }
            }
        }
    }
}

fn broken(cause: tungstenite::Error) -> Closed {
    match cause {
        // Seen after a killed process and a pulled plug.
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            Closed::ByPrinter {
                code: None,
                reason: String::new(),
            }
        }
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            Closed::TooLarge { limit: max_size }
        }
        cause => Closed::Broken(Arc::new(cause)),
    }
}
