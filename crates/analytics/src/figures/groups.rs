//! Sums over jobs by printer, and by fields of the material profile.

use std::{collections::BTreeMap, sync::Arc};

use domain::PrinterId;

use crate::{
    MaterialProfile, PackedJob, ReadError, Selection, Sums,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

use super::slot;

/// Sums by printer and by material profile.
#[derive(Debug)]
pub struct Groups<'a> {
    selection: &'a Selection,
    sums: Arc<GroupSums>,
}

/// The same jobs, summed up by printer and by material profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupSums {
    profiles: BTreeMap<Option<u32>, Sums>,
    printers: BTreeMap<PrinterId, Sums>,
}

impl HeapSize for GroupSums {
    fn heap_size(&self) -> usize {
        let groups = self.profiles.values().chain(self.printers.values());
        groups
            .map(|sums| size_of::<(Option<u32>, Sums)>() + size_of_val(sums.costs.as_slice()))
            .sum()
    }
}

/// Sums up jobs; profiles by their [`slot`].
#[derive(Default)]
struct GroupTally {
    profiles: Vec<Sums>,
    printers: BTreeMap<PrinterId, Sums>,
    last_printer: Option<(PrinterId, Sums)>,
}

impl GroupTally {
    /// Jobs are ordered by printer, so most have the same printer as the previous job.
    fn printer(&mut self, id: PrinterId) -> &mut Sums {
        if self.last_printer.as_ref().is_none_or(|(last, _)| *last != id) {
            self.end_printer();
        }
        &mut self.last_printer.get_or_insert_with(|| (id, Sums::default())).1
    }

    fn end_printer(&mut self) {
        if let Some((id, sums)) = self.last_printer.take() {
            self.printers.entry(id).or_default().merge(&sums);
        }
    }
}

impl Tally for GroupTally {
    type Part = GroupSums;

    fn add(&mut self, job: PackedJob<'_>) {
        let fact = job.fact();
        let slot = slot(fact.profile);
        if slot >= self.profiles.len() {
            self.profiles.resize_with(slot + 1, Sums::default);
        }
        self.profiles[slot].add(&fact);
        self.printer(fact.printer_id).add(&fact);
    }

    fn finish(mut self) -> GroupSums {
        self.end_printer();
        let numbers = std::iter::once(None).chain((0..).map(Some));
        let mut profiles: BTreeMap<_, _> = numbers.zip(self.profiles).collect();
        profiles.retain(|_, sums| sums.jobs() > 0);
        for sums in profiles.values_mut().chain(self.printers.values_mut()) {
            sums.costs.shrink_to_fit();
        }
        GroupSums {
            profiles,
            printers: self.printers,
        }
    }
}

struct Grouping;

impl Figure for Grouping {
    type Tally = GroupTally;
    type Total = GroupSums;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Groups
    }

    fn tally(&self, _: Option<&MonthPartition>) -> GroupTally {
        GroupTally::default()
    }

    fn add(total: &mut GroupSums, part: &GroupSums) {
        for (number, sums) in &part.profiles {
            total.profiles.entry(*number).or_default().merge(sums);
        }
        for (id, sums) in &part.printers {
            total.printers.entry(*id).or_default().merge(sums);
        }
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

    /// Sums by a field of the material profile. `None` is unknown.
    #[must_use]
    pub fn by_profile(
        &self,
        field: impl Fn(&MaterialProfile) -> Option<&String>,
    ) -> BTreeMap<Option<String>, Sums> {
        let mut groups: BTreeMap<Option<String>, Sums> = BTreeMap::new();
        for (number, sums) in &self.sums.profiles {
            // The profile of a running job may be newer than the selection.
            let key = self.selection.profile(*number).and_then(&field).cloned();
            groups.entry(key).or_default().merge(sums);
        }
        groups
    }
}

impl Selection {
    /// Sums by printer and material profile.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn groups(&self) -> Result<Groups<'_>, ReadError> {
        Ok(Groups {
            selection: self,
            sums: self.total(&Grouping)?,
        })
    }
}
