//! Jobs as CSV, JSON or NDJSON, one at a time: an export of a million jobs needs no more memory than one of ten.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Map, Value};
use store::{JobFilter, Store};

use super::arguments::ExportFormat;
use crate::{api::JobBody, harmless::harmless};

/// Columns of an export, in order, with their meaning. Names, units and values are those of the API.
const COLUMNS: [(&str, &str); 19] = [
    ("id", "number of the job"),
    ("printer_id", "number of the printer"),
    ("printer_name", "name of the printer"),
    (
        "job_id",
        "Moonraker's id, which it uses again; empty if its history does not know the run",
    ),
    ("user", "who started it, in Moonraker's words"),
    ("filename", "file, relative to the gcodes folder"),
    (
        "status",
        "printing, paused, completed, error, cancelled or interrupted",
    ),
    ("cause", "why it ended, in Moonraker's words"),
    ("message", "error text of Klipper"),
    ("start_time", "RFC 3339, UTC"),
    (
        "end_time",
        "RFC 3339, UTC; empty while it runs, and if nobody saw the end",
    ),
    ("print_duration", "seconds, without pauses"),
    ("total_duration", "seconds, with pauses"),
    ("filament_used", "mm"),
    ("end_source", "who says how it ended: history or print_stats"),
    ("figures_source", "who says what it took: history or print_stats"),
    (
        "clock_jumped",
        "whether its times contradict each other because the printer's clock was set",
    ),
    ("created_at", "when printlog stored it, RFC 3339, UTC"),
    ("updated_at", "when printlog last changed it, RFC 3339, UTC"),
];

/// The columns for `--help`.
pub(super) fn columns_help() -> String {
    COLUMNS
        .iter()
        .map(|(name, meaning)| format!("  {name:15} {meaning}\n"))
        .collect()
}

/// Writes the jobs, newest first, to `file` or to stdout. The file appears when it is complete.
pub(super) async fn export(
    store: &Store,
    filter: &JobFilter,
    format: ExportFormat,
    file: Option<&Path>,
) -> anyhow::Result<()> {
    let Some(file) = file else {
        return write(store, filter, format, io::stdout()).await;
    };
    let part = part(file);
    let cannot = || format!("cannot write {}", file.display());
    let written = write(store, filter, format, File::create(&part).with_context(cannot)?).await;
    if written.is_err() {
        // The trouble that counts is the one that we have.
        let _ = fs::remove_file(&part);
    }
    written?;
    fs::rename(&part, file).with_context(cannot)
}

fn part(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn write(
    store: &Store,
    filter: &JobFilter,
    format: ExportFormat,
    out: impl Write + Send,
) -> anyhow::Result<()> {
    let mut sheet = Sheet::begin(format, BufWriter::new(out))?;
    let mut failed = None;
    let visited = store
        .for_each_job(filter, |stored| match sheet.add(&JobBody::from(stored)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(cause) => {
                failed = Some(cause);
                ControlFlow::Break(())
            }
        })
        .await;
    if let Some(cause) = failed {
        return Err(anyhow::Error::new(cause).context("cannot write the jobs"));
    }
    visited?;
    sheet.end().context("cannot write the jobs")
}

/// An export that is being written.
enum Sheet<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json { out: W, is_first: bool },
    Ndjson(W),
}

impl<W: Write> Sheet<W> {
    fn begin(format: ExportFormat, mut out: W) -> io::Result<Self> {
        Ok(match format {
            ExportFormat::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record(COLUMNS.map(|(name, _)| name))?;
                Self::Csv(Box::new(csv))
            }
            ExportFormat::Json => {
                out.write_all(b"[")?;
                Self::Json { out, is_first: true }
            }
            ExportFormat::Ndjson => Self::Ndjson(out),
        })
    }

    fn add(&mut self, job: &JobBody) -> io::Result<()> {
        match self {
            Self::Csv(csv) => {
                let Value::Object(fields) = serde_json::to_value(job)? else {
                    return Ok(());
                };
                csv.write_record(COLUMNS.map(|(name, _)| cell(&fields, name)))?;
                Ok(())
            }
            Self::Json { out, is_first } => {
                out.write_all(if std::mem::take(is_first) { b"\n" } else { b",\n" })?;
                Ok(serde_json::to_writer(out, job)?)
            }
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, job)?;
                out.write_all(b"\n")
            }
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Csv(mut csv) => csv.flush(),
            Self::Json { mut out, .. } => {
                out.write_all(b"\n]\n")?;
                out.flush()
            }
            Self::Ndjson(mut out) => out.flush(),
        }
    }
}

fn cell(fields: &Map<String, Value>, name: &str) -> String {
    match &fields[name] {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}
