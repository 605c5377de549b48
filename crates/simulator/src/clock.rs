//! Time in a simulated printer. It can run faster than real time, and its wall clock can be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The clocks of one printer's host.
///
/// They advance by a fixed interval per status update, so a delayed update on a busy machine still carries the same
/// simulated time.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// Simulated seconds per real second.
    scale: f64,
    /// Simulated seconds between two updates.
    interval: f64,
    updates: u64,
    updated: Instant,
    /// The wall clock at the start of the simulation, in Unix seconds.
    wall_at_begin: f64,
    /// Error of the wall clock, in seconds.
    pub(crate) offset: f64,
}

impl Clock {
    /// `wall` is the initial wall clock in Unix seconds; `None` uses the real one.
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

    /// Advances the clocks by one interval. Called at every status update.
    pub(crate) fn update(&mut self) {
        self.updates += 1;
        self.updated = Instant::now();
    }

    /// Seconds since the simulation began; monotonic.
    pub(crate) fn now(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "centuries of updates fit")]
        let updated = self.updates as f64 * self.interval;
        updated + (self.updated.elapsed().as_secs_f64() * self.scale).min(self.interval * 0.99)
    }

    /// The wall clock at the simulated time `now`, in Unix seconds.
    pub(crate) fn wall(&self, now: f64) -> f64 {
        self.wall_at_begin + now + self.offset
    }

    /// Real duration of this many simulated seconds, if no update is delayed.
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
