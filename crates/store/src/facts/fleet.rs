//! The past of all printers by the months of the calendar, with what was computed of each month: that stays true until
//! one of its jobs changes, so that a question costs a look at each month, and a pass over those that are new.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use super::{
    Kind,
    month::{Month, MonthKey, Row},
};
use crate::analytics::{FileCounts, GroupSums, Partials};

/// All ended jobs of all printers.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    months: BTreeMap<MonthKey, Arc<FleetMonth>>,
    sums: OnceLock<GroupSums>,
    files: OnceLock<FileCounts>,
}

/// The jobs of all printers that began in one month. It never changes.
#[derive(Debug)]
pub(crate) struct FleetMonth {
    /// By printer.
    months: Vec<Arc<Month>>,
    kinds: Arc<HashMap<u32, Kind>>,
    /// First and last start. `None` if they are unknown, or there are no jobs.
    pub(crate) starts: Option<(i64, i64)>,
    pub(crate) partials: Partials,
}

impl Fleet {
    /// Of these months, with all that is known of those that are the same still.
    pub(crate) fn renewed(
        &self,
        months: BTreeMap<MonthKey, Vec<Arc<Month>>>,
        kinds: &Arc<HashMap<u32, Kind>>,
    ) -> Self {
        let renewed = months.into_iter().map(|(key, months)| {
            let known = self.months.get(&key).filter(|known| known.is_of(&months, kinds));
            let month = known.cloned();
            (
                key,
                month.unwrap_or_else(|| FleetMonth::of(months, kinds.clone()).into()),
            )
        });
        Self {
            months: renewed.collect(),
            sums: OnceLock::new(),
            files: OnceLock::new(),
        }
    }

    pub(crate) fn months(&self) -> impl Iterator<Item = &FleetMonth> {
        self.months.values().map(AsRef::as_ref)
    }

    pub(crate) fn sums(&self) -> &GroupSums {
        self.sums.get_or_init(|| {
            let mut sums = GroupSums::default();
            for month in self.months() {
                sums.merge(month.sums());
            }
            sums
        })
    }

    /// How often each file was printed.
    pub(crate) fn files(&self) -> &FileCounts {
        self.files.get_or_init(|| {
            let mut counts = FileCounts::default();
            for month in self.months() {
                month.rows().for_each(|row| counts.add(row));
            }
            counts
        })
    }
}

impl FleetMonth {
    fn of(months: Vec<Arc<Month>>, kinds: Arc<HashMap<u32, Kind>>) -> Self {
        let starts = || months.iter().filter_map(|month| month.starts());
        let first = starts().map(|(first, _)| first).min();
        Self {
            starts: first.zip(starts().map(|(_, last)| last).max()),
            months,
            kinds,
            partials: Partials::default(),
        }
    }

    /// Whether it is of these very months: they are never changed, but replaced. What is grouped by material knows the
    /// kinds' names, too.
    fn is_of(&self, months: &[Arc<Month>], kinds: &Arc<HashMap<u32, Kind>>) -> bool {
        self.months.len() == months.len()
            && self
                .months
                .iter()
                .zip(months)
                .all(|(mine, other)| Arc::ptr_eq(mine, other))
            && Arc::ptr_eq(&self.kinds, kinds)
    }

    pub(crate) fn months(&self) -> impl Iterator<Item = &Month> {
        self.months.iter().map(AsRef::as_ref)
    }

    pub(crate) fn sums(&self) -> &GroupSums {
        self.partials.sums.get_or_init(|| {
            let mut sums = GroupSums::default();
            self.rows().for_each(|row| sums.add(row));
            sums.shrink();
            sums
        })
    }

    /// By printer, in the order of their starts.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.months().flat_map(Month::rows)
    }
}
