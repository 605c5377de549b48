//! Retries of failing operations: pauses that grow, and log lines that do not repeat.

use std::time::Duration;

/// Pauses for printers, as multiples of the first one: 5, 10, 30 and 60 s by default.
const PRINTER_STEPS: [u32; 4] = [1, 2, 6, 12];
/// Maximum number of distinct reasons that are logged during one outage.
const REASONS: usize = 8;

/// Pauses between attempts, which grow from a first to a longest one.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    is_for_printer: bool,
    failures: u32,
}

impl Backoff {
    /// Pauses that double.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            is_for_printer: false,
            failures: 0,
        }
    }

    /// Pauses for the connection to a printer. Each is shortened by a random 0 to 20 %, so that a farm which was
    /// switched off together is not contacted all at once. Never longer than the user's limit, `longest`.
    pub(crate) fn for_printer(first: Duration, longest: Duration) -> Self {
        Self {
            is_for_printer: true,
            ..Self::new(first, longest.max(first))
        }
    }

    /// Counts a failure. Returns the pause before the next attempt.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.after(self.failures);
        self.failures = self.failures.saturating_add(1);
        match self.is_for_printer {
            true => pause.mul_f64(1.0 - 0.2 * rand::random::<f64>()),
            false => pause,
        }
    }

    /// The pause of an attempt that follows this number of earlier failures.
    pub(crate) fn after(&self, failures: u32) -> Duration {
        let multiple = match self.is_for_printer {
            true => PRINTER_STEPS.get(failures as usize).copied(),
            false => 2_u32.checked_pow(failures),
        };
        multiple
            .and_then(|multiple| self.first.checked_mul(multiple))
            .map_or(self.longest, |pause| pause.min(self.longest))
    }

    /// Starts over with the first pause, after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Decides whether a failure is logged. Each reason is logged once per outage, not at each attempt: something that
/// fails for weeks must not fill the log.
#[derive(Debug, Default)]
pub(crate) struct Outage(Vec<String>);

impl Outage {
    /// Whether this reason is new in the outage, and is to be logged.
    pub(crate) fn is_new(&mut self, reason: &str) -> bool {
        let is_new = self.0.len() < REASONS && !self.0.iter().any(|logged| logged == reason);
        if is_new {
            self.0.push(reason.to_owned());
        }
        is_new
    }

    /// Ends the outage, after a success. Whether there was one.
    pub(crate) fn end(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(SECOND, 60 * SECOND);
        let pauses: Vec<_> = (0..8).map(|_| backoff.pause().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.after(u32::MAX), 60 * SECOND);
        backoff.reset();
        assert_eq!(backoff.pause(), SECOND);
    }

    #[test]
    fn pauses_for_printers_are_at_most_as_long_as_configured() {
        let mut backoff = Backoff::for_printer(5 * SECOND, 60 * SECOND);
        for expected in [5.0, 10.0, 30.0, 60.0, 60.0, 60.0] {
            let pause = backoff.pause().as_secs_f64();
            assert!(
                pause <= expected && pause >= expected * 0.8,
                "{pause} s is not about {expected} s"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= 5 * SECOND);
        assert_eq!(Backoff::for_printer(60 * SECOND, SECOND).after(0), 60 * SECOND);
    }

    #[test]
    fn each_reason_is_logged_once_per_outage() {
        let mut outage = Outage::default();
        assert!(!outage.end());
        assert!(outage.is_new("refused") && outage.is_new("timeout"));
        assert!(!outage.is_new("refused") && !outage.is_new("timeout"));
        for number in 0..20 {
            outage.is_new(&number.to_string());
        }
        assert!(!outage.is_new("one more"));
        assert!(outage.end() && !outage.end());
        assert!(outage.is_new("refused"));
    }
}
