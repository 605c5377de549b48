//! Time in a simulated printer: it can run faster than ours, and its wall clock can be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The clocks of one printer's host.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    origin: Instant,
    /// Seconds there in a second here.
    scale: f64,
    /// The wall clock at the origin, in Unix seconds.
    wall_at_origin: f64,
    /// How wrong the wall clock is, in seconds.
    pub(crate) offset: f64,
}

impl Clock {
    /// `wall` is the wall clock at this moment; `None` for the true one.
    pub(crate) fn start(scale: f64, wall: Option<f64>) -> Self {
        let wall_at_origin = wall.unwrap_or_else(true_wall_clock);
        Self {
            origin: Instant::now(),
            scale,
            wall_at_origin,
            offset: 0.0,
        }
    }

    /// Seconds since the simulation began, never set back.
    pub(crate) fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64() * self.scale
    }

    /// The wall clock in Unix seconds at a moment of [`now`](Self::now).
    pub(crate) fn wall(&self, now: f64) -> f64 {
        self.wall_at_origin + now + self.offset
    }

    /// How long the given seconds last here.
    pub(crate) fn real(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds / self.scale).unwrap_or(Duration::ZERO)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a simulated host needs a date to begin with"
)]
fn true_wall_clock() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
