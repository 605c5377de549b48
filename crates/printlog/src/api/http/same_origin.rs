//! Protects sessions against requests from other pages: browsers send cookies with those, too.
//!
//! `tower_http::csrf` has the same rules, but ignores `X-Forwarded-Host`, which proxies that change `Host` send.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use url::Url;

use crate::api::http::{error::Problem, fault::Fault};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The host that the client requested, from proxies that change `Host`. A page cannot set it on a request to another
/// origin unless CORS allows it.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Refuses requests from pages of another origin.
///
/// `Sec-Fetch-Site` names the relation, but browsers omit it over plain HTTP. Then the host in `Origin` must be the
/// requested host. The scheme is not compared: behind a TLS proxy the server does not see the original one. A request
/// without either header does not come from a browser.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(site) = text(headers, &FETCH_SITE) {
        return match site {
            "same-origin" | "none" => Ok(()),
            _ => Err(Problem::new(StatusCode::FORBIDDEN, Fault::OtherSite)),
        };
    }
    let Some(origin) = text(headers, &header::ORIGIN) else {
        return Ok(());
    };
    let is_asked = |name: &HeaderName| {
        // A missing port means the default port of the page's scheme.
        let url = |host: &str| {
            let scheme = origin.split_once("://")?.0;
            Url::parse(&format!("{scheme}://{host}")).ok()
        };
        let asked = text(headers, name).and_then(|hosts| url(hosts.split(',').next()?.trim()));
        asked.is_some_and(|asked| asked.origin().ascii_serialization() == origin)
    };
    if is_asked(&header::HOST) || is_asked(&FORWARDED_HOST) {
        Ok(())
    } else {
        Err(refused(origin, headers))
    }
}

fn refused(origin: &str, headers: &HeaderMap) -> Problem {
    let received = [(&header::HOST, "Host"), (&FORWARDED_HOST, "X-Forwarded-Host")]
        .into_iter()
        .filter_map(|(name, word)| Some(format!("`{word}: {}`", text(headers, name)?)))
        .collect::<Vec<_>>();
    let received = match received.is_empty() {
        true => "no header `Host`".to_owned(),
        false => received.join(" and "),
    };
    Problem::new(
        StatusCode::FORBIDDEN,
        Fault::OtherOrigin {
            origin: origin.to_owned(),
            received,
        },
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_proxy_that_drops_the_port_is_named() {
        let headers = HeaderMap::from_iter([
            (header::ORIGIN, HeaderValue::from_static("http://nas:8080")),
            (header::HOST, HeaderValue::from_static("nas")),
        ]);
        let problem = serde_json::to_value(check(&headers).unwrap_err()).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        for part in [
            "http://nas:8080",
            "`Host: nas`",
            "proxy_set_header Host $http_host;",
            "X-Forwarded-Host",
        ] {
            assert!(detail.contains(part), "{detail}");
        }
    }

    fn is_ours(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        check(&HeaderMap::from_iter(headers)).is_ok()
    }

    #[test]
    fn pages_of_ours_may_ask() {
        for headers in [
            &[("sec-fetch-site", "same-origin"), ("host", "x")][..],
            &[("origin", "http://nas:8000"), ("host", "nas:8000")],
            &[("origin", "http://192.168.1.2"), ("host", "192.168.1.2:80")],
            &[("origin", "https://prints.example"), ("host", "prints.example")],
            &[
                ("origin", "https://prints.example"),
                ("host", "prints.example:443"),
            ],
            &[
                ("origin", "http://prints.example"),
                ("host", "127.0.0.1:8000"),
                ("x-forwarded-host", "prints.example"),
            ],
            &[("origin", "http://[fd00::1]:8000"), ("host", "[fd00::1]:8000")],
            // Not a browser.
            &[("host", "nas:8000")],
        ] {
            assert!(is_ours(headers), "{headers:?}");
        }
    }

    #[test]
    fn other_pages_may_not() {
        for headers in [
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://nas"),
                ("host", "nas"),
            ][..],
            &[("sec-fetch-site", "same-site"), ("host", "nas")],
            &[("origin", "http://nas:9000"), ("host", "nas:8000")],
            &[("origin", "http://evil.example"), ("host", "nas:8000")],
            &[("origin", "null"), ("host", "nas:8000")],
            &[("origin", "http://nas"), ("host", "nas.evil.example")],
            &[("origin", "http://nas")],
        ] {
            assert!(!is_ours(headers), "{headers:?}");
        }
    }
}
