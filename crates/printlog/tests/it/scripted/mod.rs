//! Scripts of a printer's frames, played to printlog over a real WebSocket. The script advances the clock.

mod eta;
mod frames;
mod metadata;
mod moonraker;
mod names;
mod right;
mod words;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{Job, JobFilter, PrinterId};
use jiff::{SignedDuration, Timestamp};
use printlog::clock::Clock;
use serde_json::{Value, json};
use store::{Location, Store};
use tracing_subscriber::fmt::MakeWriter;

use crate::{capture::logger::wait_for, test_app::TestApp};
use moonraker::Moonraker;

/// A printlog instance, and the clock and log of the test.
pub(crate) struct Scene {
    pub(crate) app: TestApp,
    clock: Clock,
    lead: &'static AtomicU64,
    log: &'static Mutex<Vec<u8>>,
    _logging: tracing::subscriber::DefaultGuard,
}

/// A printer, and the time of its second 0.
pub(crate) struct Printer {
    pub(crate) id: i64,
    pub(crate) moonraker: Moonraker,
    began: Timestamp,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let lead: &'static AtomicU64 = Box::leak(Box::default());
        let log: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        let clock = Clock::ahead(lead);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(Log(log))
            .finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let app = TestApp::start_at(clock, |config| {
            config.moonraker.reconnect_delay = Duration::from_millis(100);
            config.details.rate = 6000.0;
        })
        .await;
        Self {
            app,
            clock,
            lead,
            log,
            _logging: logging,
        }
    }

    /// Adds a printer. Script lines before second 0 are played before printlog connects to it, the others afterwards.
    pub(crate) async fn play(&self, script: &str) -> Printer {
        let lines = lines(script);
        let began = self.clock.now();
        let moonraker = Moonraker::start(self.clock).await;
        let (before, after): (Vec<_>, Vec<_>) = lines.iter().partition(|(at, _)| *at < 0.0);
        for (_, line) in before {
            carry_out(&moonraker, began, line);
        }
        let number = began.as_nanosecond();
        let body = json!({ "name": format!("Printer {number}"), "moonraker_url": moonraker.url });
        let added = self.app.post("/api/printers", &body).await.expect(201).json();
        let id = added["id"].as_i64().unwrap();
        let printer = Printer { id, moonraker, began };
        self.wait_for_connection(&printer).await;
        let printer = Printer {
            began: self.clock.now(),
            ..printer
        };
        for (at, line) in after {
            self.play_line(&printer, *at, line).await;
        }
        printer
    }

    /// Plays more lines to a printer. Second 0 is that of its first script.
    pub(crate) async fn play_on(&self, printer: &Printer, script: &str) {
        for (at, line) in lines(script) {
            self.play_line(printer, at, &line).await;
        }
    }

    async fn play_line(&self, printer: &Printer, at: f64, line: &Value) {
        let due = printer.began + SignedDuration::from_secs_f64(at);
        let left = due.duration_since(self.clock.now());
        self.pass(left.max(SignedDuration::ZERO).as_secs_f64());
        carry_out(&printer.moonraker, printer.began, line);
        match line.get("link") {
            Some(link) if link == "down" => {
                self.wait_for_state(printer, |state| state != "connected").await;
            }
            Some(_) => self.wait_for_connection(printer).await,
            None if line.get("drop").is_some() => {
                self.wait_for_state(printer, |state| state != "connected").await;
                self.wait_for_connection(printer).await;
            }
            None => {}
        }
        self.is_heard(printer).await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Advances the clock without waiting.
    pub(crate) fn pass(&self, seconds: f64) {
        let passed = Duration::from_secs_f64(seconds).as_millis();
        self.lead
            .fetch_add(u64::try_from(passed).unwrap(), Ordering::Relaxed);
    }

    /// Waits until printlog has processed all frames sent so far. Frames are processed in order, so the second of two
    /// heartbeats is processed after all frames that were sent before the first.
    async fn is_heard(&self, printer: &Printer) {
        if self.connection(printer).await["state"] != "connected" {
            return;
        }
        for _ in 0..2 {
            let sent = self.clock.now();
            printer.moonraker.heartbeat();
            wait_for("the frames to be heard", async || {
                let status = self.status(printer).await;
                let seen: Timestamp = status["last_seen"].as_str()?.parse().unwrap();
                // The API has a resolution of at least milliseconds.
                (seen.as_millisecond() >= sent.as_millisecond()).then_some(())
            })
            .await;
            self.pass(0.002);
        }
    }

    pub(crate) async fn status(&self, printer: &Printer) -> Value {
        let path = format!("/api/printers/{}/status", printer.id);
        self.app.get(&path).await.expect(200).json()
    }

    async fn connection(&self, printer: &Printer) -> Value {
        self.status(printer).await["connection"].clone()
    }

    async fn wait_for_connection(&self, printer: &Printer) {
        self.wait_for_state(printer, |state| state == "connected").await;
    }

    async fn wait_for_state(&self, printer: &Printer, wanted: impl Fn(&str) -> bool) {
        wait_for("the state of the connection", async || {
            let connection = self.connection(printer).await;
            wanted(connection["state"].as_str().unwrap()).then_some(())
        })
        .await;
    }

    /// The printer's jobs in the API, oldest first.
    pub(crate) async fn jobs(&self, printer: &Printer) -> Vec<Value> {
        let path = format!("/api/jobs?limit=100&printer_id={}", printer.id);
        let list = self.app.get(&path).await.expect(200).json();
        let mut jobs = Vec::new();
        for item in list["items"].as_array().unwrap() {
            let path = format!("/api/jobs/{}", item["id"]);
            jobs.push(self.app.get(&path).await.expect(200).json());
        }
        jobs.reverse();
        jobs
    }

    pub(crate) async fn wait_for_jobs(
        &self,
        printer: &Printer,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        wait_for("the jobs to be as wanted", async || {
            // Advances the clock so that pending retries happen now.
            self.pass(5.0);
            let jobs = self.jobs(printer).await;
            wanted(&jobs).then_some(jobs)
        })
        .await
    }

    /// Number of log lines that contain the text.
    pub(crate) fn warnings(&self, about: &str) -> usize {
        let log = String::from_utf8(self.log.lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains(about)).count()
    }

    /// Lets all timeouts expire, shuts printlog down, and returns the rows of the printers, oldest first.
    pub(crate) async fn end<const N: usize>(self, printers: [&Printer; N]) -> [Vec<Job>; N] {
        self.end_all(printers).await.try_into().unwrap()
    }

    /// As [`end`](Self::end), for any number of printers.
    pub(crate) async fn end_all<'a>(self, printers: impl IntoIterator<Item = &'a Printer>) -> Vec<Vec<Job>> {
        let printers: Vec<_> = printers.into_iter().collect();
        self.pass(10.0);
        for printer in &printers {
            self.is_heard(printer).await;
        }
        let folder = self.app.stop().await;
        let path = folder.path().join("printlog.db");
        let store = Store::open(&Location::Sqlite { path }).await.unwrap();
        assert!(store.check_totals().await.unwrap().is_empty());
        let mut rows = Vec::new();
        for printer in printers {
            rows.push(rows_of(&store, PrinterId(printer.id)).await);
        }
        store.close().await.unwrap();
        rows
    }
}

async fn rows_of(store: &Store, printer: PrinterId) -> Vec<Job> {
    let filter = JobFilter {
        printer_ids: vec![printer],
        ..JobFilter::default()
    };
    let page = store.list_jobs(&filter, 100, None).await.unwrap();
    let mut jobs = Vec::new();
    for item in page.items {
        jobs.push(store.job(item.stored.id).await.unwrap().unwrap().job);
    }
    jobs.reverse();
    jobs
}

/// The lines of a script with their times, in seconds.
///
/// A line is `{"at": s, KEY: ...}`. Keys: `status` (a delta that is sent), `quiet` (one that is not), `added` and
/// `finished` (a history row that is sent), `list` (rows that are not), `forget` (ids), `error` (`{method or prefix*:
/// [code, message]}`), `noerror`, `klippy` (`gone`, `ready`, `shutdown`), `drop`, `link` (`down`, `up`), `file`
/// (`{name: text}`), `roots`, `metadata` (`{name: object}`), `raw` (a text
/// frame), `write_as` (`{part of a frame: its text}`). `"@5"` is the date of second 5.
fn lines(script: &str) -> Vec<(f64, Value)> {
    script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut line: Value =
                serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: {line}"));
            let at = line.as_object_mut().unwrap().remove("at").unwrap();
            (at.as_f64().unwrap(), line)
        })
        .collect()
}

fn carry_out(moonraker: &Moonraker, began: Timestamp, line: &Value) {
    let began = began.as_millisecond() as f64 / 1000.0;
    for (key, value) in line.as_object().unwrap() {
        moonraker.carry_out(key, &dated(value, began));
    }
}

fn dated(value: &Value, began: f64) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('@').map(str::parse::<f64>) {
            Some(Ok(seconds)) => json!(began + seconds),
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(|value| dated(value, began)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), dated(value, began)))
            .collect(),
        _ => value.clone(),
    }
}

/// Collects the log output.
#[derive(Clone, Copy)]
struct Log(&'static Mutex<Vec<u8>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
