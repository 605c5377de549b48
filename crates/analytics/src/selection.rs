//! The jobs selected by a filter, and the questions that lists and figures ask about them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use domain::{Cursor, JobFilter, JobId, JobStatus, ListOrder, PrinterId, UNDATED};

use crate::{
    Busy, Fact, IdSet, MaterialProfile, Month, MonthKey, Row, Sums,
    partition::{MonthPartition, Partitions},
    ranking::Ranking,
};

/// The jobs that a filter lets through, as they were when they were asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    histories: Vec<(PrinterId, PrinterHistory)>,
    /// If they are those of all printers.
    partitions: Option<Arc<Partitions>>,
    /// Each a month of one job.
    open: Arc<[Month]>,
    profiles: Arc<HashMap<u32, MaterialProfile>>,
    since: i64,
    until: i64,
    dated_only: bool,
    conditions: Option<Conditions>,
}

/// What each job must meet, deltas its printer and start.
#[derive(Debug, Clone)]
struct Conditions {
    statuses: [bool; JobStatus::ALL.len()],
    /// By number of the profile; `None` if profiles do not matter.
    profiles: Option<Vec<bool>>,
    /// `None` if no text is looked for.
    text: Option<TextMatches>,
    /// `None` if everything else that was asked for is known of each fact.
    ids: Option<HashSet<JobId>>,
}

/// Where a text occurs.
#[derive(Debug, Clone)]
pub struct TextMatches {
    /// Files whose name contains it.
    pub files: IdSet,
    /// Jobs of which another text may contain it: those with notes or tags, and running ones.
    pub jobs: HashSet<JobId>,
}

/// All months of a printer.
#[derive(Debug, Clone, Default)]
pub(crate) struct PrinterHistory {
    pub(crate) months: Arc<[Arc<Month>]>,
    /// Sums over the jobs of each profile, once they have been asked for.
    sums: Arc<OnceLock<Vec<ProfileSums>>>,
}

/// The number of a profile, and the sums over its jobs.
type ProfileSums = (Option<u32>, Sums);

impl Facts {
    pub(crate) fn new(
        histories: Vec<(PrinterId, PrinterHistory)>,
        partitions: Option<Arc<Partitions>>,
        profiles: Arc<HashMap<u32, MaterialProfile>>,
        filter: &JobFilter,
    ) -> Self {
        Self {
            histories,
            partitions,
            open: Arc::default(),
            since: filter.since.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
            until: filter.until.map_or(i64::MAX, jiff::Timestamp::as_millisecond),
            dated_only: filter.since.is_some() || filter.until.is_some(),
            conditions: Conditions::of(filter, &profiles),
            profiles,
        }
    }

    /// Adds running jobs, to which the filter applies as to all others.
    #[must_use]
    pub fn with_running(mut self, jobs: &[Fact]) -> Self {
        let packed = jobs.iter().map(|fact| {
            Month::pack(
                fact.printer_id,
                MonthKey::of(fact.start),
                std::slice::from_ref(fact),
            )
        });
        self.open = packed.collect();
        self
    }

    /// Keeps the jobs that contain a text.
    #[must_use]
    pub fn with_text(mut self, matches: TextMatches) -> Self {
        self.conditions.get_or_insert_default().text = Some(matches);
        self
    }

    /// Keeps these jobs.
    #[must_use]
    pub fn with_ids(mut self, ids: HashSet<JobId>) -> Self {
        self.conditions.get_or_insert_default().ids = Some(ids);
        self
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            statuses: [true; JobStatus::ALL.len()],
            profiles: None,
            text: None,
            ids: None,
        }
    }
}

impl Conditions {
    /// The part of the filter that packed months can answer alone. `None` if it does not restrict.
    fn of(filter: &JobFilter, profiles: &HashMap<u32, MaterialProfile>) -> Option<Self> {
        let JobFilter {
            statuses,
            filament_type,
            slicer,
            ..
        } = filter;
        let by_profile = filament_type.is_some() || slicer.is_some();
        if !by_profile && statuses.is_empty() {
            return None;
        }
        let is_wanted = |profile: &MaterialProfile| {
            (filament_type.is_none() || profile.filament_type == *filament_type)
                && (slicer.is_none() || profile.slicer == *slicer)
        };
        let profiles = by_profile.then(|| {
            let most = profiles.keys().max().map_or(0, |most| *most as usize + 1);
            let mut wanted = vec![false; most];
            for (number, profile) in profiles {
                wanted[*number as usize] = is_wanted(profile);
            }
            wanted
        });
        Some(Self {
            statuses: JobStatus::ALL.map(|status| statuses.is_empty() || statuses.contains(&status)),
            profiles,
            ..Self::default()
        })
    }
}

impl PrinterHistory {
    pub(crate) fn of(months: &BTreeMap<MonthKey, Arc<Month>>) -> Self {
        Self {
            months: months.values().cloned().collect(),
            sums: Arc::default(),
        }
    }

    fn sums(&self) -> &[ProfileSums] {
        self.sums.get_or_init(|| {
            let mut sums: BTreeMap<Option<u32>, Sums> = BTreeMap::new();
            for fact in self.months.iter().flat_map(|month| month.facts()) {
                sums.entry(fact.profile).or_default().add(&fact);
            }
            sums.into_iter().collect()
        })
    }
}

impl Conditions {
    #[inline]
    fn are_met_by(&self, row: Row<'_>) -> bool {
        self.text.as_ref().is_none_or(|text| text.include(row))
            && self.statuses[row.status() as usize]
            && self.is_profile_wanted(row.profile())
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&row.id()))
    }

    #[inline]
    fn is_profile_wanted(&self, profile: Option<u32>) -> bool {
        self.profiles.as_ref().is_none_or(|wanted| {
            profile.is_some_and(|profile| wanted.get(profile as usize).copied().unwrap_or(false))
        })
    }

    /// Whether they ask for nothing but profiles and statuses.
    fn are_counted(&self) -> bool {
        self.text.is_none() && self.ids.is_none()
    }

    /// Whether all jobs of a profile meet them, or none.
    fn are_about_profiles(&self) -> bool {
        self.are_counted() && self.statuses.iter().all(|wanted| *wanted)
    }
}

impl TextMatches {
    fn are_none(&self) -> bool {
        self.files.is_empty() && self.jobs.is_empty()
    }

    #[inline]
    fn include(&self, row: Row<'_>) -> bool {
        row.file().is_some_and(|file| self.files.contains(file))
            || (!self.jobs.is_empty() && self.jobs.contains(&row.id()))
    }
}

/// All jobs of a month at once, or one of them.
pub(crate) enum Chunk<'a> {
    Month(&'a MonthPartition),
    Job(Row<'a>),
}

impl Facts {
    /// Shows all that the filter lets through: by printer, the ended ones in the order of their starts, then the
    /// running ones.
    #[inline]
    pub(crate) fn each(&self, mut visit: impl FnMut(Row<'_>)) {
        self.all_months()
            .for_each(|month| self.each_in(month, &mut visit));
    }

    /// Shows the same by month: where all jobs of a month pass, the month, whose figures may be known.
    pub(crate) fn each_chunk(&self, mut visit: impl FnMut(Chunk<'_>)) {
        let Some(partitions) = self.partitions.as_ref().filter(|_| self.conditions.is_none()) else {
            return self.each(|row| visit(Chunk::Job(row)));
        };
        for month in partitions.months() {
            if self.is_within(month) {
                visit(Chunk::Month(month));
            } else {
                month
                    .months()
                    .for_each(|month| self.each_in(month, |row| visit(Chunk::Job(row))));
            }
        }
        self.running_jobs().for_each(|row| visit(Chunk::Job(row)));
    }

    #[inline]
    fn each_in(&self, month: &Month, mut visit: impl FnMut(Row<'_>)) {
        let text = self
            .conditions
            .as_ref()
            .and_then(|conditions| conditions.text.as_ref());
        if text.is_some_and(TextMatches::are_none) {
            return;
        }
        for index in self.range(month) {
            let row = month.row(index);
            if self
                .conditions
                .as_ref()
                .is_none_or(|conditions| conditions.are_met_by(row))
            {
                visit(row);
            }
        }
    }

    /// Whether all jobs of the month started in time.
    fn is_within(&self, month: &MonthPartition) -> bool {
        let in_time = |(first, last)| self.since <= first && last < self.until;
        !self.dated_only || month.starts.is_some_and(in_time)
    }

    /// The ended jobs, if they are all that there are.
    pub(crate) fn all_partitions(&self) -> Option<&Partitions> {
        let all = !self.dated_only && self.conditions.is_none();
        self.partitions.as_deref().filter(|_| all)
    }

    /// Those that run.
    pub(crate) fn running_jobs(&self) -> impl Iterator<Item = Row<'_>> {
        let passes = |row: &Row<'_>| {
            let conditions = self.conditions.as_ref();
            conditions.is_none_or(|conditions| conditions.are_met_by(*row))
        };
        let rows = self
            .open
            .iter()
            .flat_map(|month| self.range(month).map(|index| month.row(index)));
        rows.filter(passes)
    }

    /// Sums over all ended jobs by printer and profile, if some printers or profiles are meant, at any time.
    pub(crate) fn sums_of_profiles(&self) -> Option<impl Iterator<Item = (PrinterId, Option<u32>, &Sums)>> {
        let conditions = self.conditions.as_ref();
        let is_so = !self.dated_only && conditions.is_none_or(Conditions::are_about_profiles);
        let sums = self
            .histories
            .iter()
            .flat_map(|(id, history)| history.sums().iter().map(|(profile, sums)| (*id, *profile, sums)));
        let is_wanted =
            move |profile| conditions.is_none_or(|conditions| conditions.is_profile_wanted(profile));
        is_so.then(|| sums.filter(move |(_, profile, _)| is_wanted(*profile)))
    }

    /// A job, if the filter lets it through. `start` in ms since 1970.
    pub(crate) fn find(&self, printer_id: PrinterId, id: JobId, start: Option<i64>) -> Option<Row<'_>> {
        let (_, history) = self.histories.iter().find(|(of, _)| *of == printer_id)?;
        let is_in_time = match start {
            Some(start) => self.since <= start && start < self.until,
            None => !self.dated_only,
        };
        let conditions = self.conditions.as_ref();
        history
            .months
            .iter()
            .find_map(|month| month.find(id, start))
            .filter(|row| is_in_time && conditions.is_none_or(|conditions| conditions.are_met_by(*row)))
            .or_else(|| self.running_jobs().find(|row| row.id() == id))
    }

    /// How many the filter lets through.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self.count_by_file() {
            Some(ended) => ended + self.running_jobs().count() as u64,
            None => self.all_months().map(|month| self.count_in(month)).sum(),
        }
    }

    /// How many of all ended jobs hold a text, if that is all that is asked for, and the names of their files tell.
    fn count_by_file(&self) -> Option<u64> {
        let partitions = self.partitions.as_ref().filter(|_| !self.dated_only)?;
        let Conditions {
            statuses,
            profiles: None,
            text: Some(text),
            ids: None,
        } = self.conditions.as_ref()?
        else {
            return None;
        };
        let running: HashSet<JobId> = self.open.iter().flat_map(Month::rows).map(Row::id).collect();
        let by_file = statuses.iter().all(|wanted| *wanted) && text.jobs.is_subset(&running);
        by_file.then(|| partitions.files().of(&text.files))
    }

    /// Where the first `limit` of them stand in a list that goes on after `after`.
    #[must_use]
    pub fn first(&self, order: ListOrder, limit: usize, after: Option<Cursor>) -> Vec<Cursor> {
        let mut found = match order {
            ListOrder::Newest | ListOrder::Oldest => self.page_by_start(order, limit, after),
            ListOrder::Most(amount) => self.page_by_amount(Ranking::Most(amount), limit, after),
            ListOrder::Least(amount) => self.page_by_amount(Ranking::Least(amount), limit, after),
        };
        found.sort_unstable_by(|one, other| order.compare(*one, *other));
        found.truncate(limit);
        found
    }

    /// The first `limit` of them in an order by start, and some more.
    fn page_by_start(&self, order: ListOrder, limit: usize, after: Option<Cursor>) -> Vec<Cursor> {
        let mut months: Vec<&Month> = self.all_months().collect();
        months.sort_by_key(|month| month.begin());
        if order == ListOrder::Newest {
            months.reverse();
        }
        let mut found: Vec<Cursor> = Vec::new();
        for same in months.chunk_by(|one, next| one.begin() == next.begin()) {
            for month in same {
                self.each_in(month, |row| {
                    let cursor = Cursor {
                        value: row.start().unwrap_or(UNDATED),
                        id: row.id(),
                    };
                    if after.is_none_or(|after| order.puts_before(after, cursor)) {
                        found.push(cursor);
                    }
                });
            }
            if found.len() >= limit {
                break;
            }
        }
        found
    }

    /// The first `limit` of them in an order by an amount, and some more.
    fn page_by_amount(&self, by: Ranking, limit: usize, after: Option<Cursor>) -> Vec<Cursor> {
        let order = by.order();
        let enough = limit.saturating_mul(2).max(2);
        let mut found: Vec<Cursor> = Vec::new();
        // Of those that were found so far, the last that is on the page.
        let mut last: Option<Cursor> = None;
        for month in self.all_months() {
            month.each_that_took(by.amount(), self.range(month), by.between(after, last), |row| {
                let cursor = by.place(row);
                if last.is_none_or(|last| order.puts_before(cursor, last))
                    && after.is_none_or(|after| order.puts_before(after, cursor))
                    && self
                        .conditions
                        .as_ref()
                        .is_none_or(|conditions| conditions.are_met_by(row))
                {
                    found.push(cursor);
                }
                if found.len() == enough {
                    let compare = |one: &Cursor, other: &Cursor| order.compare(*one, *other);
                    let (_, nth, _) = found.select_nth_unstable_by(limit.saturating_sub(1), compare);
                    last = Some(*nth);
                    found.truncate(limit);
                }
            });
        }
        found
    }

    fn count_in(&self, month: &Month) -> u64 {
        let range = self.range(month);
        let Some(conditions) = &self.conditions else {
            return range.len() as u64;
        };
        if range.len() < month.len() || !conditions.are_counted() {
            let mut jobs = 0;
            self.each_in(month, |_| jobs += 1);
            return jobs;
        }
        let of_profiles = month.counts().iter();
        let wanted = of_profiles.filter(|(profile, _)| conditions.is_profile_wanted(*profile));
        let of_statuses = wanted.flat_map(|(_, counts)| counts.iter().zip(&conditions.statuses));
        of_statuses
            .filter(|(_, is_wanted)| **is_wanted)
            .map(|(count, _)| u64::from(*count))
            .sum()
    }

    fn all_months(&self) -> impl Iterator<Item = &Month> {
        self.ended_months().chain(self.open.iter())
    }

    fn ended_months(&self) -> impl Iterator<Item = &Month> {
        let months = self
            .histories
            .iter()
            .flat_map(|(_, history)| history.months.iter());
        months.map(AsRef::as_ref)
    }

    /// The jobs of the month that started in time.
    fn range(&self, month: &Month) -> std::ops::Range<usize> {
        match (self.dated_only, month.is_undated()) {
            (false, _) => 0..month.len(),
            (true, true) => 0..0,
            (true, false) => {
                let first = month.first_from(self.since);
                // No period may end before it begins.
                first..month.first_from(self.until).max(first)
            }
        }
    }

    /// How busy each printer was, whatever the filter says deltas printers: it is about the machine, not about jobs.
    ///
    /// A window that has no beginning begins with the first job of its printer.
    #[must_use]
    pub fn busy(&self, since: Option<i64>, until: i64) -> BTreeMap<PrinterId, Busy> {
        let mut printers: BTreeMap<PrinterId, Vec<&Month>> = BTreeMap::new();
        for month in self.all_months().filter(|month| month.first_start < until) {
            if since.is_none_or(|since| month.last_end > since) {
                printers.entry(month.printer_id()).or_default().push(month);
            }
        }
        printers
            .into_iter()
            .map(|(id, mut months)| (id, busy(&mut months, since, until)))
            .collect()
    }

    pub(crate) fn profiles(&self) -> &HashMap<u32, MaterialProfile> {
        &self.profiles
    }

    /// What the slicer said, by its number.
    #[must_use]
    pub fn profile(&self, number: Option<u32>) -> Option<&MaterialProfile> {
        self.profiles.get(&number?)
    }

    /// The printers of the filter that have a job running now, whatever else it says.
    #[must_use]
    pub fn running(&self) -> HashSet<PrinterId> {
        self.open.iter().map(Month::printer_id).collect()
    }
}

/// How busy the printer of these months was.
fn busy(months: &mut [&Month], since: Option<i64>, until: i64) -> Busy {
    months.sort_by_key(|month| month.first_start);
    let first = months.first().map_or(until, |month| month.first_start);
    let mut busy = Busy::within(since.unwrap_or(first), until);
    // A machine does one thing at a time, so that they overlap only if clocks were set.
    if months.is_sorted_by(|one, next| one.last_end <= next.first_start) {
        for month in months {
            if !busy.add_all(month.first_start, month.last_end, month.busy) {
                month.runs().for_each(|(start, length)| busy.add(start, length));
            }
        }
    } else {
        let mut runs: Vec<(i64, u64)> = months.iter().flat_map(|month| month.runs()).collect();
        runs.sort_unstable();
        runs.into_iter()
            .for_each(|(start, length)| busy.add(start, length));
    }
    busy
}
