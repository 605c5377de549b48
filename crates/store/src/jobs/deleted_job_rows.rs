//! The table `deleted_job_rows`: deleted jobs that can be restored.

use std::collections::BTreeSet;

use domain::{Cursor, JobId, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement},
};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{DeletedJobRows, PrintJobs, Printers},
        transaction::Tx,
    },
    files::listed_details::ListedDetails,
    jobs::{changes::JobChanges, kept_job::KeptJob, list::JobRow, rows::StoredJob},
};

/// Rows that are removed in one transaction.
const BATCH: u64 = 200;

/// A deleted job that can be restored.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedJob {
    /// The job as it was. It has no thumbnail.
    pub row: JobRow,
    /// Time of the deletion.
    pub deleted_at: Timestamp,
    /// Name of the API key that was used. `None` if it is unknown.
    pub deleted_by: Option<String>,
}

/// A page of deleted jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedJobPage {
    /// The jobs, newest deletion first.
    pub items: Vec<DeletedJob>,
    /// Start of the next page. `None` at the end.
    pub next: Option<Cursor>,
}

/// Result of a check of the deleted jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletedJobsCheck {
    /// Number of jobs that can be restored.
    pub restorable: u64,
    /// Jobs that cannot be restored, with the reason.
    pub broken: Vec<(JobId, String)>,
}

impl Store {
    /// A page of the deleted jobs that can be restored, newest deletion first. All printers if `printers` is empty.
    pub async fn deleted_jobs(
        &self,
        printers: &[PrinterId],
        limit: u64,
        after: Option<Cursor>,
    ) -> Result<DeletedJobPage> {
        // One more row than requested shows whether there is a next page.
        let query = &page(printers, limit.saturating_add(1), after);
        let mut items = self
            .read("list deleted jobs", |db| async move {
                db.rows(query, "deleted_job_rows", "print_job_id", deleted_job)
                    .await
            })
            .await?;
        let has_next = items.len() as u64 > limit;
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        for item in &mut items {
            self.complete_currency(&mut item.row.details);
        }
        let next = items.last().filter(|_| has_next).map(|last| Cursor {
            value: last.deleted_at.as_millisecond(),
            id: last.row.stored.id,
        });
        Ok(DeletedJobPage { items, next })
    }

    /// Removes what is kept of jobs that were deleted at this time or before, and their files if no other job uses them.
    /// Returns the number of jobs.
    pub async fn forget_deleted_jobs(&self, until: Timestamp, now: Timestamp) -> Result<u64> {
        let mut all = 0;
        loop {
            let forgotten = self
                .write("remove deleted jobs", |tx| async move {
                    forget(&tx, until, now).await
                })
                .await?;
            all += forgotten;
            if forgotten == 0 {
                return Ok(all);
            }
        }
    }

    /// Checks that each deleted job that is kept can be read, and that no job has its id.
    pub async fn check_deleted_jobs(&self) -> Result<DeletedJobsCheck> {
        let mut check = DeletedJobsCheck::default();
        let mut after = 0;
        loop {
            let ids = self
                .read(
                    "check deleted jobs",
                    |db| async move { ids_after(&db, after).await },
                )
                .await?;
            let Some((last, _)) = ids.last() else {
                return Ok(check);
            };
            after = last.0;
            for (id, is_stored) in ids {
                let kept = self
                    .read("read a deleted job", |db| async move { find(&db, id).await })
                    .await;
                match kept {
                    Ok(None) => {}
                    Ok(Some(_)) if is_stored => {
                        let reason = "there is a job with this id".to_owned();
                        check.broken.push((id, reason));
                    }
                    Ok(Some(_)) => check.restorable += 1,
                    Err(cause @ crate::Error::BadValue { .. }) => check.broken.push((id, cause.to_string())),
                    Err(cause) => return Err(cause),
                }
            }
        }
    }
}

/// The kept data of a deleted job.
pub(crate) async fn find(db: &impl ReadConnection, id: JobId) -> Result<Option<KeptJob>, Fault> {
    let query = Query::select()
        .columns([
            DeletedJobRows::PrintJobId,
            DeletedJobRows::GcodeFileId,
            DeletedJobRows::Details,
            DeletedJobRows::Data,
        ])
        .from(DeletedJobRows::Table)
        .and_where(Expr::col(DeletedJobRows::PrintJobId).eq(id.0))
        .to_owned();
    db.row(&query, "deleted_job_rows", "print_job_id", KeptJob::read)
        .await
}

/// Printers of those of the jobs that are deleted and can be restored.
pub(crate) async fn printers_of(tx: &Tx, ids: &[JobId]) -> Result<BTreeSet<PrinterId>, Fault> {
    let query = Query::select()
        .distinct()
        .column(DeletedJobRows::PrinterId)
        .from(DeletedJobRows::Table)
        .and_where(Expr::col(DeletedJobRows::PrintJobId).is_in(ids.iter().map(|id| id.0)))
        .to_owned();
    let rows = tx.query_all(&query).await?;
    rows.iter()
        .map(|row| Ok(PrinterId(row.try_get("", "printer_id")?)))
        .collect()
}

fn page(printers: &[PrinterId], limit: u64, after: Option<Cursor>) -> SelectStatement {
    let column = |column| Expr::col((DeletedJobRows::Table, column));
    let name = Query::select()
        .column(Printers::Name)
        .from(Printers::Table)
        .and_where(
            Expr::col((Printers::Table, Printers::Id))
                .equals((DeletedJobRows::Table, DeletedJobRows::PrinterId)),
        )
        .to_owned();
    let mut query = Query::select();
    query
        .columns([
            DeletedJobRows::PrintJobId,
            DeletedJobRows::GcodeFileId,
            DeletedJobRows::DeletedAt,
            DeletedJobRows::DeletedBy,
            DeletedJobRows::Details,
            DeletedJobRows::Data,
        ])
        .expr_as(Expr::SubQuery(None, Box::new(name.into())), "printer_name")
        .from(DeletedJobRows::Table)
        .order_by(DeletedJobRows::DeletedAt, Order::Desc)
        .order_by(DeletedJobRows::PrintJobId, Order::Desc)
        .limit(limit);
    if !printers.is_empty() {
        query.and_where(column(DeletedJobRows::PrinterId).is_in(printers.iter().map(|id| id.0)));
    }
    if let Some(Cursor { value: time, id }) = after {
        let at = column(DeletedJobRows::DeletedAt);
        let own = column(DeletedJobRows::PrintJobId);
        query
            .and_where(at.clone().lte(time))
            .and_where(at.lt(time).or(own.lt(id.0)));
    }
    query
}

fn deleted_job(record: &Record<'_>) -> Result<DeletedJob, Fault> {
    let kept = KeptJob::read(record)?;
    Ok(DeletedJob {
        deleted_at: record.required_time("deleted_at")?,
        deleted_by: record.get("deleted_by")?,
        row: JobRow {
            details: kept.details.as_ref().map(ListedDetails::from).unwrap_or_default(),
            notes: kept.notes,
            has_thumbnail: false,
            stored: StoredJob {
                id: kept.id,
                printer_name: record.get("printer_name")?,
                job: kept.job,
                created_at: kept.created_at,
                updated_at: kept.updated_at,
            },
        },
    })
}

/// Ids of deleted jobs beyond one, each with whether there is a job with this id.
async fn ids_after(db: &impl ReadConnection, after: i64) -> Result<Vec<(JobId, bool)>, Fault> {
    let id = || Expr::col((DeletedJobRows::Table, DeletedJobRows::PrintJobId));
    let query = Query::select()
        .column((DeletedJobRows::Table, DeletedJobRows::PrintJobId))
        .column((PrintJobs::Table, PrintJobs::Id))
        .from(DeletedJobRows::Table)
        .left_join(
            PrintJobs::Table,
            Expr::col((PrintJobs::Table, PrintJobs::Id))
                .equals((DeletedJobRows::Table, DeletedJobRows::PrintJobId)),
        )
        .and_where(id().gt(after))
        .order_by((DeletedJobRows::Table, DeletedJobRows::PrintJobId), Order::Asc)
        .limit(BATCH)
        .to_owned();
    db.rows(&query, "deleted_job_rows", "print_job_id", |record| {
        let stored: Option<i64> = record.get("id")?;
        Ok((JobId(record.key), stored.is_some()))
    })
    .await
}

/// Forgets some of the jobs that were deleted at this time or before. Returns their number.
async fn forget(tx: &Tx, until: Timestamp, now: Timestamp) -> Result<u64, Fault> {
    let printers = old(tx, until).await?.into_iter().map(|job| job.printer_id);
    let mut changes = JobChanges::lock_existing(tx, printers.collect(), now).await?;
    let mut forgotten = 0;
    // Reads them again: some may have been restored before their printers were locked.
    for job in old(tx, until).await? {
        if changes.has_locked(job.printer_id) {
            changes.forget(job.id, job.file_id).await?;
            forgotten += 1;
        }
    }
    changes.finish().await?;
    Ok(forgotten)
}

struct OldJob {
    id: JobId,
    printer_id: PrinterId,
    file_id: Option<i64>,
}

async fn old(tx: &Tx, until: Timestamp) -> Result<Vec<OldJob>, Fault> {
    let query = Query::select()
        .columns([
            DeletedJobRows::PrintJobId,
            DeletedJobRows::PrinterId,
            DeletedJobRows::GcodeFileId,
        ])
        .from(DeletedJobRows::Table)
        .and_where(Expr::col(DeletedJobRows::DeletedAt).lte(until.as_millisecond()))
        .order_by(DeletedJobRows::DeletedAt, Order::Asc)
        .order_by(DeletedJobRows::PrintJobId, Order::Asc)
        .limit(BATCH)
        .to_owned();
    let db = &**tx;
    db.rows(&query, "deleted_job_rows", "print_job_id", |record| {
        Ok(OldJob {
            id: JobId(record.key),
            printer_id: PrinterId(record.get("printer_id")?),
            file_id: record.get("gcode_file_id")?,
        })
    })
    .await
}
