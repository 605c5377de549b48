//! The rows of `print_jobs`: their columns, and their conversion to `domain` types and back.

use domain::{Figures, HistoryJob, Job, JobId, JobStatus};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use crate::db::{
    error::Fault,
    print_jobs::job,
    read::ReadConnection,
    record::Record,
    tables::{PrintJobs, Printers},
};

/// A stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJob {
    /// Primary key.
    pub id: JobId,
    /// Name of its printer.
    pub printer_name: String,
    /// The job.
    pub job: Job,
    /// Creation time of the row.
    pub created_at: Timestamp,
    /// Time of the row's last change.
    pub updated_at: Timestamp,
}

/// The job as a later read returns it: times in milliseconds, no amounts that are not numbers.
pub(crate) fn stored_form(job: &Job) -> Job {
    Job {
        history_start_time: rounded(job.history_start_time),
        start_time: rounded(job.start_time),
        end_time: rounded(job.end_time),
        last_seen: rounded(job.last_seen),
        figures: countable(job.figures),
        ..job.clone()
    }
}

/// Like [`stored_form`], for a history row.
pub(crate) fn stored_form_of_row(row: &HistoryJob) -> HistoryJob {
    HistoryJob {
        start_time: rounded(row.start_time),
        end_time: rounded(row.end_time),
        figures: countable(row.figures),
        ..row.clone()
    }
}

fn rounded(time: Option<Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::from_millisecond(time.as_millisecond()).ok())
}

fn countable(figures: Figures) -> Figures {
    Figures::reported(
        figures.print_duration,
        figures.total_duration,
        figures.filament_used,
    )
}

/// Condition for open jobs.
pub(crate) fn is_open() -> SimpleExpr {
    let open = JobStatus::ALL.into_iter().filter(|status| status.is_open());
    Expr::col((PrintJobs::Table, PrintJobs::Status)).is_in(open.map(JobStatus::as_str))
}

/// Selects complete jobs with printer names.
pub(crate) fn select_stored() -> SelectStatement {
    select_with_printer(PrintJobs::all())
}

/// Selects jobs with printer names. Uses a subquery instead of a join: MySQL might start a join with the printers and
/// sort all their jobs.
pub(crate) fn select_with_printer(columns: impl IntoIterator<Item = PrintJobs>) -> SelectStatement {
    let name = Query::select()
        .column(Printers::Name)
        .from(Printers::Table)
        .and_where(
            Expr::col((Printers::Table, Printers::Id)).equals((PrintJobs::Table, PrintJobs::PrinterId)),
        )
        .to_owned();
    Query::select()
        .columns(columns.into_iter().map(|column| (PrintJobs::Table, column)))
        .expr_as(Expr::SubQuery(None, Box::new(name.into())), "printer_name")
        .from(PrintJobs::Table)
        .to_owned()
}

/// A query for [`load_jobs`].
pub(crate) fn jobs_where(conditions: impl IntoIterator<Item = sea_orm::sea_query::Expr>) -> SelectStatement {
    let mut query = Query::select();
    for condition in conditions {
        query.and_where(condition);
    }
    query
}

/// Reads complete jobs in the order of `query`, which has no columns yet.
pub(crate) async fn load_jobs(
    db: &impl ConnectionTrait,
    mut query: SelectStatement,
) -> Result<Vec<(JobId, Job)>, Fault> {
    query.columns(PrintJobs::all()).from(PrintJobs::Table);
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            let record = Record::new(row, "print_jobs", "id")?;
            Ok((JobId(record.key), job(&record)?))
        })
        .collect()
}

/// The job with this id.
pub(crate) async fn stored(db: &impl ReadConnection, id: JobId) -> Result<Option<StoredJob>, Fault> {
    let query = select_stored()
        .and_where(Expr::col((PrintJobs::Table, PrintJobs::Id)).eq(id.0))
        .to_owned();
    db.row(&query, "print_jobs", "id", stored_job).await
}

pub(crate) fn stored_job(record: &Record<'_>) -> Result<StoredJob, Fault> {
    Ok(StoredJob {
        id: JobId(record.key),
        printer_name: record.get("printer_name")?,
        job: job(record)?,
        created_at: record.required_time("created_at")?,
        updated_at: record.required_time("updated_at")?,
    })
}
