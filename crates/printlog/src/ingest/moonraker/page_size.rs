//! Page size for reading a history: keeps each response far below the largest message that a connection accepts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Maximum rows in a page. Moonraker blocks its web interface while it builds a page.
pub(crate) const MAX_ROWS: u64 = 250;
/// Target maximum of bytes in a page. 250 rows of a real history take 0.3 MB.
const TARGET_BYTES: u64 = 2 << 20;

/// The page size for one printer. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct PageSize {
    limit: Arc<AtomicU64>,
    requested: Arc<AtomicU64>,
}

impl PageSize {
    pub(crate) fn new() -> Self {
        Self {
            limit: Arc::new(AtomicU64::new(MAX_ROWS)),
            requested: Arc::new(AtomicU64::new(MAX_ROWS)),
        }
    }

    /// The number of rows to request, at most `wanted`. 0 if even a single row is too large.
    pub(crate) fn rows(&self, wanted: u64) -> u64 {
        let rows = wanted.min(self.limit.load(Ordering::Relaxed));
        // An answer that is too large only ends the connection; `shrink` needs to know what it answered.
        self.requested.store(rows, Ordering::Relaxed);
        rows
    }

    /// Adapts to the size of a received page. Grows slowly, because rows elsewhere in the history may be larger.
    pub(crate) fn received(&self, rows: u64, bytes: u64) {
        if rows > 0 {
            let fitting = (TARGET_BYTES * rows / bytes.max(1)).max(1);
            let limit = self.limit.load(Ordering::Relaxed);
            self.limit
                .store(fitting.min(limit * 2).min(MAX_ROWS), Ordering::Relaxed);
        }
    }

    /// Shrinks the page size after a response exceeded the connection's limit.
    pub(crate) fn shrink(&self) {
        let smaller = match self.requested.load(Ordering::Relaxed) {
            0 | 1 => 0,
            // Not by half, because each attempt costs a connection.
            rows => (rows / 8).max(1),
        };
        self.limit.store(smaller, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_rows_are_read_in_the_largest_pages() {
        let size = PageSize::new();
        for _ in 0..5 {
            let rows = size.rows(MAX_ROWS);
            assert_eq!(rows, MAX_ROWS);
            size.received(rows, rows * 1_100);
        }
        assert_eq!(size.rows(50), 50);
    }

    #[test]
    fn large_rows_are_read_in_small_pages() {
        let size = PageSize::new();
        size.received(50, 50 * 80_000);
        assert_eq!(size.rows(MAX_ROWS), 26);
        size.received(26, 26 * 15_000_000);
        assert_eq!(size.rows(MAX_ROWS), 1);
        // Then rows become small again.
        let mut sizes = Vec::new();
        for _ in 0..8 {
            let rows = size.rows(MAX_ROWS);
            size.received(rows, rows * 1_000);
            sizes.push(rows);
        }
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 64, 128]);
    }

    #[test]
    fn pages_that_are_too_large_shrink_to_nothing() {
        let size = PageSize::new();
        let mut sizes = Vec::new();
        for _ in 0..5 {
            sizes.push(size.rows(50));
            size.shrink();
        }
        assert_eq!(sizes, [50, 6, 1, 0, 0]);
    }
}
