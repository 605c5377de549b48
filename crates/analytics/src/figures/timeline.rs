//! Jobs by the time of their start.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
};

use domain::{JobStatus, PrinterId, UnknownName, all};
use strum::VariantArray;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    PackedJob, ReadError, Selection,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

use super::ByProfile;

/// How each bucket of a timeline is divided into series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Stack {
    /// By status.
    Status,
    /// By printer.
    Printer,
    /// By the filament type planned by the slicer.
    Material,
}

/// Key shared by the jobs of a series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StackKey {
    /// A status, as in the API.
    Status(&'static str),
    /// A printer.
    Printer(PrinterId),
    /// A filament type. `None` if it is unknown.
    Material(Option<String>),
    /// All series beyond the largest ones.
    Other,
}

/// Jobs that started in a bucket of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Number of jobs.
    pub jobs: u64,
    /// Sum of the known `print`, in ms.
    pub print: u64,
    /// Sum of the known `length`, in µm.
    pub length: u64,
    /// Sum of the known `weight`, in mg.
    pub weight: u64,
    /// The part of `weight` that is computed with the usual density of the material.
    pub weight_estimated: u64,
}

/// Jobs with the same key, with a cell for each bucket of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The key.
    pub key: StackKey,
    /// One cell per bucket, in chronological order.
    pub cells: Vec<Cell>,
}

impl Stack {
    /// All variants.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// Name used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Cell {
    fn add(&mut self, job: PackedJob<'_>) {
        self.jobs += 1;
        self.print = self.print.saturating_add(job.print().unwrap_or(0));
        self.length = self.length.saturating_add(job.length().unwrap_or(0));
        let weight = job.weight().unwrap_or(0);
        self.weight = self.weight.saturating_add(weight);
        if job.weight_is_estimated() {
            self.weight_estimated = self.weight_estimated.saturating_add(weight);
        }
    }

    /// Adds the jobs of another cell.
    pub fn merge(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.print = self.print.saturating_add(other.print);
        self.length = self.length.saturating_add(other.length);
        self.weight = self.weight.saturating_add(other.weight);
        self.weight_estimated = self.weight_estimated.saturating_add(other.weight_estimated);
    }
}

/// Maximum number of series in a timeline. The last one may combine all others.
const MAX_SERIES: usize = 25;

/// Jobs of the buckets that have any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    /// By start of the bucket.
    series: BTreeMap<StackKey, BTreeMap<i64, Cell>>,
}

impl HeapSize for Cells {
    fn heap_size(&self) -> usize {
        let cells: usize = self.series.values().map(BTreeMap::len).sum();
        self.series.len() * size_of::<StackKey>() + cells * size_of::<(i64, Cell)>()
    }
}

/// Counts jobs by index of the series and of the bucket.
struct TimelineTally<'a> {
    timeline: &'a Timeline,
    keys: Vec<StackKey>,
    /// By series, beginning with `first_bucket`. Empty if the series has no jobs.
    cells: Vec<Vec<Cell>>,
    first_bucket: usize,
    printers: HashMap<PrinterId, usize>,
    last_printer: Option<(PrinterId, usize)>,
    last_bucket: usize,
}

impl TimelineTally<'_> {
    /// Usually the bucket of the previous job, or one soon after it.
    #[inline]
    fn bucket_of(&self, start: i64) -> Option<usize> {
        let near = self.last_bucket..self.last_bucket + 4;
        let is_here = |bucket: &usize| self.is_in(*bucket, start);
        near.into_iter().find(is_here).or_else(|| {
            let begun = self.timeline.bounds.partition_point(|bound| *bound <= start);
            begun.checked_sub(1).filter(is_here)
        })
    }

    #[inline]
    fn is_in(&self, bucket: usize, start: i64) -> bool {
        let bounds = &self.timeline.bounds;
        let end = bounds.get(bucket + 1);
        end.is_some_and(|end| bounds[bucket] <= start && start < *end)
    }

    #[inline]
    fn cell(&mut self, series: usize, bucket: usize) -> &mut Cell {
        let cells = &mut self.cells[series];
        let place = bucket - self.first_bucket;
        if cells.len() <= place {
            cells.resize(place + 1, Cell::default());
        }
        &mut cells[place]
    }

    #[inline]
    fn of_printer(&mut self, id: PrinterId) -> usize {
        match self.last_printer {
            Some((last, series)) if last == id => series,
            _ => {
                let next = self.keys.len();
                let series = *self.printers.entry(id).or_insert(next);
                if series == next {
                    self.keys.push(StackKey::Printer(id));
                    self.cells.push(Vec::new());
                }
                self.last_printer = Some((id, series));
                series
            }
        }
    }
}

impl Tally for TimelineTally<'_> {
    type Part = Cells;

    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        let Some(start) = job.start() else { return };
        let Some(bucket) = self.bucket_of(start) else {
            return;
        };
        self.last_bucket = bucket;
        let series = match self.timeline.stack {
            Stack::Status => job.status() as usize,
            Stack::Material => self.timeline.materials.place(job.profile()),
            Stack::Printer => self.of_printer(job.printer_id()),
        };
        self.cell(series, bucket).add(job);
    }

    fn finish(self) -> Cells {
        let begins = &self.timeline.bounds[self.first_bucket..];
        let series = self.keys.into_iter().zip(self.cells);
        let by_begin = |cells: Vec<Cell>| -> BTreeMap<i64, Cell> {
            let cells = begins.iter().copied().zip(cells);
            cells.filter(|(_, cell)| cell.jobs > 0).collect()
        };
        Cells {
            series: series
                .filter(|(_, cells)| !cells.is_empty())
                .map(|(key, cells)| (key, by_begin(cells)))
                .collect(),
        }
    }
}

struct Timeline {
    bounds: Arc<[i64]>,
    stack: Stack,
    materials: ByProfile,
}

impl Timeline {
    /// The bounds of the buckets in which the jobs of the partition started.
    fn bounds_of(&self, partition: Option<&MonthPartition>) -> Range<usize> {
        let Some((first, last)) = partition.and_then(|partition| partition.starts) else {
            return 0..self.bounds.len();
        };
        let begun = |time: i64| self.bounds.partition_point(|bound| *bound <= time);
        let end = (begun(last) + 1).min(self.bounds.len());
        begun(first).saturating_sub(1).min(end)..end
    }
}

impl<'a> Figure for &'a Timeline {
    type Tally = TimelineTally<'a>;
    type Total = Cells;

    /// Only the buckets of the partition's jobs are part of the key, so a longer timeline reuses the cached figures.
    fn question(&self, partition: Option<&MonthPartition>) -> Question {
        Question::Timeline {
            stack: self.stack,
            bounds: match partition {
                None => self.bounds.clone(),
                Some(_) => self.bounds[self.bounds_of(partition)].into(),
            },
        }
    }

    fn tally(&self, partition: Option<&MonthPartition>) -> TimelineTally<'a> {
        let keys: Vec<StackKey> = match self.stack {
            Stack::Status => JobStatus::ALL
                .map(|status| StackKey::Status(status.as_str()))
                .into(),
            Stack::Printer => Vec::new(),
            Stack::Material => {
                let names = self.materials.names.iter().cloned();
                names.map(StackKey::Material).collect()
            }
        };
        let first_bucket = self.bounds_of(partition).start;
        TimelineTally {
            timeline: self,
            cells: vec![Vec::new(); keys.len()],
            keys,
            first_bucket,
            printers: HashMap::new(),
            last_printer: None,
            last_bucket: first_bucket,
        }
    }

    fn add(total: &mut Cells, part: &Cells) {
        for (key, cells) in &part.series {
            let series = total.series.entry(key.clone()).or_default();
            for (start, cell) in cells {
                series.entry(*start).or_default().merge(cell);
            }
        }
    }
}

impl Selection {
    /// Jobs by the bucket in which they started, the largest series first. A bucket lies between each two of `bounds`
    /// (ms since 1970, ascending). Jobs outside of the bounds, and those whose start is unknown, are not counted.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn timeline(&self, bounds: &[i64], stack: Stack) -> Result<Vec<Series>, ReadError> {
        let timeline = &Timeline {
            bounds: bounds.into(),
            stack,
            materials: self.by_profile(|profile| profile.filament_type.as_ref()),
        };
        let cells = self.total(&timeline)?;
        let buckets = bounds.len().saturating_sub(1);
        let mut series: Vec<Series> = cells
            .series
            .iter()
            .map(|(key, cells)| Series {
                key: key.clone(),
                cells: spread(bounds, buckets, cells),
            })
            .collect();
        series.sort_by_key(|series| {
            let jobs: u64 = series.cells.iter().map(|cell| cell.jobs).sum();
            (std::cmp::Reverse(jobs), series.key.clone())
        });
        if series.len() > MAX_SERIES {
            let mut others = vec![Cell::default(); buckets];
            for series in series.drain(MAX_SERIES - 1..) {
                for (sum, cell) in others.iter_mut().zip(&series.cells) {
                    sum.merge(cell);
                }
            }
            series.push(Series {
                key: StackKey::Other,
                cells: others,
            });
        }
        Ok(series)
    }
}

/// A cell for each bucket.
fn spread(bounds: &[i64], buckets: usize, cells: &BTreeMap<i64, Cell>) -> Vec<Cell> {
    let mut all = vec![Cell::default(); buckets];
    for (start, cell) in cells {
        if let Ok(bucket) = bounds.binary_search(start) {
            all[bucket] = *cell;
        }
    }
    all
}
