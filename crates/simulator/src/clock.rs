//! Time in a simulated printer: it can run faster than ours, and its wall clock can be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The clocks of one printer's host.
///
/// They go with its status updates: however late an update is on a busy machine, it comes after the same time there.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// Seconds there in a second here.
    scale: f64,
    /// Seconds there from one update to the next.
    interval: f64,
    updates: u64,
    updated: Instant,
    /// The wall clock at the begin, in Unix seconds.
    wall_at_begin: f64,
    /// How wrong the wall clock is, in seconds.
    pub(crate) offset: f64,
}

impl Clock {
    /// `wall` is the wall clock at this moment; `None` for the true one.
    pub(crate) fn start(scale: f64, updates_per_second: f64, wall: Option<f64>) -> Self {
        let wall_at_begin = wall.unwrap_or_else(true_wall_clock);
        let interval = scale / updates_per_second;
        Self {
            scale,
            interval,
            updates: 0,
            updated: Instant::now(),
            wall_at_begin,
            offset: 0.0,
        }
    }

    /// To be called with every status update.
    pub(crate) fn update(&mut self) {
        self.updates += 1;
        self.updated = Instant::now();
    }

    /// Seconds since the simulation began, never set back.
    pub(crate) fn now(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "centuries of updates fit")]
        let updated = self.updates as f64 * self.interval;
        updated + (self.updated.elapsed().as_secs_f64() * self.scale).min(self.interval * 0.99)
    }

    /// The wall clock in Unix seconds at a moment of [`now`](Self::now).
    pub(crate) fn wall(&self, now: f64) -> f64 {
        self.wall_at_begin + now + self.offset
    }

    /// How long the given seconds last here, if all goes well.
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
