//! Jobs by a user's verdict.

use domain::Verdict;

use crate::{Fact, Sums, sums::ratio};

/// A group of jobs by verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerdictSums {
    /// All jobs of the group, rated or not.
    pub jobs: u64,
    by_verdict: [u64; Verdict::ALL.len()],
    /// Sums over the scrap jobs.
    pub scrap: Sums,
}

impl VerdictSums {
    /// Creates sums of this many jobs without a verdict.
    #[must_use]
    pub fn unjudged_yet(jobs: u64) -> Self {
        Self {
            jobs,
            ..Self::default()
        }
    }

    /// Counts the verdict on one of the jobs.
    pub fn judge(&mut self, verdict: Verdict, fact: &Fact) {
        self.by_verdict[verdict as usize] += 1;
        if verdict == Verdict::Scrap {
            self.scrap.add(fact);
        }
    }

    /// Number of jobs with this verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.by_verdict[verdict as usize]
    }

    /// Number of jobs with a verdict.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.by_verdict.iter().sum()
    }

    /// Number of jobs without a verdict.
    #[must_use]
    pub fn unjudged(&self) -> u64 {
        self.jobs.saturating_sub(self.judged())
    }

    /// Share of good jobs among the rated ones. `None` if there are none.
    #[must_use]
    pub fn good_share(&self) -> Option<f64> {
        ratio(self.of(Verdict::Good), self.judged())
    }
}
