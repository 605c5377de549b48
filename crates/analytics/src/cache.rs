//! The packed months of all printers, as of the versions that were last read from the database.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{JobFilter, PrinterId};

use crate::{Facts, MaterialProfile, Month, MonthKey, partition::Partitions, selection::PrinterHistory};

/// Packed months in memory. Months never change: a newer version replaces an older one.
#[derive(Debug, Default)]
pub struct MonthCache {
    printers: BTreeMap<PrinterId, Printer>,
    partitions: Arc<Partitions>,
    profiles: Arc<HashMap<u32, MaterialProfile>>,
}

#[derive(Debug, Default)]
struct Printer {
    version: i64,
    months: BTreeMap<MonthKey, Arc<Month>>,
    history: PrinterHistory,
}

/// The months of a printer that are newer than those in the cache.
#[derive(Debug)]
pub struct NewMonths {
    /// The printer.
    pub printer_id: PrinterId,
    /// Version that the printer's months now have.
    pub version: i64,
    /// Whether these are all its months, rather than the changed ones.
    pub is_complete: bool,
    /// The months.
    pub months: Vec<(MonthKey, Month)>,
}

impl MonthCache {
    /// Version of the printer's months in the cache; 0 if there are none.
    #[must_use]
    pub fn version(&self, printer_id: PrinterId) -> i64 {
        self.printers
            .get(&printer_id)
            .map_or(0, |printer| printer.version)
    }

    /// Whether all material profiles of the month are known.
    #[must_use]
    pub fn knows_profiles(&self, month: &Month) -> bool {
        let mut profiles = month.rows().filter_map(|row| row.profile());
        profiles.all(|profile| self.profiles.contains_key(&profile))
    }

    /// Replaces the material profiles.
    pub fn set_profiles(&mut self, profiles: HashMap<u32, MaterialProfile>) {
        self.profiles = Arc::new(profiles);
    }

    /// Drops printers that are not in `existing`, and takes over new months.
    pub fn apply(&mut self, existing: &HashMap<PrinterId, i64>, changes: Vec<NewMonths>) {
        let known = self.printers.len();
        self.printers.retain(|id, _| existing.contains_key(id));
        if changes.is_empty() && self.printers.len() == known {
            return;
        }
        for change in changes {
            let printer = self.printers.entry(change.printer_id).or_default();
            if change.is_complete {
                printer.months.clear();
            }
            let months = change
                .months
                .into_iter()
                .map(|(key, month)| (key, Arc::new(month)));
            printer.months.extend(months);
            printer.version = change.version;
            printer.history = PrinterHistory::of(&printer.months);
        }
        self.regroup();
    }

    /// The jobs that the filter selects by printer, start, status, material and slicer.
    #[must_use]
    pub fn select(&self, filter: &JobFilter) -> Facts {
        let of_printer = |id: &PrinterId| filter.printer_ids.is_empty() || filter.printer_ids.contains(id);
        let printers = self.printers.iter().filter(|(id, _)| of_printer(id));
        let histories: Vec<_> = printers
            .map(|(id, printer)| (*id, printer.history.clone()))
            .collect();
        let partitions = (histories.len() == self.printers.len()).then(|| self.partitions.clone());
        Facts::new(histories, partitions, self.profiles.clone(), filter)
    }

    fn regroup(&mut self) {
        let mut months: BTreeMap<MonthKey, Vec<Arc<Month>>> = BTreeMap::new();
        for printer in self.printers.values() {
            for (key, month) in &printer.months {
                months.entry(*key).or_default().push(month.clone());
            }
        }
        self.partitions = Arc::new(self.partitions.renewed(months, &self.profiles));
    }
}
