//! Arguments of `printlog jobs`.

use std::path::PathBuf;

use super::{JobFilterArguments, Output};
use crate::{export::ExportFormat, input};
use clap::{Args, Subcommand};

/// Commands for jobs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum JobsCommand {
    /// List jobs, newest first
    #[command(after_help = "\
Examples:
  printlog jobs list --printer Voron --status error --since 2026-01-01
  printlog jobs list --status failed --cause klippy_shutdown
  printlog jobs list --q benchy --limit 10 --json
  printlog jobs list --sort -print_duration
  printlog jobs list --deleted

With --json it prints {\"items\": [...], \"next\": cursor or null, \"total\": n}, like GET /api/jobs. With --deleted it
lists the deleted jobs that can be restored, newest deletion first, and --json prints the output of GET /api/jobs/deleted.")]
    List(ListJobs),
    /// Restore a deleted job, as it was
    #[command(after_help = "\
Example:
  printlog jobs restore 1234

Deleted jobs can be restored for the days of `retention.deleted_jobs`; `printlog jobs list --deleted` lists them. If the
printer was printing the job when it was deleted, its outcome is determined at the next connection to the printer.")]
    Restore(RestoreJob),
    /// Export jobs, newest first
    #[command(after_help = export_help())]
    Export(ExportJobs),
}

fn export_help() -> String {
    format!(
        "\
Examples:
  printlog jobs export -o jobs.csv
  printlog jobs export --format ndjson --since 2026-01-01 | jq .filename

CSV is UTF-8 with a header. Texts that a spreadsheet would evaluate as a formula begin with an apostrophe.
json is one array, ndjson one object per line; write xlsx and parquet to a file.

Columns:
{}",
        crate::export::columns_help()
    )
}

/// A page of jobs.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListJobs {
    #[command(flatten)]
    pub(in crate::cli) filter: JobFilterArguments,
    /// Maximum number of jobs
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(in crate::cli) limit: u32,
    /// Sort order: newest, oldest, print_duration, total_duration or filament_used; with a leading minus, such as
    /// -print_duration, descending
    #[arg(long, value_name = "ORDER", default_value = "newest", value_parser = input::page::order,
        allow_hyphen_values = true)]
    pub(in crate::cli) sort: domain::ListOrder,
    /// Start of the page: `next` of the previous page
    #[arg(long)]
    pub(in crate::cli) cursor: Option<String>,
    /// List the deleted jobs that can be restored. Takes --printer, but no other filter and no --sort
    #[arg(long, conflicts_with = "sort")]
    pub(in crate::cli) deleted: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// A job to restore.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreJob {
    /// Id of the deleted job
    #[arg(value_name = "ID", value_parser = input::id)]
    pub(in crate::cli) id: i64,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// Jobs to export.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportJobs {
    #[command(flatten)]
    pub(in crate::cli) filter: JobFilterArguments,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(in crate::cli) format: ExportFormat,
    /// Begin CSV with a byte order mark; without one, Excel assumes the legacy encoding of the system
    #[arg(long)]
    pub(in crate::cli) bom: bool,
    /// Write to this file instead of stdout; the file appears when it is complete
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
}
