//! Identifies the file that a job printed: its name, and the printer's metadata from the start of the job.

use data_encoding::HEXLOWER;
use domain::{Job, PackedJson};
use gcode::MovesHint;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::ingest::moonraker::file_metadata::FileFacts;

/// Tolerance in seconds between two modification times: one side rounds to seconds, the other to microseconds.
const TIME_TOLERANCE: i64 = 2;
/// A file that was modified this long after the start of the job is not the printed one.
const LATEST_CHANGE: SignedDuration = SignedDuration::from_secs(60);

/// Identity of a job's file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileIdentity {
    /// Path relative to the gcodes root.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) size: Option<u64>,
    /// Modification time in Unix seconds.
    pub(super) modified: Option<i64>,
    /// Moonraker's UUID, new for each upload.
    pub(super) uuid: Option<String>,
    /// Start of the job.
    pub(super) started: Option<Timestamp>,
    /// Byte range of the moves in the file.
    pub(super) moves: MovesHint,
}

impl FileIdentity {
    /// `None` if the name of the file is not known.
    pub(super) fn of_job(job: &Job) -> Option<Self> {
        let metadata = job
            .metadata
            .as_ref()
            .map(PackedJson::to_value)
            .unwrap_or_default();
        let FileFacts {
            size,
            modified,
            uuid,
            moves,
        } = FileFacts::new(&metadata);
        Some(Self {
            path: job.filename.clone()?,
            size,
            modified,
            uuid,
            started: job.start_time,
            moves,
        })
    }

    /// A key for the file that is unique per printer. `None` while size or modification time is unknown.
    pub(super) fn key(&self) -> Option<String> {
        let uuid = self.uuid.as_deref().unwrap_or_default();
        let text = format!("{}\0{}\0{}\0{uuid}", self.path, self.size?, self.modified?);
        Some(sha256(text.as_bytes()))
    }

    /// Whether a file with this size and modification time can be the printed one.
    pub(super) fn matches(&self, size: u64, modified: Option<i64>) -> bool {
        if self.size.is_some_and(|known| known != size) {
            return false;
        }
        let Some(modified) = modified else { return true };
        if let Some(known) = self.modified {
            return known.abs_diff(modified) <= TIME_TOLERANCE.unsigned_abs();
        }
        self.started
            .is_none_or(|started| modified <= (started + LATEST_CHANGE).as_second())
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(size: Option<u64>, modified: Option<i64>) -> FileIdentity {
        FileIdentity {
            path: "a.gcode".to_owned(),
            size,
            modified,
            uuid: None,
            started: Timestamp::from_second(1000).ok(),
            moves: MovesHint::default(),
        }
    }

    #[test]
    fn overwritten_files_do_not_match() {
        let known = identity(Some(5), Some(900));
        assert!(known.matches(5, Some(900)) && known.matches(5, None));
        assert!(!known.matches(6, Some(900)) && !known.matches(5, Some(950)));
        let unknown = identity(None, None);
        assert!(unknown.matches(5, Some(990)));
        assert!(!unknown.matches(5, Some(2000)), "written after the print began");
    }

    #[test]
    fn a_key_needs_size_and_time() {
        assert_eq!(identity(Some(5), None).key(), None);
        assert_ne!(identity(Some(5), Some(1)).key(), identity(Some(5), Some(2)).key());
    }
}
