//! Lets in whoever sends a valid API key, or the cookie of a session that was opened with one.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
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

/// Who asks. For handlers of routes that need a key.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// What was shown.
    pub(super) credential: Credential,
}

/// What a client shows.
#[derive(Clone)]
pub(super) enum Credential {
    /// An API key, in the `Authorization` header.
    Key(String),
    /// The token of a session, in the cookie.
    Session(String),
}

/// Middleware of every route that needs a key.
pub(super) async fn require_key(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    match check(&state, request.method(), request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn check(state: &ApiState, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
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
    Ok(Caller { credential })
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
    pub(super) async fn key(&self, store: &Store, now: Timestamp) -> store::Result<Option<ApiKey>> {
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

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(…)",
            Self::Session(_) => "Session(…)",
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(Problem::internal)
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
