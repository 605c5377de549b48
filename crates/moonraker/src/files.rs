//! Reads parts of files over HTTP: `GET /server/files/gcodes/…` with a `Range`.
//!
//! Moonraker answers most ranges with 206, and a range that covers the whole file with 200. Ranges that it does not
//! understand are ignored: it answers with 200 and the whole file. The headers of an answer therefore decide what it
//! is, and no more bytes are read than were requested.

use std::ops::Range;

use reqwest::{
    Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_RANGE, LAST_MODIFIED, RANGE},
};

use crate::{Endpoint, trust};

/// Part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// Position of the bytes in the file.
    pub offset: u64,
    /// At most as many bytes as requested.
    pub bytes: Vec<u8>,
    /// Size of the whole file, in bytes.
    pub size: u64,
    /// Whether the server applied the range. If not, it always answers with the file from its beginning.
    pub range_applied: bool,
    /// `Last-Modified`, unchanged. `None` if missing. Parts with different values belong to different files.
    pub last_modified: Option<String>,
}

/// Why a part of a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file does not exist (any more).
    #[error("the printer has no file `{path}`")]
    NotFound {
        /// The file, relative to its root.
        path: String,
    },
    /// A URL cannot name the file.
    #[error("the file name `{path}` cannot be requested: it has a part `.` or `..`")]
    Name {
        /// The file, relative to its root.
        path: String,
    },
    /// The file is shorter than expected: it was overwritten.
    #[error("`{path}` ends before byte {offset}; it was overwritten")]
    Shorter {
        /// The file, relative to its root.
        path: String,
        /// First requested byte.
        offset: u64,
    },
    /// The key is missing or wrong.
    #[error("the printer refuses access to `{path}`: the API key is missing or wrong")]
    Unauthorized {
        /// The file, relative to its root.
        path: String,
    },
    /// The status is not valid for a file.
    #[error("the printer answered HTTP status {status} for `{path}`")]
    Status {
        /// The file, relative to its root.
        path: String,
        /// HTTP status of the answer.
        status: u16,
    },
    /// The answer lacks the size of the file or the position of the part.
    #[error("the printer's answer for `{path}` lacks the size of the file or the position of the part")]
    Unclear {
        /// The file, relative to its root.
        path: String,
    },
    /// No answer, or an incomplete one.
    #[error("cannot read `{path}` from the printer")]
    Transport {
        /// The file, relative to its root.
        path: String,
        /// The cause.
        source: reqwest::Error,
    },
}

impl FileError {
    /// Whether a retry can help: the printer is off, busy or still writing the file, or its proxy is off or busy.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Shorter { .. } => true,
            // Bad Request, Gone, URI Too Long: the request itself is wrong.
            Self::Status { status, .. } => !matches!(status, 400 | 410 | 414),
            Self::NotFound { .. } | Self::Name { .. } | Self::Unauthorized { .. } | Self::Unclear { .. } => {
                false
            }
        }
    }
}

/// Reads `range` of a file under the root `gcodes`. Returns fewer bytes if the file ends earlier or the answer was cut
/// off.
///
/// # Errors
/// If the file does not exist, or the printer's answer is not valid.
pub async fn read_gcode_part(
    endpoint: &Endpoint,
    path: &str,
    range: Range<u64>,
) -> Result<FilePart, FileError> {
    let transport = |source: reqwest::Error| FileError::Transport {
        path: path.to_owned(),
        // The URL is the user's, and may contain a secret.
        source: source.without_url(),
    };
    let last = range.end.saturating_sub(1).max(range.start);
    let url = endpoint.file_url("gcodes", path).ok_or_else(|| FileError::Name {
        path: path.to_owned(),
    })?;
    let mut request = trust::current()
        .http
        .get(url)
        .header(RANGE, format!("bytes={}-{last}", range.start));
    if let Some(key) = endpoint.api_key_header() {
        request = request.header("X-Api-Key", key.as_bytes());
    }
    if let Some(login) = endpoint.login_header() {
        request = request.header(AUTHORIZATION, login.as_bytes());
    }
    let response = request.send().await.map_err(transport)?;
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    let (offset, size) = match response.status() {
        StatusCode::PARTIAL_CONTENT => content_range(&response).ok_or_else(|| FileError::Unclear {
            path: path.to_owned(),
        })?,
        StatusCode::OK => {
            let size = response.content_length().ok_or_else(|| FileError::Unclear {
                path: path.to_owned(),
            })?;
            (0, size)
        }
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
            return Err(FileError::NotFound {
                path: path.to_owned(),
            });
        }
        StatusCode::UNAUTHORIZED => {
            return Err(FileError::Unauthorized {
                path: path.to_owned(),
            });
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            return Err(FileError::Shorter {
                path: path.to_owned(),
                offset: range.start,
            });
        }
        status => {
            return Err(FileError::Status {
                path: path.to_owned(),
                status: status.as_u16(),
            });
        }
    };
    let last_modified = response
        .headers()
        .get(LAST_MODIFIED)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let bytes = read_at_most(response, wanted).await.map_err(transport)?;
    let end = range.end.min(size);
    Ok(FilePart {
        range_applied: is_part || (range.start == 0 && end == size),
        offset,
        bytes,
        size,
        last_modified,
    })
}

/// Reads the beginning of an answer. The rest is not read: the connection is dropped with it.
async fn read_at_most(mut response: Response, wanted: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < wanted {
        let Some(piece) = response.chunk().await? else {
            break;
        };
        bytes.extend_from_slice(&piece[..piece.len().min(wanted - bytes.len())]);
    }
    Ok(bytes)
}

/// Offset and whole size in `Content-Range: bytes 0-99/1234`.
fn content_range(response: &Response) -> Option<(u64, u64)> {
    let value = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
}
