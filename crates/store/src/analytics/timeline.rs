//! Jobs by when they started.

use std::collections::HashMap;

use domain::{JobStatus, PrinterId};

use super::slot;
use crate::{Facts, facts::Row};

/// What the jobs of each part of a timeline are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// How they stand.
    Status,
    /// Their printer.
    Printer,
    /// The filament type that the slicer planned.
    Material,
}

/// What the jobs of a series have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StackKey {
    /// This status, by its word.
    Status(&'static str),
    /// This printer.
    Printer(PrinterId),
    /// This filament type. `None` if it is not known.
    Material(Option<String>),
    /// That they are in none of the larger groups.
    Other,
}

/// Jobs that started in a part of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Their number.
    pub jobs: u64,
    /// Their `print`, in ms, where known.
    pub print: u64,
    /// Their `length`, in µm, where known.
    pub length: u64,
    /// Their `weight`, in mg, where known.
    pub weight: u64,
}

/// Jobs that have something in common, a cell for each part of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What they have in common.
    pub key: StackKey,
    /// In the order of time.
    pub cells: Vec<Cell>,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Status, Self::Printer, Self::Material];

    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Printer => "printer",
            Self::Material => "material",
        }
    }
}

impl Cell {
    fn add(&mut self, row: Row<'_>) {
        self.jobs += 1;
        self.print = self.print.saturating_add(row.print().unwrap_or(0));
        self.length = self.length.saturating_add(row.length().unwrap_or(0));
        self.weight = self.weight.saturating_add(row.weight().unwrap_or(0));
    }

    /// Adds other jobs.
    pub fn merge(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.print = self.print.saturating_add(other.print);
        self.length = self.length.saturating_add(other.length);
        self.weight = self.weight.saturating_add(other.weight);
    }
}

/// Series of one timeline, the last of which may be that of all others.
const MOST_SERIES: usize = 25;

impl Facts {
    /// First and last start (`None` if no start is known), and the number of jobs whose start is not known.
    #[must_use]
    pub fn extent(&self) -> (Option<(i64, i64)>, u64) {
        let (mut extent, mut undated) = (None, 0);
        self.each(|row| match row.start() {
            Some(start) => {
                let (first, last) = extent.unwrap_or((start, start));
                extent = Some((first.min(start), last.max(start)));
            }
            None => undated += 1,
        });
        (extent, undated)
    }

    /// Jobs by when they started, between each two of `bounds` (ms since 1970, rising), the largest series first.
    /// Jobs whose start is unknown, and those beyond the bounds, are in none.
    #[must_use]
    pub fn timeline(&self, bounds: &[i64], stack: Stack) -> Vec<Series> {
        let parts = bounds.len().saturating_sub(1);
        let mut groups = Groups::new(self, stack);
        let mut series: Vec<Vec<Cell>> = Vec::new();
        let mut part = 0;
        self.each(|row| {
            let Some(start) = row.start() else { return };
            let is_here = |part: usize| part < parts && bounds[part] <= start && start < bounds[part + 1];
            if !is_here(part) {
                part = bounds.partition_point(|bound| *bound <= start).wrapping_sub(1);
                if !is_here(part) {
                    return;
                }
            }
            let group = groups.of(row);
            if group >= series.len() {
                series.resize_with(group + 1, Vec::new);
            }
            if series[group].is_empty() {
                series[group] = vec![Cell::default(); parts];
            }
            series[group][part].add(row);
        });
        let mut series: Vec<Series> = groups
            .keys
            .into_iter()
            .zip(series)
            .filter(|(_, cells)| !cells.is_empty())
            .map(|(key, cells)| Series { key, cells })
            .collect();
        series.sort_by_key(|series| {
            let jobs: u64 = series.cells.iter().map(|cell| cell.jobs).sum();
            (std::cmp::Reverse(jobs), series.key.clone())
        });
        if series.len() > MOST_SERIES {
            let mut others = vec![Cell::default(); parts];
            for series in series.drain(MOST_SERIES - 1..) {
                for (sum, cell) in others.iter_mut().zip(&series.cells) {
                    sum.merge(cell);
                }
            }
            series.push(Series {
                key: StackKey::Other,
                cells: others,
            });
        }
        series
    }
}

/// Finds the number of a job's series without comparing texts.
struct Groups {
    stack: Stack,
    keys: Vec<StackKey>,
    /// By slot of the kind.
    materials: Vec<usize>,
    printers: HashMap<PrinterId, usize>,
    last_printer: Option<(PrinterId, usize)>,
}

impl Groups {
    fn new(facts: &Facts, stack: Stack) -> Self {
        let mut groups = Self {
            stack,
            keys: Vec::new(),
            materials: Vec::new(),
            printers: HashMap::new(),
            last_printer: None,
        };
        match stack {
            Stack::Status => {
                groups.keys = JobStatus::ALL
                    .map(|status| StackKey::Status(status.as_str()))
                    .into();
            }
            Stack::Printer => {}
            Stack::Material => {
                groups.keys = vec![StackKey::Material(None)];
                groups.materials = vec![0; facts.kind_slots()];
                for (number, kind) in facts.kinds() {
                    let key = StackKey::Material(kind.filament_type.clone());
                    let known = groups.keys.iter().position(|known| *known == key);
                    groups.materials[slot(Some(*number))] = known.unwrap_or_else(|| {
                        groups.keys.push(key);
                        groups.keys.len() - 1
                    });
                }
            }
        }
        groups
    }

    #[inline]
    fn of(&mut self, row: Row<'_>) -> usize {
        match self.stack {
            Stack::Status => row.status() as usize,
            Stack::Material => self.materials.get(slot(row.kind())).copied().unwrap_or(0),
            Stack::Printer => {
                if let Some((id, group)) = self.last_printer
                    && id == row.printer_id()
                {
                    return group;
                }
                let keys = &mut self.keys;
                let group = *self.printers.entry(row.printer_id()).or_insert_with(|| {
                    keys.push(StackKey::Printer(row.printer_id()));
                    keys.len() - 1
                });
                self.last_printer = Some((row.printer_id(), group));
                group
            }
        }
    }
}
