//! How often each file was printed, with sums over its jobs.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use crate::{
    IdSet, PackedJob, ReadError, Selection, Sums,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Reading, Tally},
};

/// The most printed files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFigures {
    /// Number of the file name, and sums over the jobs; the most printed first.
    pub files: Vec<(u32, Sums)>,
    /// Number of files.
    pub total: u64,
    /// Jobs whose file is unknown.
    pub unknown: u64,
}

/// Number of jobs of each file.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileCounts {
    /// By number of the file name.
    files: Vec<u32>,
    unknown: u64,
}

/// The files printed in a partition.
#[derive(Debug)]
pub(crate) struct PackedFileCounts {
    files: Box<[(u32, u32)]>,
    unknown: u64,
}

impl HeapSize for FileCounts {
    fn heap_size(&self) -> usize {
        size_of_val(self.files.as_slice())
    }
}

impl HeapSize for PackedFileCounts {
    fn heap_size(&self) -> usize {
        size_of_val(&*self.files)
    }
}

impl PackedFileCounts {
    /// Whether one of these files was printed.
    pub(crate) fn any_of(&self, files: &IdSet) -> bool {
        self.files.iter().any(|(file, _)| files.contains(*file))
    }
}

impl FileCounts {
    fn count(&mut self, file: u32, jobs: u32) {
        let file = file as usize;
        if file >= self.files.len() {
            self.files.resize(file + 1, 0);
        }
        self.files[file] += jobs;
    }

    /// Number of jobs of these files.
    pub(crate) fn of(&self, files: &IdSet) -> u64 {
        let counts = (0..).zip(&self.files);
        counts
            .filter(|(file, _)| files.contains(*file))
            .map(|(_, count)| u64::from(*count))
            .sum()
    }

    fn total(&self) -> u64 {
        self.files.iter().filter(|count| **count > 0).count() as u64
    }

    /// The most printed files. If files were printed equally often, the ones with the lowest number come first.
    fn most(&self, limit: usize) -> Vec<u32> {
        let mut most = BinaryHeap::with_capacity(limit + 1);
        let mut fewest = 0;
        for (file, count) in (0..).zip(&self.files) {
            if *count > fewest {
                most.push((Reverse(*count), file));
                if most.len() > limit {
                    most.pop();
                    fewest = most.peek().map_or(u32::MAX, |(Reverse(fewest), _)| *fewest);
                }
            }
        }
        most.into_sorted_vec().into_iter().map(|(_, file)| file).collect()
    }
}

impl Tally for FileCounts {
    type Part = PackedFileCounts;

    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        match job.file() {
            Some(file) => self.count(file, 1),
            None => self.unknown += 1,
        }
    }

    fn finish(self) -> PackedFileCounts {
        let counts = (0..).zip(self.files);
        PackedFileCounts {
            files: counts.filter(|(_, count)| *count > 0).collect(),
            unknown: self.unknown,
        }
    }
}

/// Counts the jobs of each file.
pub(crate) struct FileCounting;

impl Figure for FileCounting {
    type Tally = FileCounts;
    type Total = FileCounts;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::FileCounts
    }

    fn tally(&self, _: Option<&MonthPartition>) -> FileCounts {
        FileCounts::default()
    }

    fn add(total: &mut FileCounts, part: &PackedFileCounts) {
        total.unknown += part.unknown;
        for (file, jobs) in &part.files {
            total.count(*file, *jobs);
        }
    }
}

/// The files of all ended jobs of the partition.
pub(crate) fn files_of_partition(
    selection: &Selection,
    partition: &MonthPartition,
    reading: &mut Reading,
) -> Result<Arc<PackedFileCounts>, ReadError> {
    selection.unfiltered().part(&FileCounting, partition, reading)
}

/// Sums over the jobs of some files.
pub(super) struct SummingFiles {
    files: Arc<[u32]>,
    /// By number of the file: its index in `files` plus one; 0 for all other files.
    places: Vec<u32>,
}

impl SummingFiles {
    pub(super) fn new(files: Arc<[u32]>) -> Self {
        let mut places = vec![0; files.iter().max().map_or(0, |largest| *largest as usize + 1)];
        for (place, file) in (1..).zip(&*files) {
            places[*file as usize] = place;
        }
        Self { files, places }
    }
}

pub(super) struct FileTally<'a> {
    places: &'a [u32],
    sums: Vec<Sums>,
}

impl Tally for FileTally<'_> {
    type Part = Vec<Sums>;

    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        let place = job.file().and_then(|file| self.places.get(file as usize));
        if let Some(place) = place.and_then(|place| place.checked_sub(1)) {
            self.sums[place as usize].add(&job.fact());
        }
    }

    fn finish(self) -> Vec<Sums> {
        self.sums
    }
}

impl HeapSize for Vec<Sums> {
    fn heap_size(&self) -> usize {
        let costs = |sums: &Sums| size_of_val(sums.costs.as_slice());
        size_of_val(self.as_slice()) + self.iter().map(costs).sum::<usize>()
    }
}

impl<'a> Figure for &'a SummingFiles {
    type Tally = FileTally<'a>;
    type Total = Vec<Sums>;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Files(self.files.clone())
    }

    fn tally(&self, _: Option<&MonthPartition>) -> FileTally<'a> {
        FileTally {
            places: &self.places,
            sums: vec![Sums::default(); self.files.len()],
        }
    }

    fn add(total: &mut Vec<Sums>, part: &Vec<Sums>) {
        total.resize_with(part.len(), Sums::default);
        for (total, sums) in total.iter_mut().zip(part) {
            total.merge(sums);
        }
    }
}

impl Selection {
    /// The `limit` most printed files.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn files(&self, limit: usize) -> Result<FileFigures, ReadError> {
        let counts = self.total(&FileCounting)?;
        let summing = &SummingFiles::new(counts.most(limit).into());
        let sums = self.total(&summing)?;
        Ok(FileFigures {
            files: summing.files.iter().copied().zip(sums.iter().cloned()).collect(),
            total: counts.total(),
            unknown: counts.unknown,
        })
    }
}
