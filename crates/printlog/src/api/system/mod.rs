//! Information about the server and its data.

pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod metrics_route;
pub(crate) mod settings;
mod trouble;

use axum::{Json, extract::State};
use domain::JobFilter;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::compute,
        http::{
            error::ApiResult,
            query::{Query, parameters},
        },
        schema_enums,
        state::{ApiState, Core},
        system::health::QueueBody,
    },
    config::time_zone,
    input,
};

/// Limit for counting jobs without complete details, for each status. Counting reads an index entry for each job, and a
/// monitoring system asks several times a minute.
pub(crate) const COUNTED: u64 = 100_000;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// Maximum length of a time zone name in characters.
const TZ: usize = 255;

parameters! {
    /// A time zone to check.
    pub(crate) struct SystemParameters {
        /// A time zone, as in the parameter `tz` of analytics.
        #[param(value_type = Option<String>, min_length = 1, max_length = 255, pattern = r"^[^\x00]*$")]
        tz: Option<String> = one(input::text(TZ)),
    }
}

/// The server and its database.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct System {
    /// printlog's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Seconds since the start of the server.
    uptime: u64,
    /// Default time zone of analytics (`api.timezone`), used without the parameter `tz`.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// Currency of the costs of files that name none, from the configuration or `PUT /api/settings/currency`. `null` if it
    /// is not set.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Whether jobs have a cost whose file names no currency, and none is set.
    currency_needed: bool,
    /// Days for which a deleted job can be restored (`retention.deleted_jobs`). 0: it cannot be restored.
    deleted_jobs_days: u64,
    /// Whether analytics accept `tz` as a time zone. `null` if the request has no `tz`.
    tz_is_known: Option<bool>,
    database: DatabaseBody,
    /// Jobs without complete details, each counted up to 100,000.
    details: QueueBody,
}

/// The database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Database)]
pub(crate) struct DatabaseBody {
    #[serde(rename = "type")]
    #[schema(value_type = schema_enums::DatabaseType)]
    kind: &'static str,
    /// Version that the engine reports.
    #[schema(example = "3.50.2")]
    version: String,
    /// Name of the latest migration.
    schema_version: String,
    /// Size on disk in bytes. `null` if the engine does not report it.
    size_bytes: Option<u64>,
}

/// Show the server and its database
///
/// With `tz`, the response contains whether analytics accept that time zone: browsers know some that this server does
/// not.
#[utoipa::path(get, path = "/api/system", tag = "health",
    params(SystemParameters),
    responses((status = 200, body = System)))]
pub(crate) async fn get_system(
    State(state): State<ApiState>,
    core: Core,
    Query(query): Query<SystemParameters>,
) -> ApiResult<Json<System>> {
    let info = core.store.info().await?;
    let counts = core.store.details_counts_up_to(COUNTED).await?;
    let currency = core.store.currency();
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        uptime: state.clock.moment().monotonic.as_secs(),
        timezone: time_zone::name(&state.zone),
        currency: currency.as_deref().map(str::to_owned),
        currency_needed: currency.is_none() && has_cost_without_currency(&core).await?,
        deleted_jobs_days: core.settings.borrow().retention.deleted_jobs.as_secs() / DAY,
        tz_is_known: query.tz.map(|tz| time_zone::named_or_fixed(&tz).is_some()),
        database: DatabaseBody {
            kind: info.engine.as_str(),
            version: info.version,
            schema_version: info.schema_version,
            size_bytes: info.size_bytes,
        },
        details: counts.into(),
    }))
}

/// Whether any job has a cost without a currency. The sums are kept in memory, so it does not grow with the jobs.
async fn has_cost_without_currency(core: &Core) -> ApiResult<bool> {
    compute(core, &JobFilter::default(), |jobs| {
        let costs = jobs.groups()?.sums().costs;
        Ok(costs.iter().any(|(profile, _)| jobs.currency(*profile).is_none()))
    })
    .await
}
