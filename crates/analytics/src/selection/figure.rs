//! Figures that are computed for each partition, cached, and added up.

use std::{collections::BTreeSet, sync::Arc};

use domain::{AmountBounds, JobStatus, PrinterId};

use super::{Reading, Selection};
use crate::{
    PackedJob, ReadError, Stack,
    conditions::{Conditions, Words},
    memory::{FigureKey, HeapSize},
    partition::MonthPartition,
};

/// The jobs of a partition over which a figure is computed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Scope {
    pub(super) printers: Option<BTreeSet<PrinterId>>,
    pub(super) statuses: [bool; JobStatus::ALL.len()],
    pub(super) filament_types: Vec<Option<String>>,
    pub(super) slicers: Vec<Option<String>>,
    pub(super) words: Words,
    pub(super) print: AmountBounds,
    pub(super) length: AmountBounds,
    /// Since, and until. `None` if the period does not cut the partition.
    pub(super) period: Option<(i64, i64)>,
}

/// A figure over the jobs of a scope; part of its cache key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    Count,
    Extent,
    Groups,
    Faults,
    Facets,
    Estimates,
    /// In this time zone.
    Heatmap(String),
    Timeline {
        stack: Stack,
        bounds: Arc<[i64]>,
    },
    FileCounts,
    FileOutcomes,
    /// Sums over the jobs of each of these files.
    Files(Arc<[u32]>),
}

/// A figure that is computed for each partition and added up.
pub(crate) trait Figure {
    type Tally: Tally;
    type Total: Clone + Default + HeapSize + Send + Sync + 'static;

    /// The cache key of the figure for a partition, or for all partitions.
    fn question(&self, partition: Option<&MonthPartition>) -> Question;
    /// Creates the tally for the jobs of a partition, or of all partitions.
    fn tally(&self, partition: Option<&MonthPartition>) -> Self::Tally;
    fn add(total: &mut Self::Total, part: &<Self::Tally as Tally>::Part);
}

/// Counts jobs for a figure.
pub(crate) trait Tally {
    type Part: HeapSize + Send + Sync + 'static;

    fn add(&mut self, job: PackedJob<'_>);
    fn finish(self) -> Self::Part;
}

impl Selection {
    /// Computes a figure over all selected jobs.
    pub(crate) fn total<F: Figure>(&self, figure: &F) -> Result<Arc<F::Total>, ReadError> {
        let ended = self.total_of_ended(figure)?;
        if self.running_jobs().next().is_none() {
            return Ok(ended);
        }
        let mut tally = figure.tally(None);
        self.running_jobs().for_each(|job| tally.add(job));
        let mut total = Arc::unwrap_or_clone(ended);
        F::add(&mut total, &tally.finish());
        Ok(Arc::new(total))
    }

    fn total_of_ended<F: Figure>(&self, figure: &F) -> Result<Arc<F::Total>, ReadError> {
        let mut total = F::Total::default();
        let mut reading = self.reading();
        if !self.can_keep() {
            let mut tally = figure.tally(None);
            for partition in self.partitions.iter().rev() {
                self.each_job(partition, &mut reading, |job| tally.add(job))?;
            }
            F::add(&mut total, &tally.finish());
            return Ok(Arc::new(total));
        }
        let key = self.key(self.partitions.id, !self.dated_only, figure.question(None));
        if let Some(known) = self.memory.figure(&key) {
            return Ok(known);
        }
        for partition in self.partitions.iter().rev() {
            if self.reaches(partition.starts) {
                F::add(&mut total, &*self.part(figure, partition, &mut reading)?);
            }
        }
        let total = Arc::new(total);
        self.memory.keep_figure(key, total.clone());
        Ok(total)
    }

    pub(crate) fn part<F: Figure>(
        &self,
        figure: &F,
        partition: &MonthPartition,
        reading: &mut Reading,
    ) -> Result<Arc<<F::Tally as Tally>::Part>, ReadError> {
        let key = self.key(
            partition.id,
            self.is_whole(partition.starts),
            figure.question(Some(partition)),
        );
        if let Some(known) = self.memory.figure(&key) {
            return Ok(known);
        }
        let mut tally = figure.tally(Some(partition));
        self.each_job(partition, reading, |job| tally.add(job))?;
        let part = Arc::new(tally.finish());
        self.memory.keep_figure(key, part.clone());
        Ok(part)
    }

    fn key(&self, partition: u64, is_whole: bool, question: Question) -> FigureKey {
        let scope = match is_whole {
            true => self.scope.clone(),
            false => Arc::new(Scope {
                period: Some((self.since, self.until)),
                ..(*self.scope).clone()
            }),
        };
        FigureKey {
            partition,
            scope,
            question,
        }
    }

    fn can_keep(&self) -> bool {
        let conditions = self.conditions.as_ref();
        conditions.is_none_or(Conditions::depend_on_months_only)
    }
}

impl Question {
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Self::Heatmap(zone) => zone.len(),
            Self::Timeline { bounds, .. } => size_of_val(&**bounds),
            Self::Files(files) => size_of_val(&**files),
            _ => 0,
        }
    }
}
