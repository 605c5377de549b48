//! What the simulated printers really did, for comparison with recorded jobs.

/// One run of one file as it really happened, whether or not a client was connected.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueRun {
    /// Path relative to the gcodes root.
    pub filename: String,
    /// Start in Unix seconds, by the host's wall clock at that moment (which may be wrong).
    pub started_at: f64,
    /// End, by the wall clock at that moment. `None` while it runs.
    pub ended_at: Option<f64>,
    /// Outcome. `None` while it runs.
    pub outcome: Option<Outcome>,
    /// Seconds from start to end, with pauses. While it runs, up to now.
    pub total_duration: f64,
    /// Seconds from the first extrusion to the end, without pauses.
    pub print_duration: f64,
    /// Filament used, in mm.
    pub filament_used: f64,
    /// Number of pauses.
    pub pauses: u32,
    /// Its ids in Moonraker's history, in order of assignment; empty if Moonraker never noticed the run.
    pub job_ids: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The print finished.
    Completed,
    /// Cancelled by a user or a macro, or by a reset of the file.
    Cancelled,
    /// Another print took its place.
    Replaced,
    /// Klipper rejected a line of the file.
    Error(String),
    /// Klippy shut down: emergency stop or lost microcontroller.
    Shutdown(String),
    /// Klippy was restarted or died.
    KlippyGone,
    /// The printer lost its power.
    PowerLost,
}
