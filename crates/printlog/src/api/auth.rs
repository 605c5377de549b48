//! Lets in whoever sends a valid API key that may do what is asked for.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use jiff::SignedDuration;
use store::KeyScope;
use tracing::warn;

use super::{
    ApiState, Core,
    error::{Header, Problem},
};

/// `last_used` is written this often at most.
const LAST_USED: SignedDuration = SignedDuration::from_mins(1);

/// What a key needs for a request to a route of the data: who only reads changes nothing.
pub(super) fn needed_for(method: &Method) -> KeyScope {
    if method.is_safe() {
        KeyScope::Read
    } else {
        KeyScope::Admin
    }
}

/// Middleware of the routes of the data.
pub(super) async fn require_key(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let needed = needed_for(request.method());
    let_in(&state, needed, request, next).await
}

/// Middleware of the routes that are for keys that may do everything, reading included.
pub(super) async fn require_admin_key(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let_in(&state, KeyScope::Admin, request, next).await
}

async fn let_in(state: &ApiState, needed: KeyScope, request: Request, next: Next) -> Response {
    match check(state, needed, request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn check(state: &ApiState, needed: KeyScope, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(key) = bearer(headers) else {
        return Err(unauthorized(
            "this needs an API key, sent as `Authorization: Bearer 3dp_…`",
            Header::KeyNeeded,
        ));
    };
    let Core { store, .. } = Core::of(state)?;
    let now = state.clock.now();
    let Some(key) = store.authenticate(key, now).await? else {
        return Err(unauthorized(
            "this API key is unknown, expired or revoked",
            Header::KeyRefused,
        ));
    };
    if key
        .last_used
        .is_none_or(|used| now.duration_since(used) >= LAST_USED)
        && let Err(cause) = store.touch_key(key.id, now).await
    {
        // No reason to turn somebody away who may come in.
        warn!(
            "cannot write when an API key was used: {:#}",
            anyhow::Error::new(cause)
        );
    }
    if !key.scope.covers(needed) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this API key may only read; this needs one with the scope `admin`",
        )
        .with_header(Header::ScopeTooSmall));
    }
    Ok(())
}

/// The key in the `Authorization` header. The scheme is not case-sensitive (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .trim()
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| key.trim())
        .filter(|key| !key.is_empty())
}

fn unauthorized(detail: &str, challenge: Header) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail).with_header(challenge)
}
