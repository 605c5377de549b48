//! Writes `deleted_jobs`.

use domain::{Job, JobId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::db::{error::Fault, record::milliseconds, tables::DeletedJobs, transaction::Tx};

/// Records the deletion of a job.
pub(super) async fn insert(tx: &Tx, id: JobId, job: &Job, now: Timestamp) -> Result<(), Fault> {
    let statement = Query::insert()
        .into_table(DeletedJobs::Table)
        .columns([
            DeletedJobs::PrintJobId,
            DeletedJobs::PrinterId,
            DeletedJobs::JobId,
            DeletedJobs::HistoryStartTime,
            DeletedJobs::StartTime,
            DeletedJobs::EndTime,
            DeletedJobs::Filename,
            DeletedJobs::TotalDuration,
            DeletedJobs::DeletedAt,
            DeletedJobs::Status,
        ])
        .values_panic([
            id.0.into(),
            job.printer_id.0.into(),
            job.job_id.clone().into(),
            milliseconds(job.history_start_time).into(),
            milliseconds(job.start_time).into(),
            milliseconds(job.end_time).into(),
            job.filename.clone().into(),
            job.figures.total_duration.into(),
            now.as_millisecond().into(),
            job.status.as_str().into(),
        ])
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// Forgets the deletion of a job, which is restored.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(DeletedJobs::Table)
        .and_where(Expr::col(DeletedJobs::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
