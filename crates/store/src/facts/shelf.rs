//! Facts in memory: each month is kept as long as the database has the same version of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use domain::{
    JobId, JobStatus, PrinterId,
    analytics::{Busy, Fact, Sums},
};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use tokio::sync::OnceCell;

use super::{
    Kind, dictionary,
    fleet::{Fleet, FleetMonth},
    month::{Month, MonthKey, Row},
    names::{Names, Numbers},
    ranking::Ranking,
    source,
};
use crate::{
    Cursor, Engine, Error, JobFilter, ListOrder, Result, Store,
    error::Fault,
    jobs, list,
    record::UNDATED,
    schema::{JobMonths, JobTotals, PrintJobs},
    search,
};

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    printers: BTreeMap<PrinterId, Printer>,
    /// The same months over all printers.
    fleet: Arc<Fleet>,
    /// Of all files. Other ones when all months were read anew, as files may have other numbers then.
    names: Arc<OnceCell<RwLock<Names>>>,
    kinds: Arc<HashMap<u32, Kind>>,
}

#[derive(Debug, Default)]
struct Printer {
    version: i64,
    months: BTreeMap<MonthKey, Arc<Month>>,
    past: Past,
    /// Whether all names of its files are known.
    is_named: bool,
}

/// All months of a printer.
#[derive(Debug, Clone, Default)]
struct Past {
    months: Arc<[Arc<Month>]>,
    /// Sums over the jobs of each kind, once they have been asked for.
    sums: Arc<OnceLock<Vec<KindSums>>>,
}

/// The number of a kind, and the sums over its jobs.
type KindSums = (Option<u32>, Sums);

/// The jobs that a filter lets through, as they were when they were asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    pasts: Vec<(PrinterId, Past)>,
    /// If they are those of all printers.
    fleet: Option<Arc<Fleet>>,
    /// Each a month of one job.
    open: Arc<[Month]>,
    kinds: Arc<HashMap<u32, Kind>>,
    since: i64,
    until: i64,
    dated_only: bool,
    conditions: Option<Conditions>,
}

/// What each job must meet, beyond its printer and start.
#[derive(Debug, Clone)]
struct Conditions {
    statuses: [bool; JobStatus::ALL.len()],
    /// By number of the kind; `None` if kinds do not matter.
    kinds: Option<Vec<bool>>,
    /// `None` if no text is looked for.
    text: Option<Holders>,
    /// `None` if everything else that was asked for is known of each fact.
    ids: Option<HashSet<JobId>>,
}

/// What holds a text.
#[derive(Debug, Clone)]
struct Holders {
    files: Numbers,
    /// Where others than the file's name may.
    jobs: HashSet<JobId>,
}

impl Store {
    /// The jobs that the filter lets through.
    pub async fn facts(&self, filter: &JobFilter) -> Result<Facts> {
        self.read("read the aggregates", |db| async move {
            let open = open_jobs(&db, filter).await?;
            let packed = open.iter().map(|fact| {
                Month::pack(
                    fact.printer_id,
                    MonthKey::of(fact.start),
                    std::slice::from_ref(fact),
                )
            });
            Ok(Facts {
                open: packed.collect(),
                ..self.ended_jobs(&db, filter).await?
            })
        })
        .await
    }

    /// Those that have ended.
    pub(crate) async fn ended_jobs(
        &self,
        db: &sea_orm::DatabaseConnection,
        filter: &JobFilter,
    ) -> Result<Facts, Fault> {
        let text = search::wanted(filter);
        if text.is_some() {
            // Not with the shelf locked, as far as that can be helped.
            self.read_names(db).await?;
        }
        let (pasts, fleet, kinds, names) = {
            let mut shelf = self.shelf.lock().await;
            shelf.refresh(db).await?;
            if text.is_some() {
                shelf.learn_names(db).await?;
            }
            let of_printer =
                |id: &PrinterId| filter.printer_ids.is_empty() || filter.printer_ids.contains(id);
            let printers = shelf.printers.iter().filter(|(id, _)| of_printer(id));
            let pasts: Vec<_> = printers
                .map(|(id, printer)| (*id, printer.past.clone()))
                .collect();
            let fleet = (pasts.len() == shelf.printers.len()).then(|| shelf.fleet.clone());
            (pasts, fleet, shelf.kinds.clone(), shelf.names.clone())
        };
        let holders = match text {
            Some(text) => Some(holders(db, text, names).await?),
            None => None,
        };
        Ok(Facts {
            pasts,
            fleet,
            open: Arc::default(),
            since: filter.since.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
            until: filter.until.map_or(i64::MAX, jiff::Timestamp::as_millisecond),
            dated_only: filter.since.is_some() || filter.until.is_some(),
            conditions: conditions(db, self.engine, filter, &kinds, holders).await?,
            kinds,
        })
    }

    /// Reads what the first question about many jobs would have to wait for.
    ///
    /// # Errors
    /// If the database does not answer, or its aggregates are damaged.
    pub async fn read_aggregates(&self) -> Result<()> {
        self.facts(&JobFilter::default()).await?;
        self.read("read the names of files", |db| async move {
            self.read_names(&db).await
        })
        .await
    }

    async fn read_names(&self, db: &sea_orm::DatabaseConnection) -> Result<(), Fault> {
        let names = self.shelf.lock().await.names.clone();
        names.get_or_try_init(|| dictionary::names(db)).await?;
        Ok(())
    }
}

impl Shelf {
    /// Reads what has changed.
    async fn refresh(&mut self, db: &impl ConnectionTrait) -> Result<(), Fault> {
        let query = Query::select()
            .columns([JobTotals::PrinterId, JobTotals::FactsVersion])
            .from(JobTotals::Table)
            .to_owned();
        let mut current = HashMap::new();
        for row in db.query_all(&query).await? {
            let version: i64 = row.try_get("", "facts_version")?;
            current.insert(PrinterId(row.try_get("", "printer_id")?), version);
        }
        let mut news = Vec::new();
        for (id, version) in &current {
            let known = self.printers.get(id).map_or(0, |printer| printer.version);
            // Fewer: the database was put back to an earlier state.
            let since = if known > *version { 0 } else { known };
            if since != *version {
                news.push((*id, *version, since, newer(db, *id, since).await?));
            }
        }
        let is_known = |month: &Month| {
            let mut kinds = month.rows().filter_map(Row::kind);
            kinds.all(|kind| self.kinds.contains_key(&kind))
        };
        let mut months = news.iter().flat_map(|(.., months)| months);
        if !months.all(|(_, month)| is_known(month)) {
            self.kinds = Arc::new(dictionary::kinds(db).await?);
        }
        // From here on nothing fails or waits, so that all parts change together.
        let known = self.printers.len();
        self.printers.retain(|id, _| current.contains_key(id));
        if news.is_empty() && self.printers.len() == known {
            return Ok(());
        }
        for (id, version, since, months) in news {
            let printer = self.printers.entry(id).or_default();
            if since == 0 && printer.version > 0 {
                printer.months.clear();
                self.names = Arc::default();
            }
            let months = months.into_iter().map(|(key, month)| (key, Arc::new(month)));
            printer.months.extend(months);
            printer.version = version;
            printer.past = Past::of(&printer.months);
            printer.is_named = false;
        }
        self.regroup();
        Ok(())
    }

    /// Reads the names of files that are new.
    async fn learn_names(&mut self, db: &impl ConnectionTrait) -> Result<(), Fault> {
        let names = self.names.get_or_try_init(|| dictionary::names(db)).await?;
        let unnamed = || self.printers.values().filter(|printer| !printer.is_named);
        let unknown: BTreeSet<u32> = {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            let months = unnamed().flat_map(|printer| printer.months.values());
            let files = months.flat_map(|month| month.rows()).filter_map(Row::file);
            files.filter(|file| !names.knows(*file)).collect()
        };
        let unknown: Vec<u32> = unknown.into_iter().collect();
        let texts = dictionary::texts(db, &unknown).await?;
        let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
        for (number, text) in texts {
            names
                .add(number, &text)
                .map_err(|cause| dictionary::damaged(&cause))?;
        }
        for printer in self.printers.values_mut() {
            printer.is_named = true;
        }
        Ok(())
    }

    fn regroup(&mut self) {
        let mut months: BTreeMap<MonthKey, Vec<Arc<Month>>> = BTreeMap::new();
        for printer in self.printers.values() {
            for (key, month) in &printer.months {
                months.entry(*key).or_default().push(month.clone());
            }
        }
        self.fleet = Arc::new(self.fleet.renewed(months, &self.kinds));
    }
}

/// The months of a printer that were written after this version.
async fn newer(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    version: i64,
) -> Result<Vec<(MonthKey, Month)>, Fault> {
    let query = Query::select()
        .columns([JobMonths::Month, JobMonths::Facts])
        .from(JobMonths::Table)
        .and_where(Expr::col(JobMonths::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(JobMonths::Version).gt(version))
        .to_owned();
    let mut months = Vec::new();
    for row in db.query_all(&query).await? {
        let key = MonthKey(row.try_get("", "month")?);
        let bytes: Vec<u8> = row.try_get("", "facts")?;
        let month = Month::from_bytes(printer_id, key, &bytes).ok_or_else(|| Error::BadValue {
            table: "job_months",
            column: "facts",
            row: printer_id.0,
            found: format!(
                "bytes of {key} that no version of printlog wrote; `printlog rebuild-aggregates` mends them"
            ),
        })?;
        months.push((key, month));
    }
    Ok(months)
}

/// By the filter's printers only.
async fn open_jobs(db: &impl ConnectionTrait, filter: &JobFilter) -> Result<Vec<Fact>, Fault> {
    let mut condition = jobs::is_open();
    if !filter.printer_ids.is_empty() {
        let ids = filter.printer_ids.iter().map(|id| id.0);
        condition = condition.and(source::column(PrintJobs::PrinterId).is_in(ids));
    }
    let sources = source::load(db, condition).await?;
    source::number_known(db, sources).await
}

async fn conditions(
    db: &sea_orm::DatabaseConnection,
    engine: Engine,
    filter: &JobFilter,
    kinds: &HashMap<u32, Kind>,
    text: Option<Holders>,
) -> Result<Option<Conditions>, Fault> {
    let JobFilter {
        printer_ids: _,
        since: _,
        until: _,
        statuses,
        filename_contains: _,
        filament_type,
        slicer,
        verdicts,
        tags,
    } = filter;
    // Whatever only the rows know is asked for as in a list.
    let ids = match verdicts.is_empty() && tags.is_empty() {
        true => None,
        false => {
            let by_users = JobFilter {
                filename_contains: None,
                ..filter.clone()
            };
            Some(list::ids(db, engine, &by_users).await?)
        }
    };
    let by_kind = filament_type.is_some() || slicer.is_some();
    if text.is_none() && ids.is_none() && !by_kind && statuses.is_empty() {
        return Ok(None);
    }
    let is_wanted = |kind: &Kind| {
        (filament_type.is_none() || kind.filament_type == *filament_type)
            && (slicer.is_none() || kind.slicer == *slicer)
    };
    let kinds = by_kind.then(|| {
        let most = kinds.keys().max().map_or(0, |most| *most as usize + 1);
        let mut wanted = vec![false; most];
        for (number, kind) in kinds {
            wanted[*number as usize] = is_wanted(kind);
        }
        wanted
    });
    Ok(Some(Conditions {
        statuses: JobStatus::ALL.map(|status| statuses.is_empty() || statuses.contains(&status)),
        kinds,
        text,
        ids,
    }))
}

async fn holders(
    db: &impl ConnectionTrait,
    text: String,
    names: Arc<OnceCell<RwLock<Names>>>,
) -> Result<Holders, Fault> {
    let jobs = search::said_or_running(db, &text).await?;
    let files = beside(move || match names.get() {
        Some(names) => names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .containing(&text),
        None => Ok(Numbers::default()),
    });
    Ok(Holders {
        jobs,
        files: files.await?.map_err(|cause| dictionary::damaged(&cause))?,
    })
}

/// Computes something that takes some milliseconds.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| sea_orm::DbErr::Custom(format!("a search ended early: {cause}")).into())
}

impl Past {
    fn of(months: &BTreeMap<MonthKey, Arc<Month>>) -> Self {
        Self {
            months: months.values().cloned().collect(),
            sums: Arc::default(),
        }
    }

    fn sums(&self) -> &[KindSums] {
        self.sums.get_or_init(|| {
            let mut sums: BTreeMap<Option<u32>, Sums> = BTreeMap::new();
            for fact in self.months.iter().flat_map(|month| month.facts()) {
                sums.entry(fact.kind).or_default().add(&fact);
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
            && self.is_kind_wanted(row.kind())
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&row.id()))
    }

    #[inline]
    fn is_kind_wanted(&self, kind: Option<u32>) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|wanted| kind.is_some_and(|kind| wanted.get(kind as usize).copied().unwrap_or(false)))
    }

    /// Whether they ask for nothing but kinds and statuses.
    fn are_counted(&self) -> bool {
        self.text.is_none() && self.ids.is_none()
    }

    /// Whether all jobs of a kind meet them, or none.
    fn are_about_kinds(&self) -> bool {
        self.are_counted() && self.statuses.iter().all(|wanted| *wanted)
    }
}

impl Holders {
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
pub(crate) enum Part<'a> {
    Month(&'a FleetMonth),
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
    pub(crate) fn each_part(&self, mut visit: impl FnMut(Part<'_>)) {
        let Some(fleet) = self.fleet.as_ref().filter(|_| self.conditions.is_none()) else {
            return self.each(|row| visit(Part::Job(row)));
        };
        for month in fleet.months() {
            if self.is_within(month) {
                visit(Part::Month(month));
            } else {
                month
                    .months()
                    .for_each(|month| self.each_in(month, |row| visit(Part::Job(row))));
            }
        }
        self.running_jobs().for_each(|row| visit(Part::Job(row)));
    }

    #[inline]
    fn each_in(&self, month: &Month, mut visit: impl FnMut(Row<'_>)) {
        let text = self
            .conditions
            .as_ref()
            .and_then(|conditions| conditions.text.as_ref());
        if text.is_some_and(Holders::are_none) {
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
    fn is_within(&self, month: &FleetMonth) -> bool {
        let in_time = |(first, last)| self.since <= first && last < self.until;
        !self.dated_only || month.starts.is_some_and(in_time)
    }

    /// The ended jobs, if they are all that there are.
    pub(crate) fn whole_fleet(&self) -> Option<&Fleet> {
        let all = !self.dated_only && self.conditions.is_none();
        self.fleet.as_deref().filter(|_| all)
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

    /// Sums over all ended jobs by printer and kind, if some printers or kinds are meant, at any time.
    pub(crate) fn sums_of_kinds(&self) -> Option<impl Iterator<Item = (PrinterId, Option<u32>, &Sums)>> {
        let conditions = self.conditions.as_ref();
        let is_so = !self.dated_only && conditions.is_none_or(Conditions::are_about_kinds);
        let sums = self
            .pasts
            .iter()
            .flat_map(|(id, past)| past.sums().iter().map(|(kind, sums)| (*id, *kind, sums)));
        let is_wanted = move |kind| conditions.is_none_or(|conditions| conditions.is_kind_wanted(kind));
        is_so.then(|| sums.filter(move |(_, kind, _)| is_wanted(*kind)))
    }

    /// A job, if the filter lets it through. `start` in ms since 1970.
    pub(crate) fn find(&self, printer_id: PrinterId, id: JobId, start: Option<i64>) -> Option<Row<'_>> {
        let (_, past) = self.pasts.iter().find(|(of, _)| *of == printer_id)?;
        let is_in_time = match start {
            Some(start) => self.since <= start && start < self.until,
            None => !self.dated_only,
        };
        let conditions = self.conditions.as_ref();
        past.months
            .iter()
            .find_map(|month| month.find(id, start))
            .filter(|row| is_in_time && conditions.is_none_or(|conditions| conditions.are_met_by(*row)))
            .or_else(|| self.running_jobs().find(|row| row.id() == id))
    }

    /// How many the filter lets through.
    pub(crate) fn count(&self) -> u64 {
        match self.count_by_file() {
            Some(ended) => ended + self.running_jobs().count() as u64,
            None => self.all_months().map(|month| self.count_in(month)).sum(),
        }
    }

    /// How many of all ended jobs hold a text, if that is all that is asked for, and the names of their files tell.
    fn count_by_file(&self) -> Option<u64> {
        let fleet = self.fleet.as_ref().filter(|_| !self.dated_only)?;
        let Conditions {
            statuses,
            kinds: None,
            text: Some(text),
            ids: None,
        } = self.conditions.as_ref()?
        else {
            return None;
        };
        let running: HashSet<JobId> = self.open.iter().flat_map(Month::rows).map(Row::id).collect();
        let by_file = statuses.iter().all(|wanted| *wanted) && text.jobs.is_subset(&running);
        by_file.then(|| fleet.files().of(&text.files))
    }

    /// Where the first `limit` of them stand in a list that goes on after `after`.
    pub(crate) fn first(&self, order: ListOrder, limit: usize, after: Option<Cursor>) -> Vec<Cursor> {
        let mut found = match order {
            ListOrder::Newest | ListOrder::Oldest => self.near_by_start(order, limit, after),
            ListOrder::Most(amount) => self.near_by_amount(Ranking::Most(amount), limit, after),
            ListOrder::Least(amount) => self.near_by_amount(Ranking::Least(amount), limit, after),
        };
        found.sort_unstable_by(|one, other| order.compare(*one, *other));
        found.truncate(limit);
        found
    }

    /// The first `limit` of them in an order by start, and some more.
    fn near_by_start(&self, order: ListOrder, limit: usize, after: Option<Cursor>) -> Vec<Cursor> {
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
    fn near_by_amount(&self, by: Ranking, limit: usize, after: Option<Cursor>) -> Vec<Cursor> {
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
        let of_kinds = month.counts().iter();
        let wanted = of_kinds.filter(|(kind, _)| conditions.is_kind_wanted(*kind));
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
        let months = self.pasts.iter().flat_map(|(_, past)| past.months.iter());
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

    /// How busy each printer was, whatever the filter says beyond printers: it is about the machine, not about jobs.
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

    pub(crate) fn kinds(&self) -> &HashMap<u32, Kind> {
        &self.kinds
    }

    /// What the slicer said, by its number.
    #[must_use]
    pub fn kind(&self, number: Option<u32>) -> Option<&Kind> {
        self.kinds.get(&number?)
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
