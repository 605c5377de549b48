//! `/metrics` for Prometheus, and the middleware that times requests.

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::time::Instant;

use crate::api::{
    http::{extract::NoQuery, service},
    state::ApiState,
    system::metrics::CONTENT_TYPE,
};

/// Metrics for Prometheus
///
/// In the OpenMetrics text format. `docs/prometheus.md` lists all metrics. With `metrics.listen`, they are also served
/// on a separate port, which needs no key.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text"),
))]
pub(crate) async fn get_metrics(State(state): State<ApiState>, _: NoQuery) -> impl IntoResponse {
    scrape(State(state)).await
}

/// The router of the metrics port. It needs no key, so only Prometheus should be able to reach its address.
pub(crate) fn metrics_only(state: ApiState) -> Router {
    let router = Router::new()
        .route("/metrics", get(scrape))
        .fallback(service::no_such_route)
        .with_state(state);
    service::layers(router, &[])
}

async fn scrape(State(state): State<ApiState>) -> impl IntoResponse {
    let core = state.core.borrow().clone();
    let text = state.metrics.scrape(core.core(), state.clock).await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text)
}

/// Middleware that measures each request until its response begins.
pub(crate) async fn timed(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    // The method is also input from the client.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    state
        .metrics
        .request_took(method, route, response.status().as_u16(), begun.elapsed());
    response
}
