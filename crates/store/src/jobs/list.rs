//! Paged lists of jobs. Every page takes the same time.

use std::collections::HashMap;

use analytics::Selection;
use domain::{Cursor, JobFilter, JobId, JobNotes, ListOrder};
use sea_orm::{
    DatabaseConnection,
    sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement},
};

use crate::{
    Result, Store,
    db::{
        batches::padded,
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{JobTotals, PrintJobs},
    },
    files::{
        listed_details::{self, ListedDetails},
        thumbnails,
    },
    job_months::compute,
    jobs::{
        filter::{MAX_PARTS, column, common, is_by_facts, is_by_notes, part_count, parts, selected},
        notes,
        rows::{StoredJob, is_open, select_with_printer, stored_job},
        search::{self, Found},
    },
};

/// A job in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// The job, without its metadata.
    pub stored: StoredJob,
    /// What users added, without `notes`, which may be long.
    pub notes: JobNotes,
    /// Whether its file has a thumbnail.
    pub has_thumbnail: bool,
    /// The details that lists show.
    pub details: ListedDetails,
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// The jobs, in the requested order.
    pub items: Vec<JobRow>,
    /// Start of the next page. `None` at the end.
    pub next: Option<Cursor>,
    /// Number of jobs on all pages.
    pub total: u64,
}

/// A page that needs at most this many rows in index order is read on the connection for short reads.
const FEW_ROWS: usize = 256;

impl Store {
    /// A page of jobs after `after`, newest first.
    pub async fn list_jobs(&self, filter: &JobFilter, limit: u64, after: Option<Cursor>) -> Result<JobPage> {
        self.list_jobs_in(ListOrder::Newest, filter, limit, after).await
    }

    /// A page of jobs after `after`, in `order`.
    pub async fn list_jobs_in(
        &self,
        order: ListOrder,
        filter: &JobFilter,
        limit: u64,
        after: Option<Cursor>,
    ) -> Result<JobPage> {
        let is_in_facts = filter.text.is_some() || is_by_facts(filter);
        let is_by_start = matches!(order, ListOrder::Newest | ListOrder::Oldest);
        if is_in_facts || !is_by_start {
            let (places, total) = self.look_for(order, filter, limit, after).await?;
            let places = &places;
            let page = self
                .read_fast("list jobs", |db| async move {
                    page_of(&db, places, limit, total).await
                })
                .await?;
            return Ok(self.priced(page));
        }
        if !is_short(filter, limit) {
            let page = self
                .read("list jobs", |db| async move {
                    let filter = &self.with_spellings(&db, filter).await?;
                    let total = count(self, &db, filter, &Found::All).await?;
                    whole_page(&db, order, filter, limit, after, total).await
                })
                .await?;
            return Ok(self.priced(page));
        }
        // The totals of printers are rows; all other counts need the aggregates, on another connection.
        let total = match is_of_printers(filter) {
            true => None,
            false => Some(self.count_fast(filter).await?),
        };
        let page = self
            .read_fast("list jobs", |db| async move {
                let total = match total {
                    Some(total) => total,
                    None => number(&db, &count_of_printers(filter)).await?,
                };
                whole_page(&db, order, filter, limit, after, total).await
            })
            .await?;
        Ok(self.priced(page))
    }

    /// Completes the currencies of a page.
    fn priced(&self, mut page: JobPage) -> JobPage {
        for row in &mut page.items {
            self.complete_currency(&mut row.details);
        }
        page
    }

    /// Finds the jobs of a page, and the number of jobs on all pages, in the aggregates. For filters and orders that no
    /// index serves as fast.
    async fn look_for(
        &self,
        order: ListOrder,
        filter: &JobFilter,
        limit: u64,
        after: Option<Cursor>,
    ) -> Result<(Vec<Cursor>, u64)> {
        // Requests 10 more than needed, because some may be deleted before their rows are read.
        let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(10);
        self.analyze(filter, move |jobs| {
            Ok((jobs.first(order, most, after)?, jobs.count()?))
        })
        .await
    }

    /// Number of jobs that match a filter on printers, statuses and times only.
    async fn count_fast(&self, filter: &JobFilter) -> Result<u64> {
        let ended = self
            .read("count the ended jobs", |db| async move {
                let ended = self.select_jobs(&db, filter, &[]).await?;
                compute(ended, Selection::count).await
            })
            .await?;
        let running = self
            .read_fast("count the running jobs", |db| async move {
                number(&db, &count_of_running(filter, &Found::All)).await
            })
            .await?;
        Ok(ended + running)
    }

    /// The engine's query plan for a page: a line for each step of each query.
    #[doc(hidden)]
    pub async fn explain_list(
        &self,
        order: ListOrder,
        filter: &JobFilter,
        after: Option<Cursor>,
    ) -> Result<Vec<String>> {
        self.read("explain a list", |db| async move {
            let mut lines = Vec::new();
            let found = search::look_for(&db, self.engine, filter.text.as_deref()).await?;
            for query in queries(
                select_with_printer(PrintJobs::light()),
                order,
                filter,
                &found,
                50,
                after,
            ) {
                lines.extend(self.engine.explain(&db, &query).await?);
            }
            Ok(lines)
        })
        .await
    }
}

/// Reads the rows of a page and the start of the next page.
///
/// Each query reads one printer and status in index order, as far as the page can reach, and the results are merged. No
/// engine does this for an `IN`.
pub(crate) async fn page<T>(
    db: &impl ReadConnection,
    queries: Vec<SelectStatement>,
    order: ListOrder,
    limit: u64,
    read: impl Fn(&Record<'_>) -> Result<T, Fault>,
) -> Result<(Vec<T>, Option<Cursor>), Fault> {
    let mut rows: Vec<(Cursor, T)> = Vec::new();
    for query in queries {
        let part = db.rows(&query, "print_jobs", "id", |record| {
            let item = read(record)?;
            let cursor = Cursor {
                value: record.get("sort_time")?,
                id: JobId(record.key),
            };
            Ok((cursor, item))
        });
        rows.extend(part.await?);
    }
    rows.sort_by(|(one, _), (other, _)| order.compare(*one, *other));
    let has_next = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| has_next).map(|(cursor, _)| *cursor);
    Ok((rows.into_iter().map(|(_, item)| item).collect(), next))
}

/// Reads a page of a list with `total` jobs.
async fn whole_page(
    db: &impl ReadConnection,
    order: ListOrder,
    filter: &JobFilter,
    limit: u64,
    after: Option<Cursor>,
    total: u64,
) -> Result<JobPage, Fault> {
    let queries = queries(
        select_with_printer(PrintJobs::light()),
        order,
        filter,
        &Found::All,
        limit,
        after,
    );
    let (items, next) = page(db, queries, order, limit, job_row).await?;
    completed(db, items, next, total).await
}

/// Reads a page whose jobs are known. Jobs deleted meanwhile are left out.
async fn page_of(
    db: &impl ReadConnection,
    places: &[Cursor],
    limit: u64,
    total: u64,
) -> Result<JobPage, Fault> {
    // Selects by id only. With the filter or an order in the query, engines would choose another index.
    let mut query = select_with_printer(PrintJobs::light());
    let ids = places.iter().map(|place| place.id.0).collect();
    // Padded, because each length would be another prepared statement.
    query.and_where(column(PrintJobs::Id).is_in(padded(ids)));
    let rows = db.rows(&query, "print_jobs", "id", job_row).await?;
    let mut rows: HashMap<JobId, JobRow> = rows.into_iter().map(|row| (row.stored.id, row)).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut last = None;
    for place in places {
        let Some(row) = rows.remove(&place.id) else {
            continue;
        };
        if items.len() == limit {
            return completed(db, items, last, total).await;
        }
        items.push(row);
        last = Some(*place);
    }
    // If there were more jobs than fit a page but some are deleted, the next page starts after the last known one.
    let next = places.last().filter(|_| places.len() > limit).copied();
    completed(db, items, next, total).await
}

/// Adds notes, tags, verdicts and thumbnail flags to the jobs of a page.
async fn completed(
    db: &impl ReadConnection,
    mut items: Vec<JobRow>,
    next: Option<Cursor>,
    total: u64,
) -> Result<JobPage, Fault> {
    let ids: Vec<_> = items.iter().map(|row| row.stored.id).collect();
    let (mut all, with_images, mut listed) = tokio::try_join!(
        notes::of_jobs(db, &ids, false),
        thumbnails::with_thumbnails(db, &ids),
        listed_details::of_jobs(db, &ids)
    )?;
    for row in &mut items {
        row.notes = all.remove(&row.stored.id).unwrap_or_default();
        row.has_thumbnail = with_images.contains(&row.stored.id);
        row.details = listed.remove(&row.stored.id).unwrap_or_default();
    }
    Ok(JobPage { items, next, total })
}

/// Whether a page consists of few rows in index order.
fn is_short(filter: &JobFilter, limit: u64) -> bool {
    // Each part of the filter may read a page of its own.
    let rows = usize::try_from(limit).unwrap_or(usize::MAX);
    is_in_order(filter) && rows.saturating_mul(part_count(filter)) <= FEW_ROWS
}

/// Whether an index yields exactly the rows of the page, in order.
pub(crate) fn is_in_order(filter: &JobFilter) -> bool {
    let in_order = JobFilter {
        printer_ids: filter.printer_ids.clone(),
        statuses: filter.statuses.clone(),
        since: filter.since,
        until: filter.until,
        ..JobFilter::default()
    };
    in_order == *filter && part_count(filter) <= MAX_PARTS
}

/// Queries for a page of a list ordered by start.
pub(crate) fn queries(
    mut select: SelectStatement,
    order: ListOrder,
    filter: &JobFilter,
    found: &Found,
    limit: u64,
    after: Option<Cursor>,
) -> Vec<SelectStatement> {
    select.cond_where(common(filter));
    match found {
        Found::All => {}
        Found::Few(ids) => {
            select.and_where(column(PrintJobs::Id).is_in(padded(ids.clone())));
        }
        Found::Many(needle) => {
            select.and_where(needle.is_in_job());
        }
    }
    let is_newest_first = order == ListOrder::Newest;
    let direction = match is_newest_first {
        true => Order::Desc,
        false => Order::Asc,
    };
    select
        .order_by((PrintJobs::Table, PrintJobs::SortTime), direction.clone())
        .order_by((PrintJobs::Table, PrintJobs::Id), direction)
        // One more row than requested shows whether there is a next page.
        .limit(limit.saturating_add(1));
    if let Some(Cursor { value: time, id }) = after {
        // Row values would be equivalent, but MariaDB reads the whole index for them.
        let at = column(PrintJobs::SortTime);
        let own = column(PrintJobs::Id);
        let (near, beyond) = match is_newest_first {
            true => (at.clone().lte(time), at.lt(time).or(own.lt(id.0))),
            false => (at.clone().gte(time), at.gt(time).or(own.gt(id.0))),
        };
        select.and_where(near).and_where(beyond);
    }
    parts(filter)
        .into_iter()
        .map(|part| select.clone().cond_where(part).to_owned())
        .collect()
}

/// Number of jobs that match the filter. Ended jobs are counted in the aggregates, unless the filter has a search text.
pub(crate) async fn count(
    store: &Store,
    db: &DatabaseConnection,
    filter: &JobFilter,
    found: &Found,
) -> Result<u64, Fault> {
    let only_printers = is_of_printers(filter);
    match found {
        // A sum over one row per printer, however many jobs there are.
        Found::All if only_printers => number(db, &count_of_printers(filter)).await,
        Found::All if !is_by_notes(filter) => {
            let ended = compute(store.select_jobs(db, filter, &[]).await?, Selection::count).await?;
            Ok(ended + number(db, &count_of_running(filter, found)).await?)
        }
        Found::Many(needle) if only_printers && filter.printer_ids.is_empty() => {
            number(db, &needle.count()).await
        }
        _ => {
            let all = selected(filter, found)
                .expr_as(Func::count(column(PrintJobs::Id)), "number")
                .to_owned();
            number(db, &all).await
        }
    }
}

/// Whether the filter contains only printers and a search text.
fn is_of_printers(filter: &JobFilter) -> bool {
    let of_printers = JobFilter {
        printer_ids: filter.printer_ids.clone(),
        text: filter.text.clone(),
        ..JobFilter::default()
    };
    of_printers == *filter
}

/// Sum of the column `number`.
async fn number(db: &impl ReadConnection, query: &SelectStatement) -> Result<u64, Fault> {
    let numbers = db.rows(query, "print_jobs", "number", |record| Ok(record.key));
    let sum: i64 = numbers.await?.into_iter().sum();
    Ok(sum.try_into().unwrap_or(0))
}

fn count_of_running(filter: &JobFilter, found: &Found) -> SelectStatement {
    selected(filter, found)
        .expr_as(Func::count(column(PrintJobs::Id)), "number")
        .and_where(is_open())
        .to_owned()
}

fn count_of_printers(filter: &JobFilter) -> SelectStatement {
    let mut query = Query::select();
    query
        .expr_as(Expr::col(JobTotals::TotalJobs), "number")
        .from(JobTotals::Table);
    if !filter.printer_ids.is_empty() {
        let ids = filter.printer_ids.iter().map(|id| id.0);
        query.and_where(Expr::col(JobTotals::PrinterId).is_in(ids));
    }
    query
}

fn job_row(record: &Record<'_>) -> Result<JobRow, Fault> {
    Ok(JobRow {
        stored: stored_job(record)?,
        notes: JobNotes::default(),
        has_thumbnail: false,
        details: ListedDetails::default(),
    })
}
