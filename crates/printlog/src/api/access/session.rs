//! Browser sessions: an API key is sent once, and from then on an HttpOnly cookie stands for it.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Session;
use tracing::warn;
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Header, Problem},
            extract::{JsonBody, NoQuery},
            fault::Fault,
            same_origin,
        },
        schema_enums,
        state::{ApiState, Core},
    },
    input,
};

/// Prefix of the cookie's name; a suffix distinguishes this printlog from others. All ports of a host share cookies,
/// so two printlogs with the same cookie name would sign each other out. Earlier versions used the prefix alone.
pub(crate) const COOKIE: &str = "printlog_session";
/// Maximum number of session cookies that are looked up per request.
const COOKIES: usize = 16;
/// The longest lifetime that browsers allow. The server decides when a session ends, because each use extends it.
const COOKIE_SECONDS: u32 = 400 * 86_400;
/// Maximum length of a key in characters.
const KEY: usize = 255;
/// Maximum size of a sign-in body in bytes, read before the client is authenticated. JSON can write one character as
/// six.
const BODY: usize = 4 * 1024;

/// The current session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Name of the key that was used.
    name: String,
    /// `3dp_` and the first 8 characters of the key.
    #[schema(example = "3dp_k3Yx9QpL")]
    key_prefix: String,
    #[schema(value_type = schema_enums::KeyScope)]
    scope: &'static str,
    /// Time of expiry if the session is not used again. Each use extends it, in steps of a day, at most until the key
    /// expires.
    expires_at: Timestamp,
}

/// Credentials for signing in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// An API key.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00]*$", write_only)]
    key: String,
}

/// Sign in
///
/// Opens a session for a browser: the cookie in the response replaces the key from then on. Its name is
/// `printlog_session_` followed by eight digits that identify the database. It is HttpOnly and SameSite=Strict, and
/// Secure if the request came over TLS (`X-Forwarded-Proto: https` from a proxy); with `api.frame_ancestors` and TLS it
/// is SameSite=None and Partitioned. A session ends 30 days after its last use, when it is signed out, or with its key.
/// Ten failed attempts per minute are allowed for each address. A sign-in is refused (403) if a proxy hides the address
/// of the page, because all its changes would be refused.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = SignIn, responses(
    (status = 200, body = SessionBody, headers(("Set-Cookie" = String, description = "The session."))),
    (status = 401, body = Problem, content_type = "application/problem+json",
        description = "The key is unknown, expired or revoked."),
    (status = 403, body = Problem, content_type = "application/problem+json",
        description = "The request came from a page of another site, or a proxy hides the address of the page."),
    (status = 429, body = Problem, content_type = "application/problem+json",
        description = "Too many failed attempts.",
        headers(("Retry-After" = u64, description = "Seconds to wait."))),
))]
pub(crate) async fn sign_in(
    State(state): State<ApiState>,
    core: Core,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    _: NoQuery,
    JsonBody(body): JsonBody<SignIn, BODY>,
) -> ApiResult<Response> {
    same_origin::check(&headers)?;
    let key = input::text(KEY)(body.key.trim()).map_err(|invalid| Problem::invalid_field("key", invalid))?;
    let client = state.proxies.client(peer.ip(), &headers);
    state
        .sign_ins
        .begin(client, state.clock.moment().monotonic)
        .map_err(Problem::too_many)?;
    let Some(new) = core.store.open_session(&key, state.clock.now()).await? else {
        warn!("{client} tried to sign in with an invalid key");
        let problem = Problem::new(StatusCode::UNAUTHORIZED, Fault::KeyRefused);
        return Err(problem.with_header(Header::KeyRefused));
    };
    state.sign_ins.succeeded(client);
    // A browser has at most one session.
    let ended = close(&state, &core, &headers).await?;
    let mut response = Json(SessionBody::from(new.session)).into_response();
    for name in ended.into_iter().filter(|name| *name != &*core.cookie) {
        let cookie = set_cookie(&state, &headers, name, "", 0)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    let cookie = set_cookie(&state, &headers, &core.cookie, &new.token, COOKIE_SECONDS)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Show the current session
///
/// 204 without a session.
#[utoipa::path(get, path = "/api/session", tag = "session", responses(
    (status = 200, body = SessionBody),
    (status = 204, description = "Not signed in."),
))]
pub(crate) async fn get_session(
    State(state): State<ApiState>,
    headers: HeaderMap,
    _: NoQuery,
) -> ApiResult<Response> {
    let tokens = tokens(&headers);
    if tokens.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Core { store, .. } = Core::of(&state)?;
    for (_, token) in tokens {
        if let Some(session) = store.session(token, state.clock.now()).await? {
            return Ok(Json(SessionBody::from(session)).into_response());
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sign out
///
/// Ends the session of this browser, if it has one.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses(
    (status = 204, description = "Signed out; the cookie is removed."),
    (status = 403, body = Problem, content_type = "application/problem+json",
        description = "The request came from a page of another site."),
))]
pub(crate) async fn sign_out(
    State(state): State<ApiState>,
    headers: HeaderMap,
    _: NoQuery,
) -> ApiResult<Response> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if tokens(&headers).is_empty() {
        return Ok(response);
    }
    same_origin::check(&headers)?;
    let core = Core::of(&state)?;
    let mut names = close(&state, &core, &headers).await?;
    core.live.access_changed();
    // Also remove the cookie of a session that has already ended.
    names.push(&core.cookie);
    names.dedup();
    for name in names {
        let cookie = set_cookie(&state, &headers, name, "", 0)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Ends the sessions of this browser and returns the names of their cookies. Sessions of other printlogs are left
/// alone.
async fn close<'a>(state: &ApiState, core: &Core, headers: &'a HeaderMap) -> ApiResult<Vec<&'a str>> {
    let mut closed = Vec::new();
    for (name, token) in tokens(headers) {
        if core.store.session(token, state.clock.now()).await?.is_some() {
            core.store.close_session(token).await?;
            closed.push(name);
        }
    }
    Ok(closed)
}

/// Name of the session cookie for a database instance.
pub(crate) fn cookie_of(instance: Option<&str>) -> Arc<str> {
    match instance {
        Some(instance) => format!("{COOKIE}_{instance}").into(),
        None => COOKIE.into(),
    }
}

/// Names and tokens of all session cookies, including those of other printlogs on this host.
pub(crate) fn tokens(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let is_of_session = |name: &str| {
        name.strip_prefix(COOKIE)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, value)| is_of_session(name) && !value.is_empty())
        .take(COOKIES)
        .collect()
}

fn set_cookie(
    state: &ApiState,
    headers: &HeaderMap,
    name: &str,
    token: &str,
    seconds: u32,
) -> Result<HeaderValue, Problem> {
    let path = &state.base_path;
    let attributes = match (came_over_tls(headers), state.is_embedded) {
        // In a frame of another site, browsers send only such a cookie, partitioned by that site.
        (true, true) => "SameSite=None; Secure; Partitioned",
        (true, false) => "SameSite=Strict; Secure",
        (false, _) => "SameSite=Strict",
    };
    let cookie = format!("{name}={token}; Path={path}; Max-Age={seconds}; HttpOnly; {attributes}");
    HeaderValue::from_str(&cookie).map_err(|_| Problem::internal())
}

/// Whether the client uses TLS. Any client may claim so; a false claim only keeps the cookie from being sent over
/// plain HTTP. An `Origin` with plain HTTP overrides the proxy's header, because that browser would drop a `Secure`
/// cookie.
fn came_over_tls(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| origin.as_bytes().starts_with(b"http://")) {
        return false;
    }
    headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next())
        .is_some_and(|first| first.trim().eq_ignore_ascii_case("https"))
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            name: session.key.name,
            key_prefix: session.key.key_prefix,
            scope: session.key.scope.as_str(),
            expires_at: session.expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let map_of = |values: &[&'static str]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append(header::COOKIE, HeaderValue::from_static(value));
            }
            map
        };
        for (values, found) in [
            (&["printlog_session=abc"][..], &[("printlog_session", "abc")][..]),
            (
                &["a=b; printlog_session_0011aabb=abc; c=d=e"],
                &[("printlog_session_0011aabb", "abc")],
            ),
            (&["a=b", "printlog_session=abc"], &[("printlog_session", "abc")]),
            (
                &[
                    "printlog_session_1=abc; printlog_session_2=other",
                    " x ;printlog_session=old",
                ],
                &[
                    ("printlog_session_1", "abc"),
                    ("printlog_session_2", "other"),
                    ("printlog_session", "old"),
                ],
            ),
            (&[""], &[]),
            (&["printlog_session"], &[]),
            (&["printlog_session="], &[]),
            (&["xprintlog_session=abc"], &[]),
            (&["printlog_sessions=abc"], &[]),
        ] {
            assert_eq!(tokens(&map_of(values)), found, "{values:?}");
        }
        let many = "printlog_session=x; ".repeat(1000);
        let headers = HeaderMap::from_iter([(header::COOKIE, many.parse().unwrap())]);
        assert_eq!(tokens(&headers).len(), COOKIES);
    }
}
