//! Metrics for Prometheus at `/metrics`: job counts from the database, the live state of the printers, and durations
//! of requests and database queries.
//!
//! Nothing is counted twice: job counts come from the analytics and are queried at each scrape, so they are exact and
//! a restart changes nothing.

mod fleet;
mod jobs;

use std::time::Duration;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use tracing::warn;

use crate::{api::state::Core, clock::Clock, error_chain::ErrorChain};

/// Media type of the metrics.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Time limit for the database. Beyond it, its metrics are left out of this scrape.
const PATIENCE: Duration = Duration::from_secs(5);
/// Upper bounds of the request duration buckets, in seconds.
const REQUEST_SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Labels of a series.
type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<f64, std::sync::atomic::AtomicU64>>;
type Counters = Family<Labels, Counter>;

/// Metrics collected while the server runs. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    requests: Family<Labels, Histogram, fn() -> Histogram>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
        }
    }

    /// Records the duration of a request. `route` is the pattern that it matched, because the number of paths is
    /// unlimited.
    pub(crate) fn request_took(&self, method: &str, route: &str, status: u16, time: Duration) {
        let labels = vec![
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        self.requests.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// All metrics in OpenMetrics format. Metrics that the database does not deliver in time are left out, and
    /// `printlog_database_up` is 0 then. `core` is `None` while the server waits for its database.
    pub(crate) async fn scrape(&self, core: Option<&Core>, clock: Clock) -> String {
        let mut registry = Registry::with_prefix("printlog");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        registry.register(
            "http_request_duration_seconds",
            "Time until the response to a request, by route",
            self.requests.clone(),
        );
        let database_up = Gauge::<i64>::default();
        if let Some(Core { store, fleet, .. }) = core {
            registry.register(
                "database_duration_seconds",
                "Duration of a database operation, including its retries",
                store.timings().durations.clone(),
            );
            registry.register(
                "database_failures",
                "Database operations that failed permanently",
                store.timings().failures.clone(),
            );
            match tokio::time::timeout(PATIENCE, jobs::Stored::read(store)).await {
                Ok(Ok(stored)) => {
                    database_up.set(1);
                    stored.register(&mut registry);
                    fleet::register(&mut registry, fleet, &stored.printers, clock.now());
                }
                Ok(Err(cause)) => warn!("a scrape has no job metrics: {}", ErrorChain(&cause)),
                Err(_) => warn!("a scrape has no job metrics: the database took longer than {PATIENCE:?}"),
            }
        }
        registry.register("database_up", "Whether the database responds", database_up);
        let mut text = String::new();
        if text::encode(&mut text, &registry).is_err() {
            // Writing to a String cannot fail; only an invalid metric could.
            warn!("a metric could not be written");
        }
        text
    }
}

/// Labels of a printer. The name is for display and may change; the id does not.
fn of_printer(id: domain::PrinterId, name: &str) -> Labels {
    vec![("printer_id", id.0.to_string()), ("printer", name.to_owned())]
}

fn and(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}
