//! Converts values and rows of the tables to `domain` types and back.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Figures, HistoryJob, Job, JobId, JobNotes, JobStatus, PrinterId, Source, UNDATED, Verdict};
use jiff::Timestamp;
use rusqlite::types::{FromSql, ValueRef};
use sea_orm::{
    ConnectionTrait, QueryResult, TryGetable,
    sea_query::{Query, SelectStatement, Value},
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{Error, JobRow, error::Fault, schema::PrintJobs};

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

pub(crate) fn milliseconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millisecond)
}

/// Sort key of a job in lists.
pub(crate) fn sort_time(start_time: Option<Timestamp>) -> i64 {
    milliseconds(start_time).unwrap_or(UNDATED)
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

/// A query for [`load_jobs`].
pub(crate) fn jobs_where(conditions: impl IntoIterator<Item = sea_orm::sea_query::Expr>) -> SelectStatement {
    let mut query = Query::select();
    for condition in conditions {
        query.and_where(condition);
    }
    query
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
    })
}

/// A row whose errors name the table, the column and the row.
pub(crate) struct Record<'a> {
    row: Row<'a>,
    table: &'static str,
    /// Primary key.
    pub(crate) key: i64,
}

enum Row<'a> {
    SeaOrm(&'a QueryResult),
    Sqlite(SqliteRow<'a>),
}

/// A row read directly from SQLite.
pub(crate) struct SqliteRow<'a> {
    values: Vec<ValueRef<'a>>,
    columns: &'a [String],
    /// Position at which the search for the next column starts: columns are read roughly in the order of the statement.
    next: AtomicUsize,
}

/// A type that a column can be read as.
pub(crate) trait Readable: TryGetable + FromSql {}

impl<T: TryGetable + FromSql> Readable for T {}

impl<'a> SqliteRow<'a> {
    pub(crate) fn new(row: &'a rusqlite::Row<'_>, columns: &'a [String]) -> rusqlite::Result<Self> {
        let values = (0..columns.len()).map(|position| row.get_ref(position));
        Ok(Self {
            values: values.collect::<Result<_, _>>()?,
            columns,
            next: AtomicUsize::new(0),
        })
    }

    /// A column that the statement does not select is null, as in SeaORM.
    fn get<T: FromSql>(&self, column: &str) -> rusqlite::Result<T> {
        let (before, from) = self.columns.split_at(self.next.load(Ordering::Relaxed));
        let is_it = |name: &String| name == column;
        let position = match from.iter().position(is_it) {
            Some(position) => Some(before.len() + position),
            None => before.iter().position(is_it),
        };
        let value = match position {
            Some(position) => {
                self.next.store(position + 1, Ordering::Relaxed);
                self.values[position]
            }
            None => ValueRef::Null,
        };
        T::column_result(value).map_err(|cause| {
            rusqlite::Error::FromSqlConversionFailure(
                position.unwrap_or_default(),
                value.data_type(),
                format!("the column {column}: {cause}").into(),
            )
        })
    }
}

impl<'a> Record<'a> {
    pub(crate) fn new(row: &'a QueryResult, table: &'static str, key: &str) -> Result<Self, Fault> {
        Ok(Self {
            row: Row::SeaOrm(row),
            table,
            key: row.try_get("", key)?,
        })
    }

    pub(crate) fn of_sqlite(row: SqliteRow<'a>, table: &'static str, key: &str) -> Result<Self, Fault> {
        Ok(Self {
            key: row.get(key)?,
            row: Row::Sqlite(row),
            table,
        })
    }

    pub(crate) fn get<T: Readable>(&self, column: &str) -> Result<T, Fault> {
        match &self.row {
            Row::SeaOrm(row) => Ok(row.try_get("", column)?),
            Row::Sqlite(row) => Ok(row.get(column)?),
        }
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Option<Timestamp>, Fault> {
        let Some(number) = self.get::<Option<i64>>(column)? else {
            return Ok(None);
        };
        Timestamp::from_millisecond(number)
            .map(Some)
            .map_err(|_| self.bad(column, format!("{number}, which is no time")))
    }

    pub(crate) fn required_time(&self, column: &'static str) -> Result<Timestamp, Fault> {
        self.time(column)?
            .ok_or_else(|| self.bad(column, "nothing".to_owned()))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, Fault> {
        let Some(text) = self.get::<Option<String>>(column)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|cause| self.bad(column, format!("no JSON: {cause}")))
    }

    pub(crate) fn verdict(&self) -> Result<Option<Verdict>, Fault> {
        let Some(word) = self.get::<Option<String>>("verdict")? else {
            return Ok(None);
        };
        word.parse()
            .map(Some)
            .map_err(|_| self.bad("verdict", format!("`{word}`, which is no verdict")))
    }

    pub(crate) fn status(&self) -> Result<JobStatus, Fault> {
        let word: String = self.get("status")?;
        word.parse()
            .map_err(|_| self.bad("status", format!("`{word}`, which is no job status")))
    }

    fn source(&self, column: &'static str) -> Result<Option<Source>, Fault> {
        let Some(word) = self.get::<Option<String>>(column)? else {
            return Ok(None);
        };
        [Source::History, Source::PrintStats]
            .into_iter()
            .find(|source| source.as_str() == word)
            .map(Some)
            .ok_or_else(|| self.bad(column, format!("`{word}`, which is no source")))
    }

    fn required_source(&self, column: &'static str) -> Result<Source, Fault> {
        self.source(column)?
            .ok_or_else(|| self.bad(column, "nothing".to_owned()))
    }

    fn figures(&self) -> Result<Figures, Fault> {
        Ok(Figures {
            print_duration: self.get("print_duration")?,
            total_duration: self.get("total_duration")?,
            filament_used: self.get("filament_used")?,
        })
    }

    pub(crate) fn bad(&self, column: &'static str, found: String) -> Fault {
        Error::BadValue {
            table: self.table,
            column,
            row: self.key,
            found,
        }
        .into()
    }
}
