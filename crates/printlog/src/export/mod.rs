//! Exports of jobs in several formats, and importing them again. All formats share one definition of the columns.

mod columns;
mod exporter;
mod fields;
mod foreign;
pub(crate) mod formula;
mod input;
mod language;
mod parquet;
mod people;
mod read;
mod workbook;
mod xlsx;

use domain::UnknownName;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

pub(crate) use columns::{Cell, columns_help};
pub(crate) use exporter::Exporter;
pub(crate) use language::{Language, Word};
pub(crate) use people::People;
pub(crate) use read::{ImportFormat, Imported, Record, RecordError, Records};
pub(crate) use workbook::{
    SheetColumn, Style, Workbook, days as spreadsheet_days, duration as spreadsheet_duration,
};
pub(crate) use xlsx::Layout;

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub(crate) enum ExportFormat {
    /// Comma-separated values with a header
    Csv,
    /// One array of objects
    Json,
    /// One object per line
    Ndjson,
    /// Workbook for spreadsheet programs
    Xlsx,
    /// Columns for data tools
    Parquet,
}

impl ExportFormat {
    /// Name of the format, which is also its file extension.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
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
