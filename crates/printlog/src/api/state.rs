//! State of the handlers: the components of the server once the database is open, or the progress of the start.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use jiff::tz::TimeZone;
use store::Store;
use tokio::sync::{Semaphore, watch};

use crate::{
    api::{
        access::{Usage, sign_in_limit::SignInLimit},
        http::{error::Problem, fault::Fault},
        live::Live,
        system::metrics::Metrics,
    },
    clock::Clock,
    config::{ApiConfig, Config},
    housekeeping::Housekeeping,
    ingest::Fleet,
    serving::clients::TrustedProxies,
};

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
    pub(crate) housekeeping: watch::Receiver<Housekeeping>,
    /// The settings, which may be reloaded.
    pub(crate) settings: watch::Receiver<Config>,
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
    WaitsForLease,
    /// The server is running.
    Done(Box<Core>),
}

impl Start {
    /// The components, if the server is running.
    pub(crate) fn core(&self) -> Option<&Core> {
        match self {
            Self::Done(core) => Some(core),
            Self::WaitsForDatabase | Self::WaitsForLease => None,
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
    pub(super) zone: TimeZone,
    /// Currency of costs whose file names none.
    pub(super) currency: Option<Arc<str>>,
    /// Path under which browsers reach the server.
    pub(super) base_path: Arc<str>,
    /// Whether pages of other origins may show the dashboard in a frame.
    pub(super) is_embedded: bool,
    /// Failed attempts with invalid keys.
    pub(super) sign_ins: Arc<SignInLimit>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub(super) proxies: TrustedProxies,
    /// The metrics.
    pub(super) metrics: Metrics,
}

impl ApiState {
    pub(crate) fn new(core: watch::Receiver<Start>, clock: Clock, config: &ApiConfig) -> Self {
        Self {
            core,
            clock,
            zone: config.timezone.clone(),
            currency: config.currency.as_deref().map(Arc::from),
            base_path: config.base_path.as_str().into(),
            is_embedded: !config.frame_ancestors.is_empty(),
            sign_ins: Arc::default(),
            proxies: TrustedProxies::new(&config.trusted_proxies),
            metrics: Metrics::new(),
        }
    }
}

impl Core {
    pub(super) fn of(state: &ApiState) -> Result<Self, Problem> {
        match &*state.core.borrow() {
            Start::Done(core) => Ok(Core::clone(core)),
            Start::WaitsForDatabase => Err(Problem::unavailable(Fault::WaitsForDatabase)),
            Start::WaitsForLease => Err(Problem::unavailable(Fault::WaitsForLease)),
        }
    }
}

impl FromRequestParts<ApiState> for Core {
    type Rejection = Problem;

    async fn from_request_parts(_parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Self::of(state)
    }
}
