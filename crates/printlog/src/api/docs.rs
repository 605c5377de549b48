//! The OpenAPI document and the page that shows it. Both need no key and no internet.

use axum::{Json, Router, http::HeaderValue, http::header, middleware, response::Response, routing::get};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{ApiState, document};

/// Swagger UI sets styles by script and draws its icons as `data:` images.
const POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

pub(super) fn routes() -> Router<ApiState> {
    let document = document();
    let page = SwaggerUi::new("/api/docs").config(
        Config::from("/api/openapi.json")
            .try_it_out_enabled(true)
            .persist_authorization(false)
            .deep_linking(true),
    );
    Router::new()
        .merge(Router::from(page).layer(middleware::map_response(with_policy)))
        .route("/api/openapi.json", get(|| async move { Json(document) }))
}

async fn with_policy(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
