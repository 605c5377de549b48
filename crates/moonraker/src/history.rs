//! Moonraker's print history: `server.history.*`.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    Client, RequestError,
    lenient::{NAME, WORD, WrongType, cut, id, known_bool, number, text},
};

/// One row of the history. Unknown, missing and null fields are `None`.
///
/// Source: <https://moonraker.readthedocs.io/en/latest/external_api/history/>
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryJob {
    /// Six or more hex digits; other firmwares send numbers. Reused after deletions, and all of them change in the
    /// upgrade from 0.8.
    pub job_id: String,
    /// The user who started the job: a login, `_TRUSTED_USER_`, `No User`, …. Absent before 0.9.
    pub user: Option<String>,
    /// Relative to the gcodes root. Empty if Moonraker missed the start.
    pub filename: Option<String>,
    /// `in_progress`, `completed`, `cancelled`, `error`, `klippy_shutdown`, `klippy_disconnect`, `server_exit`,
    /// `interrupted`, or a newer status. Empty if missing.
    pub status: String,
    /// Unix seconds by the clock of the printer's host, which may be wrong.
    pub start_time: Option<f64>,
    /// Unix seconds. `None` while running and after a kill; 0 in rows that an upgrade from 0.8 left open.
    pub end_time: Option<f64>,
    /// Seconds, without pauses and the time before the first extrusion.
    pub print_duration: Option<f64>,
    /// Seconds from start to end. In rows without an end, the value at the start.
    pub total_duration: Option<f64>,
    /// Millimetres of filament.
    pub filament_used: Option<f64>,
    /// Metadata of the G-code file. Copied at the start and again at the end; empty if the file is gone by then.
    pub metadata: Option<Value>,
    /// Data added by other Moonraker components: a list of `{provider, name, value, description, units}`. Absent before
    /// 0.9.
    pub auxiliary_data: Option<Value>,
    /// Whether the file still exists, unchanged.
    pub exists: Option<bool>,
}

/// Largest size in bytes of a row's metadata, and of its auxiliary data. Moonraker's have a few hundred to a few
/// thousand.
const EXTRAS: usize = 256 * 1024;

impl HistoryJob {
    /// Parses a row of an answer or a notification.
    ///
    /// # Errors
    /// If a field that identifies the job is missing or of the wrong type.
    pub fn from_json(row: &str) -> Result<Self, serde_json::Error> {
        let row: &RawValue = serde_json::from_str(row)?;
        match Self::read(row) {
            Ok((job, _)) => Ok(job),
            Err(what) => Err(serde::de::Error::custom(what)),
        }
    }

    /// Parses a row. Fields of wrong types become `None` and are reported, except those that identify the job: a row
    /// without them is an error.
    pub(crate) fn read(row: &RawValue) -> Result<(Self, Option<String>), String> {
        let row_size = row.get().len();
        let mut row: Map<String, Value> =
            serde_json::from_str(row.get()).map_err(|cause| format!("not a JSON object: {cause}"))?;
        let is_small = row_size <= EXTRAS;
        let mut wrong = Vec::new();
        let mut take = |name: &'static str| row.remove(name).unwrap_or(Value::Null);
        let job_id = id(take("job_id"))
            .ok()
            .flatten()
            .ok_or("`job_id` is not a string")?;
        if job_id.len() > WORD {
            return Err(format!("`job_id` has {} bytes", job_id.len()));
        }
        let needed = |name, WrongType(what): WrongType| format!("`{name}` of job {job_id} is not a {what}");
        let start_time = number(&take("start_time")).map_err(|not| needed("start_time", not))?;
        let filename = text(take("filename")).map_err(|not| needed("filename", not))?;
        let status = text(take("status"))
            .map_err(|not| needed("status", not))?
            .unwrap_or_default();
        let mut short = |name, text: Option<String>, most| match text {
            Some(text) if text.len() > most => {
                wrong.push(format!(
                    "`{name}` of job {job_id} has {} bytes; {most} are kept",
                    text.len()
                ));
                Some(cut(text, most))
            }
            text => text,
        };
        let filename = short("filename", filename, NAME);
        let user = short("user", text(take("user")).ok().flatten(), WORD);
        let status = short("status", Some(status), WORD).unwrap_or_default();
        let mut small = |name| {
            let value = Some(take(name)).filter(|value| !value.is_null())?;
            if is_small || value.to_string().len() <= EXTRAS {
                return Some(value);
            }
            wrong.push(format!(
                "`{name}` of job {job_id} has more than {EXTRAS} bytes, and is not kept"
            ));
            None
        };
        let metadata = small("metadata");
        let auxiliary_data = small("auxiliary_data");
        let mut figure = |name, value: &Value| {
            number(value).unwrap_or_else(|WrongType(what)| {
                wrong.push(format!("`{name}` of job {job_id} is not a {what}"));
                None
            })
        };
        let end_time = figure("end_time", &take("end_time"));
        let print_duration = figure("print_duration", &take("print_duration"));
        let total_duration = figure("total_duration", &take("total_duration"));
        let filament_used = figure("filament_used", &take("filament_used"));
        let job = Self {
            user,
            filename,
            status,
            start_time,
            end_time,
            print_duration,
            total_duration,
            filament_used,
            metadata,
            auxiliary_data,
            exists: known_bool(&take("exists")),
            job_id,
        };
        Ok((job, (!wrong.is_empty()).then(|| wrong.join(", "))))
    }
}

/// Which rows of the history to list.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryQuery {
    /// Number of rows to skip.
    pub start: u64,
    /// Number of rows, at least 1. A page of more than 500 rows makes the printer's own web page wait.
    pub limit: u64,
    /// Only jobs that started after this, in Unix seconds.
    pub since: Option<f64>,
    /// Only jobs that ended before this, in Unix seconds. Excludes all rows without an end.
    pub before: Option<f64>,
    /// Order of the ids, which is the order of the starts, whatever the clock showed.
    pub order: Order,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self {
            start: 0,
            limit: 50,
            since: None,
            before: None,
            order: Order::Descending,
        }
    }
}

/// Order of the ids in a list of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first. New jobs do not shift the pages.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// A page of the history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryPage {
    /// The readable rows, in the requested order.
    pub jobs: Vec<HistoryJob>,
    /// Problems with rows that are missing from `jobs`, and with single fields of rows in `jobs`.
    pub problems: Vec<RowProblem>,
    /// Number of rows that this page covers, readable or not: the next page starts this many rows further.
    pub rows: u64,
    /// Size of these rows in bytes, as received.
    pub bytes: u64,
}

impl HistoryPage {
    /// Whether this is the last page, if `limit` rows were requested.
    #[must_use]
    pub fn is_last(&self, limit: u64) -> bool {
        self.rows < limit
    }
}

/// A history row, or one of its fields, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// Position of the row in the requested list, from 0.
    pub position: u64,
    /// The problem.
    pub what: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}", self.position, self.what)
    }
}

impl Client {
    /// Reads a page of the history.
    ///
    /// Moonraker refuses the whole page if it cannot read one of its own rows (other tools leave such rows): see
    /// [`history_page_skipping_bad_rows`](Self::history_page_skipping_bad_rows).
    ///
    /// # Errors
    /// If the call fails.
    pub async fn history_list(&self, query: &HistoryQuery) -> Result<HistoryPage, RequestError> {
        #[derive(Deserialize)]
        struct Page {
            // `count` is another number in 0.8, and is not useful in any version.
            #[serde(default)]
            jobs: Option<Vec<Box<RawValue>>>,
        }
        let mut params = json!({
            "start": query.start,
            // Moonraker reads 0 as "all rows".
            "limit": query.limit.max(1),
            "order": match query.order { Order::Ascending => "asc", Order::Descending => "desc" },
        });
        for (name, value) in [("since", query.since), ("before", query.before)] {
            if let Some(value) = value {
                params[name] = value.into();
            }
        }
        let Page { jobs } = self.call_as("server.history.list", params).await?;
        let mut page = HistoryPage::default();
        for row in jobs.unwrap_or_default() {
            let position = query.start + page.rows;
            page.rows += 1;
            page.bytes += row.get().len() as u64;
            match HistoryJob::read(&row) {
                Ok((job, wrong)) => {
                    page.problems
                        .extend(wrong.map(|what| RowProblem { position, what }));
                    page.jobs.push(job);
                }
                Err(what) => page.problems.push(RowProblem { position, what }),
            }
        }
        Ok(page)
    }

    /// Reads a page of the history without the rows that Moonraker itself cannot read. It requests smaller and smaller
    /// parts of the page until it has found them; they are listed among the problems.
    ///
    /// # Errors
    /// If the call fails for another reason than bad rows.
    pub async fn history_page_skipping_bad_rows(
        &self,
        query: HistoryQuery,
    ) -> Result<HistoryPage, RequestError> {
        let end = query.start + query.limit.max(1);
        let mut page = HistoryPage::default();
        let mut size = query.limit.max(1);
        let mut proved = false;
        while query.start + page.rows < end {
            let start = query.start + page.rows;
            let limit = size.min(end - start);
            match self
                .history_list(&HistoryQuery {
                    start,
                    limit,
                    ..query.clone()
                })
                .await
            {
                Ok(part) => {
                    let is_last = part.is_last(limit);
                    page.rows += part.rows;
                    page.bytes += part.bytes;
                    page.jobs.extend(part.jobs);
                    page.problems.extend(part.problems);
                    if is_last {
                        break;
                    }
                    size = size.saturating_mul(2);
                }
                Err(cause) if cause.is_internal() => {
                    if !proved {
                        // If the list always fails, there are no single bad rows to skip, and no end either.
                        self.history_list(&HistoryQuery {
                            start: u64::from(u32::MAX),
                            limit: 1,
                            ..query.clone()
                        })
                        .await?;
                        proved = true;
                    }
                    if limit > 1 {
                        size = limit.div_ceil(2);
                    } else {
                        page.problems.push(RowProblem {
                            position: start,
                            what: cause.to_string(),
                        });
                        page.rows += 1;
                    }
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Result<(HistoryJob, Option<String>), String> {
        HistoryJob::read(&RawValue::from_string(row.to_owned()).unwrap())
    }

    #[test]
    fn a_row_needs_little_more_than_its_id() {
        let (job, wrong) = read(r#"{"job_id":"000001","start_time":5,"unheard_of":[{}]}"#).unwrap();
        assert_eq!(
            job,
            HistoryJob {
                job_id: "000001".to_owned(),
                start_time: Some(5.0),
                ..HistoryJob::default()
            }
        );
        assert_eq!(wrong, None);
    }

    #[test]
    fn numbers_may_be_texts_and_an_id_may_be_a_number() {
        let row = r#"{"job_id":1762515086,"start_time":"1700000000.5","end_time":"","print_duration":"759",
                      "total_duration":null,"filament_used":" 2292.4 "}"#;
        let (job, wrong) = read(row).unwrap();
        assert_eq!(
            job,
            HistoryJob {
                job_id: "1762515086".to_owned(),
                start_time: Some(1_700_000_000.5),
                print_duration: Some(759.0),
                filament_used: Some(2292.4),
                ..HistoryJob::default()
            }
        );
        assert_eq!(wrong, None);
    }

    #[test]
    fn texts_of_a_row_are_limited() {
        let long = "é".repeat(1_000_000);
        let row = json!({
            "job_id": "1", "filename": long, "user": long, "status": long, "metadata": {"slicer": long},
            "auxiliary_data": [{"name": "small"}],
        });
        let (job, wrong) = read(&row.to_string()).unwrap();
        assert_eq!(job.filename.unwrap().len(), NAME);
        assert!(job.user.unwrap().len() <= WORD && job.status.len() <= WORD);
        assert_eq!(job.metadata, None);
        assert_eq!(job.auxiliary_data, Some(json!([{"name": "small"}])));
        let wrong = wrong.unwrap();
        assert!(
            wrong.contains("`filename` of job 1 has 2000000 bytes; 4096 are kept"),
            "{wrong}"
        );
        assert!(
            wrong.contains("`metadata` of job 1 has more than 262144 bytes, and is not kept"),
            "{wrong}"
        );
        let row = json!({"job_id": long});
        assert_eq!(read(&row.to_string()).unwrap_err(), "`job_id` has 2000000 bytes");
    }

    #[test]
    fn figures_of_wrong_types_become_unknown_and_are_reported() {
        let (job, wrong) =
            read(r#"{"job_id":"00000A","filament_used":{},"print_duration":"7.5","exists":1}"#).unwrap();
        assert_eq!(job.filament_used, None);
        assert_eq!(job.print_duration, Some(7.5));
        assert_eq!(job.exists, Some(true));
        assert_eq!(
            wrong.as_deref(),
            Some("`filament_used` of job 00000A is not a number")
        );
    }

    #[test]
    fn rows_that_do_not_identify_their_job_are_refused() {
        for (row, expected) in [
            ("{}", "`job_id` is not a string"),
            (r#"{"job_id":""}"#, "`job_id` is not a string"),
            (r#"{"job_id":[7]}"#, "`job_id` is not a string"),
            (
                r#"{"job_id":"1","start_time":"soon"}"#,
                "`start_time` of job 1 is not a number",
            ),
            (
                r#"{"job_id":"1","filename":["a"]}"#,
                "`filename` of job 1 is not a string",
            ),
            (
                r#"{"job_id":"1","status":3}"#,
                "`status` of job 1 is not a string",
            ),
        ] {
            assert_eq!(read(row).unwrap_err(), expected);
        }
        assert!(read("[]").unwrap_err().starts_with("not a JSON object"));
        assert!(read(r#"{"job_id":"1","filename":"\udc00"}"#).is_err());
    }
}
