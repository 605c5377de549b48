//! Facts in memory: each month is kept as long as the database has the same version of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use domain::{
    JobId, JobStatus, PrinterId,
    analytics::{Busy, Fact, Sums},
};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    Kind, dictionary,
    month::{KindSums, Month, MonthKey, Row},
    source,
};
use crate::{
    Engine, Error, JobFilter, Result, Store,
    error::Fault,
    jobs, list,
    schema::{JobMonths, JobTotals, PrintJobs},
};

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    printers: HashMap<PrinterId, Printer>,
    kinds: Arc<HashMap<u32, Kind>>,
}

#[derive(Debug, Default)]
struct Printer {
    version: i64,
    months: BTreeMap<MonthKey, Arc<Month>>,
    /// Over all months, once they have been asked for.
    sums: Arc<OnceLock<Vec<KindSums>>>,
}

/// All months of a printer.
#[derive(Debug, Clone)]
struct Past {
    printer_id: PrinterId,
    months: Vec<Arc<Month>>,
    sums: Arc<OnceLock<Vec<KindSums>>>,
}

/// The jobs that a filter lets through, as they were when they were asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    /// By printer.
    pasts: Vec<Past>,
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
    /// `None` if everything that was asked for is known of each fact.
    ids: Option<HashSet<JobId>>,
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
        let (mut pasts, kinds) = {
            let mut shelf = self.shelf.lock().await;
            shelf.refresh(db).await?;
            let of_printer =
                |id: &PrinterId| filter.printer_ids.is_empty() || filter.printer_ids.contains(id);
            let printers = shelf.printers.iter().filter(|(id, _)| of_printer(id));
            let pasts: Vec<_> = printers
                .map(|(id, printer)| Past {
                    printer_id: *id,
                    months: printer.months.values().cloned().collect(),
                    sums: printer.sums.clone(),
                })
                .collect();
            (pasts, shelf.kinds.clone())
        };
        pasts.sort_unstable_by_key(|past| past.printer_id);
        Ok(Facts {
            pasts,
            open: Arc::default(),
            since: filter.since.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
            until: filter.until.map_or(i64::MAX, jiff::Timestamp::as_millisecond),
            dated_only: filter.since.is_some() || filter.until.is_some(),
            conditions: conditions(db, self.engine, filter, &kinds).await?,
            kinds,
        })
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
        self.printers.retain(|id, _| current.contains_key(id));
        let mut has_new_kinds = false;
        for (id, version) in current {
            let printer = self.printers.entry(id).or_default();
            if printer.version > version {
                // The database was put back to an earlier state.
                *printer = Printer::default();
            }
            if printer.version == version {
                continue;
            }
            for (key, month) in newer(db, id, printer.version).await? {
                has_new_kinds |= month
                    .facts()
                    .any(|fact| fact.kind.is_some_and(|kind| !self.kinds.contains_key(&kind)));
                printer.months.insert(key, Arc::new(month));
            }
            printer.sums = Arc::default();
            printer.version = version;
        }
        if has_new_kinds {
            self.kinds = Arc::new(dictionary::kinds(db).await?);
        }
        Ok(())
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
) -> Result<Option<Conditions>, Fault> {
    let JobFilter {
        printer_ids: _,
        since: _,
        until: _,
        statuses,
        filename_contains,
        filament_type,
        slicer,
        verdicts,
        tags,
    } = filter;
    // Whatever only the rows know is asked for as in a list.
    let of_rows = filename_contains.is_some() || !verdicts.is_empty() || !tags.is_empty();
    let ids = match of_rows {
        true => Some(list::ids(db, engine, filter).await?),
        false => None,
    };
    let by_kind = filament_type.is_some() || slicer.is_some();
    if ids.is_none() && !by_kind && statuses.is_empty() {
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
        ids,
    }))
}

impl Past {
    /// Sums over the jobs of each kind.
    fn sums(&self) -> &[KindSums] {
        self.sums.get_or_init(|| {
            let mut all: BTreeMap<Option<u32>, Sums> = BTreeMap::new();
            for (kind, sums) in self.months.iter().flat_map(|month| month.sums()) {
                all.entry(*kind).or_default().merge(sums);
            }
            all.into_iter().collect()
        })
    }
}

impl Conditions {
    #[inline]
    fn are_met_by(&self, row: Row<'_>) -> bool {
        self.statuses[row.status() as usize]
            && self.is_kind_wanted(row.kind())
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&row.id()))
    }

    #[inline]
    fn is_kind_wanted(&self, kind: Option<u32>) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|wanted| kind.is_some_and(|kind| wanted.get(kind as usize).copied().unwrap_or(false)))
    }

    /// Whether all jobs of a kind meet them, or none.
    fn are_about_kinds(&self) -> bool {
        self.ids.is_none() && self.statuses.iter().all(|wanted| *wanted)
    }
}

/// Jobs of a printer, all at once or one by one.
pub(crate) enum Portion<'a> {
    /// All jobs of this kind in a month.
    Sums(Option<u32>, &'a Sums),
    /// This one.
    Job(Row<'a>),
}

impl Facts {
    /// Shows all that the filter lets through: by printer, the ended ones in the order of their starts, then the
    /// running ones.
    #[inline]
    pub(crate) fn each(&self, mut visit: impl FnMut(Row<'_>)) {
        for month in self.all_months() {
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
    }

    /// Shows the same in the largest portions that there are, for what does not ask when or why.
    pub(crate) fn each_portion(&self, mut visit: impl FnMut(PrinterId, Portion<'_>)) {
        let conditions = self.conditions.as_ref();
        let all_time = !self.dated_only && conditions.is_none_or(Conditions::are_about_kinds);
        if all_time {
            for past in &self.pasts {
                for (kind, sums) in past.sums() {
                    if conditions.is_none_or(|conditions| conditions.is_kind_wanted(*kind)) {
                        visit(past.printer_id, Portion::Sums(*kind, sums));
                    }
                }
            }
        }
        let ended = self.ended_months().filter(|_| !all_time);
        for month in ended.chain(self.open.iter()) {
            let range = self.range(month);
            if range.len() == month.len() && conditions.is_none_or(Conditions::are_about_kinds) {
                for (kind, sums) in month.sums() {
                    if conditions.is_none_or(|conditions| conditions.is_kind_wanted(*kind)) {
                        visit(month.printer_id(), Portion::Sums(*kind, sums));
                    }
                }
                continue;
            }
            for index in range {
                let row = month.row(index);
                if conditions.is_none_or(|conditions| conditions.are_met_by(row)) {
                    visit(month.printer_id(), Portion::Job(row));
                }
            }
        }
    }

    /// How many the filter lets through.
    pub(crate) fn count(&self) -> u64 {
        self.all_months().map(|month| self.count_in(month)).sum()
    }

    fn count_in(&self, month: &Month) -> u64 {
        let range = self.range(month);
        let Some(conditions) = &self.conditions else {
            return range.len() as u64;
        };
        if range.len() < month.len() || conditions.ids.is_some() {
            return range
                .filter(|index| conditions.are_met_by(month.row(*index)))
                .count() as u64;
        }
        let wanted = month
            .sums()
            .iter()
            .filter(|(kind, _)| conditions.is_kind_wanted(*kind));
        let statuses = || {
            JobStatus::ALL
                .into_iter()
                .filter(|status| conditions.statuses[*status as usize])
        };
        wanted
            .flat_map(|(_, sums)| statuses().map(|status| sums.of(status)))
            .sum()
    }

    fn all_months(&self) -> impl Iterator<Item = &Month> {
        self.ended_months().chain(self.open.iter())
    }

    fn ended_months(&self) -> impl Iterator<Item = &Month> {
        let months = self.pasts.iter().flat_map(|past| &past.months);
        months.map(AsRef::as_ref)
    }

    /// The jobs of the month that started in time.
    fn range(&self, month: &Month) -> std::ops::Range<usize> {
        match (self.dated_only, month.is_undated()) {
            (false, _) => 0..month.len(),
            (true, true) => 0..0,
            (true, false) => month.first_from(self.since)..month.first_from(self.until),
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
