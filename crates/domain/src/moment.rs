//! One point in time, read from both of this machine's clocks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A point in time as printlog's own machine sees it.
///
/// A Raspberry Pi starts without knowing the date and its wall clock is set later, so lengths are taken from
/// the monotonic clock and only dates from the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// UTC, may jump.
    pub wall: Timestamp,
    /// Time since the process started, never jumps.
    pub monotonic: Duration,
}

impl Moment {
    /// The wall clock `seconds` earlier. `None` if that is not a date, as with a counter gone wild.
    #[must_use]
    pub fn wall_before(&self, seconds: f64) -> Option<Timestamp> {
        let span = SignedDuration::try_from_secs_f64(seconds).ok()?;
        self.wall.checked_sub(span).ok()
    }
}
