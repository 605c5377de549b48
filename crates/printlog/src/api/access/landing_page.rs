//! The landing page at `/`: shows that the server is running, and the next steps. Static, without scripts.

use axum::{
    Router,
    http::{HeaderName, header},
    response::{Html, IntoResponse},
    routing::get,
};

use crate::api::state::ApiState;

const PAGE: &str = include_str!("landing_page.html");
const STYLE: &str = include_str!("landing_page.css");

/// The page may only load its own style.
const PAGE_POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
);

pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/", get(page))
        .route("/welcome.css", get(style))
}

async fn page() -> impl IntoResponse {
    ([PAGE_POLICY], Html(PAGE))
}

async fn style() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "max-age=3600"),
        ],
        STYLE,
    )
}
