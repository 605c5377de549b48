//! What prints really did, kept apart from what print_stats and Moonraker say about them.

/// One print as it truly was.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintRecord {
    /// Relative to the gcodes folder, as `print_stats` has it.
    pub filename: String,
    /// When the file began to run, in Unix seconds.
    pub started: f64,
    /// When the print ended, in Unix seconds; `None` while it runs.
    pub ended: Option<f64>,
    /// Seconds from start to end with pauses; 0 while it runs.
    pub total_duration: f64,
    /// Seconds of extrusion; 0 while it runs. `print_stats` can say up to a quarter of a second
    /// more, because it counts from the last query before the first extrusion.
    pub print_duration: f64,
    /// mm that really went through the nozzle; 0 while it runs. `print_stats` can say a little less,
    /// because Klippy does not sample the last stretch of a file.
    pub filament_used: f64,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// How a print ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file was printed to its end.
    Completed,
    /// `CANCEL_PRINT`, `SDCARD_RESET_FILE`, or another print took the place of this paused one.
    Cancelled,
    /// A line of the file was refused, with this text in `print_stats.message`.
    Error(String),
    /// Emergency stop, M112 or a lost microcontroller, with Klippy's reason.
    Shutdown(String),
    /// The Klippy process ended or restarted in mid-print.
    KlippyGone,
}
