//! A scripted Moonraker on loopback. It shares no parsing code with the client.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::{SinkExt as _, StreamExt as _};
use printlog::clock::Clock;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// The gcodes root that Moonraker reports.
pub(crate) const ROOT: &str = "/home/pi/printer_data/gcodes";

#[derive(Clone)]
pub(crate) struct Moonraker {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    frames: broadcast::Sender<Frame>,
}

#[derive(Debug, Clone)]
enum Frame {
    Text(String),
    Close,
}

struct State {
    clock: Clock,
    status: Map<String, Value>,
    /// The history, oldest first.
    history: Vec<Value>,
    files: HashMap<String, Vec<u8>>,
    /// `server.files.roots`.
    roots: Value,
    /// `server.files.metadata` by file name.
    metadata: HashMap<String, Value>,
    klippy: String,
    /// Code and message by method, or by method prefix followed by `*`.
    errors: BTreeMap<String, (i64, String)>,
    /// Paths requested over HTTP, undecoded.
    asked: Vec<String>,
    is_down: bool,
    /// Parts of frames, and the text that is sent in their place: what JSON does not allow.
    written_as: BTreeMap<String, String>,
}

impl Moonraker {
    pub(crate) async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            clock,
            status: idle(),
            history: Vec::new(),
            files: HashMap::new(),
            roots: json!([{ "name": "gcodes", "path": ROOT, "permissions": "rw" }]),
            metadata: HashMap::new(),
            klippy: "ready".to_owned(),
            errors: BTreeMap::new(),
            asked: Vec::new(),
            is_down: false,
            written_as: BTreeMap::new(),
        };
        let moonraker = Self {
            url,
            state: Arc::new(Mutex::new(state)),
            frames: broadcast::Sender::new(1024),
        };
        tokio::spawn(moonraker.clone().accept(listener));
        moonraker
    }

    /// Undecoded paths of the requested files, without duplicates.
    pub(crate) fn files_asked_for(&self) -> Vec<String> {
        let mut asked = self.state().asked.clone();
        asked.sort();
        asked.dedup();
        asked
    }

    /// Executes one key of a script line. See [`super::Scene::play`].
    pub(crate) fn carry_out(&self, key: &str, value: &Value) {
        match key {
            "status" | "quiet" => {
                self.state().merge(value);
                if key == "status" {
                    self.notify("notify_status_update", &json!([value, 1.0]));
                }
            }
            "added" | "finished" => {
                self.state().put(value.clone());
                self.notify(
                    "notify_history_changed",
                    &json!([{ "action": key, "job": value }]),
                );
            }
            "list" => self.state().history.extend(value.as_array().unwrap().clone()),
            "forget" => {
                let gone = value.as_array().unwrap();
                self.state().history.retain(|row| !gone.contains(&row["job_id"]));
            }
            "error" => {
                for (method, error) in value.as_object().unwrap() {
                    let error = (error[0].as_i64().unwrap(), error[1].as_str().unwrap().to_owned());
                    self.state().errors.insert(method.clone(), error);
                }
            }
            "noerror" => {
                for method in value.as_array().unwrap() {
                    self.state().errors.remove(method.as_str().unwrap());
                }
            }
            "klippy" => self.klippy(value.as_str().unwrap()),
            "drop" => self.send(Frame::Close),
            "link" => {
                self.state().is_down = value == "down";
                if value == "down" {
                    self.send(Frame::Close);
                }
            }
            "file" => {
                for (name, text) in value.as_object().unwrap() {
                    let text = text.as_str().unwrap().as_bytes().to_vec();
                    self.state().files.insert(name.clone(), text);
                }
            }
            "roots" => self.state().roots = value.clone(),
            "metadata" => {
                for (name, metadata) in value.as_object().unwrap() {
                    self.state().metadata.insert(name.clone(), metadata.clone());
                }
            }
            "write_as" => {
                let pairs = value.as_object().unwrap().iter();
                let pairs = pairs.map(|(part, text)| (part.clone(), text.as_str().unwrap().to_owned()));
                self.state().written_as.extend(pairs);
            }
            "raw" => self.send(Frame::Text(value.as_str().unwrap().to_owned())),
            other => panic!("`{other}` is no key of a script"),
        }
    }

    pub(crate) fn heartbeat(&self) {
        let stats = json!({ "moonraker_stats": { "time": self.state().time() } });
        self.notify("notify_proc_stat_update", &json!([stats]));
    }

    fn klippy(&self, word: &str) {
        let method = match word {
            "gone" => "notify_klippy_disconnected",
            "shutdown" => "notify_klippy_shutdown",
            _ => "notify_klippy_ready",
        };
        let state = if word == "gone" { "disconnected" } else { word };
        state.clone_into(&mut self.state().klippy);
        self.state().merge(&json!({ "webhooks": { "state": state } }));
        self.notify(method, &json!([]));
    }

    fn notify(&self, method: &str, params: &Value) {
        let frame = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.send(Frame::Text(frame.to_string()));
    }

    fn send(&self, frame: Frame) {
        // Fails while no client is connected.
        self.frames.send(frame).ok();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let moonraker = self.clone();
            // Errors are ignored: the client disconnects when it is done.
            tokio::spawn(async move { moonraker.answer(stream).await.ok() });
        }
    }

    async fn answer(self, stream: TcpStream) -> std::io::Result<()> {
        let mut first = [0; 16];
        while stream.peek(&mut first).await? < first.len() {
            tokio::task::yield_now().await;
        }
        match first.starts_with(b"GET /websocket") {
            true if self.state().is_down => Ok(()),
            true => {
                self.talk(stream).await;
                Ok(())
            }
            false => self.answer_http(stream).await,
        }
    }

    async fn talk(&self, stream: TcpStream) {
        let mut frames = self.frames.subscribe();
        let Ok(mut socket) = accept_async(stream).await else {
            return;
        };
        loop {
            let sent = tokio::select! {
                request = socket.next() => match request {
                    Some(Ok(Message::Text(text))) => {
                        let request: Value = serde_json::from_str(&text).unwrap();
                        let answer = self.state().answer(&request);
                        socket.send(self.written(answer)).await
                    }
                    Some(Ok(_)) => Ok(()),
                    _ => return,
                },
                frame = frames.recv() => match frame {
                    Ok(Frame::Text(text)) => socket.send(self.written(text)).await,
                    _ => return,
                },
            };
            if sent.is_err() {
                return;
            }
        }
    }

    fn written(&self, frame: String) -> Message {
        let state = self.state();
        let replaced = state.written_as.iter();
        Message::text(replaced.fold(frame, |frame, (part, text)| frame.replace(part, text)))
    }

    async fn answer_http(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let body = path.strip_prefix("/server/files/gcodes/").and_then(|name| {
            self.state().asked.push(name.to_owned());
            self.state().files.get(&decoded(name)).cloned()
        });
        let Some(body) = body else {
            let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(gone.as_bytes()).await;
        };
        let range = head
            .to_ascii_lowercase()
            .split_once("range: bytes=")
            .and_then(|(_, rest)| {
                let (first, last) = rest.split_once("\r\n")?.0.split_once('-')?;
                Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
            });
        let (first, last) = range.unwrap_or((0, body.len() - 1));
        let last = last.min(body.len() - 1);
        let status = match (first, last) {
            (0, last) if last + 1 == body.len() => "200 OK".to_owned(),
            _ => format!(
                "206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}",
                body.len()
            ),
        };
        let part = &body[first..=last];
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            part.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(part).await
    }
}

/// Status of an idle printer.
fn idle() -> Map<String, Value> {
    let status = json!({
        "webhooks": { "state": "ready", "state_message": "Printer is ready" },
        "print_stats": { "state": "standby", "filename": "", "total_duration": 0.0, "print_duration": 0.0,
            "filament_used": 0.0, "message": "", "info": { "total_layer": null, "current_layer": null } },
        "virtual_sdcard": { "progress": 0.0, "is_active": false, "file_position": 0, "file_size": 0 },
        "display_status": { "progress": 0.0, "message": null },
        "heater_bed": { "temperature": 25.0, "target": 0.0 },
        "extruder": { "temperature": 25.0, "target": 0.0 },
    });
    status.as_object().unwrap().clone()
}

/// Percent-decodes a path. All but unreserved characters must be escaped.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

impl State {
    fn time(&self) -> f64 {
        self.clock.now().as_millisecond() as f64 / 1000.0
    }

    fn merge(&mut self, delta: &Value) {
        for (object, fields) in delta.as_object().unwrap() {
            let known = self.status.entry(object.clone()).or_insert_with(|| json!({}));
            let known = known.as_object_mut().unwrap();
            known.extend(fields.as_object().unwrap().clone());
        }
    }

    fn put(&mut self, row: Value) {
        match self
            .history
            .iter_mut()
            .find(|known| known["job_id"] == row["job_id"])
        {
            Some(known) => *known = row,
            None => self.history.push(row),
        }
    }

    fn answer(&self, request: &Value) -> String {
        let method = request["method"].as_str().unwrap();
        let answer = match self.refusal(method) {
            Some((code, message)) => json!({ "error": { "code": code, "message": message } }),
            None => match self.result(method, &request["params"]) {
                Ok(result) => json!({ "result": result }),
                Err((code, message)) => json!({ "error": { "code": code, "message": message } }),
            },
        };
        let mut answer = answer;
        answer["jsonrpc"] = json!("2.0");
        answer["id"] = request["id"].clone();
        answer.to_string()
    }

    fn refusal(&self, method: &str) -> Option<(i64, String)> {
        self.errors
            .iter()
            .find(|(pattern, _)| match pattern.strip_suffix('*') {
                Some(beginning) => method.starts_with(beginning),
                None => method == *pattern,
            })
            .map(|(_, error)| error.clone())
    }

    fn result(&self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        let refused = |code, message: &str| Err((code, message.to_owned()));
        match method {
            "server.connection.identify" => Ok(json!({ "connection_id": 1 })),
            "server.info" => Ok(json!({
                "klippy_connected": self.klippy != "disconnected", "klippy_state": self.klippy,
                "components": ["history", "file_manager"], "failed_components": [],
                "moonraker_version": "v0.9.3-1", "api_version_string": "1.5.0",
            })),
            "printer.info" => Ok(json!({ "state": self.klippy, "state_message": "", "hostname": "x" })),
            "machine.proc_stats" => Ok(json!({ "moonraker_stats": [{ "time": self.time() }] })),
            "printer.objects.list" | "printer.objects.subscribe" | "printer.objects.query"
                if self.klippy == "disconnected" =>
            {
                refused(503, "Klippy Host not connected")
            }
            "printer.objects.list" => {
                let names: Vec<_> = self.status.keys().collect();
                Ok(json!({ "objects": names }))
            }
            "printer.objects.subscribe" | "printer.objects.query" => {
                let asked = params["objects"].as_object().unwrap();
                let status: Map<_, _> = asked
                    .keys()
                    .map(|name| {
                        let object = self.status.get(name).cloned();
                        (name.clone(), object.unwrap_or_else(|| json!({})))
                    })
                    .collect();
                Ok(json!({ "eventtime": 1.0, "status": status }))
            }
            "server.history.list" => Ok(self.page(params)),
            "server.history.totals" => Ok(json!({ "job_totals": { "total_jobs": self.history.len() } })),
            "server.files.roots" => Ok(self.roots.clone()),
            "server.files.metadata" => {
                let name = params["filename"].as_str().unwrap();
                match self.metadata.get(name) {
                    Some(metadata) => Ok(metadata.clone()),
                    None => refused(-32601, &format!("Metadata not available for <{name}>")),
                }
            }
            _ => refused(-32601, "Method not found"),
        }
    }

    fn page(&self, params: &Value) -> Value {
        let mut rows = self.history.clone();
        if params["order"] != "asc" {
            rows.reverse();
        }
        let number = |name: &str| usize::try_from(params[name].as_u64().unwrap()).unwrap();
        let page: Vec<_> = rows
            .into_iter()
            .skip(number("start"))
            .take(number("limit"))
            .collect();
        json!({ "count": self.history.len(), "jobs": page })
    }
}
