//! The cache of packed months and of file names: reads from the database what has changed since it was last asked.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use analytics::{Fact, Facts, IdSet, Month, MonthKey, NewMonths, TextIndex, TextMatches};
use domain::{JobFilter, JobId, PrinterId};
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Query},
};
use tokio::sync::OnceCell;

use super::{dictionary, source};
use crate::{
    Error, Result, Store,
    error::Fault,
    jobs, list,
    schema::{JobMonths, JobTotals, PrintJobs},
    search,
};

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct JobMonthCache {
    months: analytics::MonthCache,
    /// TextIndex of all files. Replaced when all months are read again, as the files may then have other numbers.
    names: Arc<OnceCell<RwLock<TextIndex>>>,
    /// Files whose names may be missing.
    unnamed: BTreeSet<u32>,
}

impl Store {
    /// The jobs that the filter selects.
    pub async fn facts(&self, filter: &JobFilter) -> Result<Facts> {
        self.read("read the aggregates", |db| async move {
            let running = running_jobs(&db, filter).await?;
            Ok(self.ended_jobs(&db, filter).await?.with_running(&running))
        })
        .await
    }

    /// The same without running jobs.
    pub(crate) async fn ended_jobs(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
    ) -> Result<Facts, Fault> {
        let text = search::wanted(filter);
        if text.is_some() {
            // Before the lock is taken: the first time takes long.
            self.read_names(db).await?;
        }
        let (mut facts, names) = {
            let mut cache = self.month_cache.lock().await;
            cache.refresh(db).await?;
            if text.is_some() {
                cache.learn_names(db).await?;
            }
            (cache.months.select(filter), cache.names.clone())
        };
        if let Some(text) = text {
            facts = facts.with_text(text_matches(db, text, names).await?);
        }
        if let Some(ids) = self.ids_by_notes(db, filter).await? {
            facts = facts.with_ids(ids);
        }
        Ok(facts)
    }

    /// Verdicts and tags are in no month: the list's query selects the jobs by them.
    async fn ids_by_notes(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
    ) -> Result<Option<HashSet<JobId>>, Fault> {
        if filter.verdicts.is_empty() && filter.tags.is_empty() {
            return Ok(None);
        }
        let by_notes = JobFilter {
            filename_contains: None,
            ..filter.clone()
        };
        list::ids(db, self.engine, &by_notes).await.map(Some)
    }

    /// Fills the caches, so that the first request does not have to wait for it.
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

    /// The texts (file names, causes) that facts refer to by number.
    pub async fn job_texts(&self, numbers: impl IntoIterator<Item = u32>) -> Result<HashMap<u32, String>> {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let numbers = &numbers;
        self.read("read the names of files and causes", |db| async move {
            dictionary::texts(&db, numbers).await
        })
        .await
    }

    async fn read_names(&self, db: &DatabaseConnection) -> Result<(), Fault> {
        let names = self.month_cache.lock().await.names.clone();
        names.get_or_try_init(|| dictionary::names(db)).await?;
        Ok(())
    }
}

impl JobMonthCache {
    /// Reads the months that have changed.
    async fn refresh(&mut self, db: &impl ConnectionTrait) -> Result<(), Fault> {
        let current = versions(db).await?;
        let mut changes = Vec::new();
        for (id, version) in &current {
            let known = self.months.version(*id);
            // A lower version: the database was restored to an earlier state.
            let since = if known > *version { 0 } else { known };
            if since != *version {
                changes.push(NewMonths {
                    printer_id: *id,
                    version: *version,
                    is_complete: since == 0,
                    months: newer(db, *id, since).await?,
                });
            }
        }
        let mut months = changes.iter().flat_map(|change| &change.months);
        if !months.all(|(_, month)| self.months.knows_profiles(month)) {
            self.months.set_profiles(dictionary::profiles(db).await?);
        }
        // Nothing below fails or waits: all parts of the cache change together.
        for change in &changes {
            if change.is_complete && self.months.version(change.printer_id) > 0 {
                self.names = Arc::default();
            }
            let rows = change.months.iter().flat_map(|(_, month)| month.rows());
            self.unnamed.extend(rows.filter_map(|row| row.file()));
        }
        self.months.apply(&current, changes);
        Ok(())
    }

    /// Reads the names of files that are new.
    async fn learn_names(&mut self, db: &impl ConnectionTrait) -> Result<(), Fault> {
        let names = self.names.get_or_try_init(|| dictionary::names(db)).await?;
        let unknown: Vec<u32> = {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            let unnamed = self.unnamed.iter().copied();
            unnamed.filter(|file| !names.knows(*file)).collect()
        };
        let texts = dictionary::texts(db, &unknown).await?;
        let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
        for (number, text) in texts {
            names
                .add(number, &search::folded(&text))
                .map_err(|cause| dictionary::damaged(&cause))?;
        }
        self.unnamed.clear();
        Ok(())
    }
}

/// Version of the months of each printer.
async fn versions(db: &impl ConnectionTrait) -> Result<HashMap<PrinterId, i64>, Fault> {
    let query = Query::select()
        .columns([JobTotals::PrinterId, JobTotals::FactsVersion])
        .from(JobTotals::Table)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            Ok((
                PrinterId(row.try_get("", "printer_id")?),
                row.try_get("", "facts_version")?,
            ))
        })
        .collect()
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
async fn running_jobs(db: &impl ConnectionTrait, filter: &JobFilter) -> Result<Vec<Fact>, Fault> {
    let mut condition = jobs::is_open();
    if !filter.printer_ids.is_empty() {
        let ids = filter.printer_ids.iter().map(|id| id.0);
        condition = condition.and(source::column(PrintJobs::PrinterId).is_in(ids));
    }
    let sources = source::load(db, condition).await?;
    source::number_known(db, sources).await
}

async fn text_matches(
    db: &impl ConnectionTrait,
    text: String,
    names: Arc<OnceCell<RwLock<TextIndex>>>,
) -> Result<TextMatches, Fault> {
    let jobs = search::said_or_running(db, &text).await?;
    let files = run_blocking(move || match names.get() {
        Some(names) => names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .containing(&text),
        None => Ok(IdSet::default()),
    });
    Ok(TextMatches {
        jobs,
        files: files.await?.map_err(|cause| dictionary::damaged(&cause))?,
    })
}

/// Computes something that takes some milliseconds.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| sea_orm::DbErr::Custom(format!("a search ended early: {cause}")).into())
}
