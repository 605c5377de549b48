//! The table `job_months`: facts of ended jobs, packed by printer and month. It is updated in the transaction that
//! changes a job.
//!
//! Every change of a job calls [`refresh`], which reads the job's rows again, so that no caller can forget a column.

mod cache;
mod dictionary;
mod months;
pub(crate) mod source;
pub(crate) mod spellings;

use std::collections::{BTreeMap, HashSet};

use analytics::{FORMAT, Fact, Month, MonthKey};
use domain::{JobId, PrinterId, UNDATED};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query},
};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        record::milliseconds,
        tables::{JobMonths, JobTotals, PrintJobs, Printers},
        transaction::{LONG, Tx},
    },
};
pub(crate) use cache::{JobMonthCache, compute, files_containing};

/// Jobs read by one statement.
const BATCH: usize = 512;

/// A month that differs from its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthMismatch {
    /// The printer.
    pub printer_id: PrinterId,
    /// The month, such as `2026-01`; `unknown` for jobs whose start is unknown.
    pub month: String,
}

impl Store {
    /// Compares the months with the jobs. Returns those that differ.
    pub async fn check_aggregates(&self) -> Result<Vec<MonthMismatch>> {
        let mut mismatches = Vec::new();
        for printer_id in self.printer_ids().await? {
            mismatches.extend(self.check_printer(printer_id).await?);
        }
        Ok(mismatches)
    }

    /// Packs all months again. Returns the number of jobs in them.
    pub async fn rebuild_aggregates(&self) -> Result<u64> {
        let mut jobs = 0;
        for printer_id in self.printer_ids().await? {
            jobs += self.rebuild_printer(printer_id).await?;
        }
        Ok(jobs)
    }

    /// Packs months again that are missing or have another format.
    pub(crate) async fn rebuild_outdated(&self) -> Result<()> {
        let query = &Query::select()
            .column(JobTotals::PrinterId)
            .from(JobTotals::Table)
            // A new format is introduced here, not in a migration: the packing is code of another crate.
            .and_where(Expr::col(JobTotals::FactsFormat).ne(FORMAT))
            .to_owned();
        let outdated = self
            .read("find outdated aggregates", |db| async move {
                let rows = db.query_all(query).await?;
                let ids = rows.iter().map(|row| row.try_get("", "printer_id"));
                Ok(ids.collect::<Result<Vec<i64>, _>>()?)
            })
            .await?;
        for id in outdated {
            let jobs = self.rebuild_printer(PrinterId(id)).await?;
            tracing::info!(printer.id = id, "computed the aggregates of {jobs} jobs");
        }
        Ok(())
    }

    async fn printer_ids(&self) -> Result<Vec<PrinterId>> {
        let query = &Query::select()
            .column(Printers::Id)
            .from(Printers::Table)
            .order_by(Printers::NameKey, Order::Asc)
            .to_owned();
        self.read("read the printers", |db| async move {
            let rows = db.query_all(query).await?;
            rows.iter()
                .map(|row| Ok(PrinterId(row.try_get("", "id")?)))
                .collect()
        })
        .await
    }

    async fn rebuild_printer(&self, printer_id: PrinterId) -> Result<u64> {
        self.write_within(LONG, "compute the aggregates", |tx| async move {
            match lock(&tx, printer_id).await? {
                true => rebuild(&tx, printer_id).await,
                false => Ok(0),
            }
        })
        .await
    }

    /// Compares the months of a printer. Repeats a comparison that found differences if a month changed meanwhile.
    async fn check_printer(&self, printer_id: PrinterId) -> Result<Vec<MonthMismatch>> {
        self.read_within(LONG, "compare the aggregates with the jobs", |db| async move {
            loop {
                let before = version(&db, printer_id).await?;
                let mismatches = compare(&db, printer_id).await?;
                // A job that ended between the two reads is no mismatch.
                if mismatches.is_empty() || version(&db, printer_id).await? == before {
                    return Ok(mismatches);
                }
            }
        })
        .await
    }
}

/// A job that was inserted, changed or deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touched {
    pub(crate) id: JobId,
    /// A known start never changes.
    pub(crate) start_time: Option<Timestamp>,
    /// Whether it was running and still is. No month contains it then, but filters select running jobs by the numbers of
    /// their texts, so these must exist.
    pub(crate) stays_open: bool,
}

/// Updates the months of these jobs, which were inserted, changed or deleted. Call it after their rows have been
/// written, with the printers locked. Only `JobChanges` does.
pub(crate) async fn refresh(tx: &Tx, jobs: &BTreeMap<PrinterId, Vec<Touched>>) -> Result<(), Fault> {
    let mut ended: BTreeMap<PrinterId, Vec<Fact>> = BTreeMap::new();
    for fact in read_ended(tx, &jobs.values().flatten().copied().collect::<Vec<_>>()).await? {
        ended.entry(fact.printer_id).or_default().push(fact);
    }
    for (printer_id, jobs) in jobs {
        merge(
            tx,
            *printer_id,
            jobs,
            ended.remove(printer_id).unwrap_or_default(),
        )
        .await?;
    }
    Ok(())
}

/// Reads the facts of ended jobs. Running jobs are excluded: they are few, change constantly, and are read on demand.
async fn read_ended(tx: &Tx, jobs: &[Touched]) -> Result<Vec<Fact>, Fault> {
    let mut facts = Vec::new();
    for batch in jobs.chunks(BATCH) {
        let mut ids: Vec<i64> = batch.iter().map(|job| job.id.0).collect();
        // Fewer lengths mean fewer prepared statements.
        ids.resize(ids.len().next_power_of_two(), ids[0]);
        let sources = source::load(&**tx, source::column(PrintJobs::Id).is_in(ids)).await?;
        facts.extend(ended(source::number_all(tx, sources).await?));
    }
    Ok(facts)
}

/// Replaces the facts of these jobs of a printer.
async fn merge(tx: &Tx, printer_id: PrinterId, jobs: &[Touched], ended: Vec<Fact>) -> Result<(), Fault> {
    let mut months: BTreeMap<MonthKey, (HashSet<JobId>, Vec<Fact>)> = BTreeMap::new();
    for job in jobs.iter().filter(|job| !job.stays_open) {
        let month = months
            .entry(MonthKey::of(milliseconds(job.start_time)))
            .or_default();
        month.0.insert(job.id);
    }
    for fact in ended {
        months.entry(MonthKey::of(fact.start)).or_default().1.push(fact);
    }
    let mut version = None;
    for (key, (touched, ended)) in months {
        let stored = load(&**tx, printer_id, key).await?;
        let mut facts = match &stored {
            None => Vec::new(),
            Some(bytes) => match Month::from_bytes(printer_id, key, bytes) {
                Some(month) => month.facts().filter(|fact| !touched.contains(&fact.id)).collect(),
                // A damaged month must not stop the recording of prints.
                None => return rebuild(tx, printer_id).await.map(drop),
            },
        };
        facts.extend(ended);
        // The order is part of the format: a month is compared byte by byte.
        facts.sort_unstable_by_key(|fact| (fact.start, fact.id));
        let month = Month::pack(printer_id, key, &facts);
        let bytes = month.to_bytes();
        // A month that did not change keeps its version, so that caches do not read it again.
        if stored.as_ref() == Some(&bytes) || (stored.is_none() && facts.is_empty()) {
            continue;
        }
        let version = match version {
            Some(version) => version,
            None => *version.insert(next_version(tx, printer_id).await?),
        };
        save(tx, printer_id, key, facts.len(), bytes, version).await?;
    }
    Ok(())
}

/// Locks the jobs of a printer: each change of a job locks this row first. `false` if there is no such printer.
async fn lock(tx: &Tx, printer_id: PrinterId) -> Result<bool, Fault> {
    let query = Query::select()
        .column(JobTotals::PrinterId)
        .from(JobTotals::Table)
        .and_where(Expr::col(JobTotals::PrinterId).eq(printer_id.0))
        .lock_exclusive()
        .to_owned();
    Ok(tx.query_one(&query).await?.is_some())
}

/// Packs all months of a printer again. Returns the number of jobs in them.
async fn rebuild(tx: &Tx, printer_id: PrinterId) -> Result<u64, Fault> {
    let version = next_version(tx, printer_id).await?;
    // A month without jobs keeps its row, so that caches learn that it is empty.
    let mut empty: HashSet<MonthKey> = stored_months(&**tx, printer_id).await?.into_iter().collect();
    let mut jobs = 0;
    let mut after = None;
    while let Some((key, sources)) = next_month(&**tx, printer_id, after).await? {
        let facts = ended(source::number_all(tx, sources).await?);
        let bytes = Month::pack(printer_id, key, &facts).to_bytes();
        save(tx, printer_id, key, facts.len(), bytes, version).await?;
        jobs += facts.len() as u64;
        empty.remove(&key);
        after = Some(key);
    }
    for key in empty {
        let bytes = Month::pack(printer_id, key, &[]).to_bytes();
        save(tx, printer_id, key, 0, bytes, version).await?;
    }
    let done = Query::update()
        .table(JobTotals::Table)
        .value(JobTotals::FactsFormat, FORMAT)
        .and_where(Expr::col(JobTotals::PrinterId).eq(printer_id.0))
        .to_owned();
    tx.execute(&done).await?;
    Ok(jobs)
}

async fn compare(db: &impl ConnectionTrait, printer_id: PrinterId) -> Result<Vec<MonthMismatch>, Fault> {
    let mut mismatches = Vec::new();
    let mut seen = HashSet::new();
    let mut after = None;
    while let Some((key, sources)) = next_month(db, printer_id, after).await? {
        let facts = ended(source::number_known(db, sources).await?);
        let stored = load(db, printer_id, key).await?;
        let is_right = match stored {
            None => facts.is_empty(),
            Some(bytes) => bytes == Month::pack(printer_id, key, &facts).to_bytes(),
        };
        if !is_right {
            mismatches.push(key);
        }
        seen.insert(key);
        after = Some(key);
    }
    for key in stored_months(db, printer_id).await? {
        let nothing = Month::pack(printer_id, key, &[]).to_bytes();
        if !seen.contains(&key)
            && load(db, printer_id, key)
                .await?
                .is_some_and(|bytes| bytes != nothing)
        {
            mismatches.push(key);
        }
    }
    mismatches.sort_unstable();
    Ok(mismatches
        .into_iter()
        .map(|month| MonthMismatch {
            printer_id,
            month: month.to_string(),
        })
        .collect())
}

fn ended(facts: Vec<Fact>) -> Vec<Fact> {
    facts.into_iter().filter(|fact| !fact.status.is_open()).collect()
}

/// Reads the jobs of the next month that has any.
async fn next_month(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    after: Option<MonthKey>,
) -> Result<Option<(MonthKey, Vec<source::Source>)>, Fault> {
    let of_printer = || source::column(PrintJobs::PrinterId).eq(printer_id.0);
    let time = || source::column(PrintJobs::SortTime);
    let mut first = Query::select()
        .expr_as(time().min(), "first")
        .from(PrintJobs::Table)
        .and_where(of_printer())
        .to_owned();
    if let Some(after) = after {
        first.and_where(time().gte(after.end()));
    }
    let first = match db.query_one(&first).await? {
        Some(row) => row.try_get::<Option<i64>>("", "first")?,
        None => None,
    };
    let Some(first) = first else { return Ok(None) };
    let key = MonthKey::of((first != UNDATED).then_some(first));
    // The sort time of jobs without a start lies before all months, so they form one of their own.
    let within = time().gte(first).and(time().lt(key.end()));
    let sources = source::load(db, of_printer().and(within)).await?;
    Ok(Some((key, sources)))
}

async fn stored_months(db: &impl ConnectionTrait, printer_id: PrinterId) -> Result<Vec<MonthKey>, Fault> {
    let query = Query::select()
        .column(JobMonths::Month)
        .from(JobMonths::Table)
        .and_where(Expr::col(JobMonths::PrinterId).eq(printer_id.0))
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| Ok(MonthKey(row.try_get("", "month")?)))
        .collect()
}

async fn load(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    key: MonthKey,
) -> Result<Option<Vec<u8>>, Fault> {
    let query = Query::select()
        .column(JobMonths::Facts)
        .from(JobMonths::Table)
        .and_where(Expr::col(JobMonths::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(JobMonths::Month).eq(key.0))
        .to_owned();
    let row = db.query_one(&query).await?;
    Ok(row.map(|row| row.try_get("", "facts")).transpose()?)
}

async fn save(
    tx: &Tx,
    printer_id: PrinterId,
    key: MonthKey,
    jobs: usize,
    facts: Vec<u8>,
    version: i64,
) -> Result<(), Fault> {
    let jobs = i64::try_from(jobs).unwrap_or(i64::MAX);
    let update = Query::update()
        .table(JobMonths::Table)
        .value(JobMonths::Version, version)
        .value(JobMonths::Jobs, jobs)
        .value(JobMonths::Facts, facts.clone())
        .and_where(Expr::col(JobMonths::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(JobMonths::Month).eq(key.0))
        .to_owned();
    // The version differs from that of every stored month, so MySQL, which counts changed rows only, counts
    // this one.
    if tx.execute(&update).await?.rows_affected() > 0 {
        return Ok(());
    }
    let insert = Query::insert()
        .into_table(JobMonths::Table)
        .columns([
            JobMonths::PrinterId,
            JobMonths::Month,
            JobMonths::Version,
            JobMonths::Jobs,
            JobMonths::Facts,
        ])
        .values_panic([
            Expr::val(printer_id.0),
            Expr::val(key.0),
            Expr::val(version),
            Expr::val(jobs),
            Expr::val(facts),
        ])
        .to_owned();
    tx.execute(&insert).await?;
    Ok(())
}

/// Deletes all months of a printer.
pub(crate) async fn remove_of_printer(tx: &Tx, printer_id: PrinterId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(JobMonths::Table)
        .and_where(Expr::col(JobMonths::PrinterId).eq(printer_id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// The version of the months written now. Caches ask for months newer than those they have.
async fn next_version(tx: &Tx, printer_id: PrinterId) -> Result<i64, Fault> {
    let statement = Query::update()
        .table(JobTotals::Table)
        .value(JobTotals::FactsVersion, Expr::col(JobTotals::FactsVersion).add(1))
        .and_where(Expr::col(JobTotals::PrinterId).eq(printer_id.0))
        .to_owned();
    tx.execute(&statement).await?;
    version(&**tx, printer_id).await
}

async fn version(db: &impl ConnectionTrait, printer_id: PrinterId) -> Result<i64, Fault> {
    let query = Query::select()
        .column(JobTotals::FactsVersion)
        .from(JobTotals::Table)
        .and_where(Expr::col(JobTotals::PrinterId).eq(printer_id.0))
        .to_owned();
    let row = db.query_one(&query).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "facts_version"))?)
}
