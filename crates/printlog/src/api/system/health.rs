//! Health of the server. Every dependency is tested, not assumed to work.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use store::DetailsCounts;
use tracing::warn;
use utoipa::ToSchema;

use crate::{
    api::{
        http::error,
        state::{ApiState, Core, Start},
    },
    error_chain::ErrorChain,
};

/// A database that takes longer to answer a trivial query counts as failing.
const PATIENCE: Duration = Duration::from_secs(3);
/// Limit for counting jobs that wait for details. Health is polled every few seconds and must not get slower with
/// more jobs.
const COUNTED: u64 = 1000;

/// State of the server and its parts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Worst state of all parts.
    status: Verdict,
    /// printlog's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The database responds. Warns if it refused the last write.
    database: Part,
    /// The task that records the printers is running. Disconnected printers are not an error.
    fleet: Part,
    /// Changes of jobs and their details are stored. Warns while changes wait for the database, or printers cannot be
    /// recorded because it refuses writes.
    writing: Part,
    /// API keys of printers can be encrypted and decrypted.
    printer_keys: Part,
    /// Scheduled backups and retention work. Warns while one of them fails.
    housekeeping: Part,
    /// Jobs that wait for details. `null` if the database does not respond.
    details: Option<HealthDetails>,
}

/// Jobs without complete details, by status, each counted up to 1000. `GET /api/system` counts up to 100,000.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthDetails {
    #[serde(flatten)]
    counts: QueueBody,
    /// Whether a count is capped. If so, one of them is 1000.
    has_more: bool,
}

/// Jobs without complete details, by status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetailsQueue)]
pub(crate) struct QueueBody {
    /// Jobs whose details have not been read yet.
    pending: u64,
    /// Jobs whose details come from Moonraker's metadata only.
    partial: u64,
    /// Jobs whose details could not be read.
    failed: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    status: Verdict,
    /// Description of the problem. `null` if there is none.
    reason: Option<String>,
}

/// State of a part. `warning`: it works, but needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    Warning,
    Error,
}

impl Part {
    const OK: Self = Self {
        status: Verdict::Ok,
        reason: None,
    };

    fn error(reason: impl Into<String>) -> Self {
        Self {
            status: Verdict::Error,
            reason: Some(reason.into()),
        }
    }

    fn warning(reason: impl Into<String>) -> Self {
        Self {
            status: Verdict::Warning,
            reason: Some(reason.into()),
        }
    }
}

/// Check the server
///
/// Needs no key. 503 if a part does not work. A warning does not require a restart of the server.
#[utoipa::path(get, path = "/health", tag = "health", responses(
    (status = 200, body = Health, description = "All parts work, possibly with a warning."),
    (status = 503, body = Health, description = "A part does not work."),
))]
pub(crate) async fn get_health(State(state): State<ApiState>) -> (StatusCode, Json<Health>) {
    let core = state.core.borrow().clone();
    let health = match core {
        Start::WaitsForLease => Health {
            fleet: Part::error("waits for the recording lease, which another server holds"),
            ..Health::default()
        },
        Start::WaitsForDatabase => Health {
            database: Part::error("the database has not responded since the start; retrying"),
            fleet: Part::error("waits for the database"),
            ..Health::default()
        },
        Start::Done(core) => Health {
            database: database(&core.store).await,
            fleet: if core.fleet.is_alive() {
                Part::OK
            } else {
                Part::error("has stopped; see the log")
            },
            writing: writing(&core),
            printer_keys: printer_keys(&core.store).await,
            housekeeping: housekeeping(&core),
            details: queue(&core.store).await,
            ..Health::default()
        },
    };
    let worst = [
        &health.database,
        &health.fleet,
        &health.writing,
        &health.printer_keys,
        &health.housekeeping,
    ]
    .into_iter()
    .map(|part| part.status)
    .max()
    .unwrap_or(Verdict::Ok);
    let status = match worst {
        Verdict::Ok | Verdict::Warning => StatusCode::OK,
        Verdict::Error => StatusCode::SERVICE_UNAVAILABLE,
    };
    (
        status,
        Json(Health {
            status: worst,
            ..health
        }),
    )
}

impl Default for Health {
    fn default() -> Self {
        Self {
            status: Verdict::Ok,
            version: env!("CARGO_PKG_VERSION"),
            database: Part::OK,
            fleet: Part::OK,
            writing: Part::OK,
            printer_keys: Part::OK,
            housekeeping: Part::OK,
            details: None,
        }
    }
}

fn writing(core: &Core) -> Part {
    let statuses = core.fleet.statuses();
    let (mut waiting, mut not_followed) = (0, 0);
    for status in statuses.borrow().values() {
        let status = status.borrow();
        match (&status.database_trouble, status.changes_waiting) {
            (None, _) => {}
            (Some(_), 0) => not_followed += 1,
            (Some(_), _) => waiting += 1,
        }
    }
    let mut reasons = Vec::new();
    if waiting > 0 {
        reasons.push(format!(
            "changes of jobs of {waiting} printers wait for the database; they are in memory, and writing is retried"
        ));
    }
    if not_followed > 0 {
        reasons.push(format!(
            "{not_followed} printers are not recorded, because the database refuses writes; connecting is retried until it accepts them"
        ));
    }
    if reasons.is_empty() && *core.details_fail.borrow() {
        reasons.push(
            "the database refuses details of jobs; they are read from the printers again until it accepts them"
                .to_owned(),
        );
    }
    match reasons.is_empty() {
        true => Part::OK,
        false => Part::warning(reasons.join(". ")),
    }
}

fn housekeeping(core: &Core) -> Part {
    let housekeeping = core.housekeeping.borrow();
    let backup = housekeeping
        .backup
        .iter()
        .map(|reason| format!("a scheduled backup has failed: {reason}; it is retried, see the log"));
    let retention = housekeeping
        .retention
        .iter()
        .map(|reason| format!("expired data cannot be removed: {reason}; see the log"));
    let reasons: Vec<_> = backup.chain(retention).collect();
    match reasons.is_empty() {
        true => Part::OK,
        false => Part::warning(reasons.join(". ")),
    }
}

/// Names no printer, because the route needs no API key.
async fn printer_keys(store: &store::Store) -> Part {
    if store.secret_trouble().is_some() {
        return Part::warning("there is no secret to encrypt them with (database.secret_file); see the log");
    }
    match tokio::time::timeout(PATIENCE, store.unreadable_key_count()).await {
        Ok(Ok(0)) => Part::OK,
        Ok(Ok(number)) => Part::warning(format!(
            "the keys of {number} printers cannot be decrypted: the secret (database.secret_file) is missing or a different one; restore the right file, or enter the keys again"
        )),
        // Database errors are reported by the database part.
        Ok(Err(_)) | Err(_) => Part::OK,
    }
}

async fn queue(store: &store::Store) -> Option<HealthDetails> {
    let counting = store.details_counts_up_to(COUNTED + 1);
    let counts = tokio::time::timeout(PATIENCE, counting).await.ok()?.ok()?;
    let DetailsCounts {
        pending,
        partial,
        failed,
    } = counts;
    Some(HealthDetails {
        has_more: pending.max(partial).max(failed) > COUNTED,
        counts: QueueBody {
            pending: pending.min(COUNTED),
            partial: partial.min(COUNTED),
            failed: failed.min(COUNTED),
        },
    })
}

impl From<DetailsCounts> for QueueBody {
    fn from(counts: DetailsCounts) -> Self {
        Self {
            pending: counts.pending,
            partial: counts.partial,
            failed: counts.failed,
        }
    }
}

async fn database(store: &store::Store) -> Part {
    if store.is_damaged() {
        return Part::error(
            "its file is damaged; stop the server and restore a backup with `printlog restore`; see the log",
        );
    }
    match tokio::time::timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => match store.refusal() {
            None => Part::OK,
            Some(refusal) => Part::warning(format!(
                "can be read, but refused the last write: {}",
                error::refused(refusal)
            )),
        },
        Ok(Err(cause)) => {
            warn!("the database does not respond: {}", ErrorChain(&cause));
            Part::error("does not respond; see the log")
        }
        Err(_) => Part::error("does not respond in time"),
    }
}
