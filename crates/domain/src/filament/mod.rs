//! Measures the filament of each tool and spool from Klipper's `toolhead`.
//!
//! A pure state machine, one per printer: readings with their times go in, uses of filament come out. Klipper's
//! `print_stats.filament_used` cannot serve: before June 2025 it subtracted the position of one extruder from that of
//! another at a tool change, and since then it loses what was extruded since the last query.
//!
//! Each extruder has a mark: the highest position so far. Only what goes beyond the mark counts, so that a retraction and
//! its return count nothing. A mark survives tool changes, pauses and lost connections. A tool that is not used again
//! loses at most what one update contains (0.25 s); all others lose nothing.

mod meter;
mod spool;
mod usage;

pub use meter::{FilamentEvent, FilamentMeter, FilamentReading, MeterState};
pub use spool::{SpoolCandidates, SpoolSource, choose_spool};
pub use usage::{
    FilamentSource, FilamentUse, Supply, UseFlags, UseKind, grams_per_mm, is_reported_too_low,
    measured_length,
};
