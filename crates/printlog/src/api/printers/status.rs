//! The live status of a printer.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use domain::PrinterId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::{NoQuery, PathId},
        },
        printers::{limitation::Limitation, trouble::TroubleBody},
        schema_enums,
        state::{ApiState, Core},
    },
    connection_trouble::ConnectionTrouble,
    ingest,
};

/// Current status of a printer
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrinterStatus {
    printer_id: i64,
    connection: Connection,
    /// `null` while not connected.
    #[schema(value_type = Option<schema_enums::KlippyState>)]
    klippy_state: Option<&'static str>,
    /// Klipper's message about its state. `null` if there is none.
    klippy_message: Option<String>,
    /// `null` until the printer has been connected once.
    moonraker_version: Option<String>,
    /// The current print. `null` if there is none, or if it is unknown.
    job: Option<CurrentJob>,
    /// Heaters and sensors by Klipper's names (`extruder`, `heater_bed`, …). Empty while not connected.
    temperatures: BTreeMap<String, Temperature>,
    /// Last message from the printer. `null` if there was none.
    last_seen: Option<Timestamp>,
    backfill: Backfill,
    /// Why changes of its jobs wait for the database, or why it is not recorded. `null` if nothing waits.
    database_trouble: Option<&'static str>,
    /// The same for programs and translations. `null` if nothing waits.
    database_trouble_key: Option<DatabaseTrouble>,
    /// Parts of Moonraker's API that were missing at the last connection. Prints are recorded anyway.
    limitations: Vec<Limitation>,
}

/// Connection to Moonraker.
#[derive(Debug, Serialize, ToSchema)]
struct Connection {
    /// `disabled` if `is_active` is false; `unauthorized` if the printer needs an API key or rejects the stored one.
    #[schema(value_type = schema_enums::ConnectionState)]
    state: &'static str,
    /// Why the printer is not connected, as text for users, in English. `null` while connected.
    reason: Option<String>,
    /// The same for programs and translations. `null` if there is no `reason`.
    trouble: Option<TroubleBody>,
    /// Start of the current state.
    since: Timestamp,
}

/// Why a printer's jobs, or changes of them, are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DatabaseTrouble {
    NotRecorded,
    ChangesWait,
}

impl DatabaseTrouble {
    fn text(self) -> &'static str {
        match self {
            Self::NotRecorded => {
                "the database refuses writes; the printer is not recorded until it accepts them, see the log"
            }
            Self::ChangesWait => "the database refuses changes; they wait in memory, see the log",
        }
    }
}

/// The current print.
#[derive(Debug, Serialize, ToSchema)]
struct CurrentJob {
    /// Id of the job in `/api/jobs/{id}`. `null` until the job is stored.
    id: Option<i64>,
    /// File name, relative to the folder of G-code files.
    filename: Option<String>,
    /// `printing` or `paused`.
    #[schema(value_type = schema_enums::JobStatus)]
    status: &'static str,
    start_time: Option<Timestamp>,
    /// Seconds so far, without pauses.
    print_duration: Option<f64>,
    /// Seconds so far, with pauses.
    total_duration: Option<f64>,
    /// Filament used so far, in mm.
    filament_used: Option<f64>,
    /// 0 to 1.
    progress: Option<f64>,
    /// Estimated end. `null` while there is no reliable estimate.
    eta: Option<Timestamp>,
    /// Current layer, from 1. `null` if the G-code does not report it.
    current_layer: Option<i64>,
    /// Number of layers. `null` if the G-code does not report it.
    total_layer: Option<i64>,
}

/// A heater or sensor, in °C.
#[derive(Debug, Serialize, ToSchema)]
struct Temperature {
    /// Measured.
    temperature: f64,
    /// Target; 0 means off. `null` for a sensor without a heater.
    target: Option<f64>,
}

/// Import of the printer's own history.
#[derive(Debug, Serialize, ToSchema)]
struct Backfill {
    /// `off` by `moonraker.backfill: none` in the configuration.
    #[schema(value_type = schema_enums::BackfillState)]
    state: &'static str,
    /// Jobs read so far.
    position: u64,
    /// The last error. `null` if there was none.
    error: Option<String>,
}

/// Show the current status of a printer
#[utoipa::path(get, path = "/api/printers/{id}/status", tag = "printers",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The printer.")),
    responses(
        (status = 200, body = PrinterStatus),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
    ))]
pub(crate) async fn get_printer_status(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    _: NoQuery,
) -> ApiResult<Json<PrinterStatus>> {
    let id = PrinterId(id.0);
    let printer = core
        .store
        .printer(id)
        .await?
        .ok_or_else(|| crate::api::printers::no_such_printer(id))?;
    let mut status = match core.fleet.status(id) {
        Some(status) => PrinterStatus::new(id, status),
        None => PrinterStatus::not_yet_followed(id, state.clock.now()),
    };
    if let Some(job) = &mut status.job {
        // An ETA in the past is dropped: the print is late by an unknown time.
        job.eta = job.eta.filter(|eta| *eta > state.clock.now());
    }
    // The live value takes precedence. The stored one may be later if it was written before a clock was set back.
    status.last_seen = status.last_seen.or(printer.last_seen);
    Ok(Json(status))
}

impl PrinterStatus {
    pub(crate) fn new(id: PrinterId, status: ingest::PrinterStatus) -> Self {
        let database_trouble = status.database_trouble.map(|_| match status.changes_waiting {
            0 => DatabaseTrouble::NotRecorded,
            _ => DatabaseTrouble::ChangesWait,
        });
        Self {
            printer_id: id.0,
            connection: Connection {
                state: status.connection.state.as_str(),
                trouble: status
                    .connection
                    .reason
                    .as_ref()
                    .map(|reason| TroubleBody::from(&reason.trouble)),
                reason: status.connection.reason.map(|reason| reason.text),
                since: status.connection.since,
            },
            klippy_state: status.klippy_state.map(domain::KlippyState::as_str),
            klippy_message: status.klippy_message,
            moonraker_version: status.moonraker_version,
            job: status.job.map(CurrentJob::from),
            temperatures: status
                .temperatures
                .into_iter()
                .map(|(name, heater)| (name, heater.into()))
                .collect(),
            last_seen: status.last_seen,
            backfill: Backfill {
                state: status.backfill.state.as_str(),
                position: status.backfill.position,
                error: status.backfill.error,
            },
            database_trouble: database_trouble.map(DatabaseTrouble::text),
            database_trouble_key: database_trouble,
            limitations: status.limitations.iter().map(Limitation::from).collect(),
        }
    }

    /// Status of a printer that was just added.
    fn not_yet_followed(id: PrinterId, now: Timestamp) -> Self {
        Self {
            printer_id: id.0,
            connection: Connection {
                state: ingest::ConnectionState::Connecting.as_str(),
                reason: Some("the printer was just added".to_owned()),
                trouble: Some(TroubleBody::from(&ConnectionTrouble::JustAdded)),
                since: now,
            },
            klippy_state: None,
            klippy_message: None,
            moonraker_version: None,
            job: None,
            temperatures: BTreeMap::new(),
            last_seen: None,
            backfill: Backfill {
                state: ingest::BackfillState::Pending.as_str(),
                position: 0,
                error: None,
            },
            database_trouble: None,
            database_trouble_key: None,
            limitations: Vec::new(),
        }
    }
}

impl From<ingest::CurrentJob> for CurrentJob {
    fn from(job: ingest::CurrentJob) -> Self {
        Self {
            id: job.id.map(|id| id.0),
            filename: job.filename,
            status: job.status.as_str(),
            start_time: job.start_time,
            print_duration: job.figures.print_duration,
            total_duration: job.figures.total_duration,
            filament_used: job.figures.filament_used,
            progress: job.progress,
            eta: job.eta,
            current_layer: job.current_layer,
            total_layer: job.total_layer,
        }
    }
}

impl From<ingest::Temperature> for Temperature {
    fn from(heater: ingest::Temperature) -> Self {
        Self {
            temperature: heater.temperature,
            target: heater.target,
        }
    }
}
