//! A stand-in for Klippy, Klipper's host process: it speaks the real API-server protocol on a unix
//! socket, prints in real time without a printer, fails on demand, and remembers what truly happened.
//!
//! What Moonraker makes of it (history, metadata, notifications) is the real thing.

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

/// How long [`Klippy::wait_until`] waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running stand-in. It ends when it is dropped.
pub struct Klippy {
    commands: mpsc::UnboundedSender<Command>,
    snapshot: watch::Receiver<Snapshot>,
    _task: AbortOnDropHandle<()>,
}

/// What the printer does at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Whether the process runs.
    pub running: bool,
    /// `webhooks.state`: `startup`, `ready`, `error` or `shutdown`.
    pub host_state: &'static str,
    /// `print_stats.state`: `standby`, `printing`, `paused`, `complete`, `cancelled` or `error`.
    pub state: &'static str,
    /// `print_stats.filename`; empty when no file was printed.
    pub filename: String,
    /// Share of the file's moves that is done, from 0 to 1; 0 while it heats up.
    pub progress: f64,
    /// The printer objects that somebody is subscribed to.
    pub subscribed: BTreeSet<String>,
    /// Up to when subscribers know everything, in Unix seconds; 0 if there was no turn of updates yet.
    pub told_until: f64,
    /// Every print since the stand-in was made, also across restarts, oldest first.
    pub prints: Vec<PrintRecord>,
}

impl Klippy {
    /// Starts a ready Klippy on the unix socket `socket`, printing from the folder `gcodes`.
    ///
    /// # Errors
    /// The socket cannot be opened, for example because its path is too long.
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

    /// The process dies at once, like from SIGKILL, and the print with it.
    pub async fn kill(&self) {
        self.with(Process::kill).await;
    }

    /// The process ends in good order, as when its service is stopped.
    pub async fn stop(&self) {
        self.with(Process::stop).await;
    }

    /// Starts the process (again).
    ///
    /// # Errors
    /// The socket cannot be opened.
    pub async fn boot(&self, boot: Boot) -> Result<()> {
        self.with(move |process| process.boot(&boot)).await
    }

    /// FIRMWARE_RESTART: the process ends and is back, ready, in less than a second.
    pub async fn restart(&self) {
        self.with(Process::restart).await;
    }

    /// Runs gcode that did not come through Moonraker, as from the printer's display.
    ///
    /// # Errors
    /// Klippy's refusal.
    pub async fn gcode(&self, script: &str) -> Result<()> {
        let script = script.to_owned();
        self.with(move |process| process.run(&script))
            .await
            .map_err(|refusal| anyhow!("Klippy refused: {refusal}"))
    }

    /// The running print, or else the next one, fails with `message` once `fraction` (0 to 1) of its
    /// moves are done.
    pub async fn fail_print_at(&self, fraction: f64, message: &str) {
        self.arm(fraction, FaultKind::Error(message.to_owned())).await;
    }

    /// The running print, or else the next one, loses its microcontroller once `fraction` (0 to 1) of
    /// its moves are done.
    pub async fn lose_mcu_at(&self, fraction: f64) {
        self.arm(
            fraction,
            FaultKind::Shutdown("Lost communication with MCU 'mcu'".to_owned()),
        )
        .await;
    }

    /// Klippy shuts down now, for `reason`.
    pub async fn shutdown(&self, reason: &str) {
        let reason = reason.to_owned();
        self.with(move |process| process.machine.shutdown(process.clock.now(), &reason))
            .await;
    }

    /// What the printer does now.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Every print so far as it truly was, oldest first.
    pub fn prints(&self) -> Vec<PrintRecord> {
        self.snapshot().prints
    }

    /// Waits until the printer does what `wanted` describes, and returns that.
    ///
    /// # Errors
    /// It did not within a minute.
    pub async fn wait_until(&self, wanted: impl FnMut(&Snapshot) -> bool) -> Result<Snapshot> {
        let mut snapshot = self.snapshot.clone();
        let waited = tokio::time::timeout(PATIENCE, snapshot.wait_for(wanted)).await;
        let found =
            waited.with_context(|| format!("Klippy did not get there; it is at {:?}", self.snapshot()))?;
        Ok(found.context("Klippy's task ended")?.clone())
    }

    /// Waits until the newest print is `share` (0 to 1) through its moves.
    ///
    /// # Errors
    /// It did not get there within a minute.
    pub async fn wait_for_progress(&self, share: f64) -> Result<Snapshot> {
        self.wait_until(|now| now.progress >= share && now.state == "printing")
            .await
    }

    /// Waits until the newest print has ended, and Moonraker, if it is there, has been told so.
    ///
    /// # Errors
    /// It ran on for a minute, or there never was a print.
    pub async fn wait_for_end(&self) -> Result<PrintRecord> {
        let ended = |now: &Snapshot| now.prints.last().is_some_and(|print| print.ended.is_some());
        let snapshot = self.wait_until(ended).await?;
        self.wait_until_told().await?;
        snapshot.prints.last().cloned().context("no print was started")
    }

    /// Waits until Moonraker, if it is there, has been told everything up to now.
    ///
    /// Updates go out four times a second, and what comes and goes between two of them stays
    /// unknown: a print that takes the place of another one so quickly counts as the same job.
    ///
    /// # Errors
    /// There was no update for a minute.
    pub async fn wait_until_told(&self) -> Result<()> {
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
            // The caller may have given up waiting.
            _ = answer.send(result);
        });
        self.commands.send(command).ok();
        answered.await.expect("Klippy's task runs as long as its handle")
    }
}
