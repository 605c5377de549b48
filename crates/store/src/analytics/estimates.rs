//! How long jobs took, compared with what their slicers thought.

use std::collections::BTreeMap;

use domain::{
    JobStatus, PrinterId,
    analytics::{Distribution, estimate_ratio},
};

use super::{kind_of, slot};
use crate::Facts;

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

impl Facts {
    /// How right the slicers' estimates were.
    #[must_use]
    pub fn estimates(&self) -> Estimates {
        let mut estimates = Estimates::default();
        let mut kinds = vec![Distribution::default(); self.kind_slots()];
        let mut printer: Option<(PrinterId, Distribution)> = None;
        let mut finished = Vec::new();
        self.each(|row| {
            let Some(ratio) = estimate_ratio(row.status(), row.print(), row.estimate()) else {
                estimates.unknown += u64::from(row.status() == JobStatus::Completed);
                return;
            };
            let position = slot(row.kind());
            let position = if position < kinds.len() { position } else { 0 };
            kinds[position].add(ratio);
            match &mut printer {
                Some((id, distribution)) if *id == row.printer_id() => distribution.add(ratio),
                _ => {
                    let mut distribution = Distribution::default();
                    distribution.add(ratio);
                    finished.extend(printer.replace((row.printer_id(), distribution)));
                }
            }
        });
        for (id, distribution) in finished.into_iter().chain(printer) {
            estimates.printers.entry(id).or_default().merge(&distribution);
        }
        for (position, distribution) in kinds.iter().enumerate().filter(|(_, found)| found.count() > 0) {
            let kind = self.kind(kind_of(position));
            let material = kind.and_then(|kind| kind.filament_type.clone());
            let slicer = kind.and_then(|kind| kind.slicer.clone());
            estimates.all.merge(distribution);
            estimates
                .materials
                .entry(material)
                .or_default()
                .merge(distribution);
            estimates.slicers.entry(slicer).or_default().merge(distribution);
        }
        estimates
    }
}
