//! The one place that converts errors into HTTP responses: RFC 9457 `application/problem+json`.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use store::Refusal;
use tracing::error;
use utoipa::ToSchema;

use crate::{error_chain::ErrorChain, input::FieldError};

/// Result of a handler.
pub(crate) type ApiResult<T> = Result<T, Problem>;

/// An error response (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Problem type. Always `about:blank`: the status identifies the problem.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// Name of the status.
    #[schema(example = "Unprocessable Entity")]
    title: &'static str,
    /// HTTP status.
    #[schema(value_type = u16, example = 422)]
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// Description of this error, as text for users.
    detail: String,
    /// Errors by field or parameter. Omitted if the error is not about fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// Number of jobs of a printer that could not be deleted. Omitted otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    job_count: Option<u64>,
    #[serde(skip)]
    header: Option<Header>,
}

/// A header that accompanies a problem.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Header {
    /// In seconds.
    RetryAfter(u64),
    KeyNeeded,
    KeyRefused,
    ScopeTooSmall,
}

impl Header {
    fn pair(self) -> (HeaderName, HeaderValue) {
        let challenge = |text| (header::WWW_AUTHENTICATE, HeaderValue::from_static(text));
        match self {
            Self::RetryAfter(seconds) => (header::RETRY_AFTER, seconds.into()),
            Self::KeyNeeded => challenge("Bearer"),
            Self::KeyRefused => challenge("Bearer error=\"invalid_token\""),
            Self::ScopeTooSmall => challenge("Bearer error=\"insufficient_scope\""),
        }
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into(),
            errors: Vec::new(),
            job_count: None,
            header: None,
        }
    }

    /// The input is well-formed but invalid.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            several => format!("{} fields are invalid", several.len()),
        };
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    pub(crate) fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Temporarily unavailable; the client may retry.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header(Header::RetryAfter(5))
    }

    /// Too many requests; the client may retry after `pause`.
    pub(crate) fn too_many(pause: Duration) -> Self {
        let seconds = pause.as_secs() + 1;
        let detail = format!("too many attempts have failed; try again in {seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).with_header(Header::RetryAfter(seconds))
    }

    pub(crate) fn with_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError::new(field, message));
        self
    }

    pub(crate) fn with_job_count(mut self, count: u64) -> Self {
        self.job_count = Some(count);
        self
    }

    pub(crate) fn with_header(mut self, header: Header) -> Self {
        self.header = Some(header);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let header = self.header;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some((name, value)) = header.map(Header::pair) {
            headers.insert(name, value);
        }
        response
    }
}

/// Database errors are logged; clients receive no internals.
impl From<store::Error> for Problem {
    fn from(cause: store::Error) -> Self {
        if let store::Error::TooLong { what, .. } = cause {
            return Self::invalid_field(what, cause.to_string());
        }
        if let store::Error::NoSecret { .. } = cause {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, cause.to_string());
        }
        let is_transient = cause.is_transient();
        let refusal = cause.refusal();
        error!("a request failed: {}", ErrorChain(&cause));
        match refusal {
            Some(Refusal::DiskFull) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, refused(Refusal::DiskFull))
            }
            Some(refusal) => Self::unavailable(refused(refusal)),
            None if is_transient => Self::unavailable("the database does not respond"),
            None => Self::internal(),
        }
    }
}

/// Why the database refuses writes, as text for clients.
pub(crate) fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::DiskFull => "the disk of the database is full; free some space and try again",
        Refusal::ReadOnly => {
            "the database is read-only; see the server's log, and run `printlog check` for the reason"
        }
        Refusal::DiskFails => "the disk of the database reports errors; see the server's log",
    }
}

impl Problem {
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed; see its log",
        )
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
