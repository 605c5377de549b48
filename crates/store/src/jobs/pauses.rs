//! The table `job_pauses`: pauses of jobs that printlog observed.

use domain::JobId;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use crate::db::{error::Fault, read::ReadConnection, tables::JobPauses};

/// A pause of a job, by printlog's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Start of the pause, as observed.
    pub paused_at: Timestamp,
    /// Time at which the job resumed or ended. `None` during the pause, or if the resume was not observed.
    pub resumed_at: Option<Timestamp>,
}

/// Pauses of a job, in order.
pub(crate) async fn of_job(db: &impl ReadConnection, id: JobId) -> Result<Vec<Pause>, Fault> {
    let query = Query::select()
        .columns([JobPauses::PrintJobId, JobPauses::PausedAt, JobPauses::ResumedAt])
        .from(JobPauses::Table)
        .and_where(Expr::col(JobPauses::PrintJobId).eq(id.0))
        .order_by(JobPauses::PausedAt, Order::Asc)
        .to_owned();
    db.rows(&query, "job_pauses", "print_job_id", |record| {
        Ok(Pause {
            paused_at: record.required_time("paused_at")?,
            resumed_at: record.time("resumed_at")?,
        })
    })
    .await
}
