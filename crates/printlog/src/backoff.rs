//! Pauses between attempts to reach a printer.

use std::time::Duration;

/// The pauses as multiples of the first one: 5, 10, 30 and 60 s by default.
const STEPS: [u32; 4] = [1, 2, 6, 12];

/// Pauses that grow from `first` to `longest`. Each is shortened by a random 0 to 20 %, so a farm that was switched
/// off together is not contacted all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    step: usize,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest: longest.max(first),
            step: 0,
        }
    }

    /// The pause before the next attempt.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = STEPS
            .get(self.step)
            .map_or(self.longest, |step| (self.first * *step).min(self.longest));
        self.step += 1;
        pause.mul_f64(1.0 - 0.2 * rand::random::<f64>())
    }

    /// Starts over with the first pause, after a connection succeeded.
    pub(crate) fn reset(&mut self) {
        self.step = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));
        let mut pauses = |count: usize| {
            (0..count)
                .map(|_| backoff.pause().as_secs_f64())
                .collect::<Vec<_>>()
        };
        let expected = [5.0, 10.0, 30.0, 60.0, 60.0, 60.0];
        for (pause, expected) in pauses(6).into_iter().zip(expected) {
            assert!(
                pause <= expected && pause >= expected * 0.8,
                "{pause} s is not about {expected} s"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_secs(5));
    }
}
