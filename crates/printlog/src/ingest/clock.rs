//! The only reader of the machine's clocks.

use jiff::Timestamp;
use tokio::time::Instant;

use domain::Moment;

/// Tells the time. Cheap to copy; all copies agree on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// The machine's clocks, the monotonic one counted from now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The wall clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Both clocks.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            monotonic: self.started.elapsed(),
        }
    }

    /// The instant to wait for, for a point on the monotonic clock.
    #[must_use]
    pub fn instant(&self, monotonic: std::time::Duration) -> Instant {
        self.started + monotonic
    }
}
