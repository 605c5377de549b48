//! Layers around all routes: limits, headers, and problem documents even where no handler was reached.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tokio::sync::watch;
use tower::{Layer as _, ServiceExt as _};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::error;

use crate::{
    api::http::{error::Problem, fault::Fault},
    config::Config,
    serving::NoPlace,
};

/// Time limit for a request.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Default headers of every response. Pages load nothing from other origins and run no inline script.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Part of the policy of every response.
const NO_ANCESTORS: &str = "frame-ancestors 'none'";

/// Wraps the routes in the layers that apply to all of them.
///
/// Pages of the origins in `frame_ancestors` may show the dashboard in a frame.
pub(crate) fn layers(router: Router, frame_ancestors: &[String]) -> Router {
    let ancestors = (!frame_ancestors.is_empty())
        .then(|| Arc::from(format!("frame-ancestors 'self' {}", frame_ancestors.join(" "))));
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(within_time_limit))
        .layer(middleware::from_fn(with_place))
        .layer(middleware::from_fn_with_state(ancestors, with_headers))
}

/// Allows cross-origin requests from the origins in the settings.
pub(crate) fn for_other_origins(router: Router, settings: watch::Receiver<Config>) -> Router {
    router.layer(middleware::from_fn_with_state(settings, with_cors))
}

/// Uses the current settings, which may change while the server runs.
async fn with_cors(
    State(settings): State<watch::Receiver<Config>>,
    request: Request,
    next: Next,
) -> Response {
    let cors = cors(&settings.borrow().api.cors_origins);
    match cors {
        Some(cors) => {
            let Ok(response) = cors.layer(next).oneshot(request).await;
            response
        }
        None => next.run(request).await,
    }
}

pub(crate) async fn no_such_route(uri: Uri) -> Problem {
    Problem::not_found(Fault::RouteNotFound {
        path: uri.path().to_owned(),
    })
}

pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Fault::MethodNotAllowed {
            path: uri.path().to_owned(),
            method: method.to_string(),
        },
    )
}

/// Refuses a request without a place before its body is read. `/health` is exempt, because it reports whether the
/// server works.
async fn with_place(request: Request, next: Next) -> Response {
    let problem = match request.extensions().get::<NoPlace>() {
        Some(_) if request.uri().path() == "/health" => None,
        Some(NoPlace::Full) => Some(Problem::unavailable(Fault::ServerFull)),
        Some(NoPlace::ClientHasMany) => Some(Problem::unavailable(Fault::ClientHasManyConnections)),
        None => None,
    };
    match problem {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

async fn within_time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(Fault::RequestTimedOut).into_response(),
    }
}

async fn with_headers(State(ancestors): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Some(ancestors) = ancestors {
        let headers = response.headers_mut();
        // This header cannot name origins.
        headers.remove(header::X_FRAME_OPTIONS);
        if let Some(policy) = headers.get_mut(header::CONTENT_SECURITY_POLICY)
            && let Ok(text) = policy.to_str()
            && let Ok(changed) = HeaderValue::from_str(&text.replace(NO_ANCESTORS, &ancestors))
        {
            *policy = changed;
        }
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the layer wants it so")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    error!("a request crashed: {}", words.unwrap_or("no message"));
    Problem::internal().into_response()
}

/// The CORS layer. `None` if no page of another origin may use the API, which is the default.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origin = match origins {
        [] => return None,
        [any] if any == "*" => AllowOrigin::any(),
        several => AllowOrigin::list(
            several
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    Some(
        CorsLayer::new()
            .allow_origin(origin)
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers([header::LOCATION, header::RETRY_AFTER, header::WWW_AUTHENTICATE])
            .max_age(Duration::from_secs(3600)),
    )
}
