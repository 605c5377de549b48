//! Which files were printed how often, and how that went.

use std::{borrow::Cow, cmp::Reverse, collections::BinaryHeap, sync::LazyLock};

use crate::{Facts, IdSet, Row, Sums, selection::Chunk};

/// The files that were printed most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFigures {
    /// Number of the file's name, and its jobs; the most printed first.
    pub files: Vec<(u32, Sums)>,
    /// Files in all.
    pub total: u64,
    /// Jobs whose file is not known.
    pub unknown: u64,
}

/// How often each file was printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileCounts {
    /// By the number of the file's name.
    files: Vec<u32>,
    unknown: u64,
}

impl FileCounts {
    #[inline]
    pub(crate) fn add(&mut self, row: Row<'_>) {
        let Some(file) = row.file() else {
            self.unknown += 1;
            return;
        };
        let file = file as usize;
        if file >= self.files.len() {
            self.files.resize(file + 1, 0);
        }
        self.files[file] += 1;
    }

    /// Jobs of these files.
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

    /// The files printed most; of those printed equally often the ones known longer.
    fn most(&self, limit: usize) -> Vec<u32> {
        let mut most = BinaryHeap::with_capacity(limit + 1);
        let mut base = 0;
        for (file, count) in (0..).zip(&self.files) {
            if *count > base {
                most.push((Reverse(*count), file));
                if most.len() > limit {
                    most.pop();
                    base = most.peek().map_or(u32::MAX, |(Reverse(base), _)| *base);
                }
            }
        }
        most.into_sorted_vec().into_iter().map(|(_, file)| file).collect()
    }
}

/// Where each file stands in a list of some.
struct Places(Vec<u32>);

impl Places {
    fn of(files: &[u32]) -> Self {
        let most = files.iter().max().map_or(0, |most| *most as usize + 1);
        let mut places = vec![0; most];
        for (place, file) in (1..).zip(files) {
            places[*file as usize] = place;
        }
        Self(places)
    }

    #[inline]
    fn add(&self, row: Row<'_>, sums: &mut [Sums]) {
        let place = row.file().and_then(|file| self.0.get(file as usize));
        if let Some(place) = place.and_then(|place| place.checked_sub(1)) {
            sums[place as usize].add(&row.fact());
        }
    }
}

impl Facts {
    /// The `limit` files that were printed most.
    #[must_use]
    pub fn files(&self, limit: usize) -> FileFigures {
        let counts = self.file_counts();
        let files = counts.most(limit);
        let places = LazyLock::new(|| Places::of(&files));
        let mut sums = vec![Sums::default(); files.len()];
        self.each_chunk(|part| match part {
            Chunk::Month(month) => {
                let of_month = month.partials.files.answer(&files, || {
                    let mut sums = vec![Sums::default(); files.len()];
                    month.rows().for_each(|row| places.add(row, &mut sums));
                    sums
                });
                for (all, sums) in sums.iter_mut().zip(of_month.iter()) {
                    all.merge(sums);
                }
            }
            Chunk::Job(row) => places.add(row, &mut sums),
        });
        drop(places);
        FileFigures {
            files: files.into_iter().zip(sums).collect(),
            total: counts.total(),
            unknown: counts.unknown,
        }
    }

    fn file_counts(&self) -> Cow<'_, FileCounts> {
        let mut running = self.running_jobs().peekable();
        match self.all_partitions() {
            Some(partitions) if running.peek().is_none() => Cow::Borrowed(partitions.files()),
            Some(partitions) => {
                let mut counts = partitions.files().clone();
                running.for_each(|row| counts.add(row));
                Cow::Owned(counts)
            }
            None => {
                let mut counts = FileCounts::default();
                self.each(|row| counts.add(row));
                Cow::Owned(counts)
            }
        }
    }
}
