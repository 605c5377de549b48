//! Sums over all jobs, by printer, and by what slicers said.

use std::collections::BTreeMap;

use domain::PrinterId;

use super::{profile_of, slot};
use crate::{Facts, MaterialProfile, Row, Sums, selection::Chunk};

/// Sums by printer and profile, of which all others are made.
#[derive(Debug)]
pub struct Groups<'a> {
    facts: &'a Facts,
    sums: GroupSums,
}

/// Sums over jobs, divided twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupSums {
    /// By slot of the profile.
    profiles: Vec<Sums>,
    printers: BTreeMap<PrinterId, Sums>,
}

impl GroupSums {
    pub(crate) fn add(&mut self, row: Row<'_>) {
        let fact = row.fact();
        self.profile(fact.profile).add(&fact);
        self.printers.entry(fact.printer_id).or_default().add(&fact);
    }

    fn add_profile(&mut self, printer_id: PrinterId, profile: Option<u32>, sums: &Sums) {
        self.profile(profile).merge(sums);
        self.printers.entry(printer_id).or_default().merge(sums);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if self.profiles.len() < other.profiles.len() {
            self.profiles.resize_with(other.profiles.len(), Sums::default);
        }
        for (profile, more) in self.profiles.iter_mut().zip(&other.profiles) {
            profile.merge(more);
        }
        for (id, more) in &other.printers {
            self.printers.entry(*id).or_default().merge(more);
        }
    }

    /// Gives back what it has room for: sums of a month are kept.
    pub(crate) fn shrink(&mut self) {
        self.profiles.shrink_to_fit();
        for sums in self.profiles.iter_mut().chain(self.printers.values_mut()) {
            sums.costs.shrink_to_fit();
        }
    }

    fn profile(&mut self, profile: Option<u32>) -> &mut Sums {
        let slot = slot(profile);
        if slot >= self.profiles.len() {
            self.profiles.resize_with(slot + 1, Sums::default);
        }
        &mut self.profiles[slot]
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
    pub fn by_profile(
        &self,
        part: impl Fn(&MaterialProfile) -> Option<&String>,
    ) -> BTreeMap<Option<String>, Sums> {
        let mut groups: BTreeMap<Option<String>, Sums> = BTreeMap::new();
        for (position, sums) in self.sums.profiles.iter().enumerate() {
            if sums.jobs() > 0 {
                // A profile that was new when a job began to run may not be known yet.
                let key = self.facts.profile(profile_of(position)).and_then(&part).cloned();
                groups.entry(key).or_default().merge(sums);
            }
        }
        groups
    }
}

impl Facts {
    /// Sums by printer and profile.
    #[must_use]
    pub fn groups(&self) -> Groups<'_> {
        let mut sums = GroupSums::default();
        if let Some(partitions) = self.all_partitions() {
            sums = partitions.sums().clone();
            self.running_jobs().for_each(|row| sums.add(row));
        } else if let Some(profiles) = self.sums_of_profiles() {
            profiles.for_each(|(id, profile, of_profile)| sums.add_profile(id, profile, of_profile));
            self.running_jobs().for_each(|row| sums.add(row));
        } else {
            self.each_chunk(|part| match part {
                Chunk::Month(month) => sums.merge(month.sums()),
                Chunk::Job(row) => sums.add(row),
            });
        }
        Groups { facts: self, sums }
    }
}
