//! Serves everything under the path of a proxy: the API, the dashboard and the documentation.
//!
//! Routes do not know the path. It is stripped from requests, if the proxy has not done so, and prepended to every
//! `Location` header of a response.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Uri, header, uri::PathAndQuery},
    middleware::{self, Next},
    response::Response,
};

/// Serves `router` under `base_path`: `/`, or a path without a slash at its end.
pub(crate) fn under(base_path: &str, router: Router) -> Router {
    if base_path == "/" {
        return router;
    }
    // Strip the path before `router` matches its routes.
    Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn_with_state(Arc::from(base_path), at_base))
}

async fn at_base(State(base): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    if let Some(uri) = without(&base, request.uri()) {
        *request.uri_mut() = uri;
    }
    let mut response = next.run(request).await;
    if let Some(place) = response.headers_mut().get_mut(header::LOCATION)
        && let Ok(path) = place.to_str()
        && path.starts_with('/')
        && let Ok(full) = HeaderValue::from_str(&format!("{base}{path}"))
    {
        *place = full;
    }
    response
}

/// The URI without `base`. `None` if it is not under `base`.
fn without(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix(base)?;
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_taken_off_whole_segments() {
        for (given, left) in [
            ("/printlog", Some("/")),
            ("/printlog/", Some("/")),
            ("/printlog/api/jobs?limit=1", Some("/api/jobs?limit=1")),
            ("/printlog?x", Some("/?x")),
            ("/printlogs", None),
            ("/api/jobs", None),
            ("/api/printlog/", None),
        ] {
            let uri = without("/printlog", &given.parse().unwrap());
            assert_eq!(uri.map(|uri| uri.to_string()).as_deref(), left, "{given}");
        }
    }
}
