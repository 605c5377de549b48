//! What prints really did, independent of `print_stats` and Moonraker.

/// One print as it really happened.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintRecord {
    /// Path relative to the gcodes folder, as in `print_stats`.
    pub filename: String,
    /// Start of the file, in Unix seconds.
    pub started: f64,
    /// End of the print, in Unix seconds; `None` while it runs.
    pub ended: Option<f64>,
    /// Seconds from start to end, with pauses; 0 while it runs.
    pub total_duration: f64,
    /// Seconds of extrusion; 0 while it runs. `print_stats` can report up to a quarter of a second more, because it
    /// counts from the last query before the first extrusion.
    pub print_duration: f64,
    /// Filament that really went through the nozzle, in mm; 0 while it runs. `print_stats` can report slightly less,
    /// because Klippy does not sample the end of a file.
    pub filament_used: f64,
    /// Outcome. `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// How a print ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file was printed to its end.
    Completed,
    /// Ended by `CANCEL_PRINT` or `SDCARD_RESET_FILE`, or replaced by another print while paused.
    Cancelled,
    /// A line of the file was rejected, with this text in `print_stats.message`.
    Error(String),
    /// Emergency stop, M112 or a lost microcontroller, with Klippy's reason.
    Shutdown(String),
    /// The Klippy process ended or restarted during the print.
    KlippyGone,
}
