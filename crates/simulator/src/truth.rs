//! What the simulated printers really did, to be compared with what somebody recorded.

/// One run of one file, as the machine went through it, whoever watched.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueRun {
    /// Relative to the gcodes root.
    pub filename: String,
    /// When it started, in Unix seconds by the host's wall clock of that moment (which may have been set wrong).
    pub started_at: f64,
    /// When it ended, by the wall clock of that moment. `None` while it runs.
    pub ended_at: Option<f64>,
    /// How it ended. `None` while it runs.
    pub outcome: Option<Outcome>,
    /// Seconds from start to end, with pauses. While it runs, up to now.
    pub total_duration: f64,
    /// Seconds from the first extrusion to the end, without pauses.
    pub print_duration: f64,
    /// Millimetres of filament.
    pub filament_used: f64,
    /// How often it was paused.
    pub pauses: u32,
    /// The ids under which Moonraker's history had it, in that order; empty if it never noticed the run.
    pub job_ids: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Printed to its end.
    Completed,
    /// Cancelled by a person or a macro, also by a reset of the file.
    Cancelled,
    /// Another print took its place.
    Replaced,
    /// Klipper refused a line of the file.
    Error(String),
    /// Klippy shut down: emergency stop, lost microcontroller.
    Shutdown(String),
    /// Klippy was restarted or died.
    KlippyGone,
    /// The printer lost its power.
    PowerLost,
}
