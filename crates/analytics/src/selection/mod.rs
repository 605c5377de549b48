//! The jobs selected by a filter at one moment. Figures and list pages are computed from them partition by partition;
//! months that are not in memory are read on demand.

mod figure;
mod reading;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use domain::{JobFilter, JobId, JobStatus, PrinterId};

use crate::{
    Fact, MaterialProfile, Month, MonthKey, MonthSource, PackedJob, TextMatches,
    conditions::{Conditions, Words},
    memory::Memory,
    partition::{MonthEntry, Partitions},
};

pub(crate) use figure::{Figure, Question, Scope, Tally};
pub(crate) use reading::Reading;

/// The jobs selected by a filter.
#[derive(Debug, Clone)]
pub struct Selection {
    pub(crate) partitions: Arc<Partitions>,
    pub(crate) profiles: Arc<HashMap<u32, MaterialProfile>>,
    /// Currency of costs whose file names none.
    currency: Option<Arc<str>>,
    memory: Arc<Memory>,
    source: Arc<dyn MonthSource>,
    /// `None` does not restrict.
    printers: Option<BTreeSet<PrinterId>>,
    /// One month per job.
    running: Arc<[Month]>,
    since: i64,
    until: i64,
    pub(crate) dated_only: bool,
    pub(crate) conditions: Option<Conditions>,
    /// The cacheable conditions, without the period.
    scope: Arc<Scope>,
}

impl Selection {
    pub(crate) fn new(
        partitions: Arc<Partitions>,
        profiles: Arc<HashMap<u32, MaterialProfile>>,
        memory: Arc<Memory>,
        source: Arc<dyn MonthSource>,
        filter: &JobFilter,
    ) -> Self {
        let printers = (!filter.printer_ids.is_empty()).then(|| filter.printer_ids.iter().copied().collect());
        Self {
            scope: Arc::new(Scope {
                printers: printers.clone(),
                statuses: JobStatus::ALL.map(|status| filter.statuses.contains(&status)),
                filament_types: filter.filament_types.clone(),
                slicers: filter.slicers.clone(),
                words: Words::default(),
                print: filter.print_duration,
                length: filter.filament_used,
                period: None,
            }),
            partitions,
            currency: None,
            memory,
            source,
            printers,
            running: Arc::default(),
            since: filter.since.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
            until: filter.until.map_or(i64::MAX, jiff::Timestamp::as_millisecond),
            dated_only: filter.since.is_some() || filter.until.is_some(),
            conditions: Conditions::of(filter, &profiles),
            profiles,
        }
    }

    /// Adds running jobs. The filter applies to them as to all other jobs.
    #[must_use]
    pub fn with_running(mut self, jobs: &[Fact]) -> Self {
        let of_printers = jobs.iter().filter(|fact| self.selects_printer(fact.printer_id));
        let packed = of_printers.map(|fact| {
            let key = MonthKey::of(fact.start);
            Month::pack(fact.printer_id, key, std::slice::from_ref(fact))
        });
        self.running = packed.collect();
        self
    }

    /// Selects only jobs that contain a search text.
    #[must_use]
    pub fn with_text(mut self, matches: TextMatches) -> Self {
        self.conditions.get_or_insert_default().text = Some(matches);
        self
    }

    /// Selects only jobs with these causes and users.
    #[must_use]
    pub fn with_words(mut self, words: Words) -> Self {
        if words != Words::default() {
            Arc::make_mut(&mut self.scope).words = words.clone();
            self.conditions.get_or_insert_default().words = words;
        }
        self
    }

    /// Selects only these jobs.
    #[must_use]
    pub fn with_ids(mut self, ids: HashSet<JobId>) -> Self {
        self.conditions.get_or_insert_default().ids = Some(ids);
        self
    }

    /// All ended jobs.
    pub(crate) fn unfiltered(&self) -> Self {
        Self::new(
            self.partitions.clone(),
            self.profiles.clone(),
            self.memory.clone(),
            self.source.clone(),
            &JobFilter::default(),
        )
    }

    /// A material profile by its number.
    #[must_use]
    pub fn profile(&self, number: Option<u32>) -> Option<&MaterialProfile> {
        self.profiles.get(&number?)
    }

    /// Sets the currency of costs whose file names none.
    #[must_use]
    pub fn with_currency(mut self, currency: Option<Arc<str>>) -> Self {
        self.currency = currency;
        self
    }

    /// Currency of the costs of jobs with this material profile. `None` is unknown.
    #[must_use]
    pub fn currency(&self, profile: Option<u32>) -> Option<&str> {
        let named = self
            .profile(profile)
            .and_then(|profile| profile.currency.as_deref());
        named.or(self.currency.as_deref())
    }

    /// The printers that have a running job. Only the filter's printers apply.
    #[must_use]
    pub fn running(&self) -> HashSet<PrinterId> {
        self.running.iter().map(Month::printer_id).collect()
    }

    pub(crate) fn running_months(&self) -> &[Month] {
        &self.running
    }

    pub(crate) fn running_jobs(&self) -> impl Iterator<Item = PackedJob<'_>> {
        let months = self.running.iter();
        let jobs = months.flat_map(|month| self.range(month).map(|index| month.job(index)));
        jobs.filter(|job| self.meets_conditions(*job))
    }

    #[inline]
    pub(crate) fn each_in(&self, month: &Month, mut visit: impl FnMut(PackedJob<'_>)) {
        for index in self.range(month) {
            let job = month.job(index);
            if self.meets_conditions(job) {
                visit(job);
            }
        }
    }

    #[inline]
    pub(crate) fn meets_conditions(&self, job: PackedJob<'_>) -> bool {
        let conditions = self.conditions.as_ref();
        conditions.is_none_or(|conditions| conditions.are_met_by(job))
    }

    /// Whether a job of a selected month is selected.
    pub(crate) fn is_selected(&self, job: PackedJob<'_>) -> bool {
        let is_in_period = match job.start() {
            Some(start) => self.since <= start && start < self.until,
            None => !self.dated_only,
        };
        is_in_period && self.meets_conditions(job)
    }

    pub(crate) fn selects_all_printers(&self) -> bool {
        self.printers.is_none()
    }

    /// Whether the month may contain selected jobs.
    pub(crate) fn selects(&self, entry: &MonthEntry) -> bool {
        self.selects_printer(entry.month.printer_id)
            && entry.summary.len > 0
            && self.reaches(entry.summary.starts)
    }

    pub(crate) fn selects_printer(&self, id: PrinterId) -> bool {
        self.printers
            .as_ref()
            .is_none_or(|printers| printers.contains(&id))
    }

    /// Whether the period contains some of the jobs with these starts.
    pub(crate) fn reaches(&self, starts: Option<(i64, i64)>) -> bool {
        !self.dated_only || starts.is_some_and(|(first, last)| self.since <= last && first < self.until)
    }

    /// Whether the period contains all jobs with these starts.
    pub(crate) fn is_whole(&self, starts: Option<(i64, i64)>) -> bool {
        !self.dated_only || starts.is_some_and(|(first, last)| self.since <= first && last < self.until)
    }

    /// The jobs of the month that are in the period.
    pub(crate) fn range(&self, month: &Month) -> Range<usize> {
        match (self.dated_only, month.is_undated()) {
            (false, _) => 0..month.len(),
            (true, true) => 0..0,
            (true, false) => {
                let first = month.first_from(self.since);
                // A period may end before it begins.
                first..month.first_from(self.until).max(first)
            }
        }
    }
}
