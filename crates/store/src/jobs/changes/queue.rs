//! Adds jobs to `details_queue`, and removes them.

use domain::JobId;
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use super::NewRecord;
use crate::{
    db::{
        batches::insert_all,
        error::Fault,
        record::{Record, sort_time},
        tables::DetailsQueue,
        transaction::Tx,
    },
    files::{
        details_queue::{DetailsStatus, UNTRIED, file_of},
        gcode_files,
    },
    jobs::{
        kept_job::{KeptJob, KeptQueue},
        rows::StoredJob,
    },
};

/// Queues newly inserted jobs.
pub(super) async fn enqueue(
    tx: &Tx,
    jobs: &[(JobId, Option<Timestamp>)],
    is_live: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    for batch in jobs.chunks(64) {
        let mut statement = Query::insert()
            .into_table(DetailsQueue::Table)
            .columns([
                DetailsQueue::PrintJobId,
                DetailsQueue::Status,
                DetailsQueue::Priority,
                DetailsQueue::Attempts,
                DetailsQueue::NextAttemptAt,
                DetailsQueue::SortTime,
                DetailsQueue::UpdatedAt,
            ])
            .to_owned();
        for (id, start_time) in batch {
            statement.values_panic([
                Expr::val(id.0),
                Expr::val("pending"),
                Expr::val(i64::from(is_live)),
                Expr::val(0_i64),
                Expr::val(UNTRIED),
                Expr::val(sort_time(*start_time)),
                Expr::val(now.as_millisecond()),
            ]);
        }
        tx.execute(&statement).await?;
    }
    Ok(())
}

/// Queues the details of a job again after its file name changed, unless they were already read.
pub(super) async fn retry(tx: &Tx, id: JobId, now: Timestamp) -> Result<(), Fault> {
    let of_job = |status: &[&str]| {
        Expr::col(DetailsQueue::PrintJobId)
            .eq(id.0)
            .and(Expr::col(DetailsQueue::Status).is_in(status.iter().copied()))
    };
    let due = Query::update()
        .table(DetailsQueue::Table)
        .value(DetailsQueue::Attempts, 0)
        .value(DetailsQueue::NextAttemptAt, UNTRIED)
        .value(DetailsQueue::UpdatedAt, now.as_millisecond())
        .and_where(of_job(&["pending", "partial", "failed"]))
        .to_owned();
    tx.execute(&due).await?;
    // A partial result is better than none and stays until the next attempt; a failure was about the old
    // name.
    let pending = Query::update()
        .table(DetailsQueue::Table)
        .value(DetailsQueue::Status, "pending")
        .value(DetailsQueue::Reason, Option::<String>::None)
        .and_where(of_job(&["failed"]))
        .to_owned();
    tx.execute(&pending).await?;
    Ok(())
}

/// Removes a job from the queue, and its file if no other job uses it.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    // Read before the entry is deleted, which is the only reference from the job to its file.
    let file = file_of(tx, id).await?;
    let statement = Query::delete()
        .from_table(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    match file {
        Some(file) => gcode_files::remove_unused(tx, file).await,
        None => Ok(()),
    }
}

/// Queues the jobs of records. Details come with the record; only jobs with the status `pending` are read.
pub(super) async fn insert_records(
    tx: &Tx,
    new: &[NewRecord<'_>],
    ids: &[JobId],
    now: Timestamp,
) -> Result<(), Fault> {
    let columns = [
        DetailsQueue::PrintJobId,
        DetailsQueue::Status,
        DetailsQueue::Priority,
        DetailsQueue::Reason,
        DetailsQueue::Attempts,
        DetailsQueue::NextAttemptAt,
        DetailsQueue::GcodeFileId,
        DetailsQueue::SortTime,
        DetailsQueue::UpdatedAt,
    ];
    let rows = new.iter().zip(ids).map(|(new, id)| {
        // The details of the others came with their records, and the files may be on no printer.
        let next = (new.record.details_status == DetailsStatus::Pending).then_some(0_i64);
        let values = vec![
            id.0.into(),
            new.record.details_status.as_str().into(),
            0_i64.into(),
            new.record.details_reason.clone().into(),
            0_i64.into(),
            next.into(),
            new.file_id.into(),
            sort_time(new.job.start_time).into(),
            now.as_millisecond().into(),
        ];
        (columns.to_vec(), values)
    });
    insert_all(tx, DetailsQueue::Table, rows.collect()).await
}

/// The entry of a job that is about to be deleted.
pub(super) async fn kept(tx: &Tx, stored: &StoredJob) -> Result<KeptQueue, Fault> {
    let query = Query::select()
        .columns([
            DetailsQueue::PrintJobId,
            DetailsQueue::Status,
            DetailsQueue::Priority,
            DetailsQueue::Reason,
            DetailsQueue::Attempts,
            DetailsQueue::NextAttemptAt,
            DetailsQueue::SortTime,
            DetailsQueue::UpdatedAt,
        ])
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(stored.id.0))
        .to_owned();
    let Some(row) = tx.query_one(&query).await? else {
        let what = format!("job {} has no row in details_queue", stored.id.0);
        return Err(sea_orm::DbErr::RecordNotFound(what).into());
    };
    let record = Record::new(&row, "details_queue", "print_job_id")?;
    Ok(KeptQueue {
        status: record.get("status")?,
        priority: record.get("priority")?,
        reason: record.get("reason")?,
        attempts: record.get("attempts")?,
        next_attempt_at: record.get("next_attempt_at")?,
        sort_time: record.get("sort_time")?,
        updated_at: record.get("updated_at")?,
    })
}

/// Inserts the entry of a job that is restored.
pub(super) async fn restore(tx: &Tx, job: &KeptJob) -> Result<(), Fault> {
    let kept = job.queue.clone();
    let row = vec![
        (DetailsQueue::PrintJobId, job.id.0.into()),
        (DetailsQueue::Status, kept.status.into()),
        (DetailsQueue::Priority, kept.priority.into()),
        (DetailsQueue::Reason, kept.reason.into()),
        (DetailsQueue::Attempts, kept.attempts.into()),
        (DetailsQueue::NextAttemptAt, kept.next_attempt_at.into()),
        (DetailsQueue::GcodeFileId, job.file_id.into()),
        (DetailsQueue::SortTime, kept.sort_time.into()),
        (DetailsQueue::UpdatedAt, kept.updated_at.into()),
    ];
    insert_all(tx, DetailsQueue::Table, vec![row.into_iter().unzip()]).await
}

/// Whether printlog saw the job start, or a user requested its details.
pub(super) async fn is_live(tx: &Tx, id: JobId) -> Result<bool, Fault> {
    let query = Query::select()
        .column(DetailsQueue::Priority)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned();
    let row = tx.query_one(&query).await?;
    let priority = row.map(|row| row.try_get::<i64>("", "priority")).transpose()?;
    Ok(priority == Some(1))
}
