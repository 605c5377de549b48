//! The real server in this process, with its own port and folder, used over real HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use domain::{Cause, Figures, Job, JobId, JobStatus, NewPrinter, PrinterId, Source};
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use printlog::{clock::Clock, config::Config, server};
use serde_json::Value;
use store::{Location, Saved, Store};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::catalogues;

pub(crate) struct TestApp {
    /// The server's database, over separate connections.
    pub(crate) store: Store,
    pub(crate) address: SocketAddr,
    /// A valid key.
    pub(crate) key: String,
    stop: CancellationToken,
    server: JoinHandle<anyhow::Result<()>>,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Time at which the jobs of the tests were stored.
pub(crate) fn stored_at() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(Clock::start(), change).await
    }

    pub(crate) async fn start_at(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = defaults();
        let path = folder.path().join("printlog.db");
        config.database = Location::Sqlite { path };
        change(&mut config);
        let store = Store::open(&config.database).await.unwrap();
        // An existing key keeps the server from creating the first one itself.
        let key = store
            .create_key("test", store::KeyScope::Admin, None, stored_at())
            .await
            .unwrap()
            .secret;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn({
            let stop = stop.clone();
            async move { server::run_reloading(&watch::Sender::new(config), listener, clock, stop).await }
        });
        let app = Self {
            store,
            address,
            key,
            stop,
            server,
            folder,
        };
        while app.get("/health").await.status != StatusCode::OK {
            assert!(!app.server.is_finished(), "the server has ended");
            tokio::task::yield_now().await;
        }
        app
    }

    /// Shuts the server down and returns the folder of its database.
    pub(crate) async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.server.await.unwrap().unwrap();
        self.store.close().await.unwrap();
        self.folder
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path, Bytes::new())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path, Bytes::new())).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path, body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("PUT", path, body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("PATCH", path, body.to_string())).await
    }

    /// A JSON request with the key.
    pub(crate) fn request(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()))
            .unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        send(self.address, request).await
    }

    /// The status of a response, without reading its body: a stream never ends.
    pub(crate) async fn status_of(&self, request: Request<Full<Bytes>>) -> StatusCode {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap().status()
    }

    /// Adds a disabled printer, to which printlog does not connect.
    pub(crate) async fn add_printer(&self, name: &str) -> PrinterId {
        let printer = NewPrinter {
            name: name.to_owned(),
            kind: domain::PrinterKind::default(),
            location: None,
            moonraker_url: "http://127.0.0.1:7125".to_owned(),
            moonraker_api_key: None,
            is_active: false,
        };
        self.store.add_printer(&printer, stored_at()).await.unwrap().id
    }

    pub(crate) async fn add_job(&self, job: &Job) -> JobId {
        match self.store.save_job(job, stored_at()).await.unwrap() {
            Saved::Inserted(id) => id,
            other => panic!("the job is not new: {other:?}"),
        }
    }
}

pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

/// The default configuration.
pub(crate) fn defaults() -> Config {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.yml");
    std::fs::write(&empty, "").unwrap();
    Config::load(Some(&empty), []).unwrap()
}

/// A completed job that took one hour.
pub(crate) fn job(printer_id: PrinterId, job_id: &str, start: &str) -> Job {
    let start_time: Timestamp = start.parse().unwrap();
    Job {
        printer_id,
        job_id: Some(job_id.to_owned()),
        history_start_time: Some(start_time),
        user: None,
        filename: Some("cube.gcode".to_owned()),
        status: JobStatus::Completed,
        cause: Some(Cause::Completed),
        message: None,
        start_time: Some(start_time),
        end_time: Some(start_time + jiff::SignedDuration::from_hours(1)),
        figures: Figures {
            print_duration: Some(3500.5),
            total_duration: Some(3600.25),
            filament_used: Some(1234.5),
        },
        end_source: Some(Source::History),
        figures_source: Source::History,
        clock_jumped: false,
        metadata: None,
        auxiliary_data: None,
        last_seen: None,
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|cause| panic!("{cause}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts the status and returns the response.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        self
    }

    /// The body, after checking that it is a complete RFC 9457 problem with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{text}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{text}"
        );
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        catalogues::assert_translated("errors", &problem);
        problem
    }

    /// Names of the fields in a problem's errors.
    #[track_caller]
    pub(crate) fn wrong_fields(&self, status: u16) -> Vec<String> {
        let problem = self.problem(status);
        let errors = problem["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no errors: {problem}"));
        for error in errors {
            assert!(!error["message"].as_str().unwrap().is_empty(), "{problem}");
            catalogues::assert_translated("fieldErrors", error);
        }
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    }
}
