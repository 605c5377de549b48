//! Why, where and when jobs failed.

use std::collections::BTreeMap;

use domain::PrinterId;

use crate::{Facts, Row, Sums, partition::MonthPartition, selection::Chunk};

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

/// Failed jobs.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    causes: BTreeMap<Option<u32>, u64>,
    hours: BTreeMap<Option<u64>, u64>,
}

impl Faults {
    fn of(month: &MonthPartition) -> Self {
        let mut faults = Self::default();
        month.rows().for_each(|row| faults.add(row));
        faults
    }

    fn add(&mut self, row: Row<'_>) {
        if row.status().has_failed() {
            *self.causes.entry(row.cause()).or_default() += 1;
            let hour = row.total().map(|total| total / HOUR);
            *self.hours.entry(hour).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        for (cause, jobs) in &other.causes {
            *self.causes.entry(*cause).or_default() += jobs;
        }
        for (hour, jobs) in &other.hours {
            *self.hours.entry(*hour).or_default() += jobs;
        }
    }
}

impl Facts {
    /// Why, where and when jobs failed.
    #[must_use]
    pub fn failures(&self) -> Failures {
        let groups = self.groups();
        let mut faults = Faults::default();
        self.each_chunk(|part| match part {
            Chunk::Month(month) => faults.merge(month.partials.faults.get_or_init(|| Faults::of(month))),
            Chunk::Job(row) => faults.add(row),
        });
        Failures {
            all: groups.sums(),
            causes: faults.causes,
            printers: groups.by_printer(),
            materials: groups.by_profile(|profile| profile.filament_type.as_ref()),
            hours: faults.hours,
        }
    }
}
