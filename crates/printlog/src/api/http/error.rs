//! The one place that converts errors into HTTP responses: RFC 9457 `application/problem+json`.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use store::Refusal;
use tracing::error;
use utoipa::ToSchema;

use crate::{
    api::http::fault::{Fault, ProblemCode},
    error_chain::ErrorChain,
    input::{FieldError, Invalid, params},
};

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
    /// Description of this error, as text for users, in English.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// Stable name of this error, for programs and translations.
    code: ProblemCode,
    /// Variable parts of `detail` by name: texts and numbers. Omitted if there are none.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(required = false, value_type = Object, example = json!({"count": 2}))]
    params: Box<Map<String, Value>>,
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
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers make the fault for this call"
    )]
    pub(crate) fn new(status: StatusCode, fault: Fault) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: fault.to_string().into(),
            code: (&fault).into(),
            params: Box::new(params(&fault)),
            errors: Vec::new(),
            job_count: None,
            header: None,
        }
    }

    /// The input is well-formed but invalid.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        Self::of_fields(StatusCode::UNPROCESSABLE_ENTITY, errors)
    }

    pub(crate) fn invalid_field(field: impl Into<String>, invalid: Invalid) -> Self {
        Self::invalid(vec![FieldError::new(field, invalid)])
    }

    /// A field is valid by itself, but in conflict with what is stored.
    pub(crate) fn conflicting_field(field: &str, invalid: Invalid) -> Self {
        Self::of_fields(StatusCode::CONFLICT, vec![FieldError::new(field, invalid)])
    }

    fn of_fields(status: StatusCode, errors: Vec<FieldError>) -> Self {
        let fault = match errors.as_slice() {
            [one] => Fault::InvalidField {
                field: one.field.clone(),
                message: one.message.clone(),
            },
            several => Fault::InvalidFields { count: several.len() },
        };
        Self {
            errors,
            ..Self::new(status, fault)
        }
    }

    pub(crate) fn not_found(fault: Fault) -> Self {
        Self::new(StatusCode::NOT_FOUND, fault)
    }

    pub(crate) fn conflict(fault: Fault) -> Self {
        Self::new(StatusCode::CONFLICT, fault)
    }

    /// Temporarily unavailable; the client may retry.
    pub(crate) fn unavailable(fault: Fault) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, fault).with_header(Header::RetryAfter(5))
    }

    /// Too many requests; the client may retry after `pause`.
    pub(crate) fn too_many(pause: Duration) -> Self {
        let seconds = pause.as_secs() + 1;
        Self::new(StatusCode::TOO_MANY_REQUESTS, Fault::TooManyAttempts { seconds })
            .with_header(Header::RetryAfter(seconds))
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
        if let store::Error::TooLong { what, limit } = cause {
            return Self::invalid_field(what, Invalid::WrongLength { max: limit });
        }
        if let store::Error::NoSecret { reason } = cause {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Fault::NoSecret { detail: reason },
            );
        }
        let is_transient = cause.is_transient();
        let refusal = cause.refusal();
        error!("a request failed: {}", ErrorChain(&cause));
        match refusal {
            Some(Refusal::DiskFull) => Self::new(StatusCode::INSUFFICIENT_STORAGE, Fault::DiskFull),
            Some(refusal) => Self::unavailable(refusal.into()),
            None if is_transient => Self::unavailable(Fault::DatabaseDoesNotRespond),
            None => Self::internal(),
        }
    }
}

impl Problem {
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Fault::Internal)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
