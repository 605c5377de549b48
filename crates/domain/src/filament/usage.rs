//! A use of filament: what went through one extruder from one spool for one purpose.

use std::f64::consts::PI;

use jiff::Timestamp;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use super::SpoolSource;

/// What feeds an extruder: the loaded tool, gate and spool. `None` means unknown, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Supply {
    /// Number of the tool, as in `T1`.
    pub tool: Option<u32>,
    /// Gate of Happy Hare, or lane of AFC.
    pub gate: Option<String>,
    /// The spool, by the source's id.
    pub spool: Option<i64>,
    /// What named the spool.
    pub spool_source: Option<SpoolSource>,
    /// Whether two sources name different spools.
    pub is_conflict: bool,
}

/// Purpose of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum UseKind {
    /// Extruded while a job prints.
    Print,
    /// Extruded while a job is paused, such as a purge.
    Pause,
    /// Extruded without a job, such as a test or a filament change.
    Outside,
}

/// Where the length of a use comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum FilamentSource {
    /// Measured from the position of the extruder.
    Measured,
    /// `print_stats.filament_used`, for the part of a print before printlog observed it.
    PrintStats,
}

/// What reduces the confidence in a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UseFlags {
    /// Contains what was extruded while printlog was not connected.
    pub bridged: bool,
    /// The beginning was not observed.
    pub assumed: bool,
    /// Two sources name different spools.
    pub spool_conflict: bool,
    /// A jump of the position was not counted.
    pub implausible_jump: bool,
    /// A second carriage copies the moves (IDEX): this is the copy.
    pub copied: bool,
}

/// Filament that went through one extruder from one spool for one purpose, without interruption by another.
#[derive(Debug, Clone, PartialEq)]
pub struct FilamentUse {
    /// Start of the job, which identifies it. `None` outside of a job.
    pub job: Option<Timestamp>,
    /// Klipper's name of the extruder.
    pub extruder: String,
    /// What fed the extruder.
    pub supply: Supply,
    /// Purpose.
    pub kind: UseKind,
    /// Source of the length.
    pub source: FilamentSource,
    /// mm of filament, never negative.
    pub length: f64,
    /// What reduces the confidence.
    pub flags: UseFlags,
    /// Time of the first reading.
    pub started_at: Timestamp,
    /// Time of the last reading. `None` while the use is open.
    pub ended_at: Option<Timestamp>,
}

/// Filament that jobs consumed, in mm: printed and purged.
#[must_use]
pub fn measured_length<'a>(uses: impl IntoIterator<Item = &'a FilamentUse>) -> f64 {
    let of_job = uses.into_iter().filter(|usage| usage.kind != UseKind::Outside);
    of_job.map(|usage| usage.length).sum()
}

/// Whether `print_stats` reported much less than was measured, as Klipper before June 2025 does for prints with several
/// extruders (Klipper's pull request 6946). The measured length is then the better one.
#[must_use]
pub fn is_reported_too_low(reported: f64, measured: f64, extruders: usize) -> bool {
    extruders > 1 && measured > 0.0 && reported < measured / 2.0
}

/// Weight of 1 mm of filament in g. `diameter` is in mm, `density` in g/cm³. `None` unless both are positive.
#[must_use]
pub fn grams_per_mm(diameter: f64, density: f64) -> Option<f64> {
    let grams = PI * (diameter / 2.0).powi(2) / 1000.0 * density;
    (diameter > 0.0 && density > 0.0 && grams.is_finite()).then_some(grams)
}
