//! Whether the server works. Honest: what it needs is tried, not assumed.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use super::{ApiState, Core};

/// A database that takes longer to answer a question without work does not work.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the server works, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` if every part is.
    status: Verdict,
    /// printlog's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The database answers.
    database: Part,
    /// The task that follows the printers runs. Printers that are switched off are no trouble.
    fleet: Part,
    /// Jobs that wait for what their slicers knew. `null` if the database does not answer.
    details: Option<QueueBody>,
}

/// Jobs without all their details, by how they stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetailsQueue)]
pub(super) struct QueueBody {
    /// Not known yet.
    pending: u64,
    /// Known in part.
    partial: u64,
    /// Given up.
    failed: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Part {
    status: Verdict,
    /// What is wrong. `null` if nothing is.
    reason: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    Error,
}

impl Part {
    const OK: Self = Self {
        status: Verdict::Ok,
        reason: None,
    };

    fn error(reason: &'static str) -> Self {
        Self {
            status: Verdict::Error,
            reason: Some(reason),
        }
    }
}

/// Whether the server works
///
/// Needs no key. 503 when a part does not work.
#[utoipa::path(get, path = "/health", tag = "health", responses(
    (status = 200, body = Health, description = "All parts work."),
    (status = 503, body = Health, description = "A part does not work."),
))]
pub(super) async fn get_health(State(state): State<ApiState>) -> (StatusCode, Json<Health>) {
    let core = state.core.borrow().clone();
    let (database, fleet, details) = match core {
        None => (
            Part::error("the database has not answered since the start; trying on"),
            Part::error("waits for the database"),
            None,
        ),
        Some(Core { store, fleet, .. }) => {
            let fleet = if fleet.is_alive() {
                Part::OK
            } else {
                Part::error("has ended; the log says why")
            };
            (database(&store).await, fleet, queue(&store).await)
        }
    };
    let works = [&database, &fleet]
        .into_iter()
        .all(|part| part.status == Verdict::Ok);
    let (status, verdict) = match works {
        true => (StatusCode::OK, Verdict::Ok),
        false => (StatusCode::SERVICE_UNAVAILABLE, Verdict::Error),
    };
    (
        status,
        Json(Health {
            status: verdict,
            version: env!("CARGO_PKG_VERSION"),
            database,
            fleet,
            details,
        }),
    )
}

async fn queue(store: &store::Store) -> Option<QueueBody> {
    let counts = tokio::time::timeout(PATIENCE, store.details_counts())
        .await
        .ok()?
        .ok()?;
    Some(QueueBody {
        pending: counts.pending,
        partial: counts.partial,
        failed: counts.failed,
    })
}

async fn database(store: &store::Store) -> Part {
    match tokio::time::timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => Part::OK,
        Ok(Err(cause)) => {
            warn!("the database does not answer: {:#}", anyhow::Error::new(cause));
            Part::error("does not answer; the log says why")
        }
        Err(_) => Part::error("does not answer in time"),
    }
}
