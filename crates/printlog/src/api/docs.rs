//! The OpenAPI document and the page that displays it. Both work without an API key and without internet access.

use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};
use utoipa::openapi::Server;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::{
    http::{error::Problem, fault::Fault},
    openapi::document,
    state::ApiState,
};

/// Swagger UI sets styles from scripts and draws its icons as `data:` images.
const POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// `base_path` is the path under which browsers reach the server.
pub(crate) fn routes(base_path: &str) -> Router<ApiState> {
    let mut document = document();
    document.servers = Some(vec![Server::new(base_path)]);
    let page = SwaggerUi::new("/api/docs").config(
        Config::from(format!("{}/api/openapi.json", base_path.trim_end_matches('/')))
            .try_it_out_enabled(true)
            .persist_authorization(false)
            .deep_linking(true),
    );
    Router::new()
        .merge(Router::from(page).layer(middleware::map_response(finished)))
        .route("/api/openapi.json", get(|| async move { Json(document) }))
}

async fn finished(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return Problem::not_found(Fault::DocumentationNotFound).into_response();
    }
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
