//! The period that the jobs span.

use std::sync::Arc;

use crate::{
    Month, PackedJob, ReadError, Selection,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

/// First and last start, and the number of jobs whose start is unknown.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    starts: Option<(i64, i64)>,
    undated: u64,
}

impl HeapSize for Extent {
    fn heap_size(&self) -> usize {
        0
    }
}

impl Extent {
    fn reach(&mut self, starts: Option<(i64, i64)>) {
        let Some((first, last)) = starts else { return };
        let (from, to) = self.starts.unwrap_or((first, last));
        self.starts = Some((from.min(first), to.max(last)));
    }
}

impl Tally for Extent {
    type Part = Self;

    fn add(&mut self, job: PackedJob<'_>) {
        match job.start() {
            Some(start) => self.reach(Some((start, start))),
            None => self.undated += 1,
        }
    }

    fn finish(self) -> Self {
        self
    }
}

struct Extending;

impl Figure for Extending {
    type Tally = Extent;
    type Total = Extent;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Extent
    }

    fn tally(&self, _: Option<&MonthPartition>) -> Extent {
        Extent::default()
    }

    fn add(total: &mut Extent, part: &Extent) {
        total.reach(part.starts);
        total.undated += part.undated;
    }
}

impl Selection {
    /// First and last start (`None` if no start is known), and the number of jobs whose start is unknown.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn extent(&self) -> Result<(Option<(i64, i64)>, u64), ReadError> {
        let extent = match &self.conditions {
            None if !self.dated_only => Arc::new(self.extent_of_months()),
            _ => self.total(&Extending)?,
        };
        Ok((extent.starts, extent.undated))
    }

    /// Without conditions the summaries of the months are sufficient.
    fn extent_of_months(&self) -> Extent {
        let mut extent = Extent::default();
        for entry in self.partitions.iter().flat_map(|partition| &partition.months) {
            if self.selects(entry) {
                extent.reach(entry.summary.starts);
                if entry.month.key.is_undated() {
                    extent.undated += entry.summary.len as u64;
                }
            }
        }
        let running = self.running_months().iter().flat_map(Month::jobs);
        running.for_each(|job| Tally::add(&mut extent, job));
        extent
    }
}
