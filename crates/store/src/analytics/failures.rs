//! Why, where and when jobs failed.

use std::collections::BTreeMap;

use domain::{PrinterId, analytics::Sums};

use crate::Facts;

/// Jobs that ended by a fault, or whose end nobody saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures {
    /// All jobs, failed or not.
    pub all: Sums,
    /// Failed jobs by the number of their cause. `None` if that is not known.
    pub causes: BTreeMap<Option<u32>, u64>,
    /// All jobs by printer.
    pub printers: BTreeMap<PrinterId, Sums>,
    /// All jobs by filament type.
    pub materials: BTreeMap<Option<String>, Sums>,
    /// Failed jobs by the hour, since they started, in which they ended. `None` if that is not known.
    pub hours: BTreeMap<Option<u64>, u64>,
}

/// ms
const HOUR: u64 = 3_600_000;

impl Facts {
    /// Why, where and when jobs failed.
    #[must_use]
    pub fn failures(&self) -> Failures {
        let groups = self.groups();
        let mut failures = Failures {
            all: groups.sums(),
            printers: groups.by_printer(),
            materials: groups.by_kind(|kind| kind.filament_type.as_ref()),
            ..Failures::default()
        };
        self.each(|row| {
            if row.status().has_failed() {
                *failures.causes.entry(row.cause()).or_default() += 1;
                let hour = row.total().map(|total| total / HOUR);
                *failures.hours.entry(hour).or_default() += 1;
            }
        });
        failures
    }
}
