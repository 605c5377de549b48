//! The clock of the stand-in printer.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Klippy's monotonic clock, in seconds. It is not affected by changes of the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    unix_offset: f64,
}

impl Clock {
    /// The initial time, as on a host that has been up for a while.
    const UPTIME: f64 = 1_000.0;

    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            unix_offset: unix_now() - Self::UPTIME,
        }
    }

    pub(crate) fn now(&self) -> f64 {
        Self::UPTIME + self.started.elapsed().as_secs_f64()
    }

    /// Unix time minus this clock's time at the start, in seconds.
    pub(crate) fn unix_offset(&self) -> f64 {
        self.unix_offset
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a printer of the test bed stands for a real one, which has its clock"
)]
fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
