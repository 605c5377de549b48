//! The only module that reads the machine's clocks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use domain::Moment;

/// Ticks immediately, and then after each `period`. Ticks that were missed, because the task was busy or the machine
/// was suspended, are skipped.
pub(crate) fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Wall clock and monotonic clock. Cheap to copy; all copies agree on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    /// Milliseconds by which this clock is ahead of the machine's.
    lead: &'static AtomicU64,
}

static NO_LEAD: AtomicU64 = AtomicU64::new(0);

impl Clock {
    /// The machine's clocks; the monotonic one counts from now.
    #[must_use]
    pub fn start() -> Self {
        Self::ahead(&NO_LEAD)
    }

    /// A clock that runs `lead` milliseconds ahead of the machine's. Tests advance time by increasing it.
    #[must_use]
    pub fn ahead(lead: &'static AtomicU64) -> Self {
        Self {
            started: Instant::now(),
            lead,
        }
    }

    /// The wall clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.saturating_add(self.lead()).unwrap_or(now)
    }

    fn lead(&self) -> Duration {
        Duration::from_millis(self.lead.load(Ordering::Relaxed))
    }

    /// Reads both clocks.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            monotonic: self.started.elapsed() + self.lead(),
        }
    }

    /// Converts a point on the monotonic clock into an instant to sleep until.
    #[must_use]
    pub fn instant(&self, monotonic: Duration) -> Instant {
        self.started + monotonic.saturating_sub(self.lead())
    }
}
