//! Serves the dashboard: the files of `ui/dist`, embedded in the binary. Independent of the API.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

/// Output of `npm run build`. Debug builds read it from the disk; empty if it did not exist at compile time.
#[derive(rust_embed::Embed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Dist;

/// The tag of `index.html` that sets the dashboard's base path.
const BASE: &str = r#"<base href="/" />"#;

/// The page loads from this server only, and contains no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// Names of these files contain a hash of their content.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const A_DAY: &str = "public, max-age=86400";

/// Paths for programs, which are not served as pages even to a browser.
const NOT_OURS: [&str; 3] = ["/api", "/health", "/metrics"];

/// The dashboard under a base path.
#[derive(Debug, Clone)]
struct WebUi {
    base: String,
}

/// Serves the dashboard before `router`, which handles all other requests. Returns `router` unchanged if this binary
/// was built without a dashboard.
///
/// `base_path` is where browsers reach the server: `/`, or `/printlog` behind a proxy that strips it.
pub(crate) fn before(router: Router, base_path: &str) -> Router {
    if Dist::get("index.html").is_none() {
        return router;
    }
    let base = format!("/{}", base_path.trim_matches('/'));
    router.layer(middleware::from_fn_with_state(WebUi { base }, dashboard_first))
}

async fn dashboard_first(State(ui): State<WebUi>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match is_read
        .then(|| ui.get(request.uri().path(), request.headers()))
        .flatten()
    {
        Some(response) => response,
        None => next.run(request).await,
    }
}

impl WebUi {
    /// The response to `GET path`. `None` if the dashboard does not serve it: a missing file, or a request for
    /// something other than a page.
    ///
    /// Every path that a browser opens is a page; the dashboard itself knows which ones exist.
    fn get(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let is_for_programs = |root: &str| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if NOT_OURS.iter().any(|root| is_for_programs(root)) {
            return None;
        }
        let path = path.strip_prefix('/')?;
        match content_type(path) {
            Some(content_type) if path != "index.html" => file(path, content_type, headers),
            _ if path.starts_with(HASHED) => None,
            _ => accepts(headers, header::ACCEPT.as_str(), "text/html")
                .then(|| self.page())
                .flatten(),
        }
    }

    fn page(&self) -> Option<Response> {
        let index = Dist::get("index.html")?;
        let page = with_base(&String::from_utf8_lossy(&index.data), &self.base);
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::VARY, "accept"),
        ];
        Some((headers, page).into_response())
    }
}

/// `index.html` for the given base path.
fn with_base(index: &str, base: &str) -> String {
    let escaped: String = base
        .trim_end_matches('/')
        .chars()
        .map(|character| match character {
            '"' => "&quot;".to_owned(),
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            other => other.to_string(),
        })
        .collect();
    index.replace(BASE, &format!(r#"<base href="{escaped}/" />"#))
}

/// A file, in the best available encoding that the client accepts.
fn file(path: &str, content_type: &'static str, headers: &HeaderMap) -> Option<Response> {
    let encoded = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .find_map(|(encoding, ending)| {
            let taken = accepts(headers, header::ACCEPT_ENCODING.as_str(), encoding);
            let file = taken.then(|| Dist::get(&format!("{path}{ending}"))).flatten()?;
            Some((Some(encoding), file))
        });
    let (encoding, file) = match encoded {
        Some(encoded) => encoded,
        None => (None, Dist::get(path)?),
    };
    let mut response = Response::new(Body::from(file.data.into_owned()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let lifetime = if path.starts_with(HASHED) { FOREVER } else { A_DAY };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// Whether a header that lists what the client accepts names `wanted`, with a weight other than 0.
fn accepts(headers: &HeaderMap, name: &str, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|value| value.eq_ignore_ascii_case(wanted));
            let refused = |weight: &str| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0);
            named && !parts.any(|part| part.strip_prefix("q=").is_some_and(refused))
        })
}

/// Media type by extension. `None` for files that are not part of the dashboard.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_page_that_is_built_gets_its_base() {
        let index = include_str!("../../../../ui/index.html");
        assert_eq!(index.matches(BASE).count(), 1);
        assert!(with_base(index, "/").contains(r#"<base href="/" />"#));
        assert!(with_base(index, "/print/log").contains(r#"<base href="/print/log/" />"#));
        assert!(with_base(index, r#"/"><script>"#).contains(r#"<base href="/&quot;>&lt;script>/" />"#));
    }

    #[test]
    fn what_is_accepted_is_read_with_its_weight() {
        let accept = |value| header(header::ACCEPT_ENCODING, value);
        for value in ["br", "gzip, br", "gzip;q=0.5, BR;q=1.0", "gzip,br;q=0.001"] {
            assert!(accepts(&accept(value), "accept-encoding", "br"), "{value}");
        }
        for value in ["", "gzip", "br;q=0", "br; q=0.0", "brotli"] {
            assert!(!accepts(&accept(value), "accept-encoding", "br"), "{value}");
        }
    }

    #[test]
    fn only_files_of_the_dashboard_have_a_type() {
        assert_eq!(
            content_type("assets/index-1.js"),
            Some("text/javascript; charset=utf-8")
        );
        for path in ["", "jobs", "assets/index-1.js.br", ".env", "a/.."] {
            assert_eq!(content_type(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_for_programs_is_left_to_the_api() {
        let ui = WebUi { base: "/".to_owned() };
        let browser = header(header::ACCEPT, "text/html,*/*;q=0.8");
        for path in ["/api", "/api/", "/api/jobs", "/health"] {
            assert!(ui.get(path, &browser).is_none(), "{path}");
        }
        // curl accepts anything, and gets the landing page.
        assert!(ui.get("/", &header(header::ACCEPT, "*/*")).is_none());
    }

    #[test]
    fn files_outside_the_dashboard_are_not_served() {
        let ui = WebUi { base: "/".to_owned() };
        for path in [
            "/../index.html",
            "/assets/../../package.json",
            "/assets/%2e%2e/index.js",
            "/..%2findex.html",
        ] {
            assert!(ui.get(path, &HeaderMap::new()).is_none(), "{path}");
        }
        for path in [
            "/assets/../../vite.config.js",
            "/../scripts/compress.js",
            "//etc/x.js",
        ] {
            let browser = header(header::ACCEPT, "text/html");
            assert!(ui.get(path, &browser).is_none(), "{path}");
        }
    }
}
