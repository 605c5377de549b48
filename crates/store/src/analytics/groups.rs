//! Sums over all jobs, by printer, and by what slicers said.

use std::collections::BTreeMap;

use domain::{PrinterId, analytics::Sums};

use super::{kind_of, slot};
use crate::{
    Facts, Kind,
    facts::{Part, Row},
};

/// Sums by printer and kind, of which all others are made.
#[derive(Debug)]
pub struct Groups<'a> {
    facts: &'a Facts,
    sums: GroupSums,
}

/// Sums over jobs, divided twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupSums {
    /// By slot of the kind.
    kinds: Vec<Sums>,
    printers: BTreeMap<PrinterId, Sums>,
}

impl GroupSums {
    pub(crate) fn add(&mut self, row: Row<'_>) {
        let fact = row.fact();
        self.kind(fact.kind).add(&fact);
        self.printers.entry(fact.printer_id).or_default().add(&fact);
    }

    fn add_kind(&mut self, printer_id: PrinterId, kind: Option<u32>, sums: &Sums) {
        self.kind(kind).merge(sums);
        self.printers.entry(printer_id).or_default().merge(sums);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if self.kinds.len() < other.kinds.len() {
            self.kinds.resize_with(other.kinds.len(), Sums::default);
        }
        for (kind, more) in self.kinds.iter_mut().zip(&other.kinds) {
            kind.merge(more);
        }
        for (id, more) in &other.printers {
            self.printers.entry(*id).or_default().merge(more);
        }
    }

    /// Gives back what it has room for: sums of a month are kept.
    pub(crate) fn shrink(&mut self) {
        self.kinds.shrink_to_fit();
        for sums in self.kinds.iter_mut().chain(self.printers.values_mut()) {
            sums.costs.shrink_to_fit();
        }
    }

    fn kind(&mut self, kind: Option<u32>) -> &mut Sums {
        let slot = slot(kind);
        if slot >= self.kinds.len() {
            self.kinds.resize_with(slot + 1, Sums::default);
        }
        &mut self.kinds[slot]
    }
}

impl Groups<'_> {
    /// Sums over all jobs.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let mut all = Sums::default();
        for sums in self.sums.printers.values() {
            all.merge(sums);
        }
        all
    }

    /// Sums over the jobs of each printer that has any.
    #[must_use]
    pub fn by_printer(&self) -> BTreeMap<PrinterId, Sums> {
        self.sums.printers.clone()
    }

    /// Sums over the jobs that have `part` in common; `None` is what no slicer said.
    #[must_use]
    pub fn by_kind(&self, part: impl Fn(&Kind) -> Option<&String>) -> BTreeMap<Option<String>, Sums> {
        let mut groups: BTreeMap<Option<String>, Sums> = BTreeMap::new();
        for (position, sums) in self.sums.kinds.iter().enumerate() {
            if sums.jobs() > 0 {
                // A kind that was new when a job began to run may not be known yet.
                let key = self.facts.kind(kind_of(position)).and_then(&part).cloned();
                groups.entry(key).or_default().merge(sums);
            }
        }
        groups
    }
}

impl Facts {
    /// Sums by printer and kind.
    #[must_use]
    pub fn groups(&self) -> Groups<'_> {
        let mut sums = GroupSums::default();
        if let Some(fleet) = self.whole_fleet() {
            sums = fleet.sums().clone();
            self.running_jobs().for_each(|row| sums.add(row));
        } else if let Some(kinds) = self.sums_of_kinds() {
            kinds.for_each(|(id, kind, of_kind)| sums.add_kind(id, kind, of_kind));
            self.running_jobs().for_each(|row| sums.add(row));
        } else {
            self.each_part(|part| match part {
                Part::Month(month) => sums.merge(month.sums()),
                Part::Job(row) => sums.add(row),
            });
        }
        Groups { facts: self, sums }
    }
}
