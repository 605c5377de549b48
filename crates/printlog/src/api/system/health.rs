//! Health of the server. Every dependency is tested, not assumed to work.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use store::{DetailsCounts, Refusal};
use tracing::warn;
use utoipa::ToSchema;

use crate::{
    api::{
        state::{ApiState, Core, Start},
        system::trouble::{Trouble, TroubleBody},
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
    /// Description of all troubles, in English. `null` if there is none.
    reason: Option<String>,
    /// The troubles, for programs and translations. Empty if there is none.
    troubles: Vec<TroubleBody>,
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
        troubles: Vec::new(),
    };

    fn error(trouble: Trouble) -> Self {
        Self::new(Verdict::Error, &[trouble])
    }

    fn warning(trouble: Trouble) -> Self {
        Self::new(Verdict::Warning, &[trouble])
    }

    /// Works if there is no trouble.
    fn with_warnings(troubles: &[Trouble]) -> Self {
        match troubles.is_empty() {
            true => Self::OK,
            false => Self::new(Verdict::Warning, troubles),
        }
    }

    fn new(status: Verdict, troubles: &[Trouble]) -> Self {
        let texts: Vec<_> = troubles.iter().map(Trouble::to_string).collect();
        Self {
            status,
            reason: Some(texts.join(". ")),
            troubles: troubles.iter().map(TroubleBody::from).collect(),
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
            fleet: Part::error(Trouble::WaitsForLease),
            ..Health::default()
        },
        Start::WaitsForDatabase => Health {
            database: Part::error(Trouble::NotYetResponded),
            fleet: Part::error(Trouble::WaitsForDatabase),
            ..Health::default()
        },
        Start::Done(core) => Health {
            database: database(&core.store).await,
            fleet: if core.fleet.is_alive() {
                Part::OK
            } else {
                Part::error(Trouble::Stopped)
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
    let mut troubles = Vec::new();
    if waiting > 0 {
        troubles.push(Trouble::ChangesWait { count: waiting });
    }
    if not_followed > 0 {
        troubles.push(Trouble::NotRecorded { count: not_followed });
    }
    if troubles.is_empty() && *core.details_fail.borrow() {
        troubles.push(Trouble::DetailsRefused);
    }
    Part::with_warnings(&troubles)
}

fn housekeeping(core: &Core) -> Part {
    let housekeeping = core.housekeeping.borrow();
    let backup = housekeeping.backup.clone();
    let backup = backup.map(|detail| Trouble::BackupFailed { detail });
    let retention = housekeeping.retention.clone();
    let retention = retention.map(|detail| Trouble::RetentionFailed { detail });
    Part::with_warnings(&Vec::from_iter(backup.into_iter().chain(retention)))
}

/// Names no printer, because the route needs no API key.
async fn printer_keys(store: &store::Store) -> Part {
    if store.secret_trouble().is_some() {
        return Part::warning(Trouble::NoSecret);
    }
    match tokio::time::timeout(PATIENCE, store.unreadable_key_count()).await {
        Ok(Ok(0)) => Part::OK,
        Ok(Ok(number)) => Part::warning(Trouble::KeysUnreadable { count: number as u64 }),
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
        return Part::error(Trouble::Damaged);
    }
    match tokio::time::timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => match store.refusal() {
            None => Part::OK,
            Some(Refusal::DiskFull) => Part::warning(Trouble::DiskFull),
            Some(Refusal::ReadOnly) => Part::warning(Trouble::ReadOnly),
            Some(Refusal::DiskFails) => Part::warning(Trouble::DiskFails),
        },
        Ok(Err(cause)) => {
            warn!("the database does not respond: {}", ErrorChain(&cause));
            Part::error(Trouble::DoesNotRespond)
        }
        Err(_) => Part::error(Trouble::TooSlow),
    }
}
