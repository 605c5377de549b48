//! Page size for reading a history: keeps each response far below the largest message that a connection accepts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Maximum rows in a page. Moonraker builds a page in one go and blocks its web interface meanwhile.
pub(crate) const MOST: u64 = 250;
/// Target maximum of bytes in a page. 250 rows of a real history have 0.3 MB.
const BYTES: u64 = 2 << 20;

/// The page size for one printer. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct PageSize {
    most: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
}

impl PageSize {
    pub(crate) fn new() -> Self {
        Self {
            most: Arc::new(AtomicU64::new(MOST)),
            asked: Arc::new(AtomicU64::new(MOST)),
        }
    }

    /// The number of rows to request, at most `wanted`. 0 if even a single row is too large.
    pub(crate) fn next(&self, wanted: u64) -> u64 {
        let rows = wanted.min(self.most.load(Ordering::Relaxed));
        self.asked.store(rows, Ordering::Relaxed);
        rows
    }

    /// Adapts to the size of a received page. Grows slowly, because rows elsewhere in the history may be larger.
    pub(crate) fn came(&self, rows: u64, bytes: u64) {
        if rows > 0 {
            let fitting = (BYTES * rows / bytes.max(1)).max(1);
            let most = self.most.load(Ordering::Relaxed);
            self.most
                .store(fitting.min(most * 2).min(MOST), Ordering::Relaxed);
        }
    }

    /// Shrinks the page size after a response exceeded the connection's limit.
    pub(crate) fn was_too_large(&self) {
        let smaller = match self.asked.load(Ordering::Relaxed) {
            0 | 1 => 0,
            rows => (rows / 8).max(1),
        };
        self.most.store(smaller, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_rows_are_read_in_the_largest_pages() {
        let size = PageSize::new();
        for _ in 0..5 {
            let rows = size.next(MOST);
            assert_eq!(rows, MOST);
            size.came(rows, rows * 1_100);
        }
        assert_eq!(size.next(50), 50);
    }

    #[test]
    fn large_rows_are_read_in_small_pages() {
        let size = PageSize::new();
        size.came(50, 50 * 80_000);
        assert_eq!(size.next(MOST), 26);
        size.came(26, 26 * 15_000_000);
        assert_eq!(size.next(MOST), 1);
        // Then rows become small again.
        let mut sizes = Vec::new();
        for _ in 0..8 {
            let rows = size.next(MOST);
            size.came(rows, rows * 1_000);
            sizes.push(rows);
        }
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 64, 128]);
    }

    #[test]
    fn pages_that_are_too_large_shrink_until_there_is_nothing_to_ask_for() {
        let size = PageSize::new();
        let mut sizes = Vec::new();
        for _ in 0..5 {
            sizes.push(size.next(50));
            size.was_too_large();
        }
        assert_eq!(sizes, [50, 6, 1, 0, 0]);
    }
}
