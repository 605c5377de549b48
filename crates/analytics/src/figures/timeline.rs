//! Jobs by when they started.

use std::{collections::HashMap, ops::Range};

use domain::{JobStatus, PrinterId};

use super::ByProfile;
use crate::{Facts, Row, partition::MonthPartition, selection::Chunk};

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

/// Parts of a month up to which its cells are kept: those of days and longer, not those of hours.
const KEPT_PARTS: usize = 40;

/// What is asked of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartialTimeline {
    stack: Stack,
    bounds: Vec<i64>,
}

/// Jobs that have something in common, in those parts of a month that have any.
#[derive(Debug)]
pub(crate) struct PartialSeries {
    key: StackKey,
    cells: Vec<(usize, Cell)>,
}

impl Facts {
    /// First and last start (`None` if no start is known), and the number of jobs whose start is not known.
    #[must_use]
    pub fn extent(&self) -> (Option<(i64, i64)>, u64) {
        let (mut extent, mut undated) = (None, 0);
        let mut reach = |starts: Option<(i64, i64)>| {
            let Some((first, last)) = starts else { return };
            let (from, to) = extent.unwrap_or((first, last));
            extent = Some((from.min(first), to.max(last)));
        };
        self.each_chunk(|part| match part {
            Chunk::Month(month) if month.starts.is_none() => undated += month.rows().count() as u64,
            Chunk::Month(month) => reach(month.starts),
            Chunk::Job(row) if row.start().is_none() => undated += 1,
            Chunk::Job(row) => reach(row.start().map(|start| (start, start))),
        });
        (extent, undated)
    }

    /// Jobs by when they started, between each two of `bounds` (ms since 1970, rising), the largest series first.
    /// Jobs whose start is unknown, and those deltas the bounds, are in none.
    #[must_use]
    pub fn timeline(&self, bounds: &[i64], stack: Stack) -> Vec<Series> {
        let materials = self.by_profile(|profile| profile.filament_type.as_ref());
        let mut walk = Walk::new(bounds, stack, &materials);
        self.each_chunk(|part| match part {
            Chunk::Month(month) => match parts_of(month, bounds) {
                parts if parts.is_empty() => {}
                parts if parts.len() <= KEPT_PARTS => {
                    let asked = PartialTimeline {
                        stack,
                        bounds: bounds[parts.start..=parts.end].to_vec(),
                    };
                    let kept = month.partials.timelines.answer(&asked, || {
                        let mut walk = Walk::new(&asked.bounds, stack, &materials);
                        month.rows().for_each(|row| walk.add(row));
                        walk.finish().map(PartialSeries::of).collect()
                    });
                    kept.iter().for_each(|series| walk.merge(parts.start, series));
                }
                _ => month.rows().for_each(|row| walk.add(row)),
            },
            Chunk::Job(row) => walk.add(row),
        });
        let mut series: Vec<Series> = walk.finish().collect();
        series.sort_by_key(|series| {
            let jobs: u64 = series.cells.iter().map(|cell| cell.jobs).sum();
            (std::cmp::Reverse(jobs), series.key.clone())
        });
        if series.len() > MOST_SERIES {
            let mut others = vec![Cell::default(); bounds.len().saturating_sub(1)];
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

/// The parts that have jobs of the month.
fn parts_of(month: &MonthPartition, bounds: &[i64]) -> Range<usize> {
    let Some((first, last)) = month.starts else {
        return 0..0;
    };
    let parts = bounds.len().saturating_sub(1);
    let begun = |time: i64| bounds.partition_point(|bound| *bound <= time);
    begun(first).saturating_sub(1)..begun(last).min(parts)
}

impl PartialSeries {
    fn of(series: Series) -> Self {
        let cells = series.cells.into_iter().enumerate();
        Self {
            key: series.key,
            cells: cells.filter(|(_, cell)| cell.jobs > 0).collect(),
        }
    }
}

/// Counts jobs without comparing texts.
struct Walk<'a> {
    bounds: &'a [i64],
    stack: Stack,
    materials: &'a ByProfile,
    keys: Vec<StackKey>,
    /// As `keys`. Those without jobs are empty.
    cells: Vec<Vec<Cell>>,
    printers: HashMap<PrinterId, usize>,
    last_printer: Option<(PrinterId, usize)>,
    last_part: usize,
}

impl<'a> Walk<'a> {
    fn new(bounds: &'a [i64], stack: Stack, materials: &'a ByProfile) -> Self {
        let keys: Vec<StackKey> = match stack {
            Stack::Status => JobStatus::ALL
                .map(|status| StackKey::Status(status.as_str()))
                .into(),
            Stack::Printer => Vec::new(),
            Stack::Material => materials.names.iter().cloned().map(StackKey::Material).collect(),
        };
        Self {
            bounds,
            stack,
            materials,
            cells: vec![Vec::new(); keys.len()],
            keys,
            printers: HashMap::new(),
            last_printer: None,
            last_part: 0,
        }
    }

    #[inline]
    fn add(&mut self, row: Row<'_>) {
        let Some(start) = row.start() else { return };
        let Some(part) = self.part_of(start) else { return };
        self.last_part = part;
        let group = match self.stack {
            Stack::Status => row.status() as usize,
            Stack::Material => self.materials.place(row.profile()),
            Stack::Printer => self.of_printer(row.printer_id()),
        };
        self.cell(group, part).add(row);
    }

    fn merge(&mut self, first_part: usize, series: &PartialSeries) {
        let group = match &series.key {
            StackKey::Printer(id) => self.of_printer(*id),
            key => match self.keys.iter().position(|known| known == key) {
                Some(group) => group,
                None => self.new_group(key.clone()),
            },
        };
        for (part, cell) in &series.cells {
            self.cell(group, first_part + part).merge(cell);
        }
    }

    fn finish(self) -> impl Iterator<Item = Series> {
        let series = self.keys.into_iter().zip(self.cells);
        series
            .filter(|(_, cells)| !cells.is_empty())
            .map(|(key, cells)| Series { key, cells })
    }

    /// Mostly that of the job before, or one soon after.
    #[inline]
    fn part_of(&self, start: i64) -> Option<usize> {
        let near = self.last_part..self.last_part + 4;
        let is_here = |part: &usize| self.is_in(*part, start);
        near.into_iter().find(is_here).or_else(|| {
            let begun = self.bounds.partition_point(|bound| *bound <= start);
            begun.checked_sub(1).filter(is_here)
        })
    }

    #[inline]
    fn is_in(&self, part: usize, start: i64) -> bool {
        let end = self.bounds.get(part + 1);
        end.is_some_and(|end| self.bounds[part] <= start && start < *end)
    }

    #[inline]
    fn cell(&mut self, group: usize, part: usize) -> &mut Cell {
        let cells = &mut self.cells[group];
        if cells.is_empty() {
            cells.resize(self.bounds.len() - 1, Cell::default());
        }
        &mut cells[part]
    }

    #[inline]
    fn of_printer(&mut self, id: PrinterId) -> usize {
        match self.last_printer {
            Some((last, group)) if last == id => group,
            _ => {
                let group = match self.printers.get(&id) {
                    Some(group) => *group,
                    None => self.new_group(StackKey::Printer(id)),
                };
                self.printers.insert(id, group);
                self.last_printer = Some((id, group));
                group
            }
        }
    }

    fn new_group(&mut self, key: StackKey) -> usize {
        self.keys.push(key);
        self.cells.push(Vec::new());
        self.keys.len() - 1
    }
}
