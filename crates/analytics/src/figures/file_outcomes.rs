//! How the prints of each file ended.

use std::cmp::Reverse;

use domain::{JobStatus, UnknownName, all};
use strum::VariantArray;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    PackedJob, ReadError, Selection, Sums,
    figures::{FileFigures, files::SummingFiles},
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

/// Order of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum FileOrder {
    /// Number of jobs, descending.
    #[default]
    Jobs,
    /// Number of failed jobs, descending.
    Failed,
    /// Success rate, ascending, of files with at least [`RATED`](Self::RATED) completed and failed jobs.
    SuccessRate,
    /// Filament of jobs that did not complete, descending.
    FilamentLost,
}

/// How the prints of a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileOutcomes {
    /// All jobs.
    pub jobs: u64,
    /// Completed jobs.
    pub completed: u64,
    /// Jobs with status `error` or `interrupted`.
    pub failed: u64,
    /// Length in µm used by jobs that did not complete: failed and cancelled ones.
    pub lost_length: u64,
    /// Their weight in mg.
    pub lost_weight: u64,
    /// The part of `lost_weight` that is computed with the usual density of the material.
    pub lost_weight_estimated: u64,
    /// Such jobs whose length is unknown.
    pub without_lost_length: u64,
    /// Such jobs whose weight is unknown.
    pub without_lost_weight: u64,
}

impl FileOrder {
    /// All orders.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();
    /// Completed and failed jobs that a success rate needs to be compared.
    pub const RATED: u64 = 3;

    /// Name of the order.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Sort key of a file, the first file having the smallest. `None` if the order does not include the file.
    fn key(self, file: &FileOutcomes) -> Option<(u64, Reverse<u64>)> {
        let most = |amount: u64| (amount > 0).then(|| (u64::MAX - amount, Reverse(file.jobs)));
        match self {
            Self::Jobs => most(file.jobs),
            Self::Failed => most(file.failed),
            Self::FilamentLost => most(file.lost_length),
            Self::SuccessRate => {
                let rated = file.completed + file.failed;
                // In millionths, so that equal rates are equal.
                let rate = file.completed.saturating_mul(1_000_000) / rated.max(1);
                (rated >= Self::RATED).then_some((rate, Reverse(file.failed)))
            }
        }
    }
}

impl FileOutcomes {
    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        let status = job.status();
        self.jobs += 1;
        self.completed += u64::from(status == JobStatus::Completed);
        self.failed += u64::from(status.has_failed());
        if status.has_failed() || status == JobStatus::Cancelled {
            match job.length() {
                Some(length) => self.lost_length += length,
                None => self.without_lost_length += 1,
            }
            match job.weight() {
                Some(weight) => {
                    self.lost_weight += weight;
                    self.lost_weight_estimated += weight * u64::from(job.weight_is_estimated());
                }
                None => self.without_lost_weight += 1,
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.completed += other.completed;
        self.failed += other.failed;
        self.lost_length += other.lost_length;
        self.lost_weight += other.lost_weight;
        self.lost_weight_estimated += other.lost_weight_estimated;
        self.without_lost_length += other.without_lost_length;
        self.without_lost_weight += other.without_lost_weight;
    }
}

/// The outcomes of files, by number of the file name.
type PackedOutcomes = Box<[(u32, FileOutcomes)]>;

/// Outcomes that are being counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    /// By number of the file name: its index in `files` plus one; 0 for files without jobs.
    places: Vec<u32>,
    files: Vec<(u32, FileOutcomes)>,
}

impl Outcomes {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "file names have numbers of 32 bits"
    )]
    fn of(&mut self, file: u32) -> &mut FileOutcomes {
        let number = file as usize;
        if number >= self.places.len() {
            self.places.resize(number + 1, 0);
        }
        if self.places[number] == 0 {
            self.files.push((file, FileOutcomes::default()));
            self.places[number] = self.files.len() as u32;
        }
        &mut self.files[self.places[number] as usize - 1].1
    }
}

impl HeapSize for Outcomes {
    fn heap_size(&self) -> usize {
        size_of_val(self.places.as_slice()) + size_of_val(self.files.as_slice())
    }
}

impl HeapSize for PackedOutcomes {
    fn heap_size(&self) -> usize {
        size_of_val(&**self)
    }
}

impl Tally for Outcomes {
    type Part = PackedOutcomes;

    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        if let Some(file) = job.file() {
            self.of(file).add(job);
        }
    }

    fn finish(self) -> PackedOutcomes {
        self.files.into()
    }
}

struct CountingOutcomes;

impl Figure for CountingOutcomes {
    type Tally = Outcomes;
    type Total = Outcomes;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::FileOutcomes
    }

    fn tally(&self, _: Option<&MonthPartition>) -> Outcomes {
        Outcomes::default()
    }

    fn add(total: &mut Outcomes, part: &PackedOutcomes) {
        for (file, outcomes) in part {
            total.of(*file).merge(outcomes);
        }
    }
}

impl Selection {
    /// The first `limit` files in an order, with their outcomes. If files are equal in it, those with the lowest number
    /// come first.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn file_outcomes(
        &self,
        order: FileOrder,
        limit: usize,
    ) -> Result<Vec<(u32, FileOutcomes)>, ReadError> {
        let all = self.total(&CountingOutcomes)?;
        let ranked = all
            .files
            .iter()
            .filter_map(|file| Some((order.key(&file.1)?, file)));
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_unstable_by_key(|(key, (file, _))| (*key, *file));
        ranked.truncate(limit);
        Ok(ranked.into_iter().map(|(_, file)| *file).collect())
    }

    /// Sums over the jobs of these files, in the same order, with the numbers of all files and of jobs without a file.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn sums_of_files(&self, files: &[u32]) -> Result<FileFigures, ReadError> {
        let summing = &SummingFiles::new(files.into());
        let mut sums: Vec<Sums> = self.total(&summing)?.to_vec();
        sums.resize_with(files.len(), Sums::default);
        Ok(FileFigures {
            files: files.iter().copied().zip(sums).collect(),
            ..self.files(0)?
        })
    }
}
