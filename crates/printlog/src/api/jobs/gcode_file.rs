//! Parses a G-code file from a request body: the whole file, or its head and tail.

use axum::{
    Json,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use gcode::{StoredMetadata, StoredWarning};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::read_body,
            fault::Fault,
            query::{Query, parameters},
        },
        state::Core,
    },
    input,
};

/// Maximum size of a body in bytes.
const FILE_LIMIT: usize = 16 << 20;
/// Larger than any file.
const LARGEST: u64 = 1 << 53;

parameters! {
    /// How the body relates to the file.
    pub(crate) struct EndsParameters {
        /// Number of bytes of the body that are the beginning of the file; the rest is its end. Defaults to all.
        #[param(value_type = Option<u64>, minimum = 0, maximum = 9_007_199_254_740_992_u64)]
        head: Option<u64> = one(input::whole(0, LARGEST)),
        /// Size of the whole file in bytes. If left out, the body is the whole file, or, with `head`, its two ends with a gap
        /// of unknown size.
        #[param(value_type = Option<u64>, minimum = 0, maximum = 9_007_199_254_740_992_u64)]
        size: Option<u64> = one(input::whole(0, LARGEST)),
    }
}

/// Contents of a G-code file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ParsedGcode)]
pub(crate) struct ParsedBody {
    #[schema(value_type = Object)]
    details: gcode::GcodeMetadata,
    #[schema(value_type = Vec<Object>)]
    tools: Vec<gcode::Tool>,
    #[schema(value_type = Vec<Object>)]
    thumbnails: Vec<gcode::Thumbnail>,
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<StoredWarning>,
}

/// Read a G-code file
///
/// The body is the file, at most 16 MiB. For a larger file, its two ends are enough: send the first bytes followed by
/// the last ones, with `head` and `size`. 64 KiB and 96 KiB suffice for nearly every file. Nothing is stored.
#[utoipa::path(post, path = "/api/gcode/parse", tag = "jobs",
    params(EndsParameters),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = ParsedBody),
        (status = 413, body = Problem, content_type = "application/problem+json",
            description = "The body is larger than 16 MiB."),
    ))]
pub(crate) async fn parse_gcode(
    _: Core,
    Query(ends): Query<EndsParameters>,
    headers: HeaderMap,
    file: FileBody,
) -> ApiResult<Json<ParsedBody>> {
    let binary = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"application/octet-stream"));
    if !binary {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Fault::BodyNotSentAsFile,
        ));
    }
    let mut parsed = tokio::task::spawn_blocking(move || {
        let head = ends.head.and_then(|head| usize::try_from(head).ok());
        let (head, tail) = file.0.split_at(head.unwrap_or(usize::MAX).min(file.0.len()));
        gcode::parse(head, tail, ends.size)
    })
    .await
    .map_err(|_| Problem::internal())?;
    let thumbnails = std::mem::take(&mut parsed.metadata.thumbnails);
    let StoredMetadata {
        details,
        tools,
        warnings,
        ..
    } = StoredMetadata::new(parsed);
    Ok(Json(ParsedBody {
        details,
        tools,
        thumbnails,
        warnings,
    }))
}

/// The bytes of a file.
pub(crate) struct FileBody(Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for FileBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_body(request, FILE_LIMIT).await.map(Self)
    }
}
