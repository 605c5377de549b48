//! The state of the stand-in printer: one file on the virtual SD card, and the effects of commands, faults and time
//! on it. No sockets and no clock: every call receives the time.
//!
//! Follows `virtual_sdcard.py`, `pause_resume.py` and `webhooks.py` of Klipper 0.12. Times are
//! seconds of Klippy's monotonic clock.

use std::path::{Path, PathBuf};

use super::plan::Plan;
use super::print_stats::{PrintStats, State};
use super::record::{Outcome, PrintRecord};
use super::script;

/// Time that the file continues after a shutdown, in seconds (measured).
const SHUTDOWN_STOPS_FILE_AFTER: f64 = 0.15;

const READY: &str = "Printer is ready";
const STARTUP: &str = "\nPrinter is not ready\nThe klippy host software is attempting to connect.  Please\nretry in a few moments.\n";
const SHUTDOWN_HINT: &str = "\nOnce the underlying issue is corrected, use the\n\"FIRMWARE_RESTART\" command to reset the firmware, reload the\nconfig, and restart the host software.\nPrinter is shutdown\n";
const ERROR_HINT: &str = "\n\nOnce the underlying issue is corrected, use the \"RESTART\"\ncommand to reload the config and restart the host software.\nPrinter is halted\n";

pub(crate) struct Machine {
    pub(super) gcodes: PathBuf,
    /// Unix time minus Klippy's time.
    unix_offset: f64,
    pub(super) host: Host,
    pub(super) host_message: String,
    ready_at: Option<f64>,
    pub(super) file: Option<File>,
    /// Size of the last file. Kept after the print ends.
    pub(super) file_size: u64,
    pub(super) file_position: u64,
    running_since: Option<f64>,
    /// Seconds of the plan completed before `running_since`.
    done_before: f64,
    stop_file_at: Option<f64>,
    pub(super) is_paused: bool,
    sd_paused: bool,
    pub(super) stats: PrintStats,
    pub(super) extruder: Heater,
    pub(super) bed: Heater,
    /// When the printer last started or stopped moving; `None` if it has not moved yet.
    pub(super) busy: Option<Busy>,
    fault: Option<Fault>,
    records: Vec<PrintRecord>,
    output: Vec<String>,
}

/// `webhooks.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Startup,
    Ready,
    Error,
    Shutdown,
}

impl Host {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Ready => "ready",
            Self::Error => "error",
            Self::Shutdown => "shutdown",
        }
    }
}

/// How Klippy starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Boot {
    /// Ready immediately.
    Ready,
    /// In state `startup` for this many seconds, then ready.
    ReadyAfter(f64),
    /// In state `error` with this message, as with an invalid configuration.
    Error(String),
}

pub(crate) struct File {
    /// The path as requested, without a leading slash.
    pub(crate) path: PathBuf,
    plan: Plan,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Busy {
    Printing { since: f64 },
    Idle,
}

/// A fault that occurs after a share of the moves.
struct Fault {
    at_fraction: f64,
    armed_at: f64,
    kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// A line of the file is rejected with this message.
    Error(String),
    /// Klippy shuts down for this reason.
    Shutdown(String),
}

/// An effect of a script on the Klippy process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Restart,
}

impl Machine {
    pub(crate) fn new(gcodes: &Path, unix_offset: f64) -> Self {
        Self {
            gcodes: gcodes.to_owned(),
            unix_offset,
            host: Host::Startup,
            host_message: STARTUP.to_owned(),
            ready_at: None,
            file: None,
            file_size: 0,
            file_position: 0,
            running_since: None,
            done_before: 0.0,
            stop_file_at: None,
            is_paused: false,
            sd_paused: false,
            stats: PrintStats::default(),
            extruder: Heater::cold(),
            bed: Heater::cold(),
            busy: None,
            fault: None,
            records: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Restarts the process: all state is lost except the record of true prints.
    pub(crate) fn boot(&mut self, now: f64, boot: &Boot) {
        self.die(now);
        let records = std::mem::take(&mut self.records);
        *self = Self {
            records,
            ..Self::new(&self.gcodes, self.unix_offset)
        };
        match boot {
            Boot::Ready => self.become_ready(),
            Boot::ReadyAfter(seconds) => self.ready_at = Some(now + seconds),
            Boot::Error(message) => {
                self.host = Host::Error;
                self.host_message = format!("{message}{ERROR_HINT}");
            }
        }
    }

    /// Ends the process and its print.
    pub(crate) fn die(&mut self, now: f64) {
        self.end_record(now, Outcome::KlippyGone);
        self.running_since = None;
        self.stop_file_at = None;
        self.ready_at = None;
    }

    /// Executes all events that are due by `now`, each at its own time.
    pub(crate) fn advance(&mut self, now: f64) {
        while let Some(at) = self.next_event().filter(|at| *at <= now) {
            if self.ready_at.take_if(|ready| *ready <= at).is_some() {
                self.become_ready();
            } else if self.stop_file_at.take_if(|stop| *stop <= at).is_some() {
                self.stop_file(at);
                self.stats.note_pause(at, self.e(at));
            } else if let Some(fault) = self.fault.take() {
                match fault.kind {
                    FaultKind::Shutdown(reason) => self.shutdown(at, &reason),
                    FaultKind::Error(message) => self.fail(at, &message),
                }
            } else {
                self.complete(at);
            }
        }
    }

    /// The time of the next event for [`Self::advance`].
    pub(crate) fn next_event(&self) -> Option<f64> {
        let file = self
            .file
            .as_ref()
            .zip(self.running_since)
            .filter(|_| self.host != Host::Shutdown);
        let file = file.map(|(file, since)| {
            let plan = &file.plan;
            let begun = since - self.done_before;
            self.fault.as_ref().map_or(begun + plan.total(), |fault| {
                (begun + plan.heating + fault.at_fraction * plan.seconds).max(fault.armed_at)
            })
        });
        [self.ready_at, self.stop_file_at, file]
            .into_iter()
            .flatten()
            .reduce(f64::min)
    }

    /// Runs G-code as sent by a front end or a display.
    ///
    /// # Errors
    /// Klippy's error message.
    pub(crate) fn run(&mut self, now: f64, gcode: &str) -> Result<Effect, String> {
        for line in script::lines(gcode) {
            match line.command.as_str() {
                "RESTART" | "FIRMWARE_RESTART" => return Ok(Effect::Restart),
                "M112" => self.shutdown(now, "Shutdown due to M112 command"),
                _ if self.host != Host::Ready => return Err(self.host_message.clone()),
                "SDCARD_PRINT_FILE" => {
                    let name = line
                        .parameter("FILENAME")
                        .ok_or("Error on 'SDCARD_PRINT_FILE': missing FILENAME")?;
                    self.print_file(now, name)?;
                }
                "SDCARD_RESET_FILE" => {
                    self.reset_file(now);
                }
                "PAUSE" => self.pause(now),
                "RESUME" => self.resume(now)?,
                "CLEAR_PAUSE" => self.clear_pause(),
                "CANCEL_PRINT" => self.cancel(now),
                "M117" | "M118" | "G28" | "M104" | "M140" | "M84" => {}
                other => self.output.push(format!("// Unknown command:\"{other}\"")),
            }
        }
        Ok(Effect::Nothing)
    }

    pub(crate) fn shutdown(&mut self, now: f64, reason: &str) {
        if self.host == Host::Shutdown {
            return;
        }
        self.host = Host::Shutdown;
        self.host_message = format!("{reason}{SHUTDOWN_HINT}");
        self.output.push("// Klipper state: Shutdown".to_owned());
        self.end_record(now, Outcome::Shutdown(reason.to_owned()));
        if self.running_since.is_some() {
            self.stop_file_at = Some(now + SHUTDOWN_STOPS_FILE_AFTER);
        }
    }

    /// Makes the running print fail once `at_fraction` (0 to 1) of its moves are done. If none is running, applies to
    /// the next print.
    pub(crate) fn arm(&mut self, now: f64, at_fraction: f64, kind: FaultKind) {
        self.fault = Some(Fault {
            at_fraction: at_fraction.clamp(0.0, 1.0),
            armed_at: now,
            kind,
        });
    }

    pub(crate) fn records(&self) -> &[PrintRecord] {
        &self.records
    }

    /// The console output since the last call.
    pub(crate) fn take_output(&mut self) -> Vec<String> {
        std::mem::take(&mut self.output)
    }

    /// Position of the extruder at `now`, in mm of filament since the start of the file.
    pub(super) fn e(&self, now: f64) -> f64 {
        self.file.as_ref().map_or(0.0, |file| {
            file.plan.filament * file.plan.fraction(self.done(now))
        })
    }

    /// Share of the file's moves that are done, from 0 to 1.
    pub(super) fn progress(&self, now: f64) -> f64 {
        self.file
            .as_ref()
            .map_or(0.0, |file| file.plan.fraction(self.done(now)))
    }

    pub(super) fn is_active(&self) -> bool {
        self.running_since.is_some()
    }

    /// Updates position and layers to `now`.
    pub(super) fn track_file(&mut self, now: f64) {
        let done = self.done(now);
        let Some(file) = &self.file else { return };
        let moves = self.file_size.saturating_sub(file.plan.body_start) as f64;
        self.file_position = file.plan.body_start + (moves * file.plan.fraction(done)) as u64;
        if let Some(layer) = file.plan.layer(done) {
            self.stats.total_layer = file.plan.layers;
            self.stats.current_layer = Some(layer);
        }
    }

    fn done(&self, now: f64) -> f64 {
        self.done_before + self.running_since.map_or(0.0, |since| now - since)
    }

    fn become_ready(&mut self) {
        self.host = Host::Ready;
        READY.clone_into(&mut self.host_message);
    }

    fn print_file(&mut self, now: f64, name: &str) -> Result<(), String> {
        if self.is_active() {
            return Err("SD busy".to_owned());
        }
        self.reset_file(now);
        let name = name.trim_start_matches('/');
        let path = self.gcodes.join(name);
        let gcode = std::fs::read(&path).map_err(|_| "Unable to open file".to_owned())?;
        let plan = Plan::parse(&gcode)?;
        self.output
            .push(format!("File opened:{name} Size:{}", gcode.len()));
        self.output.push("File selected".to_owned());
        self.file_size = gcode.len() as u64;
        self.file = Some(File { path, plan });
        self.done_before = 0.0;
        self.stats.set_current_file(name);
        self.extruder.aim(now, 215.0);
        self.bed.aim(now, 60.0);
        self.records.push(PrintRecord {
            filename: name.to_owned(),
            started: now + self.unix_offset,
            ended: None,
            total_duration: 0.0,
            print_duration: 0.0,
            filament_used: 0.0,
            outcome: None,
        });
        self.run_file(now)
    }

    fn run_file(&mut self, now: f64) -> Result<(), String> {
        if self.is_active() {
            return Err("SD busy".to_owned());
        }
        self.running_since = Some(now);
        if !matches!(self.busy, Some(Busy::Printing { .. })) {
            self.busy = Some(Busy::Printing { since: now });
        }
        self.stats.note_start(now, self.e(now));
        Ok(())
    }

    fn stop_file(&mut self, now: f64) {
        self.done_before = self.done(now);
        self.running_since = None;
        self.busy = Some(Busy::Idle);
        self.track_file(now);
    }

    fn pause_file(&mut self, now: f64) {
        if self.is_active() {
            self.stop_file(now);
            self.stats.note_pause(now, self.e(now));
        }
    }

    fn unload_file(&mut self) {
        self.file = None;
        self.file_position = 0;
        self.file_size = 0;
    }

    fn reset_file(&mut self, now: f64) {
        self.pause_file(now);
        self.end_record(now, Outcome::Cancelled);
        self.unload_file();
        self.stats.reset();
    }

    fn pause(&mut self, now: f64) {
        if self.is_paused {
            self.output.push("// Print already paused".to_owned());
            return;
        }
        self.sd_paused = self.is_active();
        self.pause_file(now);
        self.is_paused = true;
    }

    fn resume(&mut self, now: f64) -> Result<(), String> {
        if !self.is_paused {
            self.output
                .push("// Print is not paused, resume aborted".to_owned());
            return Ok(());
        }
        if std::mem::take(&mut self.sd_paused) && self.file.is_some() {
            self.run_file(now)?;
        }
        self.is_paused = false;
        Ok(())
    }

    fn clear_pause(&mut self) {
        self.is_paused = false;
        self.sd_paused = false;
    }

    fn cancel(&mut self, now: f64) {
        if self.is_active() || self.sd_paused {
            self.pause_file(now);
            self.end_record(now, Outcome::Cancelled);
            self.unload_file();
            self.stats.note_finish(now, State::Cancelled, "");
        } else {
            self.output.push("// action:cancel".to_owned());
        }
        self.clear_pause();
    }

    fn complete(&mut self, now: f64) {
        self.stop_file(now);
        self.file_position = self.file_size;
        self.output.push("Done printing file".to_owned());
        self.end_record(now, Outcome::Completed);
        self.file = None;
        self.stats.note_finish(now, State::Complete, "");
        self.extruder.aim(now, 0.0);
        self.bed.aim(now, 0.0);
    }

    fn fail(&mut self, now: f64, message: &str) {
        self.stop_file(now);
        let first = message.lines().next().unwrap_or_default();
        self.output.push(format!("// {}", message.replace('\n', "\n// ")));
        self.output.push(format!("!! {first}"));
        self.end_record(now, Outcome::Error(message.to_owned()));
        self.stats.note_finish(now, State::Error, message);
    }

    fn end_record(&mut self, now: f64, outcome: Outcome) {
        let filament_used = self.e(now);
        let heating = self.file.as_ref().map_or(0.0, |file| file.plan.heating);
        let print_duration = (self.done(now) - heating).max(0.0);
        let Some(record) = self.records.last_mut().filter(|record| record.outcome.is_none()) else {
            return;
        };
        let ended = now + self.unix_offset;
        record.ended = Some(ended);
        record.total_duration = ended - record.started;
        record.print_duration = print_duration;
        record.filament_used = filament_used;
        record.outcome = Some(outcome);
        self.fault = None;
    }
}

/// A heater that approaches its target exponentially.
pub(crate) struct Heater {
    pub(super) target: f64,
    from: f64,
    since: f64,
}

impl Heater {
    const ROOM: f64 = 23.0;
    /// Time constant: seconds until the distance to the target falls to about a third.
    const LAG: f64 = 1.5;

    fn cold() -> Self {
        Self {
            target: 0.0,
            from: Self::ROOM,
            since: 0.0,
        }
    }

    fn aim(&mut self, now: f64, target: f64) {
        *self = Self {
            target,
            from: self.temperature(now),
            since: now,
        };
    }

    /// Temperature in °C, rounded to hundredths as Klippy reports it.
    pub(super) fn temperature(&self, now: f64) -> f64 {
        let goal = self.target.max(Self::ROOM);
        let temperature = goal + (self.from - goal) * (-(now - self.since) / Self::LAG).exp();
        (temperature * 100.0).round() / 100.0
    }
}
