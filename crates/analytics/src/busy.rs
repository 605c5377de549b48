//! Busy time of a printer. Overlapping jobs count once.

/// Time within a window that is covered by a printer's jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    since: i64,
    until: i64,
    covered_to: i64,
    busy: u64,
}

impl Busy {
    /// An empty window from `since` to `until`, in ms since 1970.
    #[must_use]
    pub fn within(since: i64, until: i64) -> Self {
        Self {
            since,
            until,
            covered_to: since,
            busy: 0,
        }
    }

    /// Counts a job of `length` ms. Must be called in the order of the starts.
    pub fn add(&mut self, start: i64, length: u64) {
        let end = start.saturating_add_unsigned(length).min(self.until);
        let start = start.max(self.covered_to);
        if end > start {
            self.busy += end.abs_diff(start);
            self.covered_to = end;
        }
    }

    /// Counts jobs that start at `start` or later, end at `end` or earlier, and cover `busy` ms. Returns `false` and
    /// counts nothing if they must be counted one by one, because the window cuts them or an earlier job overlaps.
    pub fn add_all(&mut self, start: i64, end: i64, busy: u64) -> bool {
        let fits = self.covered_to <= start && end <= self.until;
        if fits {
            self.busy += busy;
            self.covered_to = self.covered_to.max(end);
        }
        fits
    }

    /// Busy time in ms.
    #[must_use]
    pub fn busy(&self) -> u64 {
        self.busy
    }

    /// Length of the window in ms; 0 if it ends before it begins.
    #[must_use]
    pub fn window(&self) -> u64 {
        u64::try_from(self.until.saturating_sub(self.since)).unwrap_or(0)
    }

    /// Busy part of the window, 0 to 1. `None` if there is no window.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "of a quotient")]
    pub fn utilisation(&self) -> Option<f64> {
        (self.window() > 0).then(|| self.busy as f64 / self.window() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_count_once_and_the_window_cuts() {
        let mut busy = Busy::within(100, 200);
        for (start, length) in [(50, 60), (105, 20), (110, 5), (120, 10), (190, 1000)] {
            busy.add(start, length);
        }
        assert_eq!(busy.busy(), 10 + 20 + 10);
        assert_eq!(busy.utilisation(), Some(0.4));
        busy.add(195, u64::MAX);
        assert_eq!(busy.busy(), 40);
        let mut busy = Busy::within(100, 200);
        assert!(busy.add_all(100, 150, 20) && !busy.add_all(149, 160, 5) && !busy.add_all(150, 201, 5));
        assert!(busy.add_all(150, 200, 50));
        assert_eq!(busy.busy(), 70);
        assert_eq!(Busy::within(5, 5).utilisation(), None);
        assert_eq!(Busy::within(5, 0).utilisation(), None);
    }
}
