//! The REST API. Reads rows from the store and live state from the fleet; never uses a printer's connection itself.

mod analytics;
mod auth;
mod base_path;
mod details;
mod discovery;
mod docs;
mod error;
mod export;
mod extract;
mod gcode_file;
mod health;
mod jobs;
mod keys;
mod limitation;
mod live;
mod metrics;
mod moonraker_url;
mod notes;
mod openapi;
mod page;
mod printer_status;
mod printers;
mod query;
mod same_origin;
mod service;
mod session;
mod sign_in_limit;
mod system;
mod usage;
mod welcome;
mod words;

use std::sync::Arc;

use axum::{Router, extract::FromRequestParts, http::request::Parts, middleware};
use jiff::tz::TimeZone;
use store::Store;
use tokio::sync::{Semaphore, watch};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use openapi::document;

pub(crate) use error::{FieldError, Problem};
pub(crate) use export::AT_ONCE as EXPORTS_AT_ONCE;
pub(crate) use jobs::JobListBody;
pub(crate) use keys::{CreatedKeyBody, KeyBody, KeyList, NAME as KEY_NAME};
pub(crate) use live::Live;
pub(crate) use metrics::metrics_only;
pub(crate) use moonraker_url::without_login;
pub(crate) use notes::{tag as parse_tag, verdict as parse_verdict};
pub(crate) use page::{decode as decode_cursor, order as parse_order};
pub(crate) use printers::{PrinterBody, PrinterList, TestBody, checked as checked_printer};
pub(crate) use query::{instant as parse_instant, name as checked_name};
pub(crate) use session::cookie_of;
pub(crate) use usage::Usage;

use crate::{
    clients::TrustedProxies,
    config::{ApiConfig, Config},
    ingest::{Clock, Fleet},
    metrics::Metrics,
    upkeep::Upkeep,
    web_ui,
};
use sign_in_limit::SignInLimit;

/// The components that handlers use, available once the database is open.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    /// The database.
    pub(crate) store: Store,
    /// The printers.
    pub(crate) fleet: Fleet,
    /// Whether the database currently refuses to store details.
    pub(crate) details_fail: watch::Receiver<bool>,
    /// State of backups and retention.
    pub(crate) upkeep: watch::Receiver<Upkeep>,
    /// Records the use of keys and sessions.
    pub(crate) usage: Usage,
    /// The live stream of the printers.
    pub(crate) live: Live,
    /// Limits how many analytics requests are computed at once: each takes memory, and more than there are cores
    /// would not finish any sooner.
    pub(crate) computing: Arc<Semaphore>,
    /// Name of the session cookie.
    pub(crate) cookie: Arc<str>,
    /// Limits simultaneous exports: each holds a thread until its client has read it.
    pub(crate) exporting: Arc<Semaphore>,
}

/// Progress of the server's start.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// The database has not answered yet.
    WaitsForDatabase,
    /// Another server records into the database.
    WaitsForTurn,
    /// The server is running.
    Done(Box<Core>),
}

impl Start {
    /// The components, if the server is running.
    pub(crate) fn core(&self) -> Option<&Core> {
        match self {
            Self::Done(core) => Some(core),
            Self::WaitsForDatabase | Self::WaitsForTurn => None,
        }
    }
}

/// State of every handler.
#[derive(Debug, Clone)]
pub(crate) struct ApiState {
    /// The components, or the progress of the start.
    pub(crate) core: watch::Receiver<Start>,
    /// The time.
    pub(crate) clock: Clock,
    /// Default time zone for days and hours; a request can override it.
    zone: TimeZone,
    /// Path under which browsers reach the server.
    base_path: Arc<str>,
    /// Whether pages of other origins may show the dashboard in a frame.
    is_embedded: bool,
    /// Failed attempts with invalid keys.
    sign_ins: Arc<SignInLimit>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    proxies: TrustedProxies,
    /// The metrics.
    metrics: Metrics,
}

impl ApiState {
    pub(crate) fn new(core: watch::Receiver<Start>, clock: Clock, config: &ApiConfig) -> Self {
        Self {
            core,
            clock,
            zone: config.timezone.clone(),
            base_path: config.base_path.as_str().into(),
            is_embedded: !config.frame_ancestors.is_empty(),
            sign_ins: Arc::default(),
            proxies: TrustedProxies::new(&config.trusted_proxies),
            metrics: Metrics::new(),
        }
    }
}

/// The router of the whole server.
pub(crate) fn router(state: ApiState, settings: watch::Receiver<Config>) -> Router {
    let config = settings.borrow().api.clone();
    let (data, _) = data_routes().split_for_parts();
    let (admin, _) = admin_routes().split_for_parts();
    let (open, _) = open_routes().split_for_parts();
    let data = data.route_layer(middleware::from_fn_with_state(state.clone(), auth::require_key));
    let admin = admin.route_layer(middleware::from_fn_with_state(
        state.clone(),
        auth::require_admin_key,
    ));
    let router = Router::new()
        .merge(data)
        .merge(admin)
        .merge(open)
        .merge(docs::routes(&config.base_path))
        .merge(welcome::routes())
        .method_not_allowed_fallback(service::method_not_allowed)
        .fallback(service::no_such_route)
        .layer(middleware::from_fn_with_state(state.clone(), metrics::timed))
        .with_state(state);
    let router = service::layers(web_ui::before(router, &config.base_path), &config.frame_ancestors);
    let router = service::for_other_origins(router, settings);
    base_path::under(&config.base_path, router)
}

/// Routes that need an API key: `read` for safe methods, else `admin`.
fn data_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(printers::list_printers, printers::create_printer))
        .routes(routes!(printers::test_printer))
        .routes(routes!(discovery::discover_printers))
        .routes(routes!(
            printers::get_printer,
            printers::replace_printer,
            printers::delete_printer
        ))
        .routes(routes!(printer_status::get_printer_status))
        .routes(routes!(metrics::get_metrics))
        .routes(routes!(live::follow_printers))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(export::export_jobs))
        .routes(routes!(jobs::get_job, notes::change_job, jobs::delete_job))
        .routes(routes!(notes::list_job_changes))
        .routes(routes!(notes::list_tags))
        .routes(routes!(notes::list_verdict_reasons, notes::create_verdict_reason))
        .routes(routes!(notes::delete_verdict_reason))
        .routes(routes!(details::get_job_details))
        .routes(routes!(details::refresh_job_details))
        .routes(routes!(details::get_job_thumbnail))
        .routes(routes!(gcode_file::parse_gcode))
        .merge(analytics::router())
        .routes(routes!(system::get_system))
}

/// Routes that need an API key with the scope `admin`.
fn admin_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::revoke_key))
}

/// Public routes.
fn open_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health::get_health))
        .routes(routes!(session::sign_in, session::get_session, session::sign_out))
}

impl Core {
    fn of(state: &ApiState) -> Result<Self, Problem> {
        match &*state.core.borrow() {
            Start::Done(core) => Ok(Core::clone(core)),
            Start::WaitsForDatabase => Err(Problem::unavailable(
                "the server is starting and waits for its database",
            )),
            Start::WaitsForTurn => Err(Problem::unavailable(
                "another server records into this database; this one waits for its turn",
            )),
        }
    }
}

impl FromRequestParts<ApiState> for Core {
    type Rejection = Problem;

    async fn from_request_parts(_parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Self::of(state)
    }
}
