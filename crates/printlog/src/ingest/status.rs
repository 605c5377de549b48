//! The live status of a printer. Kept in memory only.

use std::collections::BTreeMap;

use domain::{Backfill, Figures, Job, JobId, JobStatus, KlippyState, all};
use jiff::Timestamp;
use strum::VariantArray;
use strum_macros::{IntoStaticStr, VariantArray};

use crate::connection_trouble::ConnectionTrouble;

/// A printer's current status.
#[derive(Debug, Clone, PartialEq)]
pub struct PrinterStatus {
    /// Whether it is connected, and if not, why.
    pub connection: Connection,
    /// State of Klippy. `None` while not connected.
    pub klippy_state: Option<KlippyState>,
    /// Klippy's message about its state, such as the reason of a shutdown. `None` if there is none.
    pub klippy_message: Option<String>,
    /// Version of Moonraker. `None` until it has reported it.
    pub moonraker_version: Option<String>,
    /// The current print. `None` if there is none or it is unknown.
    pub job: Option<CurrentJob>,
    /// Heaters by their Klipper names (`extruder`, `heater_bed`, …). Empty while not connected.
    pub temperatures: BTreeMap<String, Temperature>,
    /// When the printer last sent anything. `None` if it never did.
    pub last_seen: Option<Timestamp>,
    /// Progress of the history import.
    pub backfill: BackfillProgress,
    /// The last database error while changes of jobs wait to be written. `None` when none are waiting.
    pub database_trouble: Option<String>,
    /// Number of waiting changes. 0 unless a write has failed.
    pub changes_waiting: usize,
    /// What the printer's API lacked at the last connection. Empty before the first connection.
    pub limitations: Vec<Limitation>,
}

/// The connection to the printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its state.
    pub state: ConnectionState,
    /// Why it is not connected. `None` while connected.
    pub reason: Option<ConnectionReason>,
    /// When it entered this state.
    pub since: Timestamp,
}

/// Why a printer is not connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReason {
    /// The English sentence.
    pub text: String,
    /// The same for translations.
    pub trouble: ConnectionTrouble,
}

/// State of the connection to the printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ConnectionState {
    /// The user has disabled recording.
    Disabled,
    /// The first attempt, or a retry, is running.
    Connecting,
    /// Connected and authorised.
    Connected,
    /// No response at the address.
    Unreachable,
    /// The server at the address requires an API key, or a different one.
    Unauthorized,
}

impl ConnectionState {
    /// All states.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// The state as spelled in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The current print.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentJob {
    /// Id of its row. `None` until it has been written.
    pub id: Option<JobId>,
    /// File, relative to the gcodes root. `None` if unknown.
    pub filename: Option<String>,
    /// `printing` or `paused`.
    pub status: JobStatus,
    /// When it started. `None` if unknown.
    pub start_time: Option<Timestamp>,
    /// Durations and filament so far.
    pub figures: Figures,
    /// 0 to 1, by position in the file. `None` if the printer does not report it.
    pub progress: Option<f64>,
    /// Expected end. `None` if it cannot be estimated.
    pub eta: Option<Timestamp>,
    /// Layer being printed, from 1. `None` if the G-code does not report it.
    pub current_layer: Option<i64>,
    /// Total number of layers. `None` if the G-code does not report it.
    pub total_layer: Option<i64>,
}

impl CurrentJob {
    /// The job as it is recorded, without progress, layers and expected end.
    pub(crate) fn new(job: &Job, id: Option<JobId>) -> Self {
        Self {
            id,
            filename: job.filename.clone(),
            status: job.status,
            start_time: job.start_time,
            figures: job.figures,
            progress: None,
            eta: None,
            current_layer: None,
            total_layer: None,
        }
    }
}

/// A part of its API that a printer does not offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limitation {
    /// Name of the part, as spelled in the API.
    pub capability: &'static str,
    /// What is missing, what that means, and how the printer refused it.
    pub reason: String,
    /// How the printer refused it.
    pub cause: String,
    /// Whether the printer was only too slow; it is tried again.
    pub is_slow: bool,
}

/// A heater, in °C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperature {
    /// Measured temperature.
    pub temperature: f64,
    /// Target temperature; 0 is off. `None` for a sensor without a heater.
    pub target: Option<f64>,
}

/// Progress of the history import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillProgress {
    /// Whether the import is done, running or waiting.
    pub state: BackfillState,
    /// Rows of the history read so far.
    pub position: u64,
    /// The last error. `None` after a success.
    pub error: Option<String>,
}

impl BackfillProgress {
    pub(crate) fn new(backfill: &Backfill, is_running: bool, error: Option<String>) -> Self {
        let state = match backfill.completed_at {
            // A plan without an import is complete from its beginning.
            Some(_) if backfill.position == 0 && backfill.since == backfill.first_contact => {
                BackfillState::Off
            }
            Some(_) => BackfillState::Done,
            None if is_running => BackfillState::Running,
            None => BackfillState::Pending,
        };
        Self {
            state,
            position: backfill.position,
            error,
        }
    }
}

/// State of the history import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum BackfillState {
    /// Waiting for the printer.
    Pending,
    /// Reading page after page.
    Running,
    /// The whole history has been read once.
    Done,
    /// Switched off by `moonraker.backfill: none`.
    Off,
}

impl BackfillState {
    /// The state as spelled in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
