//! Lets in whoever sends a valid API key, or the cookie of a session that was opened with one.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use store::{ApiKey, Store};
use tracing::warn;

use super::{
    ApiState, Core,
    error::{Header, Problem},
    same_origin, session,
};

/// `last_used` is written this often at most.
const LAST_USED: SignedDuration = SignedDuration::from_mins(1);

/// What a client shows.
enum Credential {
    /// An API key, in the `Authorization` header.
    Key(String),
    /// The token of a session, in the cookie.
    Session(String),
}

/// Middleware of every route that needs a key.
pub(super) async fn require_key(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    match check(&state, request.method(), request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn check(state: &ApiState, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(credential) = Credential::of(headers) else {
        return Err(unauthorized(
            "this needs an API key, sent as `Authorization: Bearer 3dp_…`",
            Header::KeyNeeded,
        ));
    };
    if matches!(credential, Credential::Session(_)) && !method.is_safe() {
        same_origin::check(headers)?;
    }
    let Core { store, .. } = Core::of(state)?;
    let now = state.clock.now();
    let Some(key) = credential.key(&store, now).await? else {
        return Err(match credential {
            Credential::Key(_) => {
                unauthorized("this API key is unknown, expired or revoked", Header::KeyRefused)
            }
            Credential::Session(_) => unauthorized("the session has ended; sign in again", Header::KeyNeeded),
        });
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
    Ok(())
}

impl Credential {
    /// A key goes before a cookie: whoever sends one means it.
    fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(header::AUTHORIZATION) {
            return bearer(headers).map(|key| Self::Key(key.to_owned()));
        }
        session::token(headers).map(|token| Self::Session(token.to_owned()))
    }

    /// The key that this stands for, as long as it does. A session that is used goes on.
    async fn key(&self, store: &Store, now: Timestamp) -> store::Result<Option<ApiKey>> {
        let token = match self {
            Self::Key(secret) => return store.authenticate(secret, now).await,
            Self::Session(token) => token,
        };
        let Some(session) = store.session(token, now).await? else {
            return Ok(None);
        };
        if let Err(cause) = store.extend_session(&session, now).await {
            warn!("cannot extend a session: {:#}", anyhow::Error::new(cause));
        }
        Ok(Some(session.key))
    }
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
