//! A child process and its resource usage as counted by the kernel.

use std::{
    fs,
    io::Write as _,
    ops::Sub,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;
use simulator::Simulator;

/// Clock ticks per second of `utime` and `stime`: 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A child process. Killed when it is dropped.
pub(crate) struct Process(Child);

/// Resources that a process has used since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// CPU time in user and kernel mode, in seconds.
    pub(crate) cpu: f64,
    /// Bytes written to disk.
    pub(crate) written: f64,
}

impl Process {
    pub(crate) fn printlog(folder: &Path, database: &Path) -> anyhow::Result<Self> {
        let process = Command::new(env!("CARGO_BIN_EXE_printlog"))
            .arg("serve")
            .current_dir(folder)
            .env("PRINTLOG_DATABASE__PATH", database)
            .env("PRINTLOG_API__PORT", "0")
            .env("PRINTLOG_API__HOST", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start printlog")?;
        Ok(Self(process))
    }

    /// Starts the bare client, connected to all printers.
    pub(crate) fn wire(simulator: &Simulator) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("wire")
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start the bare client")?;
        let mut input = process.stdin.take().context("it has no input")?;
        for printer in simulator.printers() {
            writeln!(input, "{}", printer.port())?;
        }
        Ok(Self(process))
    }

    pub(crate) fn counted(&self) -> anyhow::Result<Counted> {
        let stat = self.read("stat")?;
        // The second field is the name in parentheses, which may contain any character.
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks =
            |place: usize| -> anyhow::Result<f64> { Ok(fields.get(place).context("a short stat")?.parse()?) };
        Ok(Counted {
            cpu: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            written: number_after(&self.read("io")?, "write_bytes:")?,
        })
    }

    /// Resident memory in MB.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        Ok(number_after(&self.read("status")?, "VmRSS:")? / 1024.0)
    }

    /// Peak resident memory in MB.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<f64> {
        Ok(number_after(&self.read("status")?, "VmHWM:")? / 1024.0)
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.0.id());
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}: has the process ended?"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            written: self.written - before.written,
        }
    }
}

fn number_after(text: &str, label: &str) -> anyhow::Result<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(label))
        .with_context(|| format!("no {label}"))?;
    let number = line.split_whitespace().next().context("no number")?;
    Ok(number.parse()?)
}

/// Reads the number of transactions in an SQLite database in WAL mode, from `iChange` in the header of its wal-index.
/// See <https://www.sqlite.org/walformat.html>.
pub(crate) struct Commits(PathBuf);

impl Commits {
    pub(crate) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-shm");
        Self(path.into())
    }

    pub(crate) fn count(&self) -> anyhow::Result<u32> {
        let header = fs::read(&self.0).context("cannot read the wal-index")?;
        let counter = header.get(8..12).context("a short wal-index")?;
        Ok(u32::from_ne_bytes(counter.try_into()?))
    }
}
