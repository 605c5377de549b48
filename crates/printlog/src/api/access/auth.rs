//! Authenticates requests: by an API key with a sufficient scope, or by the cookie of a session that was opened with
//! one.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use store::{ApiKey, KeyScope};

use crate::api::{
    access::session,
    http::{
        error::{Header, Problem},
        fault::Fault,
        same_origin,
    },
    state::{ApiState, Core},
};

/// Shortest interval between two writes of `last_used`.
const LAST_USED: SignedDuration = SignedDuration::from_mins(1);

/// The authenticated client, for handlers of routes that need a key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key that was sent, or with which the session was opened.
    pub(crate) key: ApiKey,
    /// The credential that was sent.
    pub(crate) credential: Credential,
}

/// A client's credential.
#[derive(Clone)]
pub(crate) enum Credential {
    /// An API key, in the `Authorization` header.
    Key(String),
    /// The token of a session, in the cookie.
    Session(String),
}

/// The scope that a request to a data route needs: safe methods change nothing and only need `read`.
pub(crate) fn needed_for(method: &Method) -> KeyScope {
    if method.is_safe() {
        KeyScope::Read
    } else {
        KeyScope::Admin
    }
}

/// Middleware of the data routes.
pub(crate) async fn require_key(
    State(state): State<ApiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let needed = needed_for(request.method());
    let_in(&state, peer, needed, request, next).await
}

/// Middleware of the routes that need the scope `admin`, even for reading.
pub(crate) async fn require_admin_key(
    State(state): State<ApiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let_in(&state, peer, KeyScope::Admin, request, next).await
}

async fn let_in(
    state: &ApiState,
    peer: SocketAddr,
    needed: KeyScope,
    mut request: Request,
    next: Next,
) -> Response {
    let client = state.proxies.client(peer.ip(), request.headers());
    match check(state, client, needed, request.method(), request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn check(
    state: &ApiState,
    client: IpAddr,
    needed: KeyScope,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    let credentials = Credential::of(headers);
    let Some(shown) = credentials.first() else {
        return Err(unauthorized(Fault::KeyNeeded, Header::KeyNeeded));
    };
    if matches!(shown, Credential::Session(_)) && !method.is_safe() {
        same_origin::check(headers)?;
    }
    let core = Core::of(state)?;
    let now = state.clock.now();
    let mut found = None;
    for credential in &credentials {
        if let Some(key) = credential.key(&core, now).await? {
            found = Some((key, credential.clone()));
            break;
        }
    }
    let Some((key, credential)) = found else {
        return Err(match shown {
            // A valid key is never limited: other clients at this address, behind the same proxy, may have sent
            // invalid ones.
            Credential::Key(secret) => {
                let monotonic = state.clock.moment().monotonic;
                match state.sign_ins.failed(client, secret, monotonic) {
                    Ok(()) => unauthorized(Fault::KeyRefused, Header::KeyRefused),
                    Err(pause) => Problem::too_many(pause),
                }
            }
            Credential::Session(_) => unauthorized(Fault::SessionEnded, Header::KeyNeeded),
        });
    };
    if key
        .last_used
        .is_none_or(|used| now.duration_since(used) >= LAST_USED)
    {
        core.usage.of_key(key.id);
    }
    if !key.scope.covers(needed) {
        return Err(
            Problem::new(StatusCode::FORBIDDEN, Fault::ScopeTooSmall).with_header(Header::ScopeTooSmall)
        );
    }
    Ok(Caller { key, credential })
}

impl Credential {
    /// The API key, if there is one: it takes precedence over cookies. Otherwise all session cookies, one of which
    /// may be ours.
    fn of(headers: &HeaderMap) -> Vec<Self> {
        if headers.contains_key(header::AUTHORIZATION) {
            return Vec::from_iter(bearer(headers).map(|key| Self::Key(key.to_owned())));
        }
        let tokens = session::tokens(headers).into_iter();
        tokens.map(|(_, token)| Self::Session(token.to_owned())).collect()
    }

    /// The key behind this credential. `None` if it is no longer valid. Using a session extends it.
    pub(crate) async fn key(&self, core: &Core, now: Timestamp) -> store::Result<Option<ApiKey>> {
        let token = match self {
            Self::Key(secret) => return core.store.authenticate(secret, now).await,
            Self::Session(token) => token,
        };
        let session = core.store.session(token, now).await?;
        Ok(session.map(|session| {
            let key = session.key.clone();
            if session.is_to_be_extended(now) {
                core.usage.of_session(session);
            }
            key
        }))
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

/// The key from the `Authorization` header. The scheme is case-insensitive (RFC 9110, 11.1).
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

fn unauthorized(fault: Fault, challenge: Header) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, fault).with_header(challenge)
}
