//! Extracts path and body of a request; errors become a [`Problem`] that names the field.

use std::time::Duration;

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::IntoResponse as _,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{
    api::http::{error::Problem, fault::Fault, query::QueryReader},
    input::{self, Invalid},
};

/// Maximum size of a JSON body in bytes.
const JSON: usize = 64 * 1024;
/// Time limit for receiving a JSON body. The body of a sign-in is read before the client is authenticated.
const JSON_TIME: Duration = Duration::from_secs(10);

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub(crate) struct JsonBody<T, const LIMIT: usize = JSON>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Fault::BodyNotSentAsJson,
            ));
        }
        match tokio::time::timeout(JSON_TIME, read_body(request, LIMIT)).await {
            Ok(bytes) => parse(&bytes?).map(Self),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                Fault::BodyTooSlow {
                    seconds: JSON_TIME.as_secs(),
                },
            )),
        }
    }
}

/// Reads the body of a request, of at most `limit` bytes, into one buffer.
///
/// hyper's chunks of a body share the 8 KiB buffers they were read into. If the chunks were kept, a body sent byte by
/// byte would take 8,000 times its size.
pub(crate) async fn read_body(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Limited::new(request.into_body(), limit);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| match cause.is::<LengthLimitError>() {
            true => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Fault::BodyTooLarge { limit: size(limit) },
            ),
            false => Problem::new(StatusCode::BAD_REQUEST, Fault::BodyIncomplete),
        })?;
        if let Ok(piece) = frame.into_data() {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let media_type = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn size(bytes: usize) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would accept a list and assign its items to the fields in order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid_field("body", Invalid::NotObject));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let cause = error.inner();
        match cause.classify() {
            Category::Data => {
                let message = without_position(&cause.to_string());
                Problem::invalid_field(field(&error.path().to_string(), &message), invalid(message))
            }
            Category::Syntax | Category::Eof | Category::Io => not_json(cause),
        }
    })?;
    json.end().map_err(|cause| not_json(&cause))?;
    Ok(body)
}

fn not_json(cause: &serde_json::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        Fault::BodyNotJson {
            detail: cause.to_string(),
        },
    )
}

/// serde's message without ` at line 1 column 17`.
fn without_position(message: &str) -> String {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
        .to_owned()
}

/// What serde's message about a field means.
fn invalid(message: String) -> Invalid {
    if message.starts_with("missing field ") {
        return Invalid::Missing;
    }
    if message.starts_with("duplicate field ") {
        return Invalid::Duplicate;
    }
    match message.starts_with("unknown field ") {
        true => Invalid::UnknownField { detail: message },
        false => Invalid::WrongType { detail: message },
    }
}

/// Name of the invalid field: serde's path, and for a missing or unknown field also the name in the message.
fn field(path: &str, message: &str) -> String {
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    match (path, named) {
        (".", Some(named)) => named.to_owned(),
        (".", None) => "body".to_owned(),
        (path, Some(named)) if path != named && !path.ends_with(&format!(".{named}")) => {
            format!("{path}.{named}")
        }
        (path, _) => path.to_owned(),
    }
}

/// The `{id}` of a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| match rejection.into_response().status() {
                StatusCode::BAD_REQUEST => Problem::new(StatusCode::BAD_REQUEST, Fault::PathNotText),
                _ => Problem::internal(),
            })?;
        input::id(&text)
            .map(Self)
            .map_err(|invalid| Problem::invalid_field("id", invalid))
    }
}

/// For routes without a query: refuses any parameter, because it would have no effect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        QueryReader::new(parts.uri.query()).finish(Self)
    }
}

/// Distinguishes an omitted field (`None`, by its default) from `null` (`Some(None)`).
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Body {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Inner {
        port: u16,
    }

    #[test]
    fn the_wrong_field_is_named() {
        for (body, field) in [
            (r#"{"name": 5}"#, "name"),
            (r#"{}"#, "name"),
            (r#"{"name": "a", "nmae": 1}"#, "nmae"),
            (r#"{"name": "a", "name": "b"}"#, "name"),
            (r#"{"name": "a", "inner": {"port": -1}}"#, "inner.port"),
            (r#"{"name": "a", "inner": {}}"#, "inner.port"),
            (r#"[]"#, "body"),
            (r#"null"#, "body"),
        ] {
            let problem = serde_json::to_value(parse::<Body>(body.as_bytes()).unwrap_err()).unwrap();
            assert_eq!(problem["status"], 422, "{body}");
            assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
        }
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        for body in [
            "",
            "{",
            "{\"name\": \"a\"} x",
            "\u{fffd}",
            "name=a",
            "{\"name\": \"\\ud800\"}",
        ] {
            let problem = serde_json::to_value(parse::<Body>(body.as_bytes()).unwrap_err()).unwrap();
            assert_eq!(problem["status"], 400, "{body}");
        }
    }
}
