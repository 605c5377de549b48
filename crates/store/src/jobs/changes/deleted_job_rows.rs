//! Writes `deleted_job_rows`, and from them the rows of a job that is restored.

use domain::JobId;
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query},
};

use super::{details, notes, pauses, queue, rows, search_text};
use crate::{
    db::{
        error::Fault,
        print_jobs::PrintJobs,
        record::Record,
        tables::{DeletedJobRows, JobChanges as Log},
        transaction::Tx,
    },
    files::{
        details_queue,
        job_details::{self, JobDetails},
    },
    jobs::{
        self,
        kept_job::{KeptChange, KeptJob, details_column},
        rows::StoredJob,
    },
};

/// Keeps all rows of a job that is about to be deleted. Its run must be in `deleted_jobs`.
pub(super) async fn keep(
    tx: &Tx,
    stored: &StoredJob,
    deleted_by: Option<&str>,
    now: Timestamp,
) -> Result<(), Fault> {
    let id = stored.id;
    let mut notes = jobs::notes::of_jobs(&**tx, &[id], true).await?;
    let kept = KeptJob {
        id,
        job: stored.job.clone(),
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        details: job_details::of_job(&**tx, id, true).await?,
        file_id: details_queue::file_of(tx, id).await?,
        notes: notes.remove(&id).unwrap_or_default(),
        pauses: jobs::pauses::of_job(&**tx, id).await?,
        queue: queue::kept(tx, stored).await?,
        changes: changes_of(tx, id).await?,
    };
    let (details, data) = kept.columns()?;
    let statement = Query::insert()
        .into_table(DeletedJobRows::Table)
        .columns([
            DeletedJobRows::PrintJobId,
            DeletedJobRows::PrinterId,
            DeletedJobRows::GcodeFileId,
            DeletedJobRows::DeletedAt,
            DeletedJobRows::DeletedBy,
            DeletedJobRows::Details,
            DeletedJobRows::Data,
        ])
        .values_panic([
            id.0.into(),
            stored.job.printer_id.0.into(),
            kept.file_id.into(),
            now.as_millisecond().into(),
            deleted_by.into(),
            details.into(),
            data.into(),
        ])
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

async fn changes_of(tx: &Tx, id: JobId) -> Result<Vec<KeptChange>, Fault> {
    let query = Query::select()
        .columns([
            Log::Id,
            Log::ChangedAt,
            Log::ChangedBy,
            Log::Field,
            Log::OldValue,
            Log::NewValue,
        ])
        .from(Log::Table)
        .and_where(Expr::col(Log::PrintJobId).eq(id.0))
        .order_by(Log::Id, Order::Asc)
        .to_owned();
    let rows = tx.query_all(&query).await?;
    let changes = rows.iter().map(|row| {
        let record = Record::new(row, "job_changes", "id")?;
        Ok(KeptChange {
            id: record.key,
            changed_at: record.get("changed_at")?,
            changed_by: record.get("changed_by")?,
            field: record.get("field")?,
            old_value: record.get("old_value")?,
            new_value: record.get("new_value")?,
        })
    });
    changes.collect()
}

/// Writes the rows of the job again, with the ids that they had.
pub(super) async fn restore(tx: &Tx, kept: &KeptJob) -> Result<(), Fault> {
    let id = kept.id;
    let (mut columns, mut values) = rows::row(&kept.job, kept.created_at, kept.updated_at);
    columns.push(PrintJobs::Id);
    values.push(id.0.into());
    rows::insert(tx, (columns, values)).await?;
    queue::restore(tx, kept).await?;
    if let Some(details) = &kept.details {
        details::replace(tx, id, details).await?;
    }
    notes::insert(tx, id, &kept.notes).await?;
    notes::restore_log(tx, id, &kept.changes).await?;
    pauses::restore(tx, id, &kept.pauses).await?;
    let key = jobs::notes::search_key(kept.job.filename.as_deref(), &kept.notes);
    search_text::insert(tx, std::iter::once((id, key))).await?;
    remove(tx, id).await
}

/// The metadata of a file was read again. Its deleted jobs get the new details, as its other jobs do.
pub(super) async fn set_details(tx: &Tx, file_id: i64, details: &JobDetails) -> Result<(), Fault> {
    let statement = Query::update()
        .table(DeletedJobRows::Table)
        .value(DeletedJobRows::Details, details_column(details)?)
        .and_where(Expr::col(DeletedJobRows::GcodeFileId).eq(file_id))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// Removes the row. The job can no longer be restored.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(DeletedJobRows::Table)
        .and_where(Expr::col(DeletedJobRows::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
