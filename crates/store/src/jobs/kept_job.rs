//! A deleted job as `deleted_job_rows` keeps it: what its rows in all tables contained, as JSON.

use domain::{Job, JobId, JobNotes};
use jiff::Timestamp;
use sea_orm::{DbErr, Iden, sea_query};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Error,
    db::{
        error::Fault,
        print_jobs,
        record::{Record, SqliteRow},
    },
    files::job_details::{self, JobDetails},
    jobs::pauses::Pause,
};

/// Columns of a row by name.
type Object = Map<String, Value>;

const TABLE: &str = "deleted_job_rows";

/// A deleted job that can be restored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptJob {
    pub(crate) id: JobId,
    pub(crate) job: Job,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) details: Option<JobDetails>,
    /// Its file, which stays in `gcode_files`.
    pub(crate) file_id: Option<i64>,
    pub(crate) notes: JobNotes,
    pub(crate) pauses: Vec<Pause>,
    pub(crate) queue: KeptQueue,
    pub(crate) changes: Vec<KeptChange>,
}

/// A row of `details_queue`, without its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptQueue {
    pub(crate) status: String,
    pub(crate) priority: i64,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: i64,
    pub(crate) next_attempt_at: Option<i64>,
    pub(crate) sort_time: i64,
    pub(crate) updated_at: i64,
}

/// A row of `job_changes`. Its id is never used again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptChange {
    pub(crate) id: i64,
    pub(crate) changed_at: i64,
    pub(crate) changed_by: String,
    pub(crate) field: String,
    pub(crate) old_value: Option<String>,
    pub(crate) new_value: Option<String>,
}

/// The column `data`.
#[derive(Serialize, Deserialize)]
struct Data {
    /// Row of `print_jobs`.
    job: Object,
    created_at: i64,
    updated_at: i64,
    notes: Notes,
    /// Start and end of each pause.
    pauses: Vec<(i64, Option<i64>)>,
    queue: KeptQueue,
    changes: Vec<KeptChange>,
}

#[derive(Serialize, Deserialize)]
struct Notes {
    title: Option<String>,
    notes: Option<String>,
    tags: Vec<String>,
    verdict: Option<String>,
    verdict_reason: Option<String>,
}

impl KeptJob {
    /// The columns `details` and `data`.
    pub(crate) fn columns(&self) -> Result<(Option<String>, String), Fault> {
        let mut job = object(print_jobs::columns(&self.job))?;
        job.insert("printer_id".to_owned(), self.job.printer_id.0.into());
        let data = Data {
            job,
            created_at: self.created_at.as_millisecond(),
            updated_at: self.updated_at.as_millisecond(),
            notes: Notes {
                title: self.notes.title.clone(),
                notes: self.notes.notes.clone(),
                tags: self.notes.tags.clone(),
                verdict: self.notes.verdict.map(|verdict| verdict.as_str().to_owned()),
                verdict_reason: self.notes.verdict_reason.clone(),
            },
            pauses: self
                .pauses
                .iter()
                .map(|pause| {
                    let resumed = pause.resumed_at.map(Timestamp::as_millisecond);
                    (pause.paused_at.as_millisecond(), resumed)
                })
                .collect(),
            queue: self.queue.clone(),
            changes: self.changes.clone(),
        };
        let details = self.details.as_ref().map(details_column).transpose()?;
        let data = serde_json::to_string(&data).map_err(|cause| DbErr::Custom(cause.to_string()))?;
        Ok((details, data))
    }

    /// Reads the row, whose key is the id of the job.
    pub(crate) fn read(record: &Record<'_>) -> Result<Self, Fault> {
        let id = record.key;
        let data: Data = required(record.json("data")?, id)?;
        let names: Vec<_> = data.job.keys().cloned().collect();
        let row = SqliteRow::kept(&data.job, &names);
        let job = print_jobs::job(&Record::of_kept(row, TABLE, id))?;
        let notes = JobNotes {
            title: data.notes.title,
            notes: data.notes.notes,
            tags: data.notes.tags,
            verdict: match data.notes.verdict {
                Some(word) => Some(required(word.parse().ok(), id)?),
                None => None,
            },
            verdict_reason: data.notes.verdict_reason,
        };
        let pauses = data.pauses.into_iter().map(|(paused, resumed)| {
            Ok(Pause {
                paused_at: time(paused, id)?,
                resumed_at: resumed.map(|resumed| time(resumed, id)).transpose()?,
            })
        });
        Ok(Self {
            id: JobId(id),
            job,
            created_at: time(data.created_at, id)?,
            updated_at: time(data.updated_at, id)?,
            details: details(record)?,
            file_id: record.get("gcode_file_id")?,
            notes,
            pauses: pauses.collect::<Result<_, Fault>>()?,
            queue: data.queue,
            changes: data.changes,
        })
    }
}

/// The column `details`.
pub(crate) fn details_column(details: &JobDetails) -> Result<String, Fault> {
    Ok(Value::Object(object(job_details::columns(details))?).to_string())
}

fn details(record: &Record<'_>) -> Result<Option<JobDetails>, Fault> {
    let Some(object) = record.json::<Object>("details")? else {
        return Ok(None);
    };
    let names: Vec<_> = object.keys().cloned().collect();
    let row = Record::of_kept(SqliteRow::kept(&object, &names), TABLE, record.key);
    Ok(Some(JobDetails {
        raw_metadata: row.json("raw_metadata")?,
        ..job_details::light_details(&row)?
    }))
}

fn time(milliseconds: i64, id: i64) -> Result<Timestamp, Fault> {
    required(Timestamp::from_millisecond(milliseconds).ok(), id)
}

fn required<T>(value: Option<T>, id: i64) -> Result<T, Fault> {
    value.ok_or_else(|| {
        Error::BadValue {
            table: TABLE,
            column: "data",
            row: id,
            found: "a job that cannot be read".to_owned(),
        }
        .into()
    })
}

/// Columns and values of a row as JSON, from which [`SqliteRow::kept`] reads the same values.
fn object<C: Iden>(row: impl IntoIterator<Item = (C, sea_query::Value)>) -> Result<Object, Fault> {
    let json = |value| {
        Ok::<_, Fault>(match value {
            sea_query::Value::Bool(value) => value.into(),
            sea_query::Value::BigInt(value) => value.into(),
            sea_query::Value::Double(value) => value.into(),
            sea_query::Value::String(value) => value.into(),
            other => return Err(DbErr::Type(format!("{other:?} cannot be kept as JSON")).into()),
        })
    };
    row.into_iter()
        .map(|(column, value)| Ok((column.unquoted().to_owned(), json(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::DeriveIden;

    #[derive(DeriveIden, Clone, Copy)]
    enum Column {
        A,
    }

    #[test]
    fn numbers_are_kept_exactly() {
        for number in [0.1 + 0.2, 1e-300, -0.0, 5.0, 123_456_789.123_456_78, f64::MAX] {
            let kept = Value::Object(object([(Column::A, number.into())]).unwrap()).to_string();
            let kept: Object = serde_json::from_str(&kept).unwrap();
            let names = ["a".to_owned()];
            let row = Record::of_kept(SqliteRow::kept(&kept, &names), TABLE, 1);
            assert_eq!(row.get::<f64>("a").unwrap().to_bits(), number.to_bits());
        }
    }

    #[test]
    fn value_that_would_be_lost_is_refused() {
        object([(Column::A, sea_query::Value::Bytes(None))]).unwrap_err();
    }
}
