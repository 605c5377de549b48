//! Converts a line of an import into a job.

use std::str::FromStr;

use data_encoding::HEXLOWER;
use domain::{Figures, Job, JobId, JobNotes, JobStatus, LARGEST_ID, PrinterId, Source, UnknownName};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use store::{DetailsSource, DetailsStatus, JobRecord, NewGcodeFile};

use crate::export::{
    columns::{COLUMNS, Column, Kind},
    read::{Record, column},
};

/// Values of a line, by column. They are JSON values, or strings if they come from the cells of a table.
pub(super) struct Fields {
    pub(super) values: Map<String, Value>,
    /// Whether a comma may separate the decimals.
    pub(super) decimal_comma: bool,
}

/// Maximum characters of a string whose column has a limited length, of any other string, and of a tag.
const SHORT: usize = 255;
const LONG: usize = 10_000;
const TAG: usize = 64;
/// Maximum number of tags of a job.
const TAGS: usize = 32;

fn longest(name: &str) -> usize {
    match name {
        "printer_name"
        | "job_id"
        | "title"
        | "verdict_reason"
        | "filament_type"
        | "filament_used_g_source" => SHORT,
        _ => LONG,
    }
}

/// The columns that make up a file's details.
fn details_columns() -> impl Iterator<Item = &'static Column> {
    let at = |name: &str| COLUMNS.iter().position(|column| column.name == name);
    let own = at("slicer").unwrap_or_default()..=at("object_height").unwrap_or_default();
    let others = ["filament_used_mm", "currency"].into_iter().filter_map(column);
    let all: &'static [Column] = &COLUMNS;
    all[own]
        .iter()
        .filter(|column| column.name != "grams_per_mm")
        .chain(others)
}

impl Fields {
    /// Builds the job. `now` is the creation time of its row if the line has none.
    pub(super) fn record(&self, now: Timestamp) -> Result<Record, String> {
        let printer_name = self
            .text("printer_name")?
            .filter(|name| !name.trim().is_empty())
            .ok_or("printer_name is missing")?;
        let status: JobStatus = self.named("status")?.ok_or("status is missing")?;
        let (job_id, start_time) = (self.text("job_id")?, self.instant("start_time")?);
        if job_id.is_none() && start_time.is_none() {
            return Err("a job needs a start_time or a job_id".to_owned());
        }
        let job = Job {
            printer_id: PrinterId(0),
            job_id,
            history_start_time: self.instant("history_start_time")?,
            user: self.text("user")?,
            filename: self.text("filename")?,
            status,
            cause: self.text("cause")?.as_deref().map(domain::Cause::from),
            message: self.text("message")?,
            start_time,
            end_time: self.instant("end_time")?,
            figures: Figures::reported(
                self.number("print_duration")?,
                self.number("total_duration")?,
                self.number("filament_used")?,
            ),
            end_source: self.named("end_source")?,
            figures_source: self.named("figures_source")?.unwrap_or(Source::History),
            clock_jumped: self.truth("clock_jumped")?.unwrap_or(false),
            metadata: None,
            auxiliary_data: None,
            last_seen: None,
        };
        let created_at = self.instant("created_at")?.unwrap_or(now);
        let details_status = self.named("details_status")?.unwrap_or(DetailsStatus::Pending);
        Ok(Record {
            printer_id: self.id("printer_id")?.map(PrinterId),
            printer_name,
            length: 0,
            record: JobRecord {
                id: self.id("id")?.map(JobId),
                job,
                created_at,
                updated_at: self.instant("updated_at")?.unwrap_or(created_at),
                details_status,
                details_reason: self.text("details_reason")?,
                file: self.file(details_status)?,
                notes: self.notes()?,
            },
        })
    }

    fn notes(&self) -> Result<JobNotes, String> {
        let notes = JobNotes {
            title: self.text("title")?,
            notes: self.text("notes")?,
            tags: self.tags()?,
            verdict: self.named("verdict")?,
            verdict_reason: self.text("verdict_reason")?,
        };
        match notes.verdict_reason.is_some() && notes.verdict.is_none() {
            true => Err("verdict_reason needs a verdict".to_owned()),
            false => Ok(notes),
        }
    }

    fn tags(&self) -> Result<Vec<String>, String> {
        let tags: Vec<&str> = match self.values.get("tags") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::String(tags)) => tags.split(',').collect(),
            Some(Value::Array(tags)) => tags
                .iter()
                .map(|tag| tag.as_str().ok_or("tags must be strings"))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err("tags must be an array of strings".to_owned()),
        };
        let tags: Vec<_> = tags
            .into_iter()
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .collect();
        if tags.len() > TAGS {
            return Err(format!("tags has more than {TAGS} tags"));
        }
        tags.into_iter()
            .map(|tag| match tag {
                _ if tag.contains(['\0', ',']) => Err(format!(
                    "tags: `{}` contains a comma or a null character",
                    shown(tag)
                )),
                _ if tag.chars().count() > TAG => {
                    Err(format!("tags: `{}` has more than {TAG} characters", shown(tag)))
                }
                _ => Ok(tag.to_owned()),
            })
            .collect()
    }

    /// The details of the file. Jobs with the same details share it.
    fn file(&self, status: DetailsStatus) -> Result<Option<NewGcodeFile>, String> {
        let mut details = Map::new();
        for column in details_columns() {
            let name = column.name;
            let value: Option<Value> = match column.kind {
                Kind::Text => self.text(name)?.map(Value::from),
                Kind::Number => self.number(name)?.map(Value::from),
                Kind::Whole => self.whole(name)?.map(Value::from),
                Kind::Truth => self.truth(name)?.map(Value::from),
                Kind::Instant | Kind::Texts => None,
            };
            details.extend(value.map(|value| (name.to_owned(), value)));
        }
        let grams = self.number("grams_per_mm")?;
        if details.is_empty() && grams.is_none() {
            return Ok(None);
        }
        let weight_source = self.text("filament_used_g_source")?;
        let metadata = json!({
            "details": details, "tools": [], "warnings": [], "grams_per_mm": grams, "weight_source": weight_source,
        });
        let hash = HEXLOWER.encode(&Sha256::digest(metadata.to_string()));
        Ok(Some(NewGcodeFile {
            file_key: format!("import:{hash}"),
            content_hash: None,
            source: match status {
                DetailsStatus::Partial => DetailsSource::Moonraker,
                _ => DetailsSource::File,
            },
            metadata,
            raw: None,
            thumbnails: Vec::new(),
        }))
    }

    fn instant(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let text = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(format!("{name} must be a string")),
        };
        text.parse().map(Some).map_err(|_| {
            format!(
                "{name}: `{}` is not an instant such as 2026-01-31T12:00:00Z",
                shown(text)
            )
        })
    }

    /// A string. A number is converted to a string, because `job_id` is often a number.
    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let text = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(whole) if number.is_f64() && whole.fract() == 0.0 => format!("{whole:.0}"),
                _ => number.to_string(),
            },
            Some(_) => return Err(format!("{name} must be a string")),
        };
        match longest(name) {
            _ if text.contains('\0') => Err(format!("{name} must not contain a null character")),
            longest if text.chars().count() > longest => {
                Err(format!("{name} has more than {longest} characters"))
            }
            _ => Ok(Some(text)),
        }
    }

    /// One of a few words, in any case.
    fn word(&self, name: &str) -> Result<Option<String>, String> {
        let text = self.text(name)?;
        Ok(text.map(|text| text.trim().to_lowercase()))
    }

    /// The value with the name in a column, in any case.
    fn named<T: FromStr<Err = UnknownName>>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(word) = self.word(name)? else {
            return Ok(None);
        };
        word.parse()
            .map(Some)
            .map_err(|unknown| format!("{name} {unknown}, not `{}`", shown(&word)))
    }

    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::String(text)) => {
                let number = self.parsed(text.trim()).filter(|number| number.is_finite());
                let wrong = || format!("{name}: `{}` is not a number", shown(text));
                number.ok_or_else(wrong).map(Some)
            }
            Some(_) => Err(format!("{name} must be a number")),
        }
    }

    fn parsed(&self, text: &str) -> Option<f64> {
        let has_comma = self.decimal_comma && text.matches(',').count() == 1 && !text.contains('.');
        match has_comma {
            true => text.replace(',', ".").parse().ok(),
            false => text.parse().ok(),
        }
    }

    fn whole(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(number) = self.number(name)? else {
            return Ok(None);
        };
        #[expect(clippy::cast_possible_truncation, reason = "checked")]
        match number.fract() == 0.0 && number.abs() <= LARGEST_ID as f64 {
            true => Ok(Some(number as i64)),
            false => Err(format!(
                "{name}: {number} is not a whole number from -{LARGEST_ID} to {LARGEST_ID}"
            )),
        }
    }

    /// The id that a row had. `None` if it is too large to be one; the job then gets a new id.
    fn id(&self, name: &str) -> Result<Option<i64>, String> {
        let is_too_large = self
            .number(name)?
            .is_some_and(|number| number.abs() > LARGEST_ID as f64);
        match is_too_large {
            true => Ok(None),
            false => self.whole(name),
        }
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, String> {
        match self.values.get(name) {
            Some(Value::Bool(truth)) => return Ok(Some(*truth)),
            None | Some(Value::Null | Value::String(_)) => {}
            Some(_) => return Err(format!("{name} must be true or false")),
        }
        let Some(word) = self.word(name)? else {
            return Ok(None);
        };
        // Spreadsheets write booleans in the language of the country.
        match word.as_str() {
            "true" | "wahr" | "vrai" | "vero" | "verdadero" | "1" => Ok(Some(true)),
            "false" | "falsch" | "faux" | "falso" | "0" => Ok(Some(false)),
            _ => Err(format!("{name}: `{}` is neither true nor false", shown(&word))),
        }
    }
}

/// The beginning of a string, for an error message.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}
