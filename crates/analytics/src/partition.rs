//! The ended jobs of all printers by calendar month. A partition never changes: if one of its months changes, a new
//! partition with another id replaces it. Figures cached by the id therefore stay valid.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{MonthKey, MonthRef, month::MonthSummary};

/// A month of a printer, with the data that is always in memory.
#[derive(Debug)]
pub(crate) struct MonthEntry {
    pub(crate) month: MonthRef,
    pub(crate) summary: MonthSummary,
}

/// All ended jobs of all printers.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    pub(crate) id: u64,
    /// Jobs whose start is unknown come first.
    partitions: BTreeMap<MonthKey, Arc<MonthPartition>>,
}

/// The jobs of all printers that began in one month.
#[derive(Debug)]
pub(crate) struct MonthPartition {
    pub(crate) id: u64,
    /// By printer.
    pub(crate) months: Vec<Arc<MonthEntry>>,
    /// First and last start. `None` if they are unknown, or there are no jobs.
    pub(crate) starts: Option<(i64, i64)>,
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Partitions {
    /// Builds partitions of these months. A partition with unchanged months is kept, unless `all_new`.
    pub(crate) fn regrouped(&self, months: BTreeMap<MonthKey, Vec<Arc<MonthEntry>>>, all_new: bool) -> Self {
        let regrouped = months.into_iter().map(|(key, months)| {
            let known = self.partitions.get(&key);
            let same = known.filter(|known| !all_new && known.consists_of(&months));
            (
                key,
                same.cloned().unwrap_or_else(|| MonthPartition::of(months).into()),
            )
        });
        Self {
            id: next_id(),
            partitions: regrouped.collect(),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &MonthPartition> {
        self.partitions.values().map(AsRef::as_ref)
    }
}

impl MonthPartition {
    fn of(months: Vec<Arc<MonthEntry>>) -> Self {
        let starts = || months.iter().filter_map(|entry| entry.summary.starts);
        let first = starts().map(|(first, _)| first).min();
        Self {
            id: next_id(),
            starts: first.zip(starts().map(|(_, last)| last).max()),
            months,
        }
    }

    fn consists_of(&self, months: &[Arc<MonthEntry>]) -> bool {
        self.months.len() == months.len()
            && self
                .months
                .iter()
                .zip(months)
                .all(|(mine, other)| Arc::ptr_eq(mine, other))
    }
}
