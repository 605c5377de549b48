//! A real Moonraker in a process and a folder of its own.

mod http;
mod socket;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::installation::{self, DEFAULT_MOONRAKER};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at something that cannot be waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Another program can take a free port before Moonraker has it; so often another one is tried.
const PORTS_TO_TRY: usize = 5;
/// A path must leave room for the name of the socket in the 107 bytes that a unix socket may have.
const LONGEST_FOLDER: usize = 80;

/// What kind of Moonraker to start.
#[derive(Debug, Clone)]
pub struct Setup {
    version: String,
    key_required: bool,
    extra_config: String,
}

impl Default for Setup {
    /// The newest Moonraker, which trusts every client on this machine.
    fn default() -> Self {
        Self {
            version: DEFAULT_MOONRAKER.to_owned(),
            key_required: false,
            extra_config: String::new(),
        }
    }
}

impl Setup {
    /// Another Moonraker: `0.10.0`, `0.9.3` or `0.8.0`.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Trusts nobody: clients need the API key.
    #[must_use]
    pub fn key_required(mut self) -> Self {
        self.key_required = true;
        self
    }

    /// More sections for `moonraker.conf`.
    #[must_use]
    pub fn extra_config(mut self, sections: &str) -> Self {
        sections.clone_into(&mut self.extra_config);
        self
    }

    fn write_config(&self, folder: &Path, port: u16) -> Result<()> {
        let trusted = if self.key_required {
            ""
        } else {
            "trusted_clients: 127.0.0.1\n"
        };
        let config = format!(
            "[server]\nhost: 127.0.0.1\nport: {port}\nklippy_uds_address: {}\n\
             [authorization]\n{trusted}\
             [machine]\nprovider: none\nvalidate_service: False\n\
             [file_manager]\nenable_object_processing: False\ncheck_klipper_config_path: False\n\
             [announcements]\nenable_moonlight: False\n\
             [history]\n\
             {}\n",
            klippy_socket(folder).display(),
            self.extra_config,
        );
        std::fs::write(folder.join("config/moonraker.conf"), config).context("could not write moonraker.conf")
    }
}

/// A Moonraker, running or stopped. Dropping it kills the process and removes the folder; if the
/// test itself is killed, the process dies with the thread that started it.
#[derive(Debug)]
pub struct Moonraker {
    setup: Setup,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
    /// Kept over a stop, because the database keeps it.
    api_key: String,
}

impl Moonraker {
    /// Starts one and waits until it answers. There is no Klippy behind it yet, see [`crate::Printer`].
    ///
    /// # Errors
    /// This Moonraker is not installed, or does not start; its log is in the error.
    pub async fn start(setup: Setup) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("moonraker-")
            .tempdir()
            .context("could not make a folder")?;
        let path = folder.path();
        ensure!(
            path.as_os_str().len() < LONGEST_FOLDER,
            "{} is too long for a unix socket in it",
            path.display()
        );
        for name in ["config", "comms", "gcodes", "logs", "misc", "tmp"] {
            std::fs::create_dir(path.join(name)).context("could not make Moonraker's folders")?;
        }
        // Without this file, Moonraker fetches it from the internet.
        File::create(path.join("misc/usb.ids")).context("could not make usb.ids")?;

        let mut moonraker = Self {
            setup,
            folder,
            port: 0,
            process: None,
            api_key: String::new(),
        };
        for _ in 0..PORTS_TO_TRY {
            moonraker.port = free_port()?;
            if moonraker.launch().await? {
                moonraker.api_key = moonraker.read_api_key().await?;
                return Ok(moonraker);
            }
            moonraker.kill().await?;
        }
        bail!("each of {PORTS_TO_TRY} free ports was taken before Moonraker had it")
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port, which stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The key that gives access to this Moonraker, also where it is not needed.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The unix socket on which Moonraker looks for Klippy.
    pub fn klippy_socket(&self) -> PathBuf {
        klippy_socket(self.folder.path())
    }

    /// The folder of the gcode files.
    pub fn gcodes(&self) -> PathBuf {
        self.folder.path().join("gcodes")
    }

    /// Everything that Moonraker wrote to its console since its latest start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("console.log")).unwrap_or_default()
    }

    /// SIGTERM, and waits for the end: a clean stop, in which a running job becomes `server_exit`.
    ///
    /// # Errors
    /// It is not running, or does not end.
    pub async fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("Moonraker is not running")?;
        let pid = process
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .context("Moonraker has ended already")?;
        kill_process(pid, Signal::TERM).context("could not send SIGTERM to Moonraker")?;
        tokio::time::timeout(PATIENCE, process.wait())
            .await
            .context("Moonraker did not stop")??;
        Ok(())
    }

    /// SIGKILL, or a power cut: Moonraker has no time to note anything.
    ///
    /// # Errors
    /// It is not running.
    pub async fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("Moonraker is not running")?;
        process.kill().await.context("could not kill Moonraker")
    }

    /// Starts it after [`Self::stop`] or [`Self::kill`], with the same folder and port, and waits
    /// until it answers.
    ///
    /// # Errors
    /// It does not start; its log is in the error.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "Moonraker is running");
        ensure!(
            self.launch().await?,
            "port {} was taken while Moonraker was away",
            self.port
        );
        self.api_key = self.read_api_key().await?;
        Ok(())
    }

    /// Deletes all jobs through the API. The next job is 000001 again.
    ///
    /// # Errors
    /// Moonraker does not answer.
    pub async fn delete_history(&self) -> Result<()> {
        self.call("server.history.delete_job", json!({ "all": true }))
            .await
            .map(drop)
    }

    /// Stops Moonraker, throws away its database, and starts it: jobs, totals and the API key are new.
    ///
    /// # Errors
    /// It does not stop or start.
    pub async fn wipe_database(&mut self) -> Result<()> {
        self.stop().await?;
        std::fs::remove_dir_all(self.folder.path().join("database"))
            .context("could not wipe the database")?;
        self.start_again().await
    }

    /// Calls a JSON-RPC method and returns its result, with all rights that a front end has.
    ///
    /// # Errors
    /// Moonraker does not answer, or refuses.
    pub async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        let context = || format!("could not call {method}");
        if self.setup.version == "0.8.0" {
            // It has no JSON-RPC over HTTP.
            return socket::call(&self.own_socket(), method, parameters)
                .await
                .with_context(context);
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let (_, answer) = self
            .request(
                Method::POST,
                "/server/jsonrpc",
                "application/json",
                body.to_string().into(),
            )
            .await
            .with_context(context)?;
        let mut answer: Value = serde_json::from_slice(&answer).with_context(context)?;
        match answer.get("error") {
            Some(error) => bail!("Moonraker refused {method}: {error}"),
            None => Ok(answer["result"].take()),
        }
    }

    /// Uploads a gcode file as `path` below the gcodes folder, and prints it if `print` is set.
    ///
    /// # Errors
    /// Moonraker does not answer, or refuses.
    pub async fn upload(&self, path: &str, gcode: &[u8], print: bool) -> Result<()> {
        const BOUNDARY: &str = "testbed-d51cf2b1a8";
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut body = Vec::new();
        for (field, value) in [
            ("root", "gcodes"),
            ("path", folder),
            ("print", if print { "true" } else { "false" }),
        ] {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        let header = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(header.into_bytes());
        body.extend(gcode);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let (status, answer) = self
            .request(Method::POST, "/server/files/upload", &kind, body.into())
            .await?;
        ensure!(
            status.is_success(),
            "upload of {path} failed with {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(())
    }

    /// Starts to print an uploaded file, as a front end does.
    ///
    /// # Errors
    /// Moonraker does not answer, or Klippy refuses.
    pub async fn start_print(&self, path: &str) -> Result<()> {
        self.call("printer.print.start", json!({ "filename": path }))
            .await
            .map(drop)
    }

    /// Pauses the print.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn pause(&self) -> Result<()> {
        self.call("printer.print.pause", json!({})).await.map(drop)
    }

    /// Resumes the print.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn resume(&self) -> Result<()> {
        self.call("printer.print.resume", json!({})).await.map(drop)
    }

    /// Cancels the print.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn cancel(&self) -> Result<()> {
        self.call("printer.print.cancel", json!({})).await.map(drop)
    }

    /// The emergency stop.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn emergency_stop(&self) -> Result<()> {
        self.call("printer.emergency_stop", json!({})).await.map(drop)
    }

    /// FIRMWARE_RESTART, which also leads out of a shutdown.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn firmware_restart(&self) -> Result<()> {
        self.call("printer.firmware_restart", json!({})).await.map(drop)
    }

    /// Runs gcode.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn gcode(&self, script: &str) -> Result<()> {
        self.call("printer.gcode.script", json!({ "script": script }))
            .await
            .map(drop)
    }

    /// Every job of `server.history.list`, oldest first.
    ///
    /// # Errors
    /// Moonraker does not answer.
    pub async fn history(&self) -> Result<Vec<Value>> {
        let mut answer = self
            .call("server.history.list", json!({ "limit": 0, "order": "asc" }))
            .await?;
        serde_json::from_value(answer["jobs"].take()).context("server.history.list has no jobs")
    }

    /// Waits until the history is as `wanted`, and returns it.
    ///
    /// # Errors
    /// It did not become so within a minute.
    pub async fn wait_for_history(&self, mut wanted: impl FnMut(&[Value]) -> bool) -> Result<Vec<Value>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let jobs = self.history().await?;
            if wanted(&jobs) {
                return Ok(jobs);
            }
            ensure!(
                Instant::now() < deadline,
                "Moonraker's history did not get there; it is {jobs:#?}"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until no job is in progress and there are at least `count`, and returns all.
    ///
    /// # Errors
    /// It did not become so within a minute.
    pub async fn wait_for_ended_jobs(&self, count: usize) -> Result<Vec<Value>> {
        self.wait_for_history(|jobs| {
            jobs.len() >= count && jobs.iter().all(|job| job["status"] != "in_progress")
        })
        .await
    }

    /// Waits until `klippy_state` of `server.info` is `state`, for example `ready`.
    ///
    /// # Errors
    /// It did not become so within a minute.
    pub async fn wait_for_klippy(&self, state: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let info = self.call("server.info", json!({})).await?;
            if info["klippy_state"] == state {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "Klippy did not become {state}; it is {}",
                info["klippy_state"]
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Starts the process and waits until it answers. `false` if the port is taken.
    async fn launch(&mut self) -> Result<bool> {
        let folder = self.folder.path();
        self.setup.write_config(folder, self.port)?;
        let console = File::create(folder.join("console.log")).context("could not make a log")?;
        // setpriv lets the kernel kill Moonraker when the thread that starts it is gone.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(installation::python(&self.setup.version)?)
            .args(["-m", "moonraker", "-d"])
            .arg(folder)
            .arg("-c")
            .arg(folder.join("config/moonraker.conf"))
            // Two Moonrakers with one folder for uploads overwrite each other's.
            .env("TMPDIR", folder.join("tmp"))
            .stdin(Stdio::null())
            .stdout(console.try_clone().context("could not make a log")?)
            .stderr(console)
            .kill_on_drop(true)
            .spawn()
            .context("could not start Moonraker")?;
        let process = self.process.insert(process);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = process.try_wait().context("could not look after Moonraker")?;
            let late = Instant::now() > deadline;
            let log = std::fs::read_to_string(folder.join("console.log")).unwrap_or_default();
            if log.contains("Address already in use") {
                return Ok(false);
            }
            ensure!(
                ended.is_none() && !late,
                "Moonraker {} did not start:\n{log}",
                self.setup.version
            );
            if let Ok(request) = Request::get("/server/info")
                .header("Host", "127.0.0.1")
                .body(Full::default())
                && let Ok((StatusCode::OK | StatusCode::UNAUTHORIZED, _)) =
                    http::send(self.port, request).await
            {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn read_api_key(&self) -> Result<String> {
        let key = socket::call(&self.own_socket(), "access.get_api_key", json!({})).await;
        let key = key.context("could not read Moonraker's API key")?;
        key.as_str()
            .map(str::to_owned)
            .with_context(|| format!("{key} is no API key"))
    }

    fn own_socket(&self) -> PathBuf {
        self.folder.path().join("comms/moonraker.sock")
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "127.0.0.1")
            .header("Content-Type", kind);
        if self.setup.key_required {
            request = request.header("X-Api-Key", &self.api_key);
        }
        http::send(self.port, request.body(Full::new(body))?).await
    }
}

fn klippy_socket(folder: &Path) -> PathBuf {
    folder.join("comms/klippy.sock")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener
        .local_addr()
        .context("could not read the free port")?
        .port())
}
