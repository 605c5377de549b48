//! Fetches head and tail of a file from its printer: two small reads for nearly every file.

use gcode::{BUDGET, Reader};
use jiff::fmt::rfc2822;
use moonraker::{Endpoint, FileError, read_gcode_part};

use super::file_identity::FileIdentity;

/// First bytes, to learn how large the file is.
const FIRST: u64 = 64 << 10;

/// What was fetched.
pub(super) struct Fetched {
    pub(super) reader: Reader,
    /// Of the file that was read, not of what was known before.
    pub(super) identity: FileIdentity,
}

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("cannot read the file from the printer")]
    File(#[from] FileError),
    /// The file there is not the one that was printed.
    #[error("the file was overwritten since the print")]
    Overwritten,
    /// Between two reads.
    #[error("the file changed while it was read")]
    Changed,
}

impl FetchError {
    /// Whether trying again later can help.
    pub(super) fn passes(&self) -> bool {
        match self {
            // A key can be put right.
            Self::File(FileError::Unauthorized { .. }) => true,
            Self::File(cause) => cause.is_transient(),
            Self::Overwritten => false,
            Self::Changed => true,
        }
    }
}

/// Reads what the parser needs, within its budget.
pub(super) async fn fetch(endpoint: &Endpoint, identity: &FileIdentity) -> Result<Fetched, FetchError> {
    // The ranges are asked for below a budget of their own, of which the first read takes its part.
    let first = read_gcode_part(endpoint, &identity.path, 0..FIRST).await?;
    let modified = first.last_modified.as_deref().and_then(unix_seconds);
    if !identity.is(first.size, modified) {
        return Err(FetchError::Overwritten);
    }
    let mut reader = Reader::with_hint(first.size, identity.moves);
    let mut read = first.bytes.len() as u64;
    reader.push(first.offset, &first.bytes);
    while let Some(range) = reader.next_range() {
        let end = range
            .end
            .min(range.start.saturating_add(BUDGET.saturating_sub(read)));
        if end <= range.start {
            break;
        }
        let part = read_gcode_part(endpoint, &identity.path, range.start..end).await?;
        if part.size != first.size || part.last_modified != first.last_modified {
            return Err(FetchError::Changed);
        }
        read += part.bytes.len() as u64;
        reader.push(part.offset, &part.bytes);
    }
    Ok(Fetched {
        reader,
        identity: FileIdentity {
            size: Some(first.size),
            modified: identity.modified.or(modified),
            ..identity.clone()
        },
    })
}

/// `Sun, 22 Nov 2026 23:05:33 GMT`.
fn unix_seconds(text: &str) -> Option<i64> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
        .map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        assert_eq!(unix_seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(unix_seconds("yesterday"), None);
    }
}
