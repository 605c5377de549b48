//! A real Moonraker in its own process and folder.

mod http;
mod requests;
mod setup;
mod socket;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::Full;
use hyper::{Request, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::installation;

pub use http::send as http;
pub use setup::Setup;

/// Timeout for every wait.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Polling interval where there is no notification to wait for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Attempts to start on a free port: another program can take the port before Moonraker binds it.
const PORTS_TO_TRY: usize = 5;
/// Maximum length of the folder's path. It leaves room for the socket's name in the 107 bytes of a unix socket's
/// path.
const LONGEST_FOLDER: usize = 80;

/// A Moonraker, running or stopped. Dropping it kills the process and removes the folder. If the test process is
/// killed, Moonraker is killed with the thread that started it.
#[derive(Debug)]
pub struct Moonraker {
    setup: Setup,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
    /// Kept across restarts, like the database that holds it.
    api_key: String,
}

impl Moonraker {
    /// Starts a Moonraker and waits until it responds. It has no Klippy yet, see [`crate::Printer`].
    ///
    /// # Errors
    /// If this version is not installed or does not start; the error contains its log.
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
        // Without this file, Moonraker downloads it from the internet.
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

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port, which stays the same across restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The API key of this Moonraker, whether or not clients need it.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The unix socket on which Moonraker expects Klippy.
    pub fn klippy_socket(&self) -> PathBuf {
        klippy_socket(self.folder.path())
    }

    /// The folder of the G-code files.
    pub fn gcodes(&self) -> PathBuf {
        self.folder.path().join("gcodes")
    }

    /// Moonraker's console output since its last start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("console.log")).unwrap_or_default()
    }

    /// Stops Moonraker cleanly with SIGTERM and waits for its end. A running job ends as `server_exit`.
    ///
    /// # Errors
    /// If it is not running or does not end.
    pub async fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("Moonraker is not running")?;
        let pid = process
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .context("Moonraker has ended already")?;
        kill_process(pid, Signal::TERM).context("could not send SIGTERM to Moonraker")?;
        tokio::time::timeout(TIMEOUT, process.wait())
            .await
            .context("Moonraker did not stop")??;
        Ok(())
    }

    /// Kills Moonraker with SIGKILL, as in a power cut: it cannot save anything.
    ///
    /// # Errors
    /// If it is not running.
    pub async fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("Moonraker is not running")?;
        process.kill().await.context("could not kill Moonraker")
    }

    /// Starts Moonraker after [`Self::stop`] or [`Self::kill`], with the same folder and port, and waits until it
    /// responds.
    ///
    /// # Errors
    /// If it does not start; the error contains its log.
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

    /// Sets Moonraker's wall clock this many seconds ahead of the true time (behind, if negative), until its next
    /// start. Needs [`Setup::settable_clock`].
    ///
    /// # Errors
    /// If its clock is not settable.
    pub fn set_clock(&self, ahead: i64) -> Result<()> {
        ensure!(
            self.setup.settable_clock,
            "this Moonraker was set up without a settable clock"
        );
        // The rename is atomic: Moonraker reads the old or the new time, never a partial line.
        let new = self.clock_file().with_extension("new");
        std::fs::write(&new, format!("{ahead:+}\n")).context("could not write the clock's file")?;
        std::fs::rename(&new, self.clock_file()).context("could not set the clock")
    }

    /// Stops Moonraker, deletes its database and starts it: jobs, totals and the API key are new.
    ///
    /// # Errors
    /// If it does not stop or start.
    pub async fn wipe_database(&mut self) -> Result<()> {
        self.stop().await?;
        std::fs::remove_dir_all(self.folder.path().join("database"))
            .context("could not wipe the database")?;
        self.start_again().await
    }

    /// Starts the process and waits until it responds. `false` if the port is taken.
    async fn launch(&mut self) -> Result<bool> {
        let folder = self.folder.path();
        self.setup.write_config(folder, self.port)?;
        let console = File::create(folder.join("console.log")).context("could not make a log")?;
        // setpriv makes the kernel kill Moonraker when the thread that started it ends.
        let mut command = Command::new("setpriv");
        if self.setup.settable_clock {
            self.set_clock(0)?;
            command
                .env("LD_PRELOAD", installation::libfaketime()?)
                .env("FAKETIME_TIMESTAMP_FILE", self.clock_file())
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                // libfaketime's workaround for an old glibc makes thread waits last for seconds.
                .env("FAKETIME_FORCE_MONOTONIC_FIX", "0");
        }
        let process = command
            .args(["--pdeathsig", "KILL"])
            .arg(installation::python(&self.setup.version)?)
            .args(["-m", "moonraker", "-d"])
            .arg(folder)
            .arg("-c")
            .arg(folder.join("config/moonraker.conf"))
            // Two Moonrakers that share a folder for uploads overwrite each other's files.
            .env("TMPDIR", folder.join("tmp"))
            .stdin(Stdio::null())
            .stdout(console.try_clone().context("could not make a log")?)
            .stderr(console)
            .kill_on_drop(true)
            .spawn()
            .context("could not start Moonraker")?;
        let process = self.process.insert(process);
        let deadline = Instant::now() + TIMEOUT;
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
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn read_api_key(&self) -> Result<String> {
        let key = socket::call(&self.own_socket(), "access.get_api_key", json!({})).await;
        let key = key.context("could not read Moonraker's API key")?;
        key.as_str()
            .map(str::to_owned)
            .with_context(|| format!("{key} is no API key"))
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn own_socket(&self) -> PathBuf {
        self.folder.path().join("comms/moonraker.sock")
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
