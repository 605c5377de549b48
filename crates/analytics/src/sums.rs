//! Sums over jobs, and the ratios derived from them.

use domain::JobStatus;

use crate::Fact;

/// Sum of an amount over the jobs that have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// Sum, in the unit of the [`Fact`]'s field.
    pub sum: u64,
    /// Number of jobs whose amount is known.
    pub jobs: u64,
}

impl Total {
    /// Adds an amount, if it is known.
    pub fn add(&mut self, amount: Option<u64>) {
        if let Some(amount) = amount {
            self.sum = self.sum.saturating_add(amount);
            self.jobs += 1;
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.jobs += other.jobs;
    }
}

/// Sums over a group of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    by_status: [u64; JobStatus::ALL.len()],
    /// Sum of `print`.
    pub print: Total,
    /// Sum of `total`.
    pub total: Total,
    /// Sum of `length`.
    pub length: Total,
    /// Sum of `weight` for files with a weight per mm.
    pub weight_known: Total,
    /// Sum of `weight` for weights computed with the usual density.
    pub weight_estimated: Total,
    /// Sums of `cost` by number of the material profile, which has the currency; sorted by the number.
    pub costs: Vec<(Option<u32>, Total)>,
    /// Largest `total`.
    pub longest: Option<u64>,
    /// First and last start.
    pub starts: Option<(i64, i64)>,
}

impl Sums {
    /// Counts a job.
    pub fn add(&mut self, fact: &Fact) {
        self.by_status[fact.status as usize] += 1;
        self.print.add(fact.print);
        self.total.add(fact.total);
        self.length.add(fact.length);
        let weight = match fact.weight_is_estimated {
            true => &mut self.weight_estimated,
            false => &mut self.weight_known,
        };
        weight.add(fact.weight);
        if fact.cost.is_some() {
            self.cost_of(fact.profile).add(fact.cost);
        }
        self.longest = self.longest.max(fact.total);
        if let Some(start) = fact.start {
            self.reach(start, start);
        }
    }

    /// Adds the sums over other jobs.
    pub fn merge(&mut self, other: &Self) {
        for (mine, more) in self.by_status.iter_mut().zip(other.by_status) {
            *mine += more;
        }
        self.print.merge(&other.print);
        self.total.merge(&other.total);
        self.length.merge(&other.length);
        self.weight_known.merge(&other.weight_known);
        self.weight_estimated.merge(&other.weight_estimated);
        for (profile, total) in &other.costs {
            self.cost_of(*profile).merge(total);
        }
        self.longest = self.longest.max(other.longest);
        if let Some((first, last)) = other.starts {
            self.reach(first, last);
        }
    }

    /// A sorted list rather than a map: most sums are over jobs of one profile.
    fn cost_of(&mut self, profile: Option<u32>) -> &mut Total {
        let place = match self.costs.binary_search_by_key(&profile, |(profile, _)| *profile) {
            Ok(place) => place,
            Err(place) => {
                self.costs.insert(place, (profile, Total::default()));
                place
            }
        };
        &mut self.costs[place].1
    }

    fn reach(&mut self, first: i64, last: i64) {
        self.starts = Some(match self.starts {
            Some((from, to)) => (from.min(first), to.max(last)),
            None => (first, last),
        });
    }

    /// Number of jobs in this status.
    #[must_use]
    pub fn of(&self, status: JobStatus) -> u64 {
        self.by_status[status as usize]
    }

    /// Number of jobs.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.by_status.iter().sum()
    }

    /// Number of jobs with status `error` or `interrupted`.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.of(JobStatus::Error) + self.of(JobStatus::Interrupted)
    }

    /// Number of jobs that count for the success rate.
    #[must_use]
    pub fn rated(&self) -> u64 {
        self.of(JobStatus::Completed) + self.failed()
    }

    /// Share of completed jobs among the completed and failed ones. Cancelled jobs do not count. `None` if there are
    /// none.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        ratio(self.of(JobStatus::Completed), self.rated())
    }

    /// Filament in mg, known or estimated.
    #[must_use]
    pub fn weight(&self) -> Total {
        let mut weight = self.weight_known;
        weight.merge(&self.weight_estimated);
        weight
    }

    /// Mean time between failures in ms: the sum of `total` divided by the number of failed jobs. `None` if none
    /// failed, or no time is known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "of a mean")]
    pub fn time_between_failures(&self) -> Option<f64> {
        let failed = self.failed();
        (failed > 0 && self.total.jobs > 0).then(|| self.total.sum as f64 / failed as f64)
    }
}

/// `part / whole`. `None` if `whole` is 0.
#[expect(clippy::cast_precision_loss, reason = "counts of jobs")]
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
