//! The Klippy process: its API server on a unix socket, and the task that owns the printer.
//!
//! Follows `klippy/webhooks.py` of Klipper 0.12: requests and responses are JSON objects, each terminated by the byte
//! 0x03. Subscribers receive changed fields four times a second, and queries are answered at the next status update.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Snapshot;
use super::machine::{Boot, Effect, Machine};
use super::objects;
use crate::clock::Clock;

/// Seconds between two status updates.
const UPDATE_INTERVAL: f64 = 0.25;
/// Seconds that a RESTART takes.
const RESTART_TAKES: f64 = 0.3;
/// Maximum sleep of the task in seconds, so that `wait_until` sees progress.
const SOCKET_POLL: f64 = 0.1;
const END_OF_MESSAGE: u8 = 0x03;

const ENDPOINTS: &[&str] = &[
    "list_endpoints",
    "info",
    "emergency_stop",
    "register_remote_method",
    "objects/list",
    "objects/query",
    "objects/subscribe",
    "gcode/help",
    "gcode/script",
    "gcode/restart",
    "gcode/firmware_restart",
    "gcode/subscribe_output",
    "pause_resume/cancel",
    "pause_resume/pause",
    "pause_resume/resume",
    "query_endstops/status",
];

/// A command for the task that owns the printer.
pub(crate) type Command = Box<dyn FnOnce(&mut Process) + Send>;

type ConnectionId = u64;
/// The requested fields of each object; `None` requests all.
type Wanted = HashMap<String, Option<Vec<String>>>;

pub(crate) struct Process {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    socket: PathBuf,
    listener: Option<UnixListener>,
    connections: HashMap<ConnectionId, Connection>,
    next_connection: ConnectionId,
    events: mpsc::UnboundedSender<(ConnectionId, Event)>,
    incoming: mpsc::UnboundedReceiver<(ConnectionId, Event)>,
    queries: Vec<Query>,
    last_status: HashMap<String, Map<String, Value>>,
    next_update_at: Option<f64>,
    told_until: f64,
    restart_at: Option<f64>,
    snapshot: watch::Sender<Snapshot>,
}

struct Connection {
    outgoing: mpsc::UnboundedSender<Value>,
    subscription: Option<(Wanted, Value)>,
    output_template: Option<Value>,
    _reader: AbortOnDropHandle<()>,
}

struct Query {
    from: ConnectionId,
    id: Value,
    wanted: Wanted,
    /// Template of the later updates, if this is a subscription.
    subscribe: Option<Value>,
}

enum Event {
    Request(Value),
    Closed,
}

impl Process {
    pub(crate) fn new(socket: &Path, gcodes: &Path, snapshot: watch::Sender<Snapshot>) -> Self {
        let clock = Clock::start();
        let (events, incoming) = mpsc::unbounded_channel();
        Self {
            machine: Machine::new(gcodes, clock.unix_offset()),
            clock,
            socket: socket.to_owned(),
            listener: None,
            connections: HashMap::new(),
            next_connection: 0,
            events,
            incoming,
            queries: Vec::new(),
            last_status: HashMap::new(),
            next_update_at: None,
            told_until: 0.0,
            restart_at: None,
            snapshot,
        }
    }

    /// Starts the process with a new printer state and opens its socket.
    pub(crate) fn boot(&mut self, boot: &Boot) -> anyhow::Result<()> {
        self.kill();
        _ = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket);
        self.listener = Some(listener.with_context(|| format!("could not open {}", self.socket.display()))?);
        self.machine.boot(self.clock.now(), boot);
        Ok(())
    }

    /// Ends the process abruptly. Its socket file stays, as after SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.machine.die(self.clock.now());
        self.listener = None;
        self.connections.clear();
        self.queries.clear();
        self.last_status.clear();
        self.next_update_at = None;
        self.restart_at = None;
    }

    /// Ends the process cleanly, as when its service is stopped.
    pub(crate) fn stop(&mut self) {
        self.flush_output();
        self.write_output("// Klipper state: Disconnect");
        self.kill();
        _ = std::fs::remove_file(&self.socket);
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        self.restart_at = Some(self.clock.now() + RESTART_TAKES);
    }

    /// Runs G-code. A RESTART in it ends the process.
    pub(crate) fn run(&mut self, gcode: &str) -> Result<(), String> {
        if self.machine.run(self.clock.now(), gcode)? == Effect::Restart {
            self.restart();
        }
        Ok(())
    }

    pub(crate) async fn serve(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let wake = self.next_wake();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => {
                        self.advance();
                        command(&mut self);
                    }
                    None => return,
                },
                Some((from, event)) = self.incoming.recv() => {
                    self.advance();
                    self.handle(from, event);
                }
                Some(stream) = accept(self.listener.as_ref()) => self.connect(stream),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.advance();
            self.update();
            self.publish();
        }
    }

    /// Publishes a snapshot of the current state.
    pub(crate) fn publish(&mut self) {
        let now = self.clock.now();
        let subscriptions = self
            .connections
            .values()
            .filter_map(|connection| connection.subscription.as_ref());
        let subscribed = subscriptions
            .flat_map(|(wanted, _)| wanted.keys().cloned())
            .collect();
        let stats = &self.machine.stats;
        let snapshot = Snapshot {
            running: self.listener.is_some(),
            host_state: self.machine.host.name(),
            state: stats.state.name(),
            filename: stats.filename.clone(),
            progress: self.machine.progress(now),
            subscribed,
            told_until: self.told_until,
            prints: self.machine.records().to_vec(),
        };
        self.snapshot.send_if_modified(|last| {
            let changed = *last != snapshot;
            *last = snapshot;
            changed
        });
    }

    fn next_wake(&self) -> Instant {
        let now = self.clock.now();
        let due = [self.next_update_at, self.restart_at, self.machine.next_event()]
            .into_iter()
            .flatten();
        let next = due.fold(now + SOCKET_POLL, f64::min);
        Instant::now() + Duration::from_secs_f64((next - now).max(0.0))
    }

    fn advance(&mut self) {
        let now = self.clock.now();
        if self.restart_at.take_if(|at| *at <= now).is_some() {
            self.boot(&Boot::Ready)
                .expect("the socket could be opened before");
        }
        self.machine.advance(now);
        self.flush_output();
    }

    fn connect(&mut self, stream: UnixStream) {
        let id = self.next_connection;
        self.next_connection += 1;
        let (read, write) = stream.into_split();
        let (outgoing, queue) = mpsc::unbounded_channel();
        tokio::spawn(write_messages(write, queue));
        let reader = AbortOnDropHandle::new(tokio::spawn(read_messages(id, read, self.events.clone())));
        let connection = Connection {
            outgoing,
            subscription: None,
            output_template: None,
            _reader: reader,
        };
        self.connections.insert(id, connection);
    }

    fn handle(&mut self, from: ConnectionId, event: Event) {
        let request = match event {
            // Requests that a connection sent before the process was killed are dropped.
            Event::Request(request) if self.connections.contains_key(&from) => request,
            Event::Request(_) => return,
            Event::Closed => {
                self.connections.remove(&from);
                return;
            }
        };
        let id = request["id"].clone();
        let parameters = &request["params"];
        let answer = match request["method"].as_str().unwrap_or_default() {
            "list_endpoints" => Ok(json!({ "endpoints": ENDPOINTS })),
            "info" => Ok(self.info()),
            "objects/list" => Ok(json!({ "objects": objects::NAMES })),
            "objects/query" => return self.queue_query(from, id, parameters, None),
            "objects/subscribe" => {
                let template = parameters["response_template"].clone();
                return self.queue_query(from, id, parameters, Some(template));
            }
            "gcode/subscribe_output" => {
                if let Some(connection) = self.connections.get_mut(&from) {
                    connection.output_template = Some(parameters["response_template"].clone());
                }
                Ok(json!({}))
            }
            "gcode/help" => {
                Ok(json!({ "PAUSE": "Pauses the current print", "RESUME": "Resumes the print from a pause" }))
            }
            "register_remote_method" => Ok(json!({})),
            "query_endstops/status" => Ok(json!({})),
            "emergency_stop" => {
                self.machine
                    .shutdown(self.clock.now(), "Shutdown due to webhooks request");
                Ok(json!({}))
            }
            "gcode/script" => self
                .run(parameters["script"].as_str().unwrap_or_default())
                .map(|()| json!({})),
            "gcode/restart" => self.run("RESTART").map(|()| json!({})),
            "gcode/firmware_restart" => self.run("FIRMWARE_RESTART").map(|()| json!({})),
            "pause_resume/pause" => self.run("PAUSE").map(|()| json!({})),
            "pause_resume/resume" => self.run("RESUME").map(|()| json!({})),
            "pause_resume/cancel" => self.run("CANCEL_PRINT").map(|()| json!({})),
            _ => Err("webhooks: No registered callback for path".to_owned()),
        };
        self.flush_output();
        let mut message = match answer {
            Ok(result) => json!({ "result": result }),
            Err(refusal) => json!({ "error": { "error": "CommandError", "message": refusal } }),
        };
        message["id"] = id;
        self.send(from, message);
    }

    fn info(&self) -> Value {
        json!({
            "state": self.machine.host.name(),
            "state_message": self.machine.host_message,
            "hostname": "testbed",
            "klipper_path": self.socket.parent(),
            "python_path": "/usr/bin/python3",
            "process_id": std::process::id(),
            "user_id": 0,
            "group_id": 0,
            "log_file": "klippy.log",
            "config_file": "printer.cfg",
            "software_version": "v0.12.0",
            "cpu_info": "testbed",
        })
    }

    fn queue_query(&mut self, from: ConnectionId, id: Value, parameters: &Value, subscribe: Option<Value>) {
        match serde_json::from_value(parameters["objects"].clone()) {
            Ok(wanted) => {
                if subscribe.is_some()
                    && let Some(connection) = self.connections.get_mut(&from)
                {
                    connection.subscription = None;
                }
                self.queries.push(Query {
                    from,
                    id,
                    wanted,
                    subscribe,
                });
                self.next_update_at.get_or_insert(self.clock.now());
            }
            Err(error) => {
                let error =
                    json!({ "error": "WebRequestError", "message": format!("Invalid argument: {error}") });
                self.send(from, json!({ "id": id, "error": error }));
            }
        }
    }

    /// Answers queries and sends changes to subscribers, if a status update is due.
    fn update(&mut self) {
        let now = self.clock.now();
        if self.next_update_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        let last = std::mem::take(&mut self.last_status);
        let subscribed = |connection: &Connection| connection.subscription.is_some();
        let subscribers: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| subscribed(connection))
            .map(|(id, _)| *id)
            .collect();
        for query in std::mem::take(&mut self.queries) {
            let status = self.collect(&query.wanted, None, now);
            let result = json!({ "eventtime": now, "status": status });
            self.send(query.from, json!({ "id": query.id, "result": result }));
            if let (Some(template), Some(connection)) =
                (query.subscribe, self.connections.get_mut(&query.from))
            {
                connection.subscription = Some((query.wanted, template));
            }
        }
        for id in subscribers {
            let Some((wanted, template)) = self.connections.get(&id).and_then(|c| c.subscription.clone())
            else {
                continue;
            };
            let status = self.collect(&wanted, Some(&last), now);
            if !status.is_empty() {
                let mut message = template;
                message["params"] = json!({ "eventtime": now, "status": status });
                self.send(id, message);
            }
        }
        self.told_until = now + self.clock.unix_offset();
        if !self.last_status.is_empty() {
            self.next_update_at = Some(now + UPDATE_INTERVAL);
        }
    }

    /// The requested fields; with `last`, only those that differ from it.
    fn collect(
        &mut self,
        wanted: &Wanted,
        last: Option<&HashMap<String, Map<String, Value>>>,
        now: f64,
    ) -> Map<String, Value> {
        let mut status = Map::new();
        for (object, fields) in wanted {
            let machine = &mut self.machine;
            let all = self
                .last_status
                .entry(object.clone())
                .or_insert_with(|| machine.status(object, now));
            let before = last.and_then(|last| last.get(object));
            let names: Vec<&String> = match fields {
                Some(names) => names.iter().collect(),
                None => all.keys().collect(),
            };
            let mut values = Map::new();
            for name in names {
                let value = all.get(name).unwrap_or(&Value::Null);
                if last.is_none()
                    || before.and_then(|before| before.get(name)).unwrap_or(&Value::Null) != value
                {
                    values.insert(name.clone(), value.clone());
                }
            }
            if last.is_none() || !values.is_empty() {
                status.insert(object.clone(), values.into());
            }
        }
        status
    }

    fn flush_output(&mut self) {
        for line in self.machine.take_output() {
            self.write_output(&line);
        }
    }

    fn write_output(&self, line: &str) {
        for connection in self.connections.values() {
            if let Some(template) = &connection.output_template {
                let mut message = template.clone();
                message["params"] = json!({ "response": line });
                _ = connection.outgoing.send(message);
            }
        }
    }

    fn send(&self, to: ConnectionId, message: Value) {
        if let Some(connection) = self.connections.get(&to) {
            // A connection that has just closed is removed when its reader reports the end.
            _ = connection.outgoing.send(message);
        }
    }
}

async fn accept(listener: Option<&UnixListener>) -> Option<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

async fn read_messages(
    id: ConnectionId,
    stream: OwnedReadHalf,
    events: mpsc::UnboundedSender<(ConnectionId, Event)>,
) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut message = Vec::new();
        let event = match stream.read_until(END_OF_MESSAGE, &mut message).await {
            Ok(1..) if message.pop() == Some(END_OF_MESSAGE) => match serde_json::from_slice(&message) {
                Ok(request) => Event::Request(request),
                Err(_) => continue,
            },
            _ => Event::Closed,
        };
        let closed = matches!(event, Event::Closed);
        if events.send((id, event)).is_err() || closed {
            return;
        }
    }
}

async fn write_messages(mut stream: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Value>) {
    while let Some(message) = queue.recv().await {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(END_OF_MESSAGE);
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
