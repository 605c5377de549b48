//! The clients of a Moonraker, and the frames queued for them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{random::Random, status::Subscription};

/// Maximum number of frames queued for a client. A client that falls further behind is dropped.
pub(crate) const OUTBOX: usize = 8192;

/// A command to a socket task.
#[derive(Debug)]
pub(crate) enum Out {
    Text(Utf8Bytes),
    /// Closes the WebSocket with this code and reason.
    Close(u16, &'static str),
    /// Drops the connection without a close frame.
    Drop,
}

/// Traffic counters of one printer.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sockets_open: AtomicU64,
    pub(crate) sockets_ever: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) file_reads: AtomicU64,
    pub(crate) file_bytes: AtomicU64,
}

/// Traffic totals of one printer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// WebSockets currently open.
    pub sockets_open: u64,
    /// WebSockets opened so far.
    pub sockets_ever: u64,
    /// Calls answered, including those over HTTP.
    pub requests: u64,
    /// Frames sent: responses and notifications.
    pub frames: u64,
    /// Requests for G-code files and their thumbnails.
    pub file_reads: u64,
    /// Bytes of file content sent in response to them.
    pub file_bytes: u64,
}

impl Counters {
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            sockets_open: self.sockets_open.load(Ordering::Relaxed),
            sockets_ever: self.sockets_ever.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
            file_reads: self.file_reads.load(Ordering::Relaxed),
            file_bytes: self.file_bytes.load(Ordering::Relaxed),
        }
    }
}

/// Delivery faults of a printer's notifications. All values are probabilities from 0 to 1.
///
/// Status updates are never reordered among themselves, as on a TCP connection.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// A history event arrives several status updates late.
    pub late_history: f64,
    /// A history event arrives twice, the second time at once or several status updates later.
    pub history_twice: f64,
    /// A status update or a Klippy event arrives twice.
    pub twice: f64,
    /// A response or a Klippy event arrives after the status update that follows it.
    pub overtaken: f64,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) outbox: mpsc::Sender<Out>,
    pub(crate) authorized: bool,
    pub(crate) identified: bool,
    pub(crate) subscription: Option<Subscription>,
}

/// All clients.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) list: Vec<Connection>,
    pub(crate) faults: Faults,
    pub(crate) counters: Arc<Counters>,
    next_id: u64,
    late: Vec<Late>,
}

/// A delayed frame.
#[derive(Debug)]
struct Late {
    /// Status updates until it is sent.
    ticks: u32,
    /// The recipient. `None` for all clients.
    to: Option<u64>,
    text: Utf8Bytes,
}

impl Connections {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            list: Vec::new(),
            faults,
            counters: Arc::default(),
            next_id: 1,
            late: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, outbox: mpsc::Sender<Out>, authorized: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.list.push(Connection {
            id,
            outbox,
            authorized,
            identified: false,
            subscription: None,
        });
        self.counters.sockets_open.fetch_add(1, Ordering::Relaxed);
        self.counters.sockets_ever.fetch_add(1, Ordering::Relaxed);
        id
    }

    pub(crate) fn closed(&mut self, id: u64) {
        let before = self.list.len();
        self.list.retain(|connection| connection.id != id);
        self.counters
            .sockets_open
            .fetch_sub((before - self.list.len()) as u64, Ordering::Relaxed);
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Connection> {
        self.list.iter_mut().find(|connection| connection.id == id)
    }

    pub(crate) fn answer(&mut self, id: u64, text: String, random: &mut Random) {
        let text = Utf8Bytes::from(text);
        if self.is_overtaken(random) {
            self.delay(1, Some(id), text);
        } else {
            self.to(Some(id), &text);
        }
    }

    /// Sends a notification about Klippy or the server to all authorized clients.
    pub(crate) fn notify(&mut self, text: String, random: &mut Random) {
        let text = Utf8Bytes::from(text);
        if self.is_overtaken(random) {
            self.delay(1, None, text);
            return;
        }
        for connection in self.list.iter().filter(|connection| connection.authorized) {
            self.send(connection, text.clone());
            if random.chance(self.faults.twice) {
                self.send(connection, text.clone());
            }
        }
    }

    pub(crate) fn notify_history(&mut self, text: String, random: &mut Random) {
        let text = Utf8Bytes::from(text);
        let ticks = |random: &mut Random| 1 + u32::try_from(random.below(8)).unwrap_or(0);
        if random.chance(self.faults.late_history) {
            let held = ticks(random);
            self.delay(held, None, text.clone());
        } else {
            self.to(None, &text);
        }
        if random.chance(self.faults.history_twice) {
            let held = ticks(random);
            self.delay(held, None, text);
        }
    }

    /// Sends changed status to the subscribed clients. `update` builds the frame for a subscription.
    pub(crate) fn send_status(
        &mut self,
        random: &mut Random,
        update: impl Fn(&Subscription) -> Option<String>,
    ) {
        for connection in self.list.iter().filter(|connection| connection.authorized) {
            let Some(text) = connection.subscription.as_ref().and_then(&update) else {
                continue;
            };
            let text = Utf8Bytes::from(text);
            if random.chance(self.faults.twice) {
                self.send(connection, text.clone());
            }
            self.send(connection, text);
        }
    }

    /// Sends the delayed frames that are due and drops clients whose queue is full. Called at every status update.
    pub(crate) fn release_late(&mut self) {
        let before = self.list.len();
        self.list.retain(|connection| connection.outbox.capacity() > 0);
        self.counters
            .sockets_open
            .fetch_sub((before - self.list.len()) as u64, Ordering::Relaxed);
        for late in &mut self.late {
            late.ticks -= 1;
        }
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|late| late.ticks == 0);
        self.late = late;
        let due: Vec<Late> = due;
        for frame in due {
            self.to(frame.to, &frame.text);
        }
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.list
            .iter()
            .filter(|connection| connection.subscription.is_some())
            .count()
    }

    pub(crate) fn drop_subscriptions(&mut self) {
        for connection in &mut self.list {
            connection.subscription = None;
        }
    }

    /// Ends all connections, each with the command that `out` returns.
    pub(crate) fn end_all(&mut self, out: impl Fn() -> Out) {
        for connection in &self.list {
            // If the queue is full, the receiver sees the channel close instead.
            let _ = connection.outbox.try_send(out());
        }
        self.counters
            .sockets_open
            .fetch_sub(self.list.len() as u64, Ordering::Relaxed);
        self.list.clear();
        self.late.clear();
    }

    fn is_overtaken(&self, random: &mut Random) -> bool {
        // Draws no random number when this fault is off, so that existing seeds keep their sequences.
        self.faults.overtaken > 0.0 && random.chance(self.faults.overtaken)
    }

    fn delay(&mut self, ticks: u32, to: Option<u64>, text: Utf8Bytes) {
        self.late.push(Late { ticks, to, text });
    }

    /// Sends a frame to one client, or to all authorized clients.
    fn to(&self, id: Option<u64>, text: &Utf8Bytes) {
        for connection in &self.list {
            if id.map_or(connection.authorized, |id| id == connection.id) {
                self.send(connection, text.clone());
            }
        }
    }

    fn send(&self, connection: &Connection, text: Utf8Bytes) {
        if connection.outbox.try_send(Out::Text(text)).is_ok() {
            self.counters.frames.fetch_add(1, Ordering::Relaxed);
        }
    }
}
