//! Number of jobs by each value that lists can be filtered by.

use std::collections::BTreeMap;

use domain::{JobStatus, PrinterId, Verdict};

use crate::{
    JobKey, Judgement, MaterialProfile, PackedJob, ReadError, Selection,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

use super::slot;

/// Number of jobs by printer, by status and cause, by user and by material profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// All jobs.
    pub jobs: u64,
    /// By printer.
    pub printers: BTreeMap<PrinterId, u64>,
    /// By status (its place in [`JobStatus::ALL`]) and number of the cause.
    causes: BTreeMap<(usize, Option<u32>), u64>,
    /// By number of the user. `None` is unknown.
    pub users: BTreeMap<Option<u32>, u64>,
    /// By number of the material profile.
    profiles: BTreeMap<Option<u32>, u64>,
}

impl HeapSize for Facets {
    fn heap_size(&self) -> usize {
        let entries = self.printers.len() + self.causes.len() + self.users.len() + self.profiles.len();
        entries * size_of::<((usize, Option<u32>), u64)>()
    }
}

/// Counts jobs. Neighbouring jobs mostly have the same printer, cause and user, so a run of equal keys is counted
/// before it is looked up.
#[derive(Default)]
struct FacetTally {
    jobs: u64,
    printers: Runs<PrinterId>,
    causes: Runs<(usize, Option<u32>)>,
    users: Runs<Option<u32>>,
    /// By [`slot`] of the profile.
    profiles: Vec<u64>,
}

struct Runs<K> {
    counts: BTreeMap<K, u64>,
    run: Option<(K, u64)>,
}

impl<K> Default for Runs<K> {
    fn default() -> Self {
        Self {
            counts: BTreeMap::new(),
            run: None,
        }
    }
}

impl<K: Ord + Copy> Runs<K> {
    #[inline]
    fn count(&mut self, key: K) {
        match &mut self.run {
            Some((last, jobs)) if *last == key => *jobs += 1,
            _ => {
                self.end_run();
                self.run = Some((key, 1));
            }
        }
    }

    fn end_run(&mut self) {
        if let Some((key, jobs)) = self.run.take() {
            *self.counts.entry(key).or_default() += jobs;
        }
    }

    fn finish(mut self) -> BTreeMap<K, u64> {
        self.end_run();
        self.counts
    }
}

impl Tally for FacetTally {
    type Part = Facets;

    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        self.jobs += 1;
        self.printers.count(job.printer_id());
        self.causes.count((job.status() as usize, job.cause()));
        self.users.count(job.user());
        let slot = slot(job.profile());
        if slot >= self.profiles.len() {
            self.profiles.resize(slot + 1, 0);
        }
        self.profiles[slot] += 1;
    }

    fn finish(self) -> Facets {
        let numbers = std::iter::once(None).chain((0..).map(Some));
        let profiles = numbers.zip(self.profiles).filter(|(_, jobs)| *jobs > 0);
        Facets {
            jobs: self.jobs,
            printers: self.printers.finish(),
            causes: self.causes.finish(),
            users: self.users.finish(),
            profiles: profiles.collect(),
        }
    }
}

struct CountingFacets;

impl Figure for CountingFacets {
    type Tally = FacetTally;
    type Total = Facets;

    fn question(&self, _: Option<&MonthPartition>) -> Question {
        Question::Facets
    }

    fn tally(&self, _: Option<&MonthPartition>) -> FacetTally {
        FacetTally::default()
    }

    fn add(total: &mut Facets, part: &Facets) {
        total.jobs += part.jobs;
        add_counts(&mut total.printers, &part.printers);
        add_counts(&mut total.causes, &part.causes);
        add_counts(&mut total.users, &part.users);
        add_counts(&mut total.profiles, &part.profiles);
    }
}

fn add_counts<K: Ord + Copy>(total: &mut BTreeMap<K, u64>, part: &BTreeMap<K, u64>) {
    for (key, jobs) in part {
        *total.entry(*key).or_default() += jobs;
    }
}

impl Facets {
    /// By status, and by number of the cause.
    #[must_use]
    pub fn statuses(&self) -> Vec<(JobStatus, BTreeMap<Option<u32>, u64>)> {
        let statuses = JobStatus::ALL.into_iter().map(|status| {
            let of_status = self
                .causes
                .range((status as usize, None)..(status as usize + 1, None));
            (
                status,
                of_status.map(|((_, cause), jobs)| (*cause, *jobs)).collect(),
            )
        });
        statuses
            .filter(|(_, causes): &(_, BTreeMap<_, _>)| !causes.is_empty())
            .collect()
    }
}

impl Selection {
    /// Number of jobs by each value that a filter can select.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn facets(&self) -> Result<Facets, ReadError> {
        Ok(Facets::clone(&*self.total(&CountingFacets)?))
    }

    /// Number of jobs of the facets by a field of the material profile. `None` is unknown.
    #[must_use]
    pub fn facets_by_profile(
        &self,
        facets: &Facets,
        field: impl Fn(&MaterialProfile) -> Option<&String>,
    ) -> BTreeMap<Option<String>, u64> {
        let mut groups = BTreeMap::new();
        for (number, jobs) in &facets.profiles {
            let key = self.profile(*number).and_then(&field).cloned();
            *groups.entry(key).or_default() += jobs;
        }
        groups
    }

    /// Number of rated jobs by verdict and reason.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn reasons(
        &self,
        judgements: &[Judgement],
    ) -> Result<BTreeMap<(Verdict, Option<String>), u64>, ReadError> {
        let mut reasons = BTreeMap::new();
        self.each_found(
            judgements,
            |judgement| judgement.job,
            |judgement, _| {
                *reasons
                    .entry((judgement.verdict, judgement.reason.clone()))
                    .or_default() += 1;
            },
        )?;
        Ok(reasons)
    }

    /// Number of jobs by tag.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn tags(&self, tagged: &[(JobKey, String)]) -> Result<BTreeMap<String, u64>, ReadError> {
        let mut tags = BTreeMap::new();
        self.each_found(
            tagged,
            |(job, _)| *job,
            |(_, tag), _| *tags.entry(tag.clone()).or_default() += 1,
        )?;
        Ok(tags)
    }
}
