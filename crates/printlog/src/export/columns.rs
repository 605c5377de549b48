//! The columns of an export. Names, units and values are those of the API; new columns are appended.

use std::borrow::Cow;

use domain::{Source, Verdict};
use jiff::Timestamp;
use store::{ExportedJob, ListedDetails};

/// Value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Nothing,
    Text(Cow<'a, str>),
    /// A list of texts without commas, possibly empty.
    Texts(&'a [String]),
    Whole(i64),
    Number(f64),
    Truth(bool),
    Instant(Timestamp),
}

/// Type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    Whole,
    Number,
    Truth,
    Instant,
}

/// A column of an export.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Description, with the unit.
    pub(super) meaning: &'static str,
    pub(super) cell: for<'a> fn(&'a ExportedJob) -> Cell<'a>,
}

macro_rules! columns {
    ($($name:literal $kind:ident $meaning:literal $cell:expr;)*) => {
        [$(Column { name: $name, kind: Kind::$kind, meaning: $meaning, cell: $cell },)*]
    };
}

/// All columns, in order.
pub(super) const COLUMNS: [Column; 53] = columns! {
    "id" Whole "id of the job" |job| Cell::Whole(job.stored.id.0);
    "printer_id" Whole "id of the printer" |job| Cell::Whole(job.stored.job.printer_id.0);
    "printer_name" Text "name of the printer" |job| Cell::Text(Cow::Borrowed(&job.stored.printer_name));
    "job_id" Text "Moonraker's id, which it reuses; empty if its history does not contain the run"
        |job| text(job.stored.job.job_id.as_deref());
    "history_start_time" Instant "start in Moonraker's history; RFC 3339, UTC"
        |job| instant(job.stored.job.history_start_time);
    "user" Text "user who started it, as Moonraker reports it" |job| text(job.stored.job.user.as_deref());
    "filename" Text "file, relative to the folder of G-code files" |job| text(job.stored.job.filename.as_deref());
    "status" Text "printing, paused, completed, error, cancelled or interrupted"
        |job| text(Some(job.stored.job.status.as_str()));
    "cause" Text "why it ended, as Moonraker reports it" |job| text(job.stored.job.cause.as_ref().map(domain::Cause::as_str));
    "message" Text "error text of Klipper" |job| text(job.stored.job.message.as_deref());
    "start_time" Instant "RFC 3339, UTC" |job| instant(job.stored.job.start_time);
    "end_time" Instant "RFC 3339, UTC; empty while it runs, and if the end is unknown"
        |job| instant(job.stored.job.end_time);
    "print_duration" Number "s, without pauses" |job| number(job.stored.job.figures.print_duration);
    "total_duration" Number "s, with pauses" |job| number(job.stored.job.figures.total_duration);
    "filament_used" Number "mm" |job| number(job.stored.job.figures.filament_used);
    "end_source" Text "source of the outcome: history or print_stats"
        |job| text(job.stored.job.end_source.map(Source::as_str));
    "figures_source" Text "source of the durations and the filament: history or print_stats"
        |job| text(Some(job.stored.job.figures_source.as_str()));
    "clock_jumped" Truth "whether its times contradict each other because the printer's clock was set"
        |job| Cell::Truth(job.stored.job.clock_jumped);
    "created_at" Instant "when printlog stored it; RFC 3339, UTC" |job| instant(Some(job.stored.created_at));
    "updated_at" Instant "when printlog last changed it; RFC 3339, UTC" |job| instant(Some(job.stored.updated_at));
    "details_status" Text "status of the details: pending, done, partial or failed"
        |job| text(Some(job.details_status.as_str()));
    "details_reason" Text "why they are incomplete" |job| text(job.details_reason.as_deref());
    "slicer" Text "name of the slicer" |job| text(job.file.as_ref().and_then(|file| file.slicer.as_deref()));
    "slicer_version" Text "its version" |job| text(job.file.as_ref().and_then(|file| file.slicer_version.as_deref()));
    "nozzle_diameter" Number "mm" |job| number(job.file.as_ref().and_then(|file| file.nozzle_diameter));
    "layer_height" Number "mm" |job| number(job.details.as_ref().and_then(|d| d.layer_height));
    "first_layer_height" Number "mm" |job| number(job.details.as_ref().and_then(|d| d.first_layer_height));
    "nozzle_temp" Number "°C" |job| number(job.details.as_ref().and_then(|d| d.nozzle_temp));
    "bed_temp" Number "°C" |job| number(job.details.as_ref().and_then(|d| d.bed_temp));
    "print_speed" Number "mm/s" |job| number(job.details.as_ref().and_then(|d| d.print_speed));
    "infill_percentage" Number "0 to 100" |job| number(job.details.as_ref().and_then(|d| d.infill_percentage));
    "infill_pattern" Text "as the slicer spells it" |job| text(job.details.as_ref().and_then(|d| d.infill_pattern.as_deref()));
    "support_enabled" Truth "whether the print has supports"
        |job| job.details.as_ref().and_then(|d| d.support_enabled).map_or(Cell::Nothing, Cell::Truth);
    "support_type" Text "as the slicer spells it" |job| text(job.details.as_ref().and_then(|d| d.support_type.as_deref()));
    "filament_type" Text "material with the largest weight"
        |job| text(job.details.as_ref().and_then(|d| d.filament_type.as_deref()));
    "filament_brand" Text "maker of the filament"
        |job| text(job.details.as_ref().and_then(|d| d.filament_brand.as_deref()));
    "filament_color" Text "#RRGGBB, or a name"
        |job| text(job.details.as_ref().and_then(|d| d.filament_color.as_deref()));
    "estimated_time" Number "planned by the slicer, s" |job| number(job.details.as_ref().and_then(|d| d.estimated_time));
    "estimated_filament" Number "planned by the slicer, g"
        |job| number(job.details.as_ref().and_then(|d| d.estimated_filament));
    "filament_cost" Number "for the whole file, in the slicer's currency"
        |job| number(job.file.as_ref().and_then(|file| file.filament_cost));
    "grams_per_mm" Number "weight of a mm of filament, g" |job| number(job.file.as_ref().and_then(|file| file.grams_per_mm));
    "layer_count" Whole "number of layers planned by the slicer"
        |job| job.details.as_ref().and_then(|d| d.layer_count).map_or(Cell::Nothing, Cell::Whole);
    "object_height" Number "mm" |job| number(job.details.as_ref().and_then(|d| d.object_height));
    "title" Text "a user's title" |job| text(job.notes.title.as_deref());
    "notes" Text "a user's notes" |job| text(job.notes.notes.as_deref());
    "tags" Texts "a user's tags, separated by commas; in JSON an array"
        |job| Cell::Texts(&job.notes.tags);
    "verdict" Text "a user's verdict: good, partly_good or scrap"
        |job| text(job.notes.verdict.map(Verdict::as_str));
    "verdict_reason" Text "why" |job| text(job.notes.verdict_reason.as_deref());
    "filament_used_g" Number "used by the job, g, from the measured length" |job| number(used_grams(job));
    "filament_used_g_source" Text "how it was computed: slicer_ratio, file_density or usual_density"
        |job| text(used_grams(job).and(job.details.as_ref()).and_then(|d| d.weight_source.as_deref()));
    "filament_used_mm" Number "planned by the slicer, mm" |job| number(job.details.as_ref().and_then(|d| d.estimated_length));
    "used_cost" Number "cost of the filament used, at the slicer's price" |job| number(used_cost(job));
    "currency" Text "currency of the costs, if the file gives it" |job| text(job.details.as_ref().and_then(|d| d.currency.as_deref()));
};

fn used_grams(job: &ExportedJob) -> Option<f64> {
    let details = ListedDetails::from(job.details.as_ref()?);
    details
        .used_grams(job.stored.job.figures.filament_used)
        .map(|(grams, _)| grams)
}

fn used_cost(job: &ExportedJob) -> Option<f64> {
    ListedDetails::from(job.details.as_ref()?).used_cost(job.stored.job.figures.filament_used)
}

/// The list of columns for `--help`.
pub(crate) fn columns_help() -> String {
    COLUMNS
        .iter()
        .map(|column| format!("  {:18} {}\n", column.name, column.meaning))
        .collect()
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Nothing, |text| Cell::Text(Cow::Borrowed(text)))
}

fn instant(instant: Option<Timestamp>) -> Cell<'static> {
    instant.map_or(Cell::Nothing, Cell::Instant)
}

fn number(number: Option<f64>) -> Cell<'static> {
    number.map_or(Cell::Nothing, Cell::Number)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn columns_are_documented() {
        let document = include_str!("../../../../docs/export.md");
        for column in &COLUMNS {
            let line = format!("| `{}` | {} |", column.name, column.meaning);
            assert!(document.contains(&line), "docs/export.md has no line\n{line}");
        }
        let names: HashSet<_> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len());
    }
}
