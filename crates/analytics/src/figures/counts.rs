//! Number of jobs.

use crate::{
    PackedJob,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

/// Counts jobs.
pub(crate) struct Counting;

impl Figure for Counting {
    type Tally = u64;
    type Total = u64;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Count
    }

    fn tally(&self, _: Option<&MonthPartition>) -> u64 {
        0
    }

    fn add(total: &mut u64, part: &u64) {
        *total += part;
    }
}

impl Tally for u64 {
    type Part = u64;

    fn add(&mut self, _: PackedJob<'_>) {
        *self += 1;
    }

    fn finish(self) -> u64 {
        self
    }
}

impl HeapSize for u64 {
    fn heap_size(&self) -> usize {
        0
    }
}
