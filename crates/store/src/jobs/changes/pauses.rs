//! Writes `job_pauses`.

use domain::{Job, JobId, JobStatus};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use crate::{
    db::{batches::insert_all, error::Fault, record::milliseconds, tables::JobPauses, transaction::Tx},
    jobs::pauses::{Pause, of_job},
};

/// Records the start or end of a pause after a change of status from `before`.
pub(super) async fn record(tx: &Tx, id: JobId, before: JobStatus, job: &Job) -> Result<(), Fault> {
    match (before == JobStatus::Paused, job.status == JobStatus::Paused) {
        // The job was ended here while its printer was away, and it is still in the same pause.
        (false, true) if !before.is_open() && lasts(tx, id).await? => Ok(()),
        (false, true) => begin(tx, id, job.last_seen).await,
        (true, false) if job.status.is_open() => end(tx, id, job.last_seen).await,
        (true, false) => end(tx, id, job.end_time).await,
        _ => Ok(()),
    }
}

/// Whether the last pause of a job has no end. Used for a job that is found paused after it had been recorded as ended.
async fn lasts(tx: &Tx, id: JobId) -> Result<bool, Fault> {
    let pauses = of_job(&**tx, id).await?;
    Ok(pauses.last().is_some_and(|pause| pause.resumed_at.is_none()))
}

async fn begin(tx: &Tx, id: JobId, seen: Option<Timestamp>) -> Result<(), Fault> {
    // A pause without a time says nothing.
    let Some(seen) = seen else { return Ok(()) };
    // The job resumed and paused again within a millisecond: counts as one pause.
    let again = OnConflict::columns([JobPauses::PrintJobId, JobPauses::PausedAt])
        .value(JobPauses::ResumedAt, Expr::val(None::<i64>))
        .to_owned();
    let statement = Query::insert()
        .into_table(JobPauses::Table)
        .columns([JobPauses::PrintJobId, JobPauses::PausedAt])
        .values_panic([Expr::val(id.0), Expr::val(seen.as_millisecond())])
        .on_conflict(again)
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// Ends the last pause. Earlier pauses whose end was not observed keep an unknown end.
async fn end(tx: &Tx, id: JobId, at: Option<Timestamp>) -> Result<(), Fault> {
    let Some(at) = at else { return Ok(()) };
    let Some(last) = of_job(&**tx, id).await?.pop() else {
        return Ok(());
    };
    let statement = Query::update()
        .table(JobPauses::Table)
        .value(JobPauses::ResumedAt, at.as_millisecond())
        .and_where(Expr::col(JobPauses::PrintJobId).eq(id.0))
        .and_where(Expr::col(JobPauses::PausedAt).eq(last.paused_at.as_millisecond()))
        // A known end is not moved by a later report.
        .and_where(Expr::col(JobPauses::ResumedAt).is_null())
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// Inserts the pauses of a job that is restored.
pub(super) async fn restore(tx: &Tx, id: JobId, pauses: &[Pause]) -> Result<(), Fault> {
    let rows = pauses.iter().map(|pause| {
        let row = vec![
            (JobPauses::PrintJobId, id.0.into()),
            (JobPauses::PausedAt, pause.paused_at.as_millisecond().into()),
            (JobPauses::ResumedAt, milliseconds(pause.resumed_at).into()),
        ];
        row.into_iter().unzip()
    });
    insert_all(tx, JobPauses::Table, rows.collect()).await
}

/// Removes the pauses of a job before it is deleted.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(JobPauses::Table)
        .and_where(Expr::col(JobPauses::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
