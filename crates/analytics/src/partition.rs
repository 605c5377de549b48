//! The history of all printers by the months of the calendar, with what was computed of each month: that stays true until
//! one of its jobs changes, so that a question costs a look at each month, and a pass over those that are new.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use crate::{
    MaterialProfile, Month, MonthKey, Row,
    figures::{FileCounts, GroupSums, Partials},
};

/// All ended jobs of all printers.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    months: BTreeMap<MonthKey, Arc<MonthPartition>>,
    sums: OnceLock<GroupSums>,
    files: OnceLock<FileCounts>,
}

/// The jobs of all printers that began in one month. It never changes.
#[derive(Debug)]
pub(crate) struct MonthPartition {
    /// By printer.
    months: Vec<Arc<Month>>,
    profiles: Arc<HashMap<u32, MaterialProfile>>,
    /// First and last start. `None` if they are unknown, or there are no jobs.
    pub(crate) starts: Option<(i64, i64)>,
    pub(crate) partials: Partials,
}

impl Partitions {
    /// Of these months, with all that is known of those that are the same still.
    pub(crate) fn renewed(
        &self,
        months: BTreeMap<MonthKey, Vec<Arc<Month>>>,
        profiles: &Arc<HashMap<u32, MaterialProfile>>,
    ) -> Self {
        let renewed = months.into_iter().map(|(key, months)| {
            let known = self
                .months
                .get(&key)
                .filter(|known| known.is_of(&months, profiles));
            let month = known.cloned();
            (
                key,
                month.unwrap_or_else(|| MonthPartition::of(months, profiles.clone()).into()),
            )
        });
        Self {
            months: renewed.collect(),
            sums: OnceLock::new(),
            files: OnceLock::new(),
        }
    }

    pub(crate) fn months(&self) -> impl Iterator<Item = &MonthPartition> {
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

impl MonthPartition {
    fn of(months: Vec<Arc<Month>>, profiles: Arc<HashMap<u32, MaterialProfile>>) -> Self {
        let starts = || months.iter().filter_map(|month| month.starts());
        let first = starts().map(|(first, _)| first).min();
        Self {
            starts: first.zip(starts().map(|(_, last)| last).max()),
            months,
            profiles,
            partials: Partials::default(),
        }
    }

    /// Whether it is of these very months: they are never changed, but replaced. What is grouped by material knows the
    /// profiles' names, too.
    fn is_of(&self, months: &[Arc<Month>], profiles: &Arc<HashMap<u32, MaterialProfile>>) -> bool {
        self.months.len() == months.len()
            && self
                .months
                .iter()
                .zip(months)
                .all(|(mine, other)| Arc::ptr_eq(mine, other))
            && Arc::ptr_eq(&self.profiles, profiles)
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
