//! Taking an export back: NDJSON or CSV, a job a line.

use std::io::{self, BufRead as _, Read};

use domain::{Figures, Job, JobId, JobStatus, PrinterId, Source};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use store::{DetailsSource, DetailsStatus, JobRecord, NewGcodeFile};

use super::columns::{COLUMNS, Kind};
use crate::harmless::as_it_was;

/// Format of what is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ImportFormat {
    /// Comma-separated values with a header
    Csv,
    /// One object a line
    Ndjson,
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(crate) struct Imported {
    /// Jobs that are new here.
    pub(crate) added: u64,
    /// Jobs that were here already, and were left as they are.
    pub(crate) known: u64,
    /// Jobs that have been deleted here.
    pub(crate) skipped_deleted: u64,
    /// Lines that are no job.
    pub(crate) invalid: u64,
    /// Printers that were not here.
    pub(crate) printers_added: u64,
}

/// A job that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// The id that its printer had.
    pub(crate) printer_id: Option<PrinterId>,
    /// Name of its printer.
    pub(crate) printer_name: String,
    /// The job, of no printer of ours yet.
    pub(crate) record: JobRecord,
}

/// A line that is no job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("line {line}: {message}")]
    Invalid { line: u64, message: String },
    #[error("cannot read the file")]
    Io(#[from] io::Error),
}

/// The jobs of a file, one after the other.
pub(crate) struct Records<R: Read> {
    lines: Lines<R>,
    now: Timestamp,
}

/// Its number, and what it says by column.
type Line = (u64, Map<String, Value>);

enum Lines<R: Read> {
    Csv {
        reader: Box<csv::Reader<R>>,
        header: csv::StringRecord,
    },
    Ndjson {
        lines: io::Lines<io::BufReader<R>>,
        number: u64,
    },
}

impl<R: Read> Records<R> {
    /// `now` is when rows were made of which the file does not say so.
    pub(crate) fn new(format: ImportFormat, input: R, now: Timestamp) -> Result<Self, RecordError> {
        let lines = match format {
            ImportFormat::Csv => {
                let mut reader = csv::Reader::from_reader(input);
                let header = reader.headers().map_err(of_csv)?.clone();
                Lines::Csv {
                    reader: Box::new(reader),
                    header,
                }
            }
            ImportFormat::Ndjson => Lines::Ndjson {
                lines: io::BufReader::new(input).lines(),
                number: 0,
            },
        };
        Ok(Self { lines, now })
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, fields) = match self.lines.next()? {
            Ok(pair) => pair,
            Err(error) => return Some(Err(error)),
        };
        let record = Fields(fields).record(self.now);
        Some(record.map_err(|message| RecordError::Invalid { line, message }))
    }
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> Option<Result<Line, RecordError>> {
        match self {
            Self::Csv { reader, header } => {
                let mut row = csv::StringRecord::new();
                match reader.read_record(&mut row) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = row.position().map_or(0, csv::Position::line);
                        let fields = of_cells(header, &row);
                        Some(match fields {
                            Ok(fields) => Ok((line, fields)),
                            Err(message) => Err(RecordError::Invalid { line, message }),
                        })
                    }
                    Err(cause) => Some(Err(of_csv(cause))),
                }
            }
            Self::Ndjson { lines, number } => loop {
                let text = match lines.next()? {
                    Ok(text) => text,
                    Err(cause) => return Some(Err(cause.into())),
                };
                *number += 1;
                if text.trim().is_empty() {
                    continue;
                }
                return Some(match serde_json::from_str(&text) {
                    Ok(fields) => Ok((*number, fields)),
                    Err(cause) => Err(RecordError::Invalid {
                        line: *number,
                        message: format!("no JSON object: {cause}"),
                    }),
                });
            },
        }
    }
}

fn of_csv(cause: csv::Error) -> RecordError {
    let line = cause.position().map_or(1, csv::Position::line);
    match cause.into_kind() {
        csv::ErrorKind::Io(cause) => cause.into(),
        kind => RecordError::Invalid {
            line,
            message: format!("no CSV: {kind:?}"),
        },
    }
}

/// The cells under the columns that we know; the others are left out.
fn of_cells(header: &csv::StringRecord, row: &csv::StringRecord) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    for (name, cell) in header.iter().zip(row) {
        let Some(column) = COLUMNS.iter().find(|column| column.name == name) else {
            continue;
        };
        let value = match column.kind {
            _ if cell.is_empty() => Value::Null,
            Kind::Text => as_it_was(cell).into(),
            Kind::Instant => cell.into(),
            Kind::Whole => cell
                .parse::<i64>()
                .map_err(|_| format!("{name}: `{cell}` is no whole number"))?
                .into(),
            Kind::Number => cell
                .parse::<f64>()
                .map_err(|_| format!("{name}: `{cell}` is no number"))?
                .into(),
            Kind::Truth => cell
                .parse::<bool>()
                .map_err(|_| format!("{name}: `{cell}` is neither true nor false"))?
                .into(),
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}

/// What a line says, by column.
struct Fields(Map<String, Value>);

impl Fields {
    fn record(&self, now: Timestamp) -> Result<Record, String> {
        let printer_name = self
            .text("printer_name")?
            .filter(|name| !name.trim().is_empty())
            .ok_or("printer_name is missing")?;
        let status: JobStatus = self
            .text("status")?
            .ok_or("status is missing")?
            .parse()
            .map_err(|unknown: domain::UnknownJobStatus| unknown.to_string())?;
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
            cause: self.text("cause")?,
            message: self.text("message")?,
            start_time,
            end_time: self.instant("end_time")?,
            figures: Figures::reported(
                self.number("print_duration")?,
                self.number("total_duration")?,
                self.number("filament_used")?,
            ),
            end_source: self.source("end_source")?,
            figures_source: self.source("figures_source")?.unwrap_or(Source::History),
            clock_jumped: self.truth("clock_jumped")?.unwrap_or(false),
            metadata: None,
            auxiliary_data: None,
            last_seen: None,
        };
        let created_at = self.instant("created_at")?.unwrap_or(now);
        let details_status = self.details_status()?;
        Ok(Record {
            printer_id: self.whole("printer_id")?.map(PrinterId),
            printer_name,
            record: JobRecord {
                id: self.whole("id")?.map(JobId),
                job,
                created_at,
                updated_at: self.instant("updated_at")?.unwrap_or(created_at),
                details_status,
                details_reason: self.text("details_reason")?,
                file: self.file(details_status)?,
            },
        })
    }

    /// What is known of the file. Jobs of which the same is known share it.
    fn file(&self, status: DetailsStatus) -> Result<Option<NewGcodeFile>, String> {
        let mut details = Map::new();
        let first = COLUMNS.iter().position(|column| column.name == "slicer");
        for column in COLUMNS.iter().skip(first.unwrap_or(COLUMNS.len())) {
            let name = column.name;
            if name == "grams_per_mm" {
                continue;
            }
            let value: Option<Value> = match column.kind {
                Kind::Text => self.text(name)?.map(Value::from),
                Kind::Number => self.number(name)?.map(Value::from),
                Kind::Whole => self.whole(name)?.map(Value::from),
                Kind::Truth => self.truth(name)?.map(Value::from),
                Kind::Instant => None,
            };
            details.extend(value.map(|value| (name.to_owned(), value)));
        }
        let grams = self.number("grams_per_mm")?;
        if details.is_empty() && grams.is_none() {
            return Ok(None);
        }
        let metadata = json!({"details": details, "tools": [], "warnings": [], "grams_per_mm": grams});
        let hash = Sha256::digest(metadata.to_string());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
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

    fn details_status(&self) -> Result<DetailsStatus, String> {
        let Some(word) = self.text("details_status")? else {
            return Ok(DetailsStatus::Pending);
        };
        DetailsStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| format!("details_status: `{word}` is none"))
    }

    fn source(&self, name: &str) -> Result<Option<Source>, String> {
        let Some(word) = self.text(name)? else {
            return Ok(None);
        };
        [Source::History, Source::PrintStats]
            .into_iter()
            .find(|source| source.as_str() == word)
            .map(Some)
            .ok_or_else(|| format!("{name}: `{word}` is neither history nor print_stats"))
    }

    fn instant(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| format!("{name}: `{text}` is no instant such as 2026-01-31T12:00:00Z"))
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(format!("{name} must not contain a null character"))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("{name} must be a text")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        self.value(name, Value::as_f64, "a number")
    }

    fn whole(&self, name: &str) -> Result<Option<i64>, String> {
        self.value(name, Value::as_i64, "a whole number")
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, String> {
        self.value(name, Value::as_bool, "true or false")
    }

    fn value<T>(
        &self,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
        what: &str,
    ) -> Result<Option<T>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| format!("{name} must be {what}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: ImportFormat, text: &str) -> Vec<Result<Record, String>> {
        let records = Records::new(format, text.as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
        records
            .map(|record| record.map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn lines_that_are_no_jobs_are_told() {
        let lines = "{\"printer_name\": \"A\", \"status\": \"completed\", \"start_time\": \"2026-01-31T12:00:00Z\"}\n\n\
            {\"printer_name\": \"A\"}\n{\"printer_name\": \"A\", \"status\": \"done\"}\nnonsense\n\
            {\"printer_name\": \"A\", \"status\": \"error\"}\n\
            {\"printer_name\": \"A\", \"status\": \"error\", \"job_id\": \"1\", \"end_time\": 5}\n";
        let found = read(ImportFormat::Ndjson, lines);
        assert_eq!(found.len(), 6);
        assert!(found[0].is_ok());
        let errors: Vec<_> = found[1..]
            .iter()
            .map(|found| found.as_ref().unwrap_err().as_str())
            .collect();
        assert_eq!(errors[0], "line 3: status is missing");
        assert!(
            errors[1].starts_with("line 4: `done` is no job status"),
            "{errors:?}"
        );
        assert!(errors[2].starts_with("line 5: no JSON object"), "{errors:?}");
        assert_eq!(errors[3], "line 6: a job needs a start_time or a job_id");
        assert_eq!(errors[4], "line 7: end_time must be a text");
    }

    #[test]
    fn cells_are_what_their_column_says() {
        let table = "printer_name,status,job_id,filename,total_duration,clock_jumped,other\n\
            A,completed,000001,'=1,1.5,true,x\nA,completed,2,,soon,false,\n";
        let found = read(ImportFormat::Csv, table);
        let job = &found[0].as_ref().unwrap().record.job;
        assert_eq!(job.job_id.as_deref(), Some("000001"));
        assert_eq!(job.filename.as_deref(), Some("=1"));
        assert_eq!((job.figures.total_duration, job.clock_jumped), (Some(1.5), true));
        assert_eq!(
            found[1].as_ref().unwrap_err(),
            "line 3: total_duration: `soon` is no number"
        );
    }
}
