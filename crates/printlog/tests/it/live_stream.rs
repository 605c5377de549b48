//! The live stream of printer status, with simulated printers and real HTTP.

use std::{collections::BTreeMap, time::Duration};

use http_body_util::BodyExt as _;
use hyper::{Request, body::Incoming, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use simulator::{PrintPlan, PrinterConfig, Random, SimPrinter};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::test_app::{TestApp, job};

/// Timeout for expected events, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A viewer of the live stream.
struct Viewer {
    body: Incoming,
    buffer: Vec<u8>,
    /// Status by printer, assembled from `hello` and `status` events.
    printers: BTreeMap<i64, Value>,
}

#[derive(Debug, Clone, PartialEq)]
struct Event {
    name: String,
    data: Value,
}

impl Viewer {
    async fn open(app: &TestApp) -> Self {
        Self::open_with(app, app.request("GET", "/api/live", "")).await
    }

    async fn open_with(app: &TestApp, request: Request<http_body_util::Full<bytes::Bytes>>) -> Self {
        let stream = TcpStream::connect(app.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            body: response.into_body(),
            buffer: Vec::new(),
            printers: BTreeMap::new(),
        }
    }

    /// The next event. `None` after the server has ended the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let text: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let text = String::from_utf8(text).unwrap();
                let (name, data) = text
                    .strip_prefix("event: ")
                    .and_then(|text| text.trim_end().split_once("\ndata: "))
                    .unwrap_or_else(|| panic!("no event: {text}"));
                let event = Event {
                    name: name.to_owned(),
                    data: serde_json::from_str(data).unwrap(),
                };
                self.take(&event);
                return Some(event);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame())
                .await
                .expect("the server says something in time")?;
            self.buffer.extend_from_slice(frame.unwrap().data_ref().unwrap());
        }
    }

    fn take(&mut self, event: &Event) {
        match event.name.as_str() {
            "hello" => {
                let printers = event.data["printers"].as_array().unwrap();
                let by_id = |printer: &Value| (printer["printer_id"].as_i64().unwrap(), printer.clone());
                self.printers = printers.iter().map(by_id).collect();
            }
            "status" => {
                let id = event.data["printer_id"].as_i64().unwrap();
                let known = self.printers.entry(id).or_insert_with(|| json!({}));
                for (name, value) in event.data.as_object().unwrap() {
                    known[name] = value.clone();
                }
            }
            _ => {}
        }
    }

    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if wanted(&event) {
                return event;
            }
        }
    }

    async fn until_printers(&mut self, wanted: impl Fn(&BTreeMap<i64, Value>) -> bool) {
        while !wanted(&self.printers) {
            self.next().await.expect("the stream goes on");
        }
    }

    async fn until_end(&mut self) {
        while self.next().await.is_some() {}
    }
}

async fn printing() -> SimPrinter {
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let mut file = simulator::sliced_file(&mut Random::new(7), 3600.0, 1_700_000_000.0);
    file.name = "cube.gcode".to_owned();
    printer.add_file(file, None);
    printer
}

fn is_printing(status: &Value) -> bool {
    status["job"]["id"].is_i64() && status["job"]["status"] == "printing"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_print_is_seen_from_start_to_end() {
    let app = TestApp::start().await;
    let mut viewer = Viewer::open(&app).await;
    let hello = viewer.next().await.unwrap();
    assert_eq!(hello.name, "hello");
    assert_eq!(
        hello.data,
        json!({"version": env!("CARGO_PKG_VERSION"), "printers": []})
    );

    let printer = printing().await;
    let input = json!({"name": "Sim", "moonraker_url": printer.url()});
    let id = app.post("/api/printers", &input).await.expect(201).json()["id"]
        .as_i64()
        .unwrap();
    viewer.until(|event| event.name == "printers").await;
    viewer
        .until_printers(|printers| {
            printers
                .get(&id)
                .is_some_and(|status| status["connection"]["state"] == "connected")
        })
        .await;

    printer
        .start_print("cube.gcode", PrintPlan::lasting(3600.0))
        .unwrap();
    let written = viewer.until(|event| event.name == "job").await.data;
    assert_eq!(written["printer_id"], id);
    assert_eq!(written["change"], "written");
    viewer
        .until_printers(|printers| is_printing(&printers[&id]))
        .await;
    assert_eq!(viewer.printers[&id]["job"]["id"], written["id"]);

    // A later viewer receives the complete status at once, equal to the response of the status route.
    let mut late = Viewer::open(&app).await;
    late.next().await.unwrap();
    assert!(is_printing(&late.printers[&id]), "{:?}", late.printers);
    let shown = app.get(&format!("/api/printers/{id}/status")).await.json();
    let fields = |status: &Value| status.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&late.printers[&id]), fields(&shown));

    printer.cancel().unwrap();
    viewer
        .until_printers(|printers| printers[&id]["job"].is_null())
        .await;
    let job = written["id"].as_i64().unwrap();
    app.delete(&format!("/api/jobs/{job}")).await.expect(204);
    let deleted = viewer
        .until(|event| event.name == "job" && event.data["change"] == "deleted")
        .await;
    assert_eq!(
        deleted.data,
        json!({"id": job, "printer_id": id, "change": "deleted"})
    );
    app.delete(&format!("/api/printers/{id}?delete_jobs=true"))
        .await
        .expect(204);
    viewer.until(|event| event.name == "printers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ends_with_session_key_and_server() {
    let app = TestApp::start().await;
    let sign_in = async |key: &str| {
        let body = json!({"key": key});
        let answer = app.post("/api/session", &body).await.expect(200);
        answer
            .header("set-cookie")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    };
    let with_cookie = |method: &str, path: &str, cookie: &str| {
        let mut request = app.request(method, path, "");
        request.headers_mut().remove(header::AUTHORIZATION);
        request
            .headers_mut()
            .insert(header::COOKIE, cookie.parse().unwrap());
        request
    };
    let guest = app
        .post("/api/admin/keys", &json!({"name": "guest"}))
        .await
        .json();
    let key = guest["key"].as_str().unwrap();
    let (here, there) = (sign_in(key).await, sign_in(key).await);
    let mut viewers = Vec::new();
    for cookie in [&here, &there] {
        viewers.push(Viewer::open_with(&app, with_cookie("GET", "/api/live", cookie)).await);
    }
    let mut by_key = Viewer::open(&app).await;

    app.send(with_cookie("DELETE", "/api/session", &here))
        .await
        .expect(204);
    viewers[0].until_end().await;
    viewers[1].until(|event| event.name == "heartbeat").await;
    app.delete(&format!("/api/admin/keys/{}", guest["id"]))
        .await
        .expect(204);
    viewers[1].until_end().await;

    by_key.until(|event| event.name == "heartbeat").await;
    app.stop().await;
    by_key.until_end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_printers_are_watched_by_many() {
    const PRINTERS: usize = 200;
    const VIEWERS: usize = 20;
    let app = TestApp::start_with(|config| config.details.enabled = false).await;
    let away = app.add_printer("Away").await;
    let marker = async |n: u32| {
        let start = format!("2026-01-{n:02}T00:00:00Z");
        let id = app.add_job(&job(away, &format!("{n:06X}"), &start)).await;
        app.delete(&format!("/api/jobs/{}", id.0)).await.expect(204);
        id.0
    };
    let mut printers = Vec::new();
    for n in 0..PRINTERS {
        let printer = printing().await;
        printer
            .start_print("cube.gcode", PrintPlan::lasting(36_000.0))
            .unwrap();
        let new = domain::NewPrinter {
            name: format!("Sim {n}"),
            kind: domain::PrinterKind::default(),
            location: None,
            moonraker_url: printer.url(),
            moonraker_api_key: None,
            is_active: true,
        };
        app.store
            .add_printer(&new, crate::test_app::stored_at())
            .await
            .unwrap();
        printers.push(printer);
    }
    // A client that never reads its stream does not delay others.
    let mut deaf = TcpStream::connect(app.address).await.unwrap();
    let request = format!(
        "GET /api/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        app.key
    );
    deaf.write_all(request.as_bytes()).await.unwrap();

    let mut first = Viewer::open(&app).await;
    let all_print = |printers: &BTreeMap<i64, Value>| {
        printers.values().filter(|status| is_printing(status)).count() == PRINTERS
    };
    first.until_printers(all_print).await;

    let mut watching = Vec::new();
    for _ in 0..VIEWERS {
        let mut viewer = Viewer::open(&app).await;
        assert_eq!(viewer.next().await.unwrap().name, "hello");
        assert!(all_print(&viewer.printers), "the whole state comes first");
        watching.push(viewer);
    }
    let from = marker(1).await;
    let is_marker = |event: &Event, id: i64| event.name == "job" && event.data["id"] == id;
    first.until(|event| is_marker(event, from)).await;
    let mut printers_told = std::collections::BTreeSet::new();
    while printers_told.len() < PRINTERS {
        let event = first.until(|event| event.name == "status").await;
        printers_told.insert(event.data["printer_id"].as_i64().unwrap());
    }
    let to = marker(2).await;
    let mut between: Option<Vec<Event>> = None;
    for viewer in &mut watching {
        viewer.until(|event| is_marker(event, from)).await;
        let mut events = Vec::new();
        loop {
            let event = viewer.next().await.unwrap();
            if is_marker(&event, to) {
                break;
            }
            events.push(event);
        }
        assert!(events.iter().filter(|event| event.name == "status").count() >= PRINTERS);
        // All viewers receive the same events in the same order.
        assert_eq!(between.get_or_insert_with(|| events.clone()), &events);
    }
    drop(deaf);
    app.stop().await;
}
