//! Runs printlog, or the application it is compared with, as a separate process on an existing database.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use store::Location;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    Options,
    client::{Client, Latency, throughput},
};

/// Maximum time for a server to shut down.
const END: Duration = Duration::from_secs(10);

pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Time until `/health` reported success.
    pub(crate) started_in: Duration,
}

impl Process {
    pub(crate) async fn start(location: &Location) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = std::env::temp_dir();
        let mut command = Command::new(env!("CARGO_BIN_EXE_printlog"));
        command
            .arg("serve")
            .current_dir(&folder)
            // As in the systemd service and the container.
            .env("MALLOC_ARENA_MAX", "2")
            .env("PRINTLOG_API__HOST", "127.0.0.1")
            .env("PRINTLOG_API__PORT", address.port().to_string())
            .env("PRINTLOG_LOGGING__FILE", folder.join("printlog-bench.log"));
        match location {
            Location::Sqlite { path } => {
                let path: PathBuf = fs::canonicalize(path)?;
                command.env("PRINTLOG_DATABASE__PATH", path);
            }
            Location::MySql { url } => {
                command
                    .env("PRINTLOG_DATABASE__TYPE", "mysql")
                    .env("PRINTLOG_DATABASE__URL", url.as_str());
            }
        }
        Self::spawn(command, address, "/health").await
    }

    /// Starts scripts/bench_peer.py on the same database.
    pub(crate) async fn start_peer(python: &Path, database: &Path, key: &str) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(python);
        command
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../scripts/bench_peer.py"
            ))
            .env("PEER_DATABASE", fs::canonicalize(database)?)
            .env("PEER_KEY", key)
            .env("PEER_PORT", address.port().to_string());
        Self::spawn(command, address, "/docs").await
    }

    async fn spawn(mut command: Command, address: SocketAddr, health: &str) -> anyhow::Result<Self> {
        let began = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut process = Self {
            child,
            address,
            started_in: Duration::ZERO,
        };
        loop {
            if TcpStream::connect(address).await.is_ok()
                && let Ok(mut client) = Client::connect(address, "").await
                && client.get(health).await.is_ok()
            {
                process.started_in = began.elapsed();
                return Ok(process);
            }
            ensure!(
                began.elapsed() < Duration::from_secs(600),
                "{} does not start",
                command.get_program().display()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Latency, and responses per second over many connections. `None` if the server has no such route. The
    /// throughput is also `None` if a single response is too slow to measure it.
    pub(crate) async fn measure(
        &self,
        path: &str,
        key: &str,
        options: &Options,
        limit: Duration,
    ) -> (Option<Latency>, Option<f64>) {
        let Ok(mut client) = Client::connect(self.address, key).await else {
            return (None, None);
        };
        let Ok((latency, _)) = client.measure(path, limit).await else {
            return (None, None);
        };
        let rate = match latency.p50 < 0.05 {
            true => throughput(self.address, key, path, options.connections, limit)
                .await
                .ok(),
            false => None,
        };
        (Some(latency), rate)
    }

    /// Peak resident memory, in MB.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: f64 = kilobytes.context("no VmHWM")?.parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An orderly shutdown: a killed server holds its lease on MySQL for a while, and the next one has to wait.
        if let Some(id) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(id, Signal::TERM);
        }
        // If the process has already ended, there is nothing to kill.
        let end = Instant::now() + END;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
