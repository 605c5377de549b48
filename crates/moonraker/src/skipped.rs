//! Logs unexpected frames. None of them ends a connection.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::debug;

/// Number of skipped frames of each kind that a connection logs.
const LOGGED: u64 = 5;
/// Longest part of a skipped frame in the log, in bytes.
const SHOWN: usize = 200;

/// Why a frame, or a part of it, is skipped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Skipped {
    /// Not JSON, or not JSON-RPC, or parameters of the wrong type.
    Malformed,
    /// An answer to no open call, or without an id of ours.
    UnexpectedAnswer,
    /// A binary frame. Moonraker sends none.
    Binary,
}

/// Numbers of skipped frames.
#[derive(Debug, Default)]
pub(crate) struct SkippedFrames {
    malformed: AtomicU64,
    unexpected_answers: AtomicU64,
    binary: AtomicU64,
}

impl SkippedFrames {
    pub(crate) fn log(&self, kind: Skipped, frame: &str, cause: &str) {
        let counter = match kind {
            Skipped::Malformed => &self.malformed,
            Skipped::UnexpectedAnswer => &self.unexpected_answers,
            Skipped::Binary => &self.binary,
        };
        if counter.fetch_add(1, Ordering::Relaxed) < LOGGED {
            let shown = &frame[..frame.floor_char_boundary(SHOWN)];
            debug!(?kind, frame = shown, "skipped a frame: {cause}");
        }
    }
}
