//! Sums over all jobs, by printer, and by what slicers said.

use std::collections::BTreeMap;

use domain::{PrinterId, analytics::Sums};

use super::{kind_of, slot};
use crate::{Facts, Kind, facts::Portion};

/// Sums by printer and kind, of which all others are made.
#[derive(Debug)]
pub struct Groups<'a> {
    facts: &'a Facts,
    /// By slot of the kind.
    printers: BTreeMap<PrinterId, Vec<Sums>>,
}

impl Groups<'_> {
    /// Sums over all jobs.
    #[must_use]
    pub fn sums(&self) -> Sums {
        merged(self.printers.values().flatten())
    }

    /// Sums over the jobs of each printer that has any.
    #[must_use]
    pub fn by_printer(&self) -> BTreeMap<PrinterId, Sums> {
        let printers = self.printers.iter();
        printers.map(|(id, kinds)| (*id, merged(kinds))).collect()
    }

    /// Sums over the jobs that have `part` in common; `None` is what no slicer said.
    #[must_use]
    pub fn by_kind(&self, part: impl Fn(&Kind) -> Option<&String>) -> BTreeMap<Option<String>, Sums> {
        let mut groups: BTreeMap<Option<String>, Sums> = BTreeMap::new();
        for position in 0..self.facts.kind_slots() {
            let sums = merged(self.printers.values().map(|kinds| &kinds[position]));
            if sums.jobs() > 0 {
                let key = self.facts.kind(kind_of(position)).and_then(&part).cloned();
                groups.entry(key).or_default().merge(&sums);
            }
        }
        groups
    }
}

impl Facts {
    /// Sums by printer and kind.
    #[must_use]
    pub fn groups(&self) -> Groups<'_> {
        let slots = self.kind_slots();
        let mut printers: BTreeMap<PrinterId, Vec<Sums>> = BTreeMap::new();
        self.each_portion(|printer_id, portion| {
            let kinds = printers
                .entry(printer_id)
                .or_insert_with(|| vec![Sums::default(); slots]);
            // A kind that was new when a job began to run may have no slot yet.
            let place = |kind| Some(slot(kind)).filter(|slot| *slot < slots).unwrap_or(0);
            match portion {
                Portion::Sums(kind, sums) => kinds[place(kind)].merge(sums),
                Portion::Job(row) => kinds[place(row.kind())].add(&row.fact()),
            }
        });
        Groups {
            facts: self,
            printers,
        }
    }
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a Sums>) -> Sums {
    let mut all = Sums::default();
    for part in parts {
        all.merge(part);
    }
    all
}
