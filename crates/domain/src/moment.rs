//! One point in time, read from both clocks of this machine.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A point in time on the machine that runs printlog.
///
/// A Raspberry Pi starts without knowing the date and its wall clock is set later, so durations come from the monotonic
/// clock and only dates come from the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// UTC; may jump.
    pub wall: Timestamp,
    /// Time since the process started; never jumps.
    pub monotonic: Duration,
}

impl Moment {
    /// The wall clock `seconds` earlier. `None` if the result is not a valid date, for example because the counter is
    /// wrong.
    #[must_use]
    pub fn wall_before(&self, seconds: f64) -> Option<Timestamp> {
        let span = SignedDuration::try_from_secs_f64(seconds).ok()?;
        self.wall.checked_sub(span).ok()
    }
}
