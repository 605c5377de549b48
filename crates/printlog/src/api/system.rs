//! What the server is and what it keeps.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiState, Core, error::ApiResult, extract::NoQuery, health::QueueBody, words};

/// What the server is and what it keeps.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct System {
    /// printlog's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Seconds since the server was started.
    uptime: u64,
    database: DatabaseBody,
    /// Jobs that wait for what their slicers knew.
    details: QueueBody,
}

/// The database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Database)]
pub(super) struct DatabaseBody {
    #[serde(rename = "type")]
    #[schema(value_type = words::DatabaseType)]
    kind: &'static str,
    /// Of the engine, in its own words.
    #[schema(example = "3.50.2")]
    version: String,
    /// Name of the newest change of the tables.
    schema_version: String,
    /// Bytes on the disk. `null` if the engine does not tell.
    size_bytes: Option<u64>,
}

/// What the server is and what it keeps
#[utoipa::path(get, path = "/api/system", tag = "health", responses((status = 200, body = System)))]
pub(super) async fn get_system(
    State(state): State<ApiState>,
    core: Core,
    _: NoQuery,
) -> ApiResult<Json<System>> {
    let info = core.store.info().await?;
    let counts = core.store.details_counts().await?;
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        uptime: state.clock.moment().monotonic.as_secs(),
        database: DatabaseBody {
            kind: info.engine.as_str(),
            version: info.version,
            schema_version: info.schema_version,
            size_bytes: info.size_bytes,
        },
        details: counts.into(),
    }))
}
