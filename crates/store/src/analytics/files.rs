//! Which files were printed how often, and how that went.

use domain::analytics::Sums;

use crate::Facts;

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

impl Facts {
    /// The `limit` files that were printed most.
    #[must_use]
    pub fn files(&self, limit: usize) -> FileFigures {
        let mut figures = FileFigures::default();
        let mut counts: Vec<u32> = Vec::new();
        self.each(|row| match row.file() {
            None => figures.unknown += 1,
            Some(file) => {
                let file = file as usize;
                if file >= counts.len() {
                    counts.resize(file + 1, 0);
                }
                counts[file] += 1;
            }
        });
        // Of files printed equally often the ones known longer.
        let mut most: Vec<(std::cmp::Reverse<u32>, u32)> = (0..)
            .zip(&counts)
            .filter(|(_, count)| **count > 0)
            .map(|(file, count)| (std::cmp::Reverse(*count), file))
            .collect();
        figures.total = most.len() as u64;
        if most.len() > limit {
            most.select_nth_unstable(limit);
            most.truncate(limit);
        }
        most.sort_unstable();
        figures.files = most.iter().map(|(_, file)| (*file, Sums::default())).collect();
        // From here on the counts are places in the list, one up.
        counts.fill(0);
        for (place, (_, file)) in (1..).zip(&most) {
            counts[*file as usize] = place;
        }
        self.each(|row| {
            if let Some(file) = row.file()
                && let Some(place) = counts[file as usize].checked_sub(1)
            {
                figures.files[place as usize].1.add(&row.fact());
            }
        });
        figures
    }
}
