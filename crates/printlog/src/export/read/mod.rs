//! Reads an export: CSV, NDJSON or JSON, as `jobs export` writes them and as spreadsheets save them.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use domain::PrinterId;
use jiff::Timestamp;
use serde_json::{Map, Value};
use store::JobRecord;

use crate::export::{
    columns::{COLUMNS, Column, Kind},
    fields::Fields,
    foreign,
    formula::unescape_formula,
    input::{Cut, Piece, Pieces, Utf16},
};

/// Format of a file to import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ImportFormat {
    /// Values between commas, semicolons or tabs, with a header
    Csv,
    /// One object per line
    Ndjson,
    /// One array of objects
    Json,
}

/// Result of an import, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(crate) struct Imported {
    /// New jobs.
    pub(crate) added: u64,
    /// Jobs that already existed, and were left unchanged.
    pub(crate) known: u64,
    /// Jobs that have been deleted here.
    pub(crate) skipped_deleted: u64,
    /// Invalid lines.
    pub(crate) invalid: u64,
    /// New printers.
    pub(crate) printers_added: u64,
}

/// A job from the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Id of its printer in the exporting database.
    pub(crate) printer_id: Option<PrinterId>,
    /// Name of its printer.
    pub(crate) printer_name: String,
    /// The job, not yet assigned to a printer of this database.
    pub(crate) record: JobRecord,
    /// Length of its line in bytes.
    pub(crate) length: usize,
}

/// Why a line or the file is invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("line {line}: {message}")]
    Invalid { line: u64, message: String },
    #[error("not an export of jobs: {0}")]
    NotAnExport(String),
    #[error("cannot read the file")]
    Io(#[from] io::Error),
}

/// Reads the jobs of a file one by one.
pub(crate) struct Records<'a> {
    pieces: Pieces<Box<dyn Read + 'a>>,
    rows: Rows,
    /// Lines that were read to find out whether the file is an export.
    ahead: VecDeque<Line>,
    now: Timestamp,
}

struct Line {
    number: u64,
    /// Length in bytes.
    length: usize,
    /// Values by column, or what is wrong with the line.
    values: Result<Map<String, Value>, String>,
}

enum Rows {
    Table {
        delimiter: u8,
        /// `None` for unknown columns.
        columns: Vec<Option<&'static Column>>,
    },
    Objects(Cut),
}

/// Bytes that are examined to detect the kind of file.
const HEAD: usize = 64 * 1024;
/// Lines that are examined to detect the kind of file.
const FIRST_LINES: usize = 20;

impl<'a> Records<'a> {
    /// Opens a file. `format` is detected if it is `None`. `now` is the creation time of rows for which the file has
    /// none.
    ///
    /// # Errors
    /// [`RecordError::NotAnExport`] for a file of another kind.
    pub(crate) fn new(
        format: Option<ImportFormat>,
        mut input: impl Read + 'a,
        now: Timestamp,
    ) -> Result<Self, RecordError> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        if let Some(kind) = foreign::kind(&head) {
            return Err(RecordError::NotAnExport(kind.to_owned()));
        }
        let mut sample = Vec::new();
        decoded(&head, io::empty()).read_to_end(&mut sample)?;
        let sample = String::from_utf8_lossy(&sample).into_owned();
        let mut pieces = Pieces::new(decoded(&head, input));
        let format = format.unwrap_or_else(|| match sample.trim_start().chars().next() {
            Some('[') => ImportFormat::Json,
            Some('{') => ImportFormat::Ndjson,
            _ => ImportFormat::Csv,
        });
        let other = |what: &str| {
            let kind = foreign::kind_of_text(&sample);
            RecordError::NotAnExport(kind.unwrap_or(what).to_owned())
        };
        let rows = match format {
            ImportFormat::Csv => table(&mut pieces)?.map_err(|what| other(&what))?,
            ImportFormat::Ndjson => Rows::Objects(Cut::Lines),
            ImportFormat::Json => Rows::Objects(Cut::Elements),
        };
        let mut records = Self {
            pieces,
            rows,
            ahead: VecDeque::new(),
            now,
        };
        if matches!(records.rows, Rows::Objects(_)) && !records.looks_like_jobs()? {
            let what = match records.ahead.is_empty() && format == ImportFormat::Json {
                // An export without jobs.
                true if sample.trim_start().starts_with('[') => return Ok(records),
                _ => "none of its first lines has a printer_name, as those of an export have",
            };
            return Err(other(what));
        }
        Ok(records)
    }

    fn looks_like_jobs(&mut self) -> Result<bool, RecordError> {
        while self.ahead.len() < FIRST_LINES {
            let Some((line, is_job)) = self.read()? else { break };
            self.ahead.push_back(line);
            if is_job {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next line, and whether it should contain a job.
    fn read(&mut self) -> io::Result<Option<(Line, bool)>> {
        let cut = match &self.rows {
            Rows::Table { delimiter, .. } => Cut::Quoted(*delimiter),
            Rows::Objects(cut) => *cut,
        };
        let Some(Piece { line, text }) = self.pieces.next(cut)? else {
            return Ok(None);
        };
        let text = match text {
            Ok(text) => text,
            Err(problem) => {
                let values = Err(problem);
                return Ok(Some((
                    Line {
                        number: line,
                        length: 0,
                        values,
                    },
                    true,
                )));
            }
        };
        let fields = match &self.rows {
            Rows::Table { delimiter, columns } => of_cells(columns, cells(&text, *delimiter)),
            Rows::Objects(_) => of_object(&text),
        };
        let is_job = match &fields {
            Ok(fields) => fields.contains_key("printer_name"),
            Err(_) => text.contains("\"printer_name\""),
        };
        let line = Line {
            number: line,
            length: text.len(),
            values: fields,
        };
        Ok(Some((line, is_job)))
    }

    fn decimal_comma(&self) -> bool {
        matches!(self.rows, Rows::Table { delimiter, .. } if delimiter != b',')
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Line {
            number: line,
            length,
            values,
        } = match self.ahead.pop_front() {
            Some(line) => line,
            None => match self.read() {
                Ok(line) => line?.0,
                Err(cause) => return Some(Err(cause.into())),
            },
        };
        let decimal_comma = self.decimal_comma();
        let record = values.and_then(|values| {
            let fields = Fields {
                values,
                decimal_comma,
            };
            let record = fields.record(self.now)?;
            Ok(Record { length, ..record })
        });
        Some(record.map_err(|message| RecordError::Invalid { line, message }))
    }
}

/// The file as UTF-8, without a byte order mark. `head` is its beginning.
fn decoded<'a>(head: &[u8], rest: impl Read + 'a) -> Box<dyn Read + 'a> {
    let whole = |skip: usize| io::Cursor::new(head[skip..].to_vec()).chain(rest);
    match head {
        [0xEF, 0xBB, 0xBF, ..] => Box::new(whole(3)),
        [0xFF, 0xFE, ..] => Box::new(Utf16::new(whole(2), true)),
        [0xFE, 0xFF, ..] => Box::new(Utf16::new(whole(2), false)),
        // Every export begins with ASCII characters.
        [first, 0, second, 0, ..] if *first > 0 && *second > 0 => Box::new(Utf16::new(whole(0), true)),
        [0, first, 0, second, ..] if *first > 0 && *second > 0 => Box::new(Utf16::new(whole(0), false)),
        _ => Box::new(whole(0)),
    }
}

/// Reads the header, or explains why it is invalid.
fn table(pieces: &mut Pieces<Box<dyn Read + '_>>) -> io::Result<Result<Rows, String>> {
    let Some(mut first) = pieces.next(Cut::Lines)? else {
        return Ok(Err("it is empty".to_owned()));
    };
    let mut delimiters = b",;\t".to_vec();
    // Excel writes a `sep=` line for itself.
    if let Ok(text) = &first.text
        && let Some([delimiter]) = text.strip_prefix("sep=").map(str::as_bytes)
    {
        delimiters = vec![*delimiter];
        match pieces.next(Cut::Lines)? {
            Some(next) => first = next,
            None => return Ok(Err("it has only one line".to_owned())),
        }
    }
    Ok(first
        .text
        .map_err(|problem| format!("its first line is {problem}"))
        .and_then(|text| header(&text, &delimiters)))
}

fn header(text: &str, delimiters: &[u8]) -> Result<Rows, String> {
    let read = |delimiter| -> Vec<_> { cells(text, delimiter).iter().map(|name| column(name)).collect() };
    let known = |columns: &Vec<Option<&Column>>| columns.iter().flatten().count();
    let best = delimiters
        .iter()
        // Reversed, because `max_by_key` returns the last of equal elements: the first delimiter shall win.
        .rev()
        .map(|delimiter| (*delimiter, read(*delimiter)))
        .max_by_key(|(_, columns)| known(columns));
    let Some((delimiter, columns)) = best.filter(|(_, columns)| known(columns) > 0) else {
        return Err(
            "its first line has none of the columns of an export, such as printer_name, status and start_time"
                .to_owned(),
        );
    };
    let has = |name: &str| columns.iter().flatten().any(|column| column.name == name);
    match ["printer_name", "status"].into_iter().find(|name| !has(name)) {
        Some(missing) => Err(format!(
            "its first line has no column {missing}, which each job needs"
        )),
        None if !has("start_time") && !has("job_id") => {
            Err("its first line has neither start_time nor job_id, of which each job needs one".to_owned())
        }
        None => Ok(Rows::Table { delimiter, columns }),
    }
}

pub(super) fn column(name: &str) -> Option<&'static Column> {
    let name = name.trim();
    COLUMNS
        .iter()
        .find(|column| column.name.eq_ignore_ascii_case(name))
}

/// The cells of a row.
pub(super) fn cells(row: &str, delimiter: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(row.len().clamp(1, 8 * 1024))
        .from_reader(row.as_bytes());
    let mut cells = csv::StringRecord::new();
    // Cannot fail: the input is text in memory.
    reader.read_record(&mut cells).unwrap_or_default();
    cells.iter().map(str::to_owned).collect()
}

/// The cells of known columns; the others are left out.
fn of_cells(
    columns: &[Option<&'static Column>],
    mut cells: Vec<String>,
) -> Result<Map<String, Value>, String> {
    while cells.len() > columns.len() && cells.last().is_some_and(String::is_empty) {
        cells.pop();
    }
    if cells.len() != columns.len() {
        return Err(format!(
            "{} cells, but the first line has {} columns",
            cells.len(),
            columns.len()
        ));
    }
    let known = columns.iter().zip(cells);
    let known = known.filter_map(|(column, cell)| Some(((*column)?, cell)));
    let fields = known.map(|(column, cell)| {
        let value = match column.kind {
            _ if cell.is_empty() => Value::Null,
            Kind::Text | Kind::Texts => unescape_formula(&cell).into_owned().into(),
            Kind::Instant | Kind::Whole | Kind::Number | Kind::Truth => cell.into(),
        };
        (column.name.to_owned(), value)
    });
    Ok(fields.collect())
}

fn of_object(text: &str) -> Result<Map<String, Value>, String> {
    let fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|cause| format!("not a JSON object: {cause}"))?;
    let known = fields
        .into_iter()
        .filter_map(|(name, value)| Some((column(&name)?.name.to_owned(), value)));
    Ok(known.collect())
}

#[cfg(test)]
mod tests;
