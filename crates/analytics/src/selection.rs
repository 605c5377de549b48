//! The jobs selected by a filter at one moment. Figures and list pages are computed from them partition by partition;
//! months that are not in memory are read on demand.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use domain::{AmountBounds, JobFilter, JobId, JobStatus, PrinterId};

use crate::{
    Fact, MaterialProfile, Month, MonthKey, MonthRef, MonthSource, PackedJob, ReadError, Stack, TextMatches,
    conditions::{Conditions, Words},
    figures::files_of_partition,
    memory::{FigureKey, HeapSize, Memory},
    partition::{MonthEntry, MonthPartition, Partitions},
};

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

/// The jobs of a partition that a figure is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Scope {
    printers: Option<BTreeSet<PrinterId>>,
    statuses: [bool; JobStatus::ALL.len()],
    filament_types: Vec<Option<String>>,
    slicers: Vec<Option<String>>,
    words: Words,
    print: AmountBounds,
    length: AmountBounds,
    /// Since, and until. `None` if the period does not cut the partition.
    period: Option<(i64, i64)>,
}

/// A figure about the jobs of a scope; part of its cache key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    Count,
    Extent,
    Groups,
    Faults,
    Facets,
    Estimates,
    /// In this time zone.
    Heatmap(String),
    Timeline {
        stack: Stack,
        bounds: Arc<[i64]>,
    },
    FileCounts,
    FileOutcomes,
    /// Sums over the jobs of each of these files.
    Files(Arc<[u32]>),
}

/// A figure that is computed for each partition and added up.
pub(crate) trait Figure {
    type Tally: Tally;
    type Total: Clone + Default + HeapSize + Send + Sync + 'static;

    /// The cache key of the figure for a partition, or for all partitions.
    fn question(&self, partition: Option<&MonthPartition>) -> Question;
    /// Creates the tally for the jobs of a partition, or of all partitions.
    fn tally(&self, partition: Option<&MonthPartition>) -> Self::Tally;
    fn add(total: &mut Self::Total, part: &<Self::Tally as Tally>::Part);
}

/// Counts jobs for a figure.
pub(crate) trait Tally {
    type Part: HeapSize + Send + Sync + 'static;

    fn add(&mut self, job: PackedJob<'_>);
    fn finish(self) -> Self::Part;
}

/// Number of months and bytes that are read from the source at once.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 4_000_000;

/// Limits how much of the data read by a request stays in memory: the first months, until the capacity is full.
/// Otherwise a request that reads more than fits would evict the months that the next request needs first.
pub(crate) struct Reading {
    capacity_left: usize,
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

    /// Selects only jobs that contain a text.
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

    /// Computes a figure over all selected jobs.
    pub(crate) fn total<F: Figure>(&self, figure: &F) -> Result<Arc<F::Total>, ReadError> {
        let ended = self.total_of_ended(figure)?;
        if self.running_jobs().next().is_none() {
            return Ok(ended);
        }
        let mut tally = figure.tally(None);
        self.running_jobs().for_each(|job| tally.add(job));
        let mut total = Arc::unwrap_or_clone(ended);
        F::add(&mut total, &tally.finish());
        Ok(Arc::new(total))
    }

    fn total_of_ended<F: Figure>(&self, figure: &F) -> Result<Arc<F::Total>, ReadError> {
        let mut total = F::Total::default();
        let mut reading = self.reading();
        if !self.can_keep() {
            let mut tally = figure.tally(None);
            for partition in self.partitions.iter().rev() {
                self.each_job(partition, &mut reading, |job| tally.add(job))?;
            }
            F::add(&mut total, &tally.finish());
            return Ok(Arc::new(total));
        }
        let key = self.key(self.partitions.id, !self.dated_only, figure.question(None));
        if let Some(known) = self.memory.figure(&key) {
            return Ok(known);
        }
        for partition in self.partitions.iter().rev() {
            if self.reaches(partition.starts) {
                F::add(&mut total, &*self.part(figure, partition, &mut reading)?);
            }
        }
        let total = Arc::new(total);
        self.memory.keep_figure(key, total.clone());
        Ok(total)
    }

    pub(crate) fn part<F: Figure>(
        &self,
        figure: &F,
        partition: &MonthPartition,
        reading: &mut Reading,
    ) -> Result<Arc<<F::Tally as Tally>::Part>, ReadError> {
        let key = self.key(
            partition.id,
            self.is_whole(partition.starts),
            figure.question(Some(partition)),
        );
        if let Some(known) = self.memory.figure(&key) {
            return Ok(known);
        }
        let mut tally = figure.tally(Some(partition));
        self.each_job(partition, reading, |job| tally.add(job))?;
        let part = Arc::new(tally.finish());
        self.memory.keep_figure(key, part.clone());
        Ok(part)
    }

    fn key(&self, partition: u64, is_whole: bool, question: Question) -> FigureKey {
        let scope = match is_whole {
            true => self.scope.clone(),
            false => Arc::new(Scope {
                period: Some((self.since, self.until)),
                ..(*self.scope).clone()
            }),
        };
        FigureKey {
            partition,
            scope,
            question,
        }
    }

    fn can_keep(&self) -> bool {
        let conditions = self.conditions.as_ref();
        conditions.is_none_or(Conditions::depend_on_months_only)
    }

    pub(crate) fn reading(&self) -> Reading {
        Reading {
            capacity_left: self.memory.months_capacity(),
        }
    }

    /// Visits the selected jobs of a partition.
    pub(crate) fn each_job(
        &self,
        partition: &MonthPartition,
        reading: &mut Reading,
        mut visit: impl FnMut(PackedJob<'_>),
    ) -> Result<(), ReadError> {
        if !self.reaches(partition.starts) || !self.may_contain_text(partition, reading)? {
            return Ok(());
        }
        let entries = partition.months.iter().filter(|entry| self.selects(entry));
        self.each_month(entries.map(AsRef::as_ref), reading, |month| {
            self.each_in(month, &mut visit);
        })
    }

    /// Visits months, those in memory first.
    pub(crate) fn each_month<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a MonthEntry>,
        reading: &mut Reading,
        mut visit: impl FnMut(&Month),
    ) -> Result<(), ReadError> {
        let (mut missing, mut bytes) = (Vec::new(), 0);
        for entry in entries {
            if let Some(month) = self.memory.month(&entry.month) {
                reading.fits(entry.summary.bytes);
                visit(&month);
                continue;
            }
            missing.push(entry.month);
            bytes += entry.summary.bytes;
            if missing.len() == BATCH || bytes >= BATCH_BYTES {
                self.read(&missing, reading, &mut visit)?;
                missing.clear();
                bytes = 0;
            }
        }
        self.read(&missing, reading, &mut visit)
    }

    fn read(
        &self,
        months: &[MonthRef],
        reading: &mut Reading,
        visit: &mut impl FnMut(&Month),
    ) -> Result<(), ReadError> {
        if months.is_empty() {
            return Ok(());
        }
        for (current, month) in self.source.read(months)? {
            if months.contains(&current) {
                let month = Arc::new(month);
                if reading.fits(month.bytes()) {
                    self.memory.keep_month(current, month.clone());
                }
                visit(&month);
            } else {
                visit(&self.without_running(&month));
            }
        }
        Ok(())
    }

    /// A month that has changed since the jobs were selected may contain a job that was running at that time.
    fn without_running(&self, month: &Month) -> Month {
        let running: HashSet<JobId> = self
            .running
            .iter()
            .flat_map(Month::jobs)
            .map(PackedJob::id)
            .collect();
        let facts: Vec<Fact> = month.facts().filter(|fact| !running.contains(&fact.id)).collect();
        Month::pack(month.printer_id(), month.key(), &facts)
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

    /// Whether a job of the partition may contain the text that is searched for.
    fn may_contain_text(&self, partition: &MonthPartition, reading: &mut Reading) -> Result<bool, ReadError> {
        let text = self
            .conditions
            .as_ref()
            .and_then(|conditions| conditions.text.as_ref());
        match text {
            None => Ok(true),
            Some(text) if text.is_empty() => Ok(false),
            // The partitions of these jobs are unknown.
            Some(text) if !text.jobs.is_empty() || self.printers.is_some() => Ok(true),
            Some(text) => Ok(files_of_partition(self, partition, reading)?.any_of(&text.files)),
        }
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

impl Reading {
    /// Whether this many more bytes stay in memory.
    fn fits(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.capacity_left;
        self.capacity_left = self.capacity_left.saturating_sub(bytes);
        fits
    }
}

impl Question {
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Self::Heatmap(zone) => zone.len(),
            Self::Timeline { bounds, .. } => size_of_val(&**bounds),
            Self::Files(files) => size_of_val(&**files),
            _ => 0,
        }
    }
}
