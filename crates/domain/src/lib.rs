//! Printers, jobs, and the job tracker that turns a printer's events into jobs.
//!
//! Pure: no I/O, no clock, no async, no SQL, no HTTP. Everything here can be tested with plain values.

mod cause;
mod consumption;
mod figures;
mod filament;
mod history;
mod job;
mod job_event;
mod job_filter;
mod moment;
mod names;
mod notes;
mod packed_json;
mod print_stats;
mod printer;
mod totals;
pub mod tracker;

pub use cause::Cause;
pub use consumption::{USUAL_DENSITY, used_cost, used_grams};
pub use figures::Figures;
pub use filament::{
    FilamentEvent, FilamentMeter, FilamentReading, FilamentSource, FilamentUse, MeterState, SpoolCandidates,
    SpoolSource, Supply, UseFlags, UseKind, choose_spool, grams_per_mm, is_reported_too_low, measured_length,
};
pub use history::{HistoryEnd, HistoryJob};
pub use job::{Job, JobId, JobStatus, LARGEST_ID, Source, is_resumed_file};
pub use job_event::{JobChange, JobEvent};
pub use job_filter::{Amount, AmountBounds, Cursor, JobFilter, ListOrder, UNDATED};
pub use moment::Moment;
pub use names::{UnknownName, all, names};
pub use notes::{BuiltInReason, JobNotes, Verdict};
pub use packed_json::PackedJson;
pub use print_stats::{KlippyState, PrintState, PrintStats};
pub use printer::{Backfill, NewPrinter, Printer, PrinterId, PrinterKind};
pub use totals::JobTotals;
