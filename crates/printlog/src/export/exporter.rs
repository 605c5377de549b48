//! Writes an export in batches of jobs: a million jobs need no more memory than a thousand.

use std::{
    borrow::Cow,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use store::ExportedJob;

use crate::export::{
    ExportFormat,
    columns::{COLUMNS, Cell},
    formula::escape_formula,
    parquet::Columns,
    xlsx::{JobSheets, Layout},
};

/// An export being written.
pub(crate) struct Exporter {
    format: Format,
    written: Written,
}

enum Format {
    Csv(Box<csv::Writer<Written>>),
    Json { is_first: bool },
    Ndjson,
    Xlsx(Box<JobSheets<Written>>),
    Parquet(Box<Columns<Written>>),
}

impl Exporter {
    /// Begins an export. With `bom`, CSV begins with a byte order mark, without which Excel assumes the legacy
    /// encoding of the system. `layout` is that of a workbook.
    pub(crate) fn new(format: ExportFormat, bom: bool, layout: Layout) -> io::Result<Self> {
        let mut written = Written::default();
        let format = match format {
            ExportFormat::Csv => {
                if bom {
                    written.write_all("\u{feff}".as_bytes())?;
                }
                let mut csv = csv::Writer::from_writer(written.clone());
                csv.write_record(COLUMNS.iter().map(|column| column.name))?;
                Format::Csv(Box::new(csv))
            }
            ExportFormat::Json => {
                written.write_all(b"[")?;
                Format::Json { is_first: true }
            }
            ExportFormat::Ndjson => Format::Ndjson,
            ExportFormat::Xlsx => Format::Xlsx(Box::new(JobSheets::begin(written.clone(), layout)?)),
            ExportFormat::Parquet => Format::Parquet(Box::new(Columns::begin(written.clone())?)),
        };
        Ok(Self { format, written })
    }

    /// Adds jobs. Returns the bytes to write for them now: some formats write later.
    pub(crate) fn add(&mut self, jobs: &[ExportedJob]) -> io::Result<Vec<u8>> {
        match &mut self.format {
            Format::Csv(csv) => {
                for job in jobs {
                    csv.write_record(
                        COLUMNS
                            .iter()
                            .map(|column| csv_cell(&(column.cell)(job)).into_owned()),
                    )?;
                }
                csv.flush()?;
            }
            Format::Json { is_first } => {
                for job in jobs {
                    self.written
                        .write_all(if mem::take(is_first) { b"\n" } else { b",\n" })?;
                    serde_json::to_writer(&mut self.written, &Object(job))?;
                }
            }
            Format::Ndjson => {
                for job in jobs {
                    serde_json::to_writer(&mut self.written, &Object(job))?;
                    self.written.write_all(b"\n")?;
                }
            }
            Format::Xlsx(workbook) => workbook.add(jobs)?,
            Format::Parquet(columns) => columns.add(jobs)?,
        }
        Ok(self.written.take())
    }

    /// Ends the export. Returns the remaining bytes.
    pub(crate) fn end(mut self) -> io::Result<Vec<u8>> {
        match self.format {
            Format::Csv(mut csv) => csv.flush()?,
            Format::Json { .. } => self.written.write_all(b"\n]\n")?,
            Format::Ndjson => {}
            Format::Xlsx(workbook) => workbook.end()?,
            Format::Parquet(columns) => columns.end()?,
        }
        Ok(self.written.take())
    }
}

/// Bytes that have been written but not taken. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(super) fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A job as an object with all columns.
struct Object<'a>(&'a ExportedJob);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(COLUMNS.len()))?;
        for column in &COLUMNS {
            match (column.cell)(self.0) {
                Cell::Nothing => object.serialize_entry(column.name, &())?,
                Cell::Text(text) => object.serialize_entry(column.name, &text)?,
                Cell::Texts(texts) => object.serialize_entry(column.name, texts)?,
                Cell::Whole(number) => object.serialize_entry(column.name, &number)?,
                Cell::Number(number) => object.serialize_entry(column.name, &number)?,
                Cell::Truth(truth) => object.serialize_entry(column.name, &truth)?,
                Cell::Instant(instant) => object.serialize_entry(column.name, &instant)?,
            }
        }
        object.end()
    }
}

/// The text of a cell, empty if there is no value.
fn csv_cell<'a>(cell: &'a Cell<'a>) -> Cow<'a, str> {
    match cell {
        Cell::Nothing => Cow::Borrowed(""),
        Cell::Text(text) => escape_formula(text),
        Cell::Texts([]) => Cow::Borrowed(""),
        Cell::Texts(texts) => escape_formula(&texts.join(",")).into_owned().into(),
        Cell::Whole(number) => number.to_string().into(),
        // As in JSON: an import reads the same number.
        Cell::Number(number) => serde_json::Number::from_f64(*number)
            .map_or(Cow::Borrowed(""), |number| number.to_string().into()),
        Cell::Truth(truth) => truth.to_string().into(),
        Cell::Instant(instant) => instant.to_string().into(),
    }
}
