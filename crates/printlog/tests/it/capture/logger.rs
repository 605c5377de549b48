//! The real binary in its own folder, which can be killed and restarted.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::small_disk::SmallDisk;

/// Timeout for all waits; not used to measure anything.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Logger {
    folder: TempDir,
    port: u16,
    key: String,
    process: Option<Child>,
    /// The disk that holds `data`, if it is not the default one.
    pub(crate) disk: Option<SmallDisk>,
    /// Settings in addition to those that all tests use.
    pub(crate) variables: Vec<(String, String)>,
}

impl Logger {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), None, variables).await
    }

    /// Starts with `data` on a disk of this size, such as `8M`. `None` if no such disk can be created.
    pub(crate) async fn start_on_small_disk(size: &str, variables: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = SmallDisk::over(&folder.path().join("data"), size)?;
        Some(Self::start_in(folder, Some(disk), variables).await)
    }

    async fn start_in(folder: TempDir, disk: Option<SmallDisk>, variables: &[(&str, &str)]) -> Self {
        // Bound only to find a free port.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut logger = Self {
            folder,
            port,
            key: String::new(),
            process: None,
            disk,
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let key = logger.command(&["keys", "create", "test", "--json"]).await;
        logger.key = key["key"].as_str().expect("a key").to_owned();
        logger.start_again().await;
        logger
    }

    /// Kills the process with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        let mut process = self.process.take().expect("printlog runs");
        process.kill().await.expect("printlog is killed");
    }

    fn process_id(&self) -> u32 {
        self.process.as_ref().and_then(Child::id).expect("printlog runs")
    }

    /// Resident memory of the process, in KiB.
    pub(crate) fn resident_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()));
        let status = status.expect("what Linux says of it");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("a size")
    }

    /// Sends a signal. `-TERM` requests an orderly shutdown.
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process_id();
        let sent = std::process::Command::new("kill")
            .args([signal, &process.to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    pub(crate) async fn wait_for_end(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("printlog runs");
        tokio::time::timeout(PATIENCE, process.wait())
            .await
            .expect("printlog ends")
            .expect("its status")
    }

    pub(crate) async fn start_again(&mut self) {
        self.start_without_waiting();
        self.wait_for_answer().await;
    }

    pub(crate) fn start_without_waiting(&mut self) {
        let process = self.binary().arg("serve").spawn().expect("printlog starts");
        self.process = Some(process);
    }

    /// Path of a file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The content of the log file, if `PRINTLOG_LOGGING__FILE` is `log`.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Status and body of `/health`. `None` if the server does not respond.
    pub(crate) async fn health(&self) -> Option<(StatusCode, Value)> {
        self.send("GET", "/health", None).await
    }

    pub(crate) async fn wait_for_answer(&self) {
        wait_for("printlog to answer", async || {
            let (status, _) = self.send("GET", "/health", None).await?;
            status.is_success().then_some(())
        })
        .await;
    }

    /// Runs a command, whether or not the server is running.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Value {
        let output = self
            .binary()
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .await
            .expect("printlog runs");
        assert!(
            output.status.success(),
            "printlog {arguments:?}: {:?}",
            output.status
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    pub(crate) async fn add_printer(&self, name: &str, url: &str, api_key: Option<&str>) -> i64 {
        let printer = json!({"name": name, "moonraker_url": url, "moonraker_api_key": api_key});
        let (status, printer) = self
            .send("POST", "/api/printers", Some(&printer))
            .await
            .expect("an answer");
        assert_eq!(status, StatusCode::CREATED, "{printer}");
        printer["id"].as_i64().expect("an id")
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, None).await.expect("an answer");
        assert!(status.is_success(), "GET {path}: {status} {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str) {
        let (status, answer) = self.send("POST", path, None).await.expect("an answer");
        assert!(status.is_success(), "POST {path}: {status} {answer}");
    }

    pub(crate) async fn bytes(&self, path: &str) -> Bytes {
        let request = Request::builder()
            .uri(path)
            .header("Host", "localhost")
            .header("Authorization", format!("Bearer {}", self.key))
            .body(Full::new(Bytes::new()))
            .expect("a request");
        let (status, body) = testbed::http(self.port, request).await.expect("an answer");
        assert!(status.is_success(), "GET {path}: {status}");
        body
    }

    /// Verifies the database file with SQLite's own checks.
    pub(crate) async fn database_is_sound(&mut self) {
        let copy = tempfile::tempdir().expect("a folder");
        let path = match &self.disk {
            // The small disk is not visible to this process, so the check runs on a copy.
            Some(_) => {
                self.kill().await;
                self.copy_database(copy.path())
            }
            None => self.folder.path().join("data/printlog.db"),
        };
        let url = format!("sqlite://{}", path.display());
        let db = sea_orm::Database::connect(url).await.expect("the database");
        for (sql, sound) in [
            ("PRAGMA integrity_check", vec!["ok"]),
            ("PRAGMA foreign_key_check", vec![]),
        ] {
            let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql);
            let rows = sea_orm::ConnectionTrait::query_all_raw(&db, statement)
                .await
                .expect("an answer");
            let found: Vec<String> = rows
                .iter()
                .map(|row| row.try_get_by_index(0).expect("a text"))
                .collect();
            assert_eq!(found, sound, "{sql}");
        }
        db.close().await.expect("it closes");
    }

    /// Number of rows in a table, read directly from the database.
    pub(crate) async fn count_rows(&self, table: &str) -> i64 {
        let path = self.folder.path().join("data/printlog.db");
        let url = format!("sqlite://{}?mode=ro", path.display());
        let db = sea_orm::Database::connect(url).await.expect("the database");
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql);
        let row = sea_orm::ConnectionTrait::query_one_raw(&db, statement)
            .await
            .expect("an answer")
            .expect("a row");
        let count = row.try_get_by_index(0).expect("a number");
        db.close().await.expect("it closes");
        count
    }

    /// `None` if the request fails.
    pub(crate) async fn try_get(&self, path: &str) -> Option<Value> {
        let (status, answer) = self.send("GET", path, None).await?;
        status.is_success().then_some(answer)
    }

    /// All fields of the printer's jobs, oldest first.
    pub(crate) async fn jobs(&self, printer: i64) -> Vec<Value> {
        let list = self
            .get(&format!("/api/jobs?printer_id={printer}&limit=500"))
            .await;
        let mut jobs = Vec::new();
        for item in list["items"].as_array().expect("items").iter().rev() {
            jobs.push(self.get(&format!("/api/jobs/{}", item["id"])).await);
        }
        jobs
    }

    pub(crate) async fn wait_for_jobs(&self, printer: i64, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        wait_for("the jobs to be as wanted", async || {
            let jobs = self.jobs(printer).await;
            wanted(&jobs).then_some(jobs)
        })
        .await
    }

    /// Waits until there are `count` jobs and none is open.
    pub(crate) async fn wait_for_ended(&self, printer: i64, count: usize) -> Vec<Value> {
        self.wait_for_jobs(printer, |jobs| {
            jobs.len() >= count
                && jobs
                    .iter()
                    .all(|job| job["status"] != "printing" && job["status"] != "paused")
        })
        .await
    }

    pub(crate) async fn wait_for_connection(&self, printer: i64, state: &str) -> Value {
        wait_for(&format!("the printer to be {state}"), async || {
            let status = self.get(&format!("/api/printers/{printer}/status")).await;
            (status["connection"]["state"] == state).then_some(status)
        })
        .await
    }

    /// Waits until printlog has subscribed to a ready Klippy. From then on it sees every print.
    pub(crate) async fn wait_for_klippy(&self, printer: i64) {
        wait_for("Klippy to be ready", async || {
            let status = self.get(&format!("/api/printers/{printer}/status")).await;
            (status["connection"]["state"] == "connected" && status["klippy_state"] == "ready").then_some(())
        })
        .await;
    }

    /// Runs `printlog check` to verify that `job_totals` equals the sums over the rows.
    pub(crate) async fn totals_are_right(&self) {
        let output = self
            .binary()
            .args(["check", "--json"])
            .output()
            .await
            .expect("printlog runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("findings");
        let totals: Vec<_> = findings
            .iter()
            .filter(|finding| finding["subject"] == "totals")
            .collect();
        assert!(
            !totals.is_empty() && totals.iter().all(|finding| finding["ok"] == true),
            "{report:#}"
        );
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(StatusCode, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "localhost")
            .header("Authorization", format!("Bearer {}", self.key))
            .header("Content-Type", "application/json")
            .body(Full::new(
                body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
            ))
            .expect("a request");
        let (status, body) = testbed::http(self.port, request).await.ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Copies the database and its WAL from the small disk.
    pub(crate) fn copy_database(&self, folder: &Path) -> PathBuf {
        let disk = self.disk.as_ref().expect("a disk of its own");
        for file in ["printlog.db", "printlog.db-wal"] {
            let from = disk.outside(file);
            if from.exists() {
                std::fs::copy(from, folder.join(file)).expect("a copy");
            }
        }
        folder.join("printlog.db")
    }

    fn binary(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_printlog");
        let mut command = match &self.disk {
            Some(disk) => Command::from(disk.command(program)),
            None => Command::new(program),
        };
        command
            .current_dir(self.folder.path())
            .env("PRINTLOG_API__PORT", self.port.to_string())
            .env("PRINTLOG_API__HOST", "127.0.0.1")
            .env("PRINTLOG_MOONRAKER__RECONNECT_DELAY", "1")
            .env("PRINTLOG_MOONRAKER__MAX_RECONNECT_DELAY", "2")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// Polls until there is a value. Fails with `what` after a minute.
pub(crate) async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("waited a minute for {what}"))
}
