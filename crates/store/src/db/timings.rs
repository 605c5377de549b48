//! Metrics of database operations.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};

/// Upper bounds of the histogram in seconds, from an index read to a write that waits for a lock.
const SECONDS: [f64; 9] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 10.0];

type ByKind = [(&'static str, &'static str); 1];

/// Durations and failures of database operations, by `kind`: `read` or `write`. Clones share them.
#[derive(Debug, Clone)]
pub struct Timings {
    /// Duration of each operation, including retries.
    pub durations: Family<ByKind, Histogram, fn() -> Histogram>,
    /// Operations that failed after all retries.
    pub failures: Family<ByKind, Counter>,
}

/// A kind of operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Timings {
    pub(crate) fn new() -> Self {
        let timings = Self {
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            failures: Family::default(),
        };
        for kind in [Kind::Read, Kind::Write] {
            // Created at the start, so that a rate includes the first operation.
            drop(timings.durations.get_or_create(&kind.labels()));
            drop(timings.failures.get_or_create(&kind.labels()));
        }
        timings
    }

    pub(crate) fn took<T, E>(&self, kind: Kind, time: Duration, result: &Result<T, E>) {
        self.durations
            .get_or_create(&kind.labels())
            .observe(time.as_secs_f64());
        if result.is_err() {
            self.failures.get_or_create(&kind.labels()).inc();
        }
    }
}

impl Kind {
    fn labels(self) -> ByKind {
        [(
            "kind",
            match self {
                Self::Read => "read",
                Self::Write => "write",
            },
        )]
    }
}
