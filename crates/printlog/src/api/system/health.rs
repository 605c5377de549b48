//! Health of the server. Every dependency is tested, not assumed to work.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use store::DetailsCounts;
use tracing::warn;
use utoipa::ToSchema;

use crate::api::{
    http::error,
    state::{ApiState, Core, Start},
};

/// A database that takes longer to answer a trivial query counts as failing.
const PATIENCE: Duration = Duration::from_secs(3);
/// Limit for counting jobs that wait for details. Health is polled every few seconds and must not get slower with
/// more jobs.
const COUNTED: u64 = 1000;

/// Whether the server works, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// The worst of the parts.
    status: Verdict,
    /// printlog's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The database answers. A warning if it refused what was written last.
    database: Part,
    /// The task that follows the printers runs. Printers that are switched off are no trouble.
    fleet: Part,
    /// What was heard of jobs, and read of their files, is in the database. A warning while some of it waits, or printers
    /// cannot be followed without writing.
    writing: Part,
    /// API keys of printers can be stored, and those stored can be read.
    printer_keys: Part,
    /// Backups are made when they are due, and what is kept for a limited time goes in time. A warning while one fails.
    housekeeping: Part,
    /// Jobs that wait for what their slicers knew. `null` if the database does not answer.
    details: Option<HealthDetails>,
}

/// Jobs without all their details, by status, each counted up to 1000. `GET /api/system` counts all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthDetails {
    #[serde(flatten)]
    counts: QueueBody,
    /// Whether there are more jobs than these numbers say. If so, one of them is 1000.
    has_more: bool,
}

/// Jobs without all their details, by how they stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetailsQueue)]
pub(crate) struct QueueBody {
    /// Not known yet.
    pending: u64,
    /// Known in part.
    partial: u64,
    /// Given up.
    failed: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    status: Verdict,
    /// What is wrong. `null` if nothing is.
    reason: Option<String>,
}

/// How a part works: with a warning it does, but somebody should look.
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

/// Whether the server works
///
/// Needs no key. 503 when a part does not work. A warning is no reason to start the server anew.
#[utoipa::path(get, path = "/health", tag = "health", responses(
    (status = 200, body = Health, description = "All parts work, maybe with a warning."),
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
            database: Part::error("the database has not answered since the start; trying on"),
            fleet: Part::error("waits for the database"),
            ..Health::default()
        },
        Start::Done(core) => Health {
            database: database(&core.store).await,
            fleet: if core.fleet.is_alive() {
                Part::OK
            } else {
                Part::error("has ended; the log says why")
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
            "changes of jobs of {waiting} printers wait for the database; they are in memory, and tried until they are in"
        ));
    }
    if not_followed > 0 {
        reasons.push(format!(
            "{not_followed} printers are not followed, because the database does not take what they report; they are \
             connected to again until it does"
        ));
    }
    if reasons.is_empty() && *core.details_fail.borrow() {
        reasons.push(
            "the database does not take what the slicers knew of jobs; it is read from the printers again until it does"
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
    let backup = housekeeping.backup.iter().map(|reason| {
        format!("no backup is made though one is due: {reason}; it is tried again, and the log says more")
    });
    let retention = housekeeping.retention.iter().map(|reason| {
        format!("what has been kept for long enough cannot be removed: {reason}; the log says more")
    });
    let reasons: Vec<_> = backup.chain(retention).collect();
    match reasons.is_empty() {
        true => Part::OK,
        false => Part::warning(reasons.join(". ")),
    }
}

/// Names no printer, because the route needs no API key.
async fn printer_keys(store: &store::Store) -> Part {
    if store.secret_trouble().is_some() {
        return Part::warning(
            "there is no secret to encrypt them with (database.secret_file); the log says why",
        );
    }
    match tokio::time::timeout(PATIENCE, store.unreadable_key_count()).await {
        Ok(Ok(0)) => Part::OK,
        Ok(Ok(number)) => Part::warning(format!(
            "of {number} printers they cannot be decrypted: the secret (database.secret_file) is missing or another one; \
             put the right file back, or enter the keys anew"
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
            "its file is damaged; end the server and put a backup in its place with `printlog restore`; the log says more",
        );
    }
    match tokio::time::timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => match store.refusal() {
            None => Part::OK,
            Some(refusal) => Part::warning(format!(
                "can be read, and refused what was written last: {}",
                error::refused(refusal)
            )),
        },
        Ok(Err(cause)) => {
            warn!("the database does not answer: {:#}", anyhow::Error::new(cause));
            Part::error("does not answer; the log says why")
        }
        Err(_) => Part::error("does not answer in time"),
    }
}
