//! Signing in from a browser: an API key is sent once, a cookie that no script can read stands for it from then on.

use std::net::SocketAddr;

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

use super::{
    ApiState, Core,
    error::{ApiResult, Header, Problem},
    extract::{JsonBody, NoQuery},
    query, same_origin, words,
};

/// Name of the cookie.
pub(super) const COOKIE: &str = "printlog_session";
/// Browsers keep no cookie for longer. When a session ends is for the server to say: its end moves on with its use.
const COOKIE_SECONDS: u32 = 400 * 86_400;
/// Longest key that is looked at, in characters.
const KEY: usize = 255;
/// Longest body of a sign-in, in bytes: it is read before a key is known. JSON can write a character as six.
const BODY: usize = 4 * 1024;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionBody {
    /// Name of the key that was used.
    name: String,
    /// `3dp_` and the first 8 characters of the key.
    #[schema(example = "3dp_k3Yx9QpL")]
    key_prefix: String,
    #[schema(value_type = words::KeyScope)]
    scope: &'static str,
    /// When the session ends, if it is not used until then. Each use moves that on, to the day, at most to the end of
    /// the key.
    expires_at: Timestamp,
}

/// Somebody who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// An API key.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00]*$", write_only)]
    key: String,
}

/// Sign in
///
/// Opens a session for a browser: the cookie `printlog_session` of the answer stands for the key from then on. It is
/// HttpOnly and SameSite=Strict, and Secure if the request came over TLS (`X-Forwarded-Proto: https` from a proxy). A
/// session ends 30 days after its last use, by signing out, and with its key. Of one address ten attempts a minute may
/// fail.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = SignIn, responses(
    (status = 200, body = SessionBody, headers(("Set-Cookie" = String, description = "The session."))),
    (status = 401, body = Problem, content_type = "application/problem+json",
        description = "The key is unknown, expired or revoked."),
    (status = 429, body = Problem, content_type = "application/problem+json",
        description = "Too many attempts have failed.",
        headers(("Retry-After" = u64, description = "Seconds to wait."))),
))]
pub(super) async fn sign_in(
    State(state): State<ApiState>,
    core: Core,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    _: NoQuery,
    JsonBody(body): JsonBody<SignIn, BODY>,
) -> ApiResult<Response> {
    let key = query::text(KEY)(body.key.trim()).map_err(|message| Problem::invalid_field("key", message))?;
    let client = state.proxies.client(peer.ip(), &headers);
    state
        .sign_ins
        .begin(client, state.clock.moment().monotonic)
        .map_err(Problem::too_many)?;
    let Some(new) = core.store.open_session(&key, state.clock.now()).await? else {
        warn!("somebody at {client} tried to sign in with a key that does not work");
        let problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "this API key is unknown, expired or revoked",
        );
        return Err(problem.with_header(Header::KeyRefused));
    };
    state.sign_ins.succeeded(client);
    // One browser, one session.
    if let Some(before) = token(&headers) {
        core.store.close_session(before).await?;
    }
    let mut response = Json(SessionBody::from(new.session)).into_response();
    let cookie = set_cookie(&state, &headers, &new.token, COOKIE_SECONDS)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Who is signed in
///
/// 204 if nobody is in this browser.
#[utoipa::path(get, path = "/api/session", tag = "session", responses(
    (status = 200, body = SessionBody),
    (status = 204, description = "Not signed in."),
))]
pub(super) async fn get_session(
    State(state): State<ApiState>,
    headers: HeaderMap,
    _: NoQuery,
) -> ApiResult<Response> {
    let Some(token) = token(&headers) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let Core { store, .. } = Core::of(&state)?;
    Ok(match store.session(token, state.clock.now()).await? {
        Some(session) => Json(SessionBody::from(session)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Sign out
///
/// Ends the session of this browser, if it has one.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses(
    (status = 204, description = "Signed out; the cookie is removed."),
    (status = 403, body = Problem, content_type = "application/problem+json",
        description = "A page of another site asks for it."),
))]
pub(super) async fn sign_out(
    State(state): State<ApiState>,
    headers: HeaderMap,
    _: NoQuery,
) -> ApiResult<Response> {
    if let Some(token) = token(&headers) {
        same_origin::check(&headers)?;
        let core = Core::of(&state)?;
        core.store.close_session(token).await?;
        core.live.access_changed();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cookie = set_cookie(&state, &headers, "", 0)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The token in the cookie. Of several, the first: browsers put that of the most specific path there.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE && !value.is_empty()).then_some(value))
}

fn set_cookie(
    state: &ApiState,
    headers: &HeaderMap,
    token: &str,
    seconds: u32,
) -> Result<HeaderValue, Problem> {
    let path = &state.base_path;
    let secure = if came_over_tls(headers) { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={token}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).map_err(|_| Problem::internal())
}

/// Anybody may say so; who lies only keeps the cookie from being sent over plain HTTP.
fn came_over_tls(headers: &HeaderMap) -> bool {
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
        let token_of = |values: &[&'static str]| {
            let headers = values
                .iter()
                .map(|value| (header::COOKIE, HeaderValue::from_static(value)));
            token(&HeaderMap::from_iter(headers)).map(str::to_owned)
        };
        for values in [
            &["printlog_session=abc"][..],
            &["a=b; printlog_session=abc; c=d=e"],
            &["a=b", "printlog_session=abc"],
            &["printlog_session=abc; printlog_session=other"],
            &[" x ;printlog_session=abc"],
        ] {
            let headers = values
                .iter()
                .map(|value| (header::COOKIE, HeaderValue::from_static(value)));
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            assert_eq!(token(&map), Some("abc"), "{values:?}");
        }
        for value in [
            "",
            "printlog_session",
            "printlog_session=",
            "xprintlog_session=abc",
        ] {
            assert_eq!(token_of(&[value]), None, "{value}");
        }
    }
}
