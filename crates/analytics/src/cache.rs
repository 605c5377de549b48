//! The cache of months: it has an entry for each month of each printer, and keeps as many of their jobs in memory as
//! the budget allows.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{JobFilter, PrinterId};

use crate::{
    MaterialProfile, Month, MonthKey, MonthRef, MonthSource, Selection,
    memory::{Memory, text_share},
    partition::{MonthEntry, Partitions},
};

/// The months of all printers, in the versions last read from the database.
#[derive(Debug)]
pub struct MonthCache {
    printers: BTreeMap<PrinterId, PrinterHistory>,
    partitions: Arc<Partitions>,
    profiles: Arc<HashMap<u32, MaterialProfile>>,
    has_new_profiles: bool,
    memory: Arc<Memory>,
    budget: usize,
}

/// All months of a printer.
#[derive(Debug, Default)]
struct PrinterHistory {
    version: i64,
    months: BTreeMap<MonthKey, Arc<MonthEntry>>,
}

/// A month that is newer than the one in the cache: its version, and the data that the cache keeps of it.
#[derive(Debug)]
pub struct NewMonth {
    entry: MonthEntry,
}

/// The months of a printer that are newer than those in the cache.
#[derive(Debug)]
pub struct NewMonths {
    /// The printer.
    pub printer_id: PrinterId,
    /// Current version of the printer's months.
    pub version: i64,
    /// Whether these are all its months, not only the changed ones.
    pub is_complete: bool,
    /// The months.
    pub months: Vec<NewMonth>,
}

impl MonthCache {
    /// Creates an empty cache with a budget in bytes.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self {
            printers: BTreeMap::new(),
            partitions: Arc::default(),
            profiles: Arc::default(),
            has_new_profiles: false,
            memory: Arc::new(Memory::new(budget)),
            budget,
        }
    }

    /// Share of the text index in the budget, in bytes.
    #[must_use]
    pub fn text_share(&self) -> usize {
        text_share(self.budget)
    }

    /// Version of the printer's months in the cache; 0 if there are none.
    #[must_use]
    pub fn version(&self, printer_id: PrinterId) -> i64 {
        self.printers
            .get(&printer_id)
            .map_or(0, |history| history.version)
    }

    /// Whether the material profile with this number is known.
    #[must_use]
    pub fn knows_profile(&self, number: u32) -> bool {
        self.profiles.contains_key(&number)
    }

    /// The known material profiles by number.
    #[must_use]
    pub fn profiles(&self) -> &HashMap<u32, MaterialProfile> {
        &self.profiles
    }

    /// Replaces the material profiles.
    pub fn set_profiles(&mut self, profiles: HashMap<u32, MaterialProfile>) {
        self.profiles = Arc::new(profiles);
        self.has_new_profiles = true;
    }

    /// Prepares a month for [`apply`](Self::apply). Its jobs are kept if the budget allows it.
    #[must_use]
    pub fn prepare(&self, version: i64, month: Month) -> NewMonth {
        let key = MonthRef {
            printer_id: month.printer_id(),
            key: month.key(),
            version,
        };
        let summary = month.summary();
        self.memory.keep_month(key, Arc::new(month));
        NewMonth {
            entry: MonthEntry { month: key, summary },
        }
    }

    /// Drops the printers that are not in `existing`, and adds new months.
    pub fn apply(&mut self, existing: &HashMap<PrinterId, i64>, changes: Vec<NewMonths>) {
        let known = self.printers.len();
        self.printers.retain(|id, _| existing.contains_key(id));
        if changes.is_empty() && self.printers.len() == known {
            return;
        }
        for change in changes {
            let history = self.printers.entry(change.printer_id).or_default();
            if change.is_complete {
                history.months.clear();
            }
            for NewMonth { entry } in change.months {
                let new = entry.month;
                let replaced = history.months.insert(new.key, Arc::new(entry));
                if let Some(replaced) = replaced.filter(|replaced| replaced.month != new) {
                    self.memory.forget_month(&replaced.month);
                }
            }
            history.version = change.version;
        }
        let mut months: BTreeMap<MonthKey, Vec<Arc<MonthEntry>>> = BTreeMap::new();
        for history in self.printers.values() {
            for (key, entry) in &history.months {
                months.entry(*key).or_default().push(entry.clone());
            }
        }
        let all_new = std::mem::take(&mut self.has_new_profiles);
        self.partitions = Arc::new(self.partitions.regrouped(months, all_new));
    }

    /// Selects the jobs that match the filter's printers, period, statuses, material and slicer. `source` reads months
    /// that are not in memory.
    #[must_use]
    pub fn select(&self, filter: &JobFilter, source: Arc<dyn MonthSource>) -> Selection {
        Selection::new(
            self.partitions.clone(),
            self.profiles.clone(),
            self.memory.clone(),
            source,
            filter,
        )
    }

    /// Bytes of packed months and of figures in memory.
    #[must_use]
    pub fn used(&self) -> (usize, usize) {
        self.memory.used()
    }
}
