//! A stand-in for Klippy, Klipper's host process. It speaks the real API-server protocol on a unix socket, prints in
//! real time without a printer, fails on demand, and records what really happened.
//!
//! History, metadata and notifications come from a real Moonraker.

mod host;
mod machine;
mod objects;
mod plan;
mod print_stats;
mod record;
mod script;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

use host::{Command, Process};
use machine::FaultKind;

pub use machine::Boot;
pub use record::{Outcome, PrintRecord};

/// Timeout of [`Klippy::wait_until`].
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running stand-in. Stops when it is dropped.
pub struct Klippy {
    commands: mpsc::UnboundedSender<Command>,
    snapshot: watch::Receiver<Snapshot>,
    _task: AbortOnDropHandle<()>,
}

/// State of the printer at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Whether the process is running.
    pub running: bool,
    /// `webhooks.state`: `startup`, `ready`, `error` or `shutdown`.
    pub host_state: &'static str,
    /// `print_stats.state`: `standby`, `printing`, `paused`, `complete`, `cancelled` or `error`.
    pub state: &'static str,
    /// `print_stats.filename`; empty before the first print.
    pub filename: String,
    /// Share of the file's moves that are done, from 0 to 1; 0 while heating.
    pub progress: f64,
    /// Printer objects with at least one subscriber.
    pub subscribed: BTreeSet<String>,
    /// Time of the last status update sent to subscribers, in Unix seconds; 0 before the first one.
    pub told_until: f64,
    /// All prints since the stand-in was created, including before restarts, oldest first.
    pub prints: Vec<PrintRecord>,
}

impl Klippy {
    /// Starts a ready Klippy on the unix socket `socket`, which prints from the folder `gcodes`.
    ///
    /// # Errors
    /// If the socket cannot be opened, for example because its path is too long.
    pub async fn start(socket: &Path, gcodes: &Path) -> Result<Self> {
        let (published, mut snapshot) = watch::channel(Snapshot::default());
        let (commands, queue) = mpsc::unbounded_channel();
        let mut process = Process::new(socket, gcodes, published);
        process.boot(&Boot::Ready)?;
        process.publish();
        snapshot.mark_unchanged();
        let task = AbortOnDropHandle::new(tokio::spawn(process.serve(queue)));
        Ok(Self {
            commands,
            snapshot,
            _task: task,
        })
    }

    /// Kills the process, as with SIGKILL; its print ends with it.
    pub async fn kill(&self) {
        self.with(Process::kill).await;
    }

    /// Stops the process cleanly, as when its service is stopped.
    pub async fn stop(&self) {
        self.with(Process::stop).await;
    }

    /// Starts the process, for the first time or after its end.
    ///
    /// # Errors
    /// If the socket cannot be opened.
    pub async fn boot(&self, boot: Boot) -> Result<()> {
        self.with(move |process| process.boot(&boot)).await
    }

    /// FIRMWARE_RESTART: the process ends and is ready again in less than a second.
    pub async fn restart(&self) {
        self.with(Process::restart).await;
    }

    /// Runs G-code that did not come through Moonraker, for example from the printer's display.
    ///
    /// # Errors
    /// If Klippy rejects it.
    pub async fn gcode(&self, script: &str) -> Result<()> {
        let script = script.to_owned();
        self.with(move |process| process.run(&script))
            .await
            .map_err(|refusal| anyhow!("Klippy refused: {refusal}"))
    }

    /// Makes the running print, or else the next one, fail with `message` once `fraction` (0 to 1) of its moves are
    /// done.
    pub async fn fail_print_at(&self, fraction: f64, message: &str) {
        self.arm(fraction, FaultKind::Error(message.to_owned())).await;
    }

    /// Makes the running print, or else the next one, lose its microcontroller once `fraction` (0 to 1) of its moves
    /// are done.
    pub async fn lose_mcu_at(&self, fraction: f64) {
        self.arm(
            fraction,
            FaultKind::Shutdown("Lost communication with MCU 'mcu'".to_owned()),
        )
        .await;
    }

    /// Shuts Klippy down with this reason.
    pub async fn shutdown(&self, reason: &str) {
        let reason = reason.to_owned();
        self.with(move |process| process.machine.shutdown(process.clock.now(), &reason))
            .await;
    }

    /// The current state of the printer.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// All prints as they really happened, oldest first.
    pub fn prints(&self) -> Vec<PrintRecord> {
        self.snapshot().prints
    }

    /// Waits until the state matches `wanted` and returns it.
    ///
    /// # Errors
    /// If it does not match within a minute.
    pub async fn wait_until(&self, wanted: impl FnMut(&Snapshot) -> bool) -> Result<Snapshot> {
        let mut snapshot = self.snapshot.clone();
        let waited = tokio::time::timeout(TIMEOUT, snapshot.wait_for(wanted)).await;
        let found =
            waited.with_context(|| format!("Klippy did not get there; it is at {:?}", self.snapshot()))?;
        Ok(found.context("Klippy's task ended")?.clone())
    }

    /// Waits until `share` (0 to 1) of the newest print's moves are done.
    ///
    /// # Errors
    /// If it does not get there within a minute.
    pub async fn wait_for_progress(&self, share: f64) -> Result<Snapshot> {
        self.wait_until(|now| now.progress >= share && now.state == "printing")
            .await
    }

    /// Waits until the newest print has ended and Moonraker, if connected, was notified.
    ///
    /// # Errors
    /// If it is still running after a minute, or there was no print.
    pub async fn wait_for_end(&self) -> Result<PrintRecord> {
        let ended = |now: &Snapshot| now.prints.last().is_some_and(|print| print.ended.is_some());
        let snapshot = self.wait_until(ended).await?;
        self.wait_until_reported().await?;
        snapshot.prints.last().cloned().context("no print was started")
    }

    /// Waits until Moonraker, if connected, has received all changes up to now.
    ///
    /// Updates are sent four times a second. A change that is reverted between two of them goes unnoticed: a print
    /// that replaces another one that quickly counts as the same job.
    ///
    /// # Errors
    /// If there is no update within a minute.
    pub async fn wait_until_reported(&self) -> Result<()> {
        let now = self
            .with(|process| process.clock.now() + process.clock.unix_offset())
            .await;
        self.wait_until(|then| then.subscribed.is_empty() || then.told_until >= now)
            .await
            .map(drop)
    }

    async fn arm(&self, fraction: f64, kind: FaultKind) {
        self.with(move |process| process.machine.arm(process.clock.now(), fraction, kind))
            .await;
    }

    async fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut Process) -> T + Send + 'static) -> T {
        let (answer, answered) = oneshot::channel();
        let command: Command = Box::new(move |process| {
            let result = act(process);
            process.publish();
            // Fails if the caller has stopped waiting.
            _ = answer.send(result);
        });
        self.commands.send(command).ok();
        answered.await.expect("Klippy's task runs as long as its handle")
    }
}
