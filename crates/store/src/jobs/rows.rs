//! The rows of `print_jobs`: their columns, and their conversion to `domain` types and back.

use domain::{Figures, HistoryJob, Job, JobId, JobNotes, JobStatus, PrinterId, Source};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr, Value},
};
use serde_json::Value as Json;

use crate::{
    db::{
        error::Fault,
        read::ReadConnection,
        record::{Record, milliseconds, sort_time},
        tables::{PrintJobs, Printers},
        transaction::Tx,
    },
    files::listed_details::ListedDetails,
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

/// A job in a list, without its metadata. See [`domain::Job`] for the fields.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see `domain::Job`")]
pub struct JobRow {
    pub id: JobId,
    pub printer_id: PrinterId,
    pub printer_name: String,
    pub job_id: Option<String>,
    pub user: Option<String>,
    pub filename: Option<String>,
    pub status: JobStatus,
    pub cause: Option<String>,
    pub message: Option<String>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    pub figures: Figures,
    pub end_source: Option<Source>,
    pub figures_source: Source,
    pub clock_jumped: bool,
    pub last_seen: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// What users added, without `notes`, which may be long.
    pub notes: JobNotes,
    /// Whether its file has a thumbnail.
    pub has_thumbnail: bool,
    /// The details that lists show. Empty in an export, which has all details.
    pub details: ListedDetails,
}

/// Columns of a [`JobRow`].
pub(crate) const LIGHT: [PrintJobs; 20] = [
    PrintJobs::Id,
    PrintJobs::PrinterId,
    PrintJobs::JobId,
    PrintJobs::User,
    PrintJobs::Filename,
    PrintJobs::Status,
    PrintJobs::Cause,
    PrintJobs::Message,
    PrintJobs::SortTime,
    PrintJobs::StartTime,
    PrintJobs::EndTime,
    PrintJobs::PrintDuration,
    PrintJobs::TotalDuration,
    PrintJobs::FilamentUsed,
    PrintJobs::EndSource,
    PrintJobs::FiguresSource,
    PrintJobs::ClockJumped,
    PrintJobs::LastSeen,
    PrintJobs::CreatedAt,
    PrintJobs::UpdatedAt,
];

/// Columns of a [`Job`] that a [`JobRow`] omits.
pub(crate) const HEAVY: [PrintJobs; 3] = [
    PrintJobs::HistoryStartTime,
    PrintJobs::Metadata,
    PrintJobs::AuxiliaryData,
];

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

/// Columns and values from the job itself.
pub(crate) fn columns(job: &Job) -> Vec<(PrintJobs, Value)> {
    let json = |value: &Option<Json>| value.as_ref().map(Json::to_string);
    vec![
        (PrintJobs::JobId, job.job_id.clone().into()),
        (
            PrintJobs::HistoryStartTime,
            milliseconds(job.history_start_time).into(),
        ),
        (PrintJobs::User, job.user.clone().into()),
        (PrintJobs::Filename, job.filename.clone().into()),
        (PrintJobs::Status, job.status.as_str().into()),
        (PrintJobs::Cause, job.cause.clone().into()),
        (PrintJobs::Message, job.message.clone().into()),
        (PrintJobs::SortTime, sort_time(job.start_time).into()),
        (PrintJobs::StartTime, milliseconds(job.start_time).into()),
        (PrintJobs::EndTime, milliseconds(job.end_time).into()),
        (PrintJobs::PrintDuration, job.figures.print_duration.into()),
        (PrintJobs::TotalDuration, job.figures.total_duration.into()),
        (PrintJobs::FilamentUsed, job.figures.filament_used.into()),
        (PrintJobs::EndSource, job.end_source.map(Source::as_str).into()),
        (PrintJobs::FiguresSource, job.figures_source.as_str().into()),
        (PrintJobs::ClockJumped, job.clock_jumped.into()),
        (PrintJobs::LastSeen, milliseconds(job.last_seen).into()),
        (PrintJobs::Metadata, json(&job.metadata).into()),
        (PrintJobs::AuxiliaryData, json(&job.auxiliary_data).into()),
    ]
}

/// Columns and values of a new row. The columns are always the same.
pub(crate) fn row(job: &Job, created_at: Timestamp, updated_at: Timestamp) -> (Vec<PrintJobs>, Vec<Value>) {
    let own = [
        (PrintJobs::PrinterId, job.printer_id.0.into()),
        (PrintJobs::CreatedAt, created_at.as_millisecond().into()),
        (PrintJobs::UpdatedAt, updated_at.as_millisecond().into()),
    ];
    own.into_iter().chain(columns(job)).unzip()
}

pub(crate) async fn insert_row(
    tx: &Tx,
    (columns, values): (Vec<PrintJobs>, Vec<Value>),
) -> Result<JobId, Fault> {
    let statement = Query::insert()
        .into_table(PrintJobs::Table)
        .columns(columns)
        .values_panic(values.into_iter().map(Expr::val))
        .to_owned();
    let id = tx.execute(&statement).await?.last_insert_id();
    Ok(JobId(
        i64::try_from(id).map_err(|_| sea_orm::DbErr::UnpackInsertId)?,
    ))
}

/// Condition for open jobs.
pub(crate) fn is_open() -> SimpleExpr {
    let open = JobStatus::ALL.into_iter().filter(|status| status.is_open());
    Expr::col((PrintJobs::Table, PrintJobs::Status)).is_in(open.map(JobStatus::as_str))
}

/// Selects complete jobs with printer names.
pub(crate) fn select_stored() -> SelectStatement {
    select_with_printer(LIGHT.into_iter().chain(HEAVY))
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
    query.columns(LIGHT).columns(HEAVY).from(PrintJobs::Table);
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

pub(crate) fn job(record: &Record<'_>) -> Result<Job, Fault> {
    Ok(Job {
        printer_id: PrinterId(record.get("printer_id")?),
        job_id: record.get("job_id")?,
        history_start_time: record.time("history_start_time")?,
        user: record.get("user")?,
        filename: record.get("filename")?,
        status: record.status()?,
        cause: record.get("cause")?,
        message: record.get("message")?,
        start_time: record.time("start_time")?,
        end_time: record.time("end_time")?,
        figures: record.figures()?,
        end_source: record.source("end_source")?,
        figures_source: record.required_source("figures_source")?,
        clock_jumped: record.get("clock_jumped")?,
        metadata: record.json("metadata")?,
        auxiliary_data: record.json("auxiliary_data")?,
        last_seen: record.time("last_seen")?,
    })
}

pub(crate) fn job_row(record: &Record<'_>) -> Result<JobRow, Fault> {
    Ok(JobRow {
        id: JobId(record.key),
        printer_id: PrinterId(record.get("printer_id")?),
        printer_name: record.get("printer_name")?,
        job_id: record.get("job_id")?,
        user: record.get("user")?,
        filename: record.get("filename")?,
        status: record.status()?,
        cause: record.get("cause")?,
        message: record.get("message")?,
        start_time: record.time("start_time")?,
        end_time: record.time("end_time")?,
        figures: record.figures()?,
        end_source: record.source("end_source")?,
        figures_source: record.required_source("figures_source")?,
        clock_jumped: record.get("clock_jumped")?,
        last_seen: record.time("last_seen")?,
        created_at: record.required_time("created_at")?,
        updated_at: record.required_time("updated_at")?,
        notes: JobNotes::default(),
        has_thumbnail: false,
        details: ListedDetails::default(),
    })
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
