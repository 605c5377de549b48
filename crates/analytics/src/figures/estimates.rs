//! Print times compared with the slicers' estimates.

use std::{collections::BTreeMap, sync::Arc};

use domain::{JobStatus, PrinterId};

use crate::{
    Distribution, PackedDistribution, PackedJob, ReadError, Selection, estimate_ratio,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

use super::ByProfile;

/// Ratios of actual to estimated time, in thousandths; see [`estimate_ratio`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimates {
    /// Of all jobs.
    pub all: Distribution,
    /// Completed jobs that cannot be compared because a time is unknown.
    pub unknown: u64,
    /// By printer.
    pub printers: BTreeMap<PrinterId, Distribution>,
    /// By filament type.
    pub materials: BTreeMap<Option<String>, Distribution>,
    /// By slicer.
    pub slicers: BTreeMap<Option<String>, Distribution>,
}

/// Estimates of a partition, in little memory.
#[derive(Debug)]
pub(crate) struct PackedEstimates {
    unknown: u64,
    printers: Vec<(PrinterId, PackedDistribution)>,
    materials: Vec<(Option<String>, PackedDistribution)>,
    slicers: Vec<(Option<String>, PackedDistribution)>,
}

impl HeapSize for PackedEstimates {
    fn heap_size(&self) -> usize {
        let printers = self.printers.iter().map(|(_, ratios)| ratios);
        let named = self
            .materials
            .iter()
            .chain(&self.slicers)
            .map(|(_, ratios)| ratios);
        printers
            .chain(named)
            .map(|ratios| size_of::<(Option<String>, PackedDistribution)>() + ratios.heap_size())
            .sum()
    }
}

impl HeapSize for Estimates {
    fn heap_size(&self) -> usize {
        let printers = self.printers.values().chain([&self.all]);
        let named = self.materials.values().chain(self.slicers.values());
        printers
            .chain(named)
            .map(|ratios| size_of::<(Option<String>, Distribution)>() + ratios.heap_size())
            .sum()
    }
}

/// Counts ratios by index of the name rather than by name.
struct EstimateTally<'a> {
    materials: &'a ByProfile,
    slicers: &'a ByProfile,
    unknown: u64,
    printers: BTreeMap<PrinterId, Distribution>,
    of_materials: Vec<Distribution>,
    of_slicers: Vec<Distribution>,
}

impl Tally for EstimateTally<'_> {
    type Part = PackedEstimates;

    fn add(&mut self, job: PackedJob<'_>) {
        let Some(ratio) = estimate_ratio(job.status(), job.print(), job.estimate()) else {
            self.unknown += u64::from(job.status() == JobStatus::Completed);
            return;
        };
        self.printers.entry(job.printer_id()).or_default().add(ratio);
        self.of_materials[self.materials.place(job.profile())].add(ratio);
        self.of_slicers[self.slicers.place(job.profile())].add(ratio);
    }

    fn finish(self) -> PackedEstimates {
        let named = |names: &ByProfile, groups: &[Distribution]| {
            let groups = names.names.iter().zip(groups);
            groups
                .filter(|(_, ratios)| ratios.count() > 0)
                .map(|(name, ratios)| (name.clone(), ratios.pack()))
                .collect()
        };
        let printers = self.printers.iter();
        PackedEstimates {
            unknown: self.unknown,
            printers: printers.map(|(id, ratios)| (*id, ratios.pack())).collect(),
            materials: named(self.materials, &self.of_materials),
            slicers: named(self.slicers, &self.of_slicers),
        }
    }
}

struct Estimating {
    materials: ByProfile,
    slicers: ByProfile,
}

impl<'a> Figure for &'a Estimating {
    type Tally = EstimateTally<'a>;
    type Total = Estimates;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Estimates
    }

    fn tally(&self, _: Option<&MonthPartition>) -> EstimateTally<'a> {
        EstimateTally {
            materials: &self.materials,
            slicers: &self.slicers,
            unknown: 0,
            printers: BTreeMap::new(),
            of_materials: vec![Distribution::default(); self.materials.names.len()],
            of_slicers: vec![Distribution::default(); self.slicers.names.len()],
        }
    }

    fn add(total: &mut Estimates, part: &PackedEstimates) {
        total.unknown += part.unknown;
        for (id, ratios) in &part.printers {
            total.printers.entry(*id).or_default().merge_packed(ratios);
            total.all.merge_packed(ratios);
        }
        for (groups, parts) in [
            (&mut total.materials, &part.materials),
            (&mut total.slicers, &part.slicers),
        ] {
            for (key, ratios) in parts {
                groups.entry(key.clone()).or_default().merge_packed(ratios);
            }
        }
    }
}

impl Selection {
    /// Accuracy of the slicers' estimates.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn estimates(&self) -> Result<Estimates, ReadError> {
        let estimating = &Estimating {
            materials: self.by_profile(|profile| profile.filament_type.as_ref()),
            slicers: self.by_profile(|profile| profile.slicer.as_ref()),
        };
        Ok(Arc::unwrap_or_clone(self.total(&estimating)?))
    }
}
