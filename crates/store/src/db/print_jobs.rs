//! The columns of `print_jobs`, and a [`Job`] as a row of it. A new column takes three lines here: its name, how it is
//! written and how it is read.

use domain::{Cause, Job, PackedJson, PrinterId, Source};
use sea_orm::{DeriveIden, EnumIter, Iterable, sea_query::Value};

use super::{
    error::Fault,
    record::{Record, milliseconds, sort_time},
};

#[derive(DeriveIden, EnumIter, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrintJobs {
    Table,
    Id,
    PrinterId,
    JobId,
    HistoryStartTime,
    User,
    Filename,
    Status,
    Cause,
    Message,
    SortTime,
    StartTime,
    EndTime,
    PrintDuration,
    TotalDuration,
    FilamentUsed,
    EndSource,
    FiguresSource,
    ClockJumped,
    LastSeen,
    CreatedAt,
    UpdatedAt,
    Metadata,
    AuxiliaryData,
}

/// Columns that hold JSON. Lists do not read them.
const JSON: [PrintJobs; 2] = [PrintJobs::Metadata, PrintJobs::AuxiliaryData];

impl PrintJobs {
    /// All columns.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::iter().filter(|column| *column != Self::Table)
    }

    /// All columns except those with JSON.
    pub(crate) fn light() -> impl Iterator<Item = Self> {
        Self::all().filter(|column| !JSON.contains(column))
    }
}

/// Columns and values from the job itself.
pub(crate) fn columns(job: &Job) -> Vec<(PrintJobs, Value)> {
    let json = |packed: &Option<PackedJson>| packed.as_ref().map(|packed| packed.as_str().to_owned());
    vec![
        (PrintJobs::JobId, job.job_id.clone().into()),
        (
            PrintJobs::HistoryStartTime,
            milliseconds(job.history_start_time).into(),
        ),
        (PrintJobs::User, job.user.clone().into()),
        (PrintJobs::Filename, job.filename.clone().into()),
        (PrintJobs::Status, job.status.as_str().into()),
        (PrintJobs::Cause, job.cause.as_ref().map(Cause::as_str).into()),
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

/// Reads a job. Columns that the statement does not select are `None`.
pub(crate) fn job(record: &Record<'_>) -> Result<Job, Fault> {
    Ok(Job {
        printer_id: PrinterId(record.get("printer_id")?),
        job_id: record.get("job_id")?,
        history_start_time: record.time("history_start_time")?,
        user: record.get("user")?,
        filename: record.get("filename")?,
        status: record.status()?,
        cause: record.cause()?,
        message: record.get("message")?,
        start_time: record.time("start_time")?,
        end_time: record.time("end_time")?,
        figures: record.figures()?,
        end_source: record.source("end_source")?,
        figures_source: record.required_source("figures_source")?,
        clock_jumped: record.get("clock_jumped")?,
        metadata: record.packed_json("metadata")?,
        auxiliary_data: record.packed_json("auxiliary_data")?,
        last_seen: record.time("last_seen")?,
    })
}
