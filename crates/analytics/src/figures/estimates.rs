//! How long jobs took, compared with what their slicers thought.

use std::collections::BTreeMap;

use domain::{JobStatus, PrinterId};

use super::ByProfile;
use crate::{Distribution, Facts, PackedDistribution, Row, estimate_ratio, selection::Chunk};

/// Ratios of actual to estimated time, in thousandths; see [`estimate_ratio`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimates {
    /// Of all jobs.
    pub all: Distribution,
    /// Completed jobs that cannot be compared, because a time is unknown.
    pub unknown: u64,
    /// By printer.
    pub printers: BTreeMap<PrinterId, Distribution>,
    /// By filament type.
    pub materials: BTreeMap<Option<String>, Distribution>,
    /// By slicer.
    pub slicers: BTreeMap<Option<String>, Distribution>,
}

/// The same in little memory.
#[derive(Debug)]
pub(crate) struct PackedEstimates {
    unknown: u64,
    printers: Vec<(PrinterId, PackedDistribution)>,
    materials: Vec<(Option<String>, PackedDistribution)>,
    slicers: Vec<(Option<String>, PackedDistribution)>,
}

impl Estimates {
    fn merge(&mut self, other: &PackedEstimates) {
        self.unknown += other.unknown;
        for (id, ratios) in &other.printers {
            self.printers.entry(*id).or_default().merge_packed(ratios);
        }
        for (mine, others) in [
            (&mut self.materials, &other.materials),
            (&mut self.slicers, &other.slicers),
        ] {
            for (key, ratios) in others {
                mine.entry(key.clone()).or_default().merge_packed(ratios);
            }
        }
    }
}

/// Counts jobs without comparing texts.
struct Walk<'a> {
    materials: &'a ByProfile,
    slicers: &'a ByProfile,
    unknown: u64,
    printers: BTreeMap<PrinterId, Distribution>,
    of_materials: Vec<Distribution>,
    of_slicers: Vec<Distribution>,
}

impl<'a> Walk<'a> {
    fn new(materials: &'a ByProfile, slicers: &'a ByProfile) -> Self {
        Self {
            materials,
            slicers,
            unknown: 0,
            printers: BTreeMap::new(),
            of_materials: vec![Distribution::default(); materials.names.len()],
            of_slicers: vec![Distribution::default(); slicers.names.len()],
        }
    }

    fn add(&mut self, row: Row<'_>) {
        let Some(ratio) = estimate_ratio(row.status(), row.print(), row.estimate()) else {
            self.unknown += u64::from(row.status() == JobStatus::Completed);
            return;
        };
        self.printers.entry(row.printer_id()).or_default().add(ratio);
        self.of_materials[self.materials.place(row.profile())].add(ratio);
        self.of_slicers[self.slicers.place(row.profile())].add(ratio);
    }

    fn pack(&self) -> PackedEstimates {
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

impl Facts {
    /// How right the slicers' estimates were.
    #[must_use]
    pub fn estimates(&self) -> Estimates {
        let materials = self.by_profile(|profile| profile.filament_type.as_ref());
        let slicers = self.by_profile(|profile| profile.slicer.as_ref());
        let new = || Walk::new(&materials, &slicers);
        let mut rest = new();
        let mut estimates = Estimates::default();
        self.each_chunk(|part| match part {
            Chunk::Month(month) => estimates.merge(month.partials.estimates.get_or_init(|| {
                let mut walk = new();
                month.rows().for_each(|row| walk.add(row));
                walk.pack()
            })),
            Chunk::Job(row) => rest.add(row),
        });
        estimates.merge(&rest.pack());
        for ratios in estimates.printers.values() {
            estimates.all.merge(ratios);
        }
        estimates
    }
}
