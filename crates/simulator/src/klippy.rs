//! Klippy, the firmware host. It prints whether or not a client is connected.

use serde_json::{Value, json};

use crate::{
    heater::Heater,
    print_stats::{PrintState, PrintStats},
    random::Random,
    status::{Object, Status},
    truth::{Outcome, TrueRun},
};

/// The course of a print. Times are in simulated seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintPlan {
    /// Heating and homing before the first extrusion, in seconds.
    pub warmup: f64,
    /// From the first extrusion to the end, in seconds.
    pub printing: f64,
    /// Filament used, in mm. With 0 there is no extrusion and therefore no print duration.
    pub filament: f64,
    /// Number of layers that the G-code reports. `None` if it reports none.
    pub layers: Option<u32>,
    /// A line that Klipper rejects: seconds of printing (without pauses) before it, and the error message.
    pub error: Option<(f64, String)>,
}

impl PrintPlan {
    /// A plan with a tenth of its time before the first extrusion, and 3 mm of filament per second.
    #[must_use]
    pub fn lasting(seconds: f64) -> Self {
        Self {
            warmup: seconds * 0.1,
            printing: seconds * 0.9,
            filament: seconds * 0.9 * 3.0,
            layers: None,
            error: None,
        }
    }

    fn total(&self) -> f64 {
        self.warmup + self.printing
    }
}

/// Klippy's state as reported in `webhooks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KlippyState {
    Startup,
    Ready,
    Shutdown,
    /// The configuration is invalid.
    Error,
}

impl KlippyState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Ready => "ready",
            Self::Shutdown => "shutdown",
            Self::Error => "error",
        }
    }
}

const READY: &str = "Printer is ready";
const STARTUP: &str = "Printer is not ready\nThe klippy host software is attempting to connect.  Please\nretry in a few moments.\n";
const AFTER_SHUTDOWN: &str = "Once the underlying issue is corrected, use the\n\"FIRMWARE_RESTART\" command to reset the firmware, reload the\nconfig, and restart the host software.\nPrinter is shutdown\n";
const AFTER_ERROR: &str = "Once the underlying issue is corrected, use the \"RESTART\"\ncommand to reload the config and restart the host software.\nPrinter is halted\n";
/// Time from a shutdown until the file reader notices it, in seconds.
const READER_STOPS: f64 = 0.25;

/// A running Klippy process.
#[derive(Debug)]
pub(crate) struct Klippy {
    pub(crate) state: KlippyState,
    pub(crate) message: String,
    pub(crate) stats: PrintStats,
    print: Option<Print>,
    /// Size of the loaded file. Kept until a reset.
    file_size: u64,
    file_position: u64,
    progress: f64,
    display_progress: f64,
    idle: Idle,
    bed: Heater,
    extruder: Heater,
    advanced_to: f64,
    /// Whether a file is loaded. Stays true after an error.
    is_loaded: bool,
    /// Set by PAUSE. SDCARD_PRINT_FILE does not reset it.
    is_paused: bool,
    /// When the file reader stops after a shutdown. This looks like a pause.
    stops_reading_at: Option<f64>,
    /// Console output that Moonraker has not read yet.
    pub(crate) console: Vec<String>,
}

/// A print between its start and its end.
#[derive(Debug)]
struct Print {
    plan: PrintPlan,
    /// Index in the list of true runs.
    run: usize,
    /// Seconds of printing up to `advanced_to`, without pauses.
    active: f64,
    paused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Idle {
    state: &'static str,
    since: f64,
}

impl Klippy {
    pub(crate) fn starting(now: f64) -> Self {
        Self {
            state: KlippyState::Startup,
            message: STARTUP.to_owned(),
            stats: PrintStats::default(),
            print: None,
            file_size: 0,
            file_position: 0,
            progress: 0.0,
            display_progress: 0.0,
            idle: Idle {
                state: "Idle",
                since: now,
            },
            bed: Heater::new(60.0),
            extruder: Heater::new(20.0),
            advanced_to: now,
            is_loaded: false,
            is_paused: false,
            stops_reading_at: None,
            console: Vec::new(),
        }
    }

    pub(crate) fn become_ready(&mut self) {
        self.state = KlippyState::Ready;
        READY.clone_into(&mut self.message);
    }

    /// Enters the error state of an invalid configuration.
    pub(crate) fn become_halted(&mut self, why: &str) {
        self.state = KlippyState::Error;
        self.message = format!("{why}\n{AFTER_ERROR}");
    }

    /// Starts a file. Replaces a paused print, as SDCARD_PRINT_FILE does.
    pub(crate) fn start(
        &mut self,
        now: f64,
        wall: f64,
        filename: &str,
        size: u64,
        plan: PrintPlan,
        truth: &mut Vec<TrueRun>,
    ) -> Result<(), &'static str> {
        match &self.print {
            Some(print) if !print.paused => return Err("SD busy"),
            Some(_) => self.end(now, wall, PrintState::Standby, Outcome::Replaced, truth),
            None => {}
        }
        self.console.push(format!("File opened:{filename} Size:{size}"));
        self.console.push("File selected".to_owned());
        self.is_loaded = true;
        self.stats.load(filename);
        self.stats.note_start(now);
        self.stats.total_layer = plan.layers;
        self.file_size = size;
        self.file_position = 0;
        self.progress = 0.0;
        self.display_progress = 0.0;
        self.idle = Idle {
            state: "Printing",
            since: now,
        };
        self.bed.target = 60.0;
        self.extruder.target = 215.0;
        truth.push(TrueRun {
            filename: filename.to_owned(),
            started_at: wall,
            ended_at: None,
            outcome: None,
            total_duration: 0.0,
            print_duration: 0.0,
            filament_used: 0.0,
            pauses: 0,
            job_ids: Vec::new(),
        });
        self.print = Some(Print {
            plan,
            run: truth.len() - 1,
            active: 0.0,
            paused: false,
        });
        Ok(())
    }

    pub(crate) fn pause(&mut self, now: f64, truth: &mut [TrueRun]) -> Result<(), &'static str> {
        let Some(print) = self.print.as_mut().filter(|print| !print.paused) else {
            return Err("Print is not running");
        };
        print.paused = true;
        self.is_paused = true;
        truth[print.run].pauses += 1;
        self.stats.note_pause(now);
        Ok(())
    }

    pub(crate) fn resume(&mut self, now: f64) -> Result<(), &'static str> {
        let Some(print) = self.print.as_mut().filter(|print| print.paused) else {
            return Err("Print is not paused");
        };
        print.paused = false;
        self.is_paused = false;
        self.stats.note_start(now);
        self.idle = Idle {
            state: "Printing",
            since: now,
        };
        Ok(())
    }

    pub(crate) fn cancel(&mut self, now: f64, wall: f64, truth: &mut [TrueRun]) -> Result<(), &'static str> {
        if self.print.is_none() {
            return Err("No print to cancel");
        }
        self.end(now, wall, PrintState::Cancelled, Outcome::Cancelled, truth);
        self.forget_file();
        Ok(())
    }

    /// SDCARD_RESET_FILE: used by a front end's "clear" after a print, and formerly to cancel one.
    pub(crate) fn reset_file(
        &mut self,
        now: f64,
        wall: f64,
        truth: &mut [TrueRun],
    ) -> Result<(), &'static str> {
        match &self.print {
            Some(print) if !print.paused => return Err("SDCARD_RESET_FILE cannot be run from the sdcard"),
            Some(_) => self.end(now, wall, PrintState::Standby, Outcome::Cancelled, truth),
            None => {}
        }
        self.stats.reset();
        self.forget_file();
        Ok(())
    }

    pub(crate) fn fail(
        &mut self,
        now: f64,
        wall: f64,
        message: &str,
        truth: &mut [TrueRun],
    ) -> Result<(), &'static str> {
        if self.print.is_none() {
            return Err("No print to fail");
        }
        self.console.push(format!("!! {message}"));
        self.end(
            now,
            wall,
            PrintState::Error,
            Outcome::Error(message.to_owned()),
            truth,
        );
        Ok(())
    }

    pub(crate) fn shut_down(&mut self, now: f64, wall: f64, why: &str, truth: &mut [TrueRun]) {
        if matches!(self.state, KlippyState::Shutdown | KlippyState::Error) {
            return;
        }
        self.state = KlippyState::Shutdown;
        self.message = format!("{why}\n{AFTER_SHUTDOWN}");
        self.console.push("// Klipper state: Shutdown".to_owned());
        if self.print.is_some() {
            self.stops_reading_at = Some(now + READER_STOPS);
            self.finish_run(now, wall, Outcome::Shutdown(why.to_owned()), truth);
        }
        (self.bed.target, self.extruder.target) = (0.0, 0.0);
    }

    /// Ends the process and its print.
    pub(crate) fn die(&mut self, now: f64, wall: f64, outcome: Outcome, truth: &mut [TrueRun]) {
        if self.print.is_some() {
            self.finish_run(now, wall, outcome, truth);
        }
    }

    /// Advances the print to `now`. `wall` converts a simulated time to wall-clock time.
    pub(crate) fn advance(
        &mut self,
        now: f64,
        wall: impl Fn(f64) -> f64,
        truth: &mut [TrueRun],
        random: &mut Random,
    ) {
        let elapsed = now - self.advanced_to;
        if elapsed <= 0.0 {
            return;
        }
        if let Some(at) = self.stops_reading_at.take_if(|at| *at <= now) {
            self.stats.note_pause(at);
        }
        if let Some(print) = self.print.as_mut().filter(|print| !print.paused) {
            let (end, error) = match &print.plan.error {
                Some((after, message)) => (after.min(print.plan.total()), Some(message.clone())),
                None => (print.plan.total(), None),
            };
            let ends_at = self.advanced_to + (end - print.active);
            print.active = (print.active + elapsed).min(end);
            let printed = print.active - print.plan.warmup;
            let share = if print.plan.printing > 0.0 {
                (printed / print.plan.printing).clamp(0.0, 1.0)
            } else {
                1.0
            };
            self.stats.filament_used = print.plan.filament * share;
            self.stats.current_layer = print
                .plan
                .layers
                .filter(|_| printed > 0.0)
                .map(|layers| layer(share, layers));
            self.progress = (print.active / print.plan.total()).clamp(0.0, 0.999);
            self.file_position = position(self.progress, self.file_size);
            self.display_progress = self.progress;
            if ends_at <= now {
                let at = wall(ends_at);
                match error {
                    Some(message) => {
                        self.console.push(format!("!! {message}"));
                        self.end(ends_at, at, PrintState::Error, Outcome::Error(message), truth);
                    }
                    None => {
                        self.console.push("Done printing file".to_owned());
                        self.end(ends_at, at, PrintState::Complete, Outcome::Completed, truth);
                        self.is_loaded = false;
                        (self.progress, self.display_progress) = (1.0, 1.0);
                        self.file_position = self.file_size;
                    }
                }
            }
        }
        self.stats.count(now);
        if let Some(run) = self.print.as_ref().and_then(|print| truth.get_mut(print.run)) {
            run.total_duration = self.stats.total_duration();
            run.print_duration = self.stats.print_duration(now);
            run.filament_used = self.stats.filament_used;
        }
        self.bed.advance(elapsed, random);
        self.extruder.advance(elapsed, random);
        self.advanced_to = now;
    }

    /// The status of all objects as of the last call of `advance`.
    pub(crate) fn status(&self) -> Status {
        let webhooks = Object {
            name: "webhooks",
            fields: vec![
                ("state", json!(self.state.as_str())),
                ("state_message", json!(self.message)),
            ],
        };
        if self.state == KlippyState::Error {
            return Status(vec![webhooks]);
        }
        let reads = self.stops_reading_at.is_some() || self.print.as_ref().is_some_and(|print| !print.paused);
        let file_path = match self.is_loaded {
            true => json!(format!("/home/pi/printer_data/gcodes/{}", self.stats.filename)),
            false => Value::Null,
        };
        let now = self.advanced_to;
        Status(vec![
            webhooks,
            Object {
                name: "print_stats",
                fields: vec![
                    ("filename", json!(self.stats.filename)),
                    ("total_duration", json!(self.stats.total_duration())),
                    ("print_duration", json!(self.stats.print_duration(now))),
                    ("filament_used", json!(self.stats.filament_used)),
                    ("state", json!(self.stats.state.as_str())),
                    ("message", json!(self.stats.message)),
                    (
                        "info",
                        json!({ "total_layer": self.stats.total_layer, "current_layer": self.stats.current_layer }),
                    ),
                ],
            },
            Object {
                name: "virtual_sdcard",
                fields: vec![
                    ("file_path", file_path),
                    ("progress", json!(self.progress)),
                    ("is_active", json!(reads)),
                    ("file_position", json!(self.file_position)),
                    ("file_size", json!(self.file_size)),
                ],
            },
            Object {
                name: "display_status",
                fields: vec![
                    ("progress", json!(self.display_progress)),
                    ("message", Value::Null),
                ],
            },
            Object {
                name: "idle_timeout",
                fields: vec![
                    ("state", json!(self.idle.state)),
                    (
                        "printing_time",
                        json!(if reads { now - self.idle.since } else { 0.0 }),
                    ),
                ],
            },
            Object {
                name: "pause_resume",
                fields: vec![("is_paused", json!(self.is_paused))],
            },
            self.bed.object("heater_bed"),
            self.extruder.object("extruder"),
        ])
    }

    /// Ends the print in `print_stats` and in the true run.
    fn end(&mut self, now: f64, wall: f64, state: PrintState, outcome: Outcome, truth: &mut [TrueRun]) {
        let message = match &outcome {
            Outcome::Error(message) => message.as_str(),
            _ => "",
        };
        self.stats.note_end(now, state, message);
        (self.bed.target, self.extruder.target) = (0.0, 0.0);
        self.idle = Idle {
            state: "Ready",
            since: now,
        };
        self.finish_run(now, wall, outcome, truth);
    }

    fn finish_run(&mut self, now: f64, wall: f64, outcome: Outcome, truth: &mut [TrueRun]) {
        let Some(run) = self.print.take().and_then(|print| truth.get_mut(print.run)) else {
            return;
        };
        self.stats.count(now);
        run.ended_at = Some(wall);
        run.outcome = Some(outcome);
        run.total_duration = self.stats.total_duration();
        run.print_duration = self.stats.print_duration(now);
        run.filament_used = self.stats.filament_used;
    }

    fn forget_file(&mut self) {
        (self.is_loaded, self.is_paused) = (false, false);
        (self.file_size, self.file_position, self.progress) = (0, 0, 0.0);
        self.display_progress = 0.0;
    }
}

fn layer(share: f64, layers: u32) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1 of a u32"
    )]
    let layer = (share * f64::from(layers)).ceil() as u32;
    layer.clamp(1, layers.max(1))
}

fn position(progress: f64, size: u64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a file size"
    )]
    let position = (progress * size as f64) as u64;
    position
}
