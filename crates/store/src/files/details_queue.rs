//! The table `details_queue`: jobs whose details are still to be read, and why.

use domain::{JobId, PrinterId, UnknownName, all};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement},
};

use strum::VariantArray;

use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    Error, Result, Store,
    db::{
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{DetailsQueue, PrintJobs},
        transaction::Tx,
    },
};

/// State of a job in the details queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum DetailsStatus {
    /// Not read yet.
    Pending,
    /// Read from the file.
    Done,
    /// Not read from the file; only Moonraker's metadata is known.
    Partial,
    /// Nothing is known, and no attempt will be made.
    Failed,
}

impl DetailsStatus {
    /// All statuses.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// Name in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An entry of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedDetails {
    /// The job.
    pub job_id: JobId,
    /// The printer of the job.
    pub printer_id: PrinterId,
    /// State of its details.
    pub status: DetailsStatus,
    /// Why the last attempt failed, as text for users. `None` if it did not fail.
    pub reason: Option<String>,
    /// Number of attempts since the job was queued or its printer reconnected.
    pub attempts: u32,
}

/// Result of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailsOutcome {
    /// New state of the job.
    pub status: DetailsStatus,
    /// Why the attempt failed.
    pub reason: Option<String>,
    /// When to retry.
    pub retry: Retry,
}

/// When the details of a job are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Only on request.
    Never,
    /// At this instant or later.
    At(Timestamp),
    /// When its printer reconnects, see [`Store::wake_details`]. Until then the entry costs nothing.
    WhenBack,
}

/// `next_attempt_at` of jobs without an attempt.
pub(crate) const UNTRIED: i64 = 0;
/// `next_attempt_at` of jobs that wait for their printer.
const WHEN_BACK: i64 = -1;

impl Retry {
    fn column(self) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::At(instant) => Some(instant.as_millisecond()),
            Self::WhenBack => Some(WHEN_BACK),
        }
    }
}

/// Number of queued jobs by status, without the completed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetailsCounts {
    /// Not read yet.
    pub pending: u64,
    /// Partially known.
    pub partial: u64,
    /// Not known and given up.
    pub failed: u64,
}

/// Selects a class of due jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// `true`: jobs that printlog saw start or whose details a user requested. `false`: imported jobs.
    pub is_live: bool,
    /// `true`: jobs with earlier attempts. `false`: jobs without.
    pub is_retry: bool,
}

impl Store {
    /// Due jobs, newest first; retries in the order in which they are due.
    pub async fn due_details(&self, due: Due, now: Timestamp, limit: u64) -> Result<Vec<QueuedDetails>> {
        let next = || queue(DetailsQueue::NextAttemptAt);
        let mut query = select();
        query.and_where(queue(DetailsQueue::Priority).eq(i64::from(due.is_live)));
        if due.is_retry {
            query
                .and_where(next().gt(UNTRIED))
                .and_where(next().lte(now.as_millisecond()))
                .order_by((DetailsQueue::Table, DetailsQueue::NextAttemptAt), Order::Asc);
        } else {
            query.and_where(next().eq(UNTRIED));
        }
        let query = &query
            .order_by((DetailsQueue::Table, DetailsQueue::SortTime), Order::Desc)
            .limit(limit)
            .to_owned();
        self.read("list the jobs that wait for details", |db| async move {
            let rows = db.query_all(query).await?;
            rows.iter()
                .map(|row| queued(&Record::new(row, "details_queue", "print_job_id")?))
                .collect()
        })
        .await
    }

    /// Makes jobs due that waited for these printers to reconnect. Writes nothing if there are none.
    pub async fn wake_details(&self, printers: &[PrinterId], now: Timestamp) -> Result<u64> {
        let waits = || queue(DetailsQueue::NextAttemptAt).eq(WHEN_BACK);
        let of_printers = || {
            let ids = printers.iter().map(|printer| printer.0);
            Expr::col((PrintJobs::Table, PrintJobs::PrinterId)).is_in(ids)
        };
        let query = &select()
            // Names all values of the first column of the index, which an engine would otherwise not use.
            .and_where(queue(DetailsQueue::Priority).is_in([0, 1]))
            .and_where(waits())
            .and_where(of_printers())
            .limit(1)
            .to_owned();
        let waiting = self
            .read("list the jobs that wait for their printer", |db| async move {
                Ok(db.query_one(query).await?.is_some())
            })
            .await?;
        // Looked up first: a printer connects often, and a write costs a flush to the disk.
        if !waiting {
            return Ok(0);
        }
        let jobs = Query::select()
            .column(PrintJobs::Id)
            .from(PrintJobs::Table)
            .and_where(of_printers())
            .to_owned();
        let statement = &Query::update()
            .table(DetailsQueue::Table)
            // The attempts before were about a printer that was away.
            .value(DetailsQueue::Attempts, 0)
            .value(DetailsQueue::NextAttemptAt, now.as_millisecond())
            .and_where(queue(DetailsQueue::Priority).is_in([0, 1]))
            .and_where(waits())
            .and_where(queue(DetailsQueue::PrintJobId).in_subquery(jobs))
            .to_owned();
        self.write(
            "queue the details of jobs whose printers reconnected",
            |tx| async move { Ok(tx.execute(statement).await?.rows_affected()) },
        )
        .await
    }

    /// State of a job's details. `None` if there is no such job.
    pub async fn queued_details(&self, id: JobId) -> Result<Option<QueuedDetails>> {
        self.read_fast("read the details status of a job", |db| async move {
            of_job(&db, id).await
        })
        .await
    }

    /// Number of pending, partial and failed jobs.
    pub async fn details_counts(&self) -> Result<DetailsCounts> {
        let query = &Query::select()
            .column(DetailsQueue::Status)
            .expr_as(Expr::col(DetailsQueue::PrintJobId).count(), "jobs")
            .from(DetailsQueue::Table)
            .and_where(Expr::col(DetailsQueue::Status).is_in(["pending", "partial", "failed"]))
            .group_by_col(DetailsQueue::Status)
            .to_owned();
        self.read("count the jobs that wait for details", |db| async move {
            let mut counts = DetailsCounts::default();
            for row in db.query_all(query).await? {
                let status: String = row.try_get("", "status")?;
                let jobs: i64 = row.try_get("", "jobs")?;
                let count = match status.as_str() {
                    "pending" => &mut counts.pending,
                    "partial" => &mut counts.partial,
                    _ => &mut counts.failed,
                };
                *count = u64::try_from(jobs).unwrap_or_default();
            }
            Ok(counts)
        })
        .await
    }

    /// Like [`details_counts`](Self::details_counts), but counts no status beyond `limit`. Reads at most that many
    /// index entries per status, however many jobs there are.
    pub async fn details_counts_up_to(&self, limit: u64) -> Result<DetailsCounts> {
        self.read_fast("count the jobs that wait for details", |db| async move {
            Ok(DetailsCounts {
                pending: count_up_to(&db, DetailsStatus::Pending, limit).await?,
                partial: count_up_to(&db, DetailsStatus::Partial, limit).await?,
                failed: count_up_to(&db, DetailsStatus::Failed, limit).await?,
            })
        })
        .await
    }

    /// Queues the details of a job to be read again as soon as possible. `false` if there is no such job.
    pub async fn refresh_details(&self, id: JobId, now: Timestamp) -> Result<bool> {
        let statement = &refresh(now)
            .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
            .to_owned();
        let done = self
            .write("queue the details of a job again", |tx| async move {
                Ok(tx.execute(statement).await?.rows_affected())
            })
            .await?;
        // MySQL counts changed rows only, and the row may already have had these values.
        Ok(done > 0 || self.queued_details(id).await?.is_some())
    }

    /// Queues all jobs whose details were not read from their file. Returns their number.
    pub async fn refresh_missing_details(&self, now: Timestamp) -> Result<u64> {
        let statement = &refresh(now)
            // At the limited rate: there may be as many as jobs.
            .value(DetailsQueue::Priority, 0)
            .and_where(Expr::col(DetailsQueue::Status).is_in(["pending", "partial", "failed"]))
            .to_owned();
        self.write("queue missing details again", |tx| async move {
            Ok(tx.execute(statement).await?.rows_affected())
        })
        .await
    }
}

/// State of a job's details.
pub(crate) async fn of_job(db: &impl ReadConnection, id: JobId) -> Result<Option<QueuedDetails>, Fault> {
    let query = select()
        .and_where(queue(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned();
    db.row(&query, "details_queue", "print_job_id", queued).await
}

async fn count_up_to(db: &impl ReadConnection, status: DetailsStatus, limit: u64) -> Result<u64, Fault> {
    // The limit is inside, so that no more index entries than that are read.
    let some = Query::select()
        .column(DetailsQueue::Status)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::Status).eq(status.as_str()))
        .limit(limit)
        .to_owned();
    let query = Query::select()
        .expr_as(Expr::col(DetailsQueue::Status).count(), "jobs")
        .from_subquery(some, "some")
        .to_owned();
    let jobs = db
        .row(&query, "details_queue", "jobs", |record| Ok(record.key))
        .await?;
    Ok(jobs.and_then(|jobs| u64::try_from(jobs).ok()).unwrap_or_default())
}

fn refresh(now: Timestamp) -> sea_orm::sea_query::UpdateStatement {
    Query::update()
        .table(DetailsQueue::Table)
        .value(DetailsQueue::Attempts, 0)
        .value(DetailsQueue::Priority, 1)
        .value(DetailsQueue::NextAttemptAt, UNTRIED)
        .value(DetailsQueue::UpdatedAt, now.as_millisecond())
        .to_owned()
}

/// Updates the queue entry of a job: its state, and its file if a new one is given.
pub(crate) async fn record(
    tx: &Tx,
    id: JobId,
    file_id: Option<i64>,
    outcome: &DetailsOutcome,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut update = Query::update()
        .table(DetailsQueue::Table)
        .value(DetailsQueue::Status, outcome.status.as_str())
        .value(DetailsQueue::Reason, outcome.reason.clone())
        .value(DetailsQueue::Attempts, Expr::col(DetailsQueue::Attempts).add(1))
        .value(DetailsQueue::NextAttemptAt, outcome.retry.column())
        .value(DetailsQueue::UpdatedAt, now.as_millisecond())
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned();
    // An attempt without a file keeps the one before.
    if let Some(file_id) = file_id {
        update.value(DetailsQueue::GcodeFileId, file_id);
    }
    tx.execute(&update).await?;
    Ok(())
}

pub(crate) async fn file_of(tx: &Tx, id: JobId) -> Result<Option<i64>, Fault> {
    let query = Query::select()
        .column(DetailsQueue::GcodeFileId)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned();
    let row = tx.query_one(&query).await?;
    Ok(row
        .map(|row| row.try_get("", "gcode_file_id"))
        .transpose()?
        .flatten())
}

fn select() -> SelectStatement {
    Query::select()
        .columns([
            (DetailsQueue::Table, DetailsQueue::PrintJobId),
            (DetailsQueue::Table, DetailsQueue::Status),
            (DetailsQueue::Table, DetailsQueue::Reason),
            (DetailsQueue::Table, DetailsQueue::Attempts),
        ])
        .column((PrintJobs::Table, PrintJobs::PrinterId))
        .from(DetailsQueue::Table)
        .inner_join(
            PrintJobs::Table,
            Expr::col((PrintJobs::Table, PrintJobs::Id))
                .equals((DetailsQueue::Table, DetailsQueue::PrintJobId)),
        )
        .to_owned()
}

/// A qualified column of `details_queue`, which shares column names with `print_jobs`.
fn queue(column: DetailsQueue) -> Expr {
    Expr::col((DetailsQueue::Table, column))
}

fn queued(record: &Record<'_>) -> Result<QueuedDetails, Fault> {
    let word: String = record.get("status")?;
    let status = status(record, &word)?;
    Ok(QueuedDetails {
        job_id: JobId(record.key),
        printer_id: PrinterId(record.get("printer_id")?),
        status,
        reason: record.get("reason")?,
        attempts: u32::try_from(record.get::<i64>("attempts")?).unwrap_or(u32::MAX),
    })
}

/// Parses the status in a row.
pub(crate) fn status(record: &Record<'_>, word: &str) -> Result<DetailsStatus, Fault> {
    word.parse().map_err(|_| {
        Error::BadValue {
            table: "details_queue",
            column: "status",
            row: record.key,
            found: format!("`{word}`, not a status of details"),
        }
        .into()
    })
}
