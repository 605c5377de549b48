//! The G-code files of a Moonraker, read over HTTP.

use std::ops::Range;

use domain::NewPrinter;
use jiff::{Timestamp, fmt::rfc2822};
use moonraker::{Endpoint, EndpointError, FileError, read_gcode_part};

use crate::{
    error_chain::ErrorChain,
    ingest::{FileStat, GcodePart, GcodeSource, GcodeSourceError},
};

pub(crate) struct MoonrakerFiles(Endpoint);

impl MoonrakerFiles {
    pub(crate) fn new(printer: &NewPrinter) -> Result<Self, EndpointError> {
        Endpoint::parse(&printer.moonraker_url, printer.moonraker_api_key.as_deref()).map(Self)
    }
}

impl GcodeSource for MoonrakerFiles {
    async fn read_range(&self, path: &str, range: Range<u64>) -> Result<GcodePart, GcodeSourceError> {
        let part = read_gcode_part(&self.0, path, range).await?;
        Ok(GcodePart {
            stat: FileStat {
                size: part.size,
                modified: part.last_modified.as_deref().and_then(unix_seconds),
                version: part.last_modified,
            },
            offset: part.offset,
            bytes: part.bytes,
            is_requested_range: part.range_applied,
        })
    }
}

impl From<FileError> for GcodeSourceError {
    fn from(error: FileError) -> Self {
        let reason = ErrorChain(&error).to_string();
        match error {
            // An unclear answer comes from a proxy or server that may be replaced, like a file.
            FileError::NotFound { .. } | FileError::Unclear { .. } => Self::Missing(reason),
            // The user can correct the API key.
            FileError::Unauthorized { .. } => Self::Temporary(reason),
            error if error.is_transient() => Self::Temporary(reason),
            _ => Self::Permanent(reason),
        }
    }
}

/// Parses a date such as `Sun, 22 Nov 2026 23:05:33 GMT`.
fn unix_seconds(text: &str) -> Option<i64> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
        .map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_parsed() {
        assert_eq!(unix_seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(unix_seconds("yesterday"), None);
    }
}
