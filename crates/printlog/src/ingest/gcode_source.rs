//! Where the G-code files of a printer are read from. Each kind of printer has its own implementation.

use std::ops::Range;

/// Reads G-code files of one printer.
pub trait GcodeSource: Send + Sync {
    /// Reads a range of a file, whose path is relative to the root of the printer's G-code files. Returns fewer bytes if
    /// the file ends earlier.
    ///
    /// There is no separate request for size and date of a file: each answer has them, and a printer that is busy
    /// printing should get as few requests as possible.
    fn read_range(
        &self,
        path: &str,
        range: Range<u64>,
    ) -> impl Future<Output = Result<GcodePart, GcodeSourceError>> + Send;
}

/// What a printer reports about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Modification time in Unix seconds. `None` if not reported.
    pub modified: Option<i64>,
    /// Version of the file. Parts with different versions belong to different files. `None` if not reported.
    pub version: Option<String>,
}

/// Part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcodePart {
    /// The whole file.
    pub stat: FileStat,
    /// Position of the bytes in the file.
    pub offset: u64,
    /// At most as many bytes as requested.
    pub bytes: Vec<u8>,
    /// Whether the printer applied the range. If not, it always answers with the file from its beginning.
    pub is_requested_range: bool,
}

/// Why a part of a file cannot be read, as text for users.
#[derive(Debug, thiserror::Error)]
pub enum GcodeSourceError {
    /// The file is missing. The user may restore it.
    #[error("{0}")]
    Missing(String),
    /// The next attempt may succeed.
    #[error("{0}")]
    Temporary(String),
    /// No attempt will succeed.
    #[error("{0}")]
    Permanent(String),
}
