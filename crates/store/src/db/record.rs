//! Converts values and rows of the tables to `domain` types and back.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Cause, Figures, JobStatus, PackedJson, PrinterKind, Source, UNDATED, Verdict};
use jiff::Timestamp;
use rusqlite::types::{FromSql, ValueRef};
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::Fault;
use crate::Error;

pub(crate) fn milliseconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millisecond)
}

/// Sort key of a job in lists.
pub(crate) fn sort_time(start_time: Option<Timestamp>) -> i64 {
    milliseconds(start_time).unwrap_or(UNDATED)
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

    /// A row that was kept as an object of JSON, whose field names are `columns`.
    pub(crate) fn kept(object: &'a Map<String, Value>, columns: &'a [String]) -> Self {
        let values = columns.iter().map(|column| match object.get(column) {
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => ValueRef::Null,
            Some(Value::Bool(is)) => ValueRef::Integer((*is).into()),
            Some(Value::String(text)) => ValueRef::Text(text.as_bytes()),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(number) => ValueRef::Integer(number),
                None => number.as_f64().map_or(ValueRef::Null, ValueRef::Real),
            },
        });
        Self {
            values: values.collect(),
            columns,
            next: AtomicUsize::new(0),
        }
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

    /// A row that was kept elsewhere, with its primary key.
    pub(crate) fn of_kept(row: SqliteRow<'a>, table: &'static str, key: i64) -> Self {
        Self {
            row: Row::Sqlite(row),
            table,
            key,
        }
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
            .map_err(|_| self.bad(column, format!("{number}, not a time")))
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
            .map_err(|cause| self.bad(column, format!("not JSON: {cause}")))
    }

    /// JSON as it is stored, after a check that it can be read.
    pub(crate) fn packed_json(&self, column: &'static str) -> Result<Option<PackedJson>, Fault> {
        let Some(text) = self.get::<Option<String>>(column)? else {
            return Ok(None);
        };
        PackedJson::from_text(&text)
            .map(Some)
            .map_err(|cause| self.bad(column, format!("no JSON: {cause}")))
    }

    pub(crate) fn verdict(&self) -> Result<Option<Verdict>, Fault> {
        // An unknown word is an error and not null: writing the job again would destroy it.
        let Some(word) = self.get::<Option<String>>("verdict")? else {
            return Ok(None);
        };
        word.parse()
            .map(Some)
            .map_err(|_| self.bad("verdict", format!("`{word}`, not a verdict")))
    }

    pub(crate) fn status(&self) -> Result<JobStatus, Fault> {
        let word: String = self.get("status")?;
        word.parse()
            .map_err(|_| self.bad("status", format!("`{word}`, not a job status")))
    }

    pub(crate) fn printer_kind(&self) -> Result<PrinterKind, Fault> {
        let word: String = self.get("kind")?;
        word.parse()
            .map_err(|_| self.bad("kind", format!("`{word}`, not a kind of printer")))
    }

    pub(crate) fn cause(&self) -> Result<Option<Cause>, Fault> {
        Ok(self.get::<Option<String>>("cause")?.as_deref().map(Cause::from))
    }

    pub(crate) fn source(&self, column: &'static str) -> Result<Option<Source>, Fault> {
        let Some(word) = self.get::<Option<String>>(column)? else {
            return Ok(None);
        };
        word.parse()
            .map(Some)
            .map_err(|_| self.bad(column, format!("`{word}`, not a source")))
    }

    pub(crate) fn required_source(&self, column: &'static str) -> Result<Source, Fault> {
        self.source(column)?
            .ok_or_else(|| self.bad(column, "nothing".to_owned()))
    }

    pub(crate) fn figures(&self) -> Result<Figures, Fault> {
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
