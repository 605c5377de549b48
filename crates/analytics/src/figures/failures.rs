//! Causes, places and times of failures.

use std::collections::BTreeMap;

use domain::PrinterId;

use crate::{
    PackedJob, ReadError, Selection, Sums,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

/// Figures about failed jobs: those with status `error` or `interrupted`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures {
    /// All jobs, failed or not.
    pub all: Sums,
    /// Failed jobs by the number of their cause. `None` if it is unknown.
    pub causes: BTreeMap<Option<u32>, u64>,
    /// All jobs by printer.
    pub printers: BTreeMap<PrinterId, Sums>,
    /// All jobs by filament type.
    pub materials: BTreeMap<Option<String>, Sums>,
    /// Failed jobs by how many full hours after the start they ended. `None` if it is unknown.
    pub hours: BTreeMap<Option<u64>, u64>,
}

/// Milliseconds of an hour.
const HOUR: u64 = 3_600_000;

/// Failed jobs by cause and by hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    causes: BTreeMap<Option<u32>, u64>,
    hours: BTreeMap<Option<u64>, u64>,
}

impl HeapSize for Faults {
    fn heap_size(&self) -> usize {
        (self.causes.len() + self.hours.len()) * size_of::<(Option<u64>, u64)>()
    }
}

impl Tally for Faults {
    type Part = Self;

    fn add(&mut self, job: PackedJob<'_>) {
        if job.status().has_failed() {
            *self.causes.entry(job.cause()).or_default() += 1;
            let hour = job.total().map(|total| total / HOUR);
            *self.hours.entry(hour).or_default() += 1;
        }
    }

    fn finish(self) -> Self {
        self
    }
}

struct CountingFaults;

impl Figure for CountingFaults {
    type Tally = Faults;
    type Total = Faults;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Faults
    }

    fn tally(&self, _: Option<&MonthPartition>) -> Faults {
        Faults::default()
    }

    fn add(total: &mut Faults, part: &Faults) {
        for (cause, jobs) in &part.causes {
            *total.causes.entry(*cause).or_default() += jobs;
        }
        for (hour, jobs) in &part.hours {
            *total.hours.entry(*hour).or_default() += jobs;
        }
    }
}

impl Selection {
    /// Failed jobs by cause and hour, and all jobs by printer and filament type.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn failures(&self) -> Result<Failures, ReadError> {
        let groups = self.groups()?;
        let faults = self.total(&CountingFaults)?;
        Ok(Failures {
            all: groups.sums(),
            causes: faults.causes.clone(),
            printers: groups.by_printer(),
            materials: groups.by_profile(|profile| profile.filament_type.as_ref()),
            hours: faults.hours.clone(),
        })
    }
}
