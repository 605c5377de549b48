//! What the fleet knows of a printer right now. Lives in memory only.

use std::collections::BTreeMap;

use domain::{Figures, JobId, JobStatus, KlippyState};
use jiff::Timestamp;
use moonraker::Limitation;

/// A printer at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct PrinterStatus {
    /// Whether we are connected, and if not, why not.
    pub connection: Connection,
    /// State of Klippy. `None` while not connected.
    pub klippy_state: Option<KlippyState>,
    /// Klippy's own words on its state, such as the reason of a shutdown. `None` if it has none.
    pub klippy_message: Option<String>,
    /// `None` until the printer answered once.
    pub moonraker_version: Option<String>,
    /// The print in the machine. `None` if there is none or nobody knows.
    pub job: Option<CurrentJob>,
    /// Heaters by Klipper's names (`extruder`, `heater_bed`, …). Empty while not connected.
    pub temperatures: BTreeMap<String, Temperature>,
    /// When the printer last said anything. `None` if it did not since printlog started.
    pub last_seen: Option<Timestamp>,
    /// How far the import of its history is.
    pub backfill: BackfillProgress,
    /// The error that the database gave while changes of jobs wait for it. `None` when nothing waits.
    pub database_trouble: Option<String>,
    /// How many of them. 0 where a change is on its way and has not failed.
    pub changes_waiting: usize,
    /// What its Moonraker did not offer when it was connected last. Empty until it was.
    pub limitations: Vec<Limitation>,
}

/// The link to Moonraker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// How it stands.
    pub state: ConnectionState,
    /// In plain words, why it is not connected. `None` when it is.
    pub reason: Option<String>,
    /// Since when it is in this state.
    pub since: Timestamp,
}

/// How the link to Moonraker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// Logging is switched off by the user.
    Disabled,
    /// First attempt runs, or another after a pause.
    Connecting,
    /// Connected and authorised.
    Connected,
    /// Nobody answers at the address.
    Unreachable,
    /// Somebody answers, but wants a key, or another key.
    Unauthorized,
}

impl ConnectionState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Disabled,
        Self::Connecting,
        Self::Connected,
        Self::Unreachable,
        Self::Unauthorized,
    ];

    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// The print that is in the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentJob {
    /// Our row of it. `None` in the moment before it is written.
    pub id: Option<JobId>,
    /// File, relative to the gcodes root. `None` if unknown.
    pub filename: Option<String>,
    /// `printing` or `paused`.
    pub status: JobStatus,
    /// When it started. `None` if unknown.
    pub start_time: Option<Timestamp>,
    /// Amounts so far.
    pub figures: Figures,
    /// 0 to 1, by position in the file. `None` if the printer does not say.
    pub progress: Option<f64>,
    /// When it should end. `None` while nothing sensible can be said.
    pub eta: Option<Timestamp>,
    /// Layer being printed, from 1. `None` if the gcode does not say.
    pub current_layer: Option<i64>,
    /// Layers in all. `None` if the gcode does not say.
    pub total_layer: Option<i64>,
}

/// A heater, in °C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperature {
    /// Measured.
    pub temperature: f64,
    /// Wanted; 0 is off. `None` for a sensor without a heater.
    pub target: Option<f64>,
}

/// How far the import of the history is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillProgress {
    /// Whether it is done, runs or waits.
    pub state: BackfillState,
    /// Rows of the history read so far.
    pub position: u64,
    /// What stopped it last. `None` if nothing did.
    pub error: Option<String>,
}

/// Whether the import is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillState {
    /// Waits for the printer.
    Pending,
    /// Reads page after page.
    Running,
    /// The whole history has been read once.
    Done,
    /// Switched off by `moonraker.backfill: none`.
    Off,
}

impl BackfillState {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Off => "off",
        }
    }
}
