//! Counts unexpected frames. None of them ends a connection.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::debug;

/// Number of odd frames of each kind that are logged; the rest are only counted.
const LOGGED: u64 = 5;
/// Longest part of an odd frame in the log, in bytes.
const SHOWN: usize = 200;

/// Skipped frames of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OddFrames {
    /// Not JSON, or not JSON-RPC, or parameters of the wrong type.
    pub malformed: u64,
    /// Answers to no open call, or without an id of ours.
    pub unexpected_answers: u64,
    /// Binary frames. Moonraker sends none.
    pub binary: u64,
}

/// The kinds of [`OddFrames`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Oddity {
    Malformed,
    UnexpectedAnswer,
    Binary,
}

#[derive(Debug, Default)]
pub(crate) struct Oddities {
    malformed: AtomicU64,
    unexpected_answers: AtomicU64,
    binary: AtomicU64,
}

impl Oddities {
    pub(crate) fn count(&self, oddity: Oddity, frame: &str, cause: &str) {
        let counter = match oddity {
            Oddity::Malformed => &self.malformed,
            Oddity::UnexpectedAnswer => &self.unexpected_answers,
            Oddity::Binary => &self.binary,
        };
        if counter.fetch_add(1, Ordering::Relaxed) < LOGGED {
            let shown = &frame[..frame.floor_char_boundary(SHOWN)];
            debug!(kind = ?oddity, frame = shown, "passed over an odd frame: {cause}");
        }
    }

    pub(crate) fn frames(&self) -> OddFrames {
        OddFrames {
            malformed: self.malformed.load(Ordering::Relaxed),
            unexpected_answers: self.unexpected_answers.load(Ordering::Relaxed),
            binary: self.binary.load(Ordering::Relaxed),
        }
    }
}
