//! Exports of jobs in several formats, and importing them again. All formats share one definition of the columns.

mod columns;
mod exporter;
mod fields;
mod foreign;
pub(crate) mod formula;
mod input;
mod parquet;
mod read;
mod xlsx;

pub(crate) use columns::columns_help;
pub(crate) use exporter::Exporter;
pub(crate) use read::{ImportFormat, Imported, Record, RecordError, Records};

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// Comma-separated values with a header
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Ndjson,
    /// Workbook for spreadsheet programs
    Xlsx,
    /// Columns for data tools
    Parquet,
}

impl ExportFormat {
    /// All formats.
    pub(crate) const ALL: [Self; 5] = [Self::Csv, Self::Json, Self::Ndjson, Self::Xlsx, Self::Parquet];

    /// Name of the format, which is also its file extension.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Xlsx => "xlsx",
            Self::Parquet => "parquet",
        }
    }

    /// Media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}
