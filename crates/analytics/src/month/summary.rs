//! The data of a month that is available while its jobs are not in memory.

use domain::Amount;

use super::Month;
use crate::Busy;

/// The data of a month that stays in memory when its jobs are evicted.
#[derive(Debug, Clone)]
pub(crate) struct MonthSummary {
    pub(crate) len: usize,
    /// Bytes that its packed jobs take in memory.
    pub(crate) bytes: usize,
    /// First and last start. `None` if they are unknown, or there are no jobs.
    pub(crate) starts: Option<(i64, i64)>,
    /// Latest end of a job, computed from start and `total`.
    pub(crate) last_end: i64,
    /// Time in ms during which a job ran; overlaps count once.
    pub(crate) busy: u64,
    ranges: [AmountRange; 3],
}

/// Smallest and largest known amount, and whether an amount is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AmountRange {
    pub(crate) known: Option<(u64, u64)>,
    pub(crate) has_unknown: bool,
}

impl Month {
    pub(crate) fn summary(&self) -> MonthSummary {
        let mut busy = Busy::within(i64::MIN, i64::MAX);
        let mut last_end = i64::MIN;
        for job in self.jobs() {
            if let Some(start) = job.start() {
                let length = job.total().unwrap_or(0);
                busy.add(start, length);
                last_end = last_end.max(start.saturating_add_unsigned(length));
            }
        }
        let last = self.len.checked_sub(1);
        let start = |index: usize| self.job(index).start();
        MonthSummary {
            len: self.len,
            bytes: self.bytes(),
            starts: last.and_then(|last| start(0).zip(start(last))),
            last_end,
            busy: busy.busy(),
            ranges: AMOUNTS.map(|amount| self.amount_range(amount)),
        }
    }

    fn amount_range(&self, amount: Amount) -> AmountRange {
        let mut range = AmountRange::default();
        for job in self.jobs() {
            match job.amount(amount) {
                None => range.has_unknown = true,
                Some(amount) => {
                    let (low, high) = range.known.unwrap_or((amount, amount));
                    range.known = Some((low.min(amount), high.max(amount)));
                }
            }
        }
        range
    }
}

/// In the order of [`MonthSummary::ranges`].
const AMOUNTS: [Amount; 3] = [Amount::PrintDuration, Amount::TotalDuration, Amount::FilamentUsed];

impl MonthSummary {
    pub(crate) fn amounts(&self, amount: Amount) -> AmountRange {
        self.ranges[amount as usize]
    }
}
