//! What the analytics know of one job.

use domain::{JobId, JobStatus, PrinterId};

/// Parts of a currency's unit that costs are counted in.
pub const COST_UNIT: f64 = 10_000.0;

/// A job, as far as figures are made of it. `None` is unknown and is counted as such, never as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// The job.
    pub id: JobId,
    /// Its printer.
    pub printer_id: PrinterId,
    /// When it started, in ms since 1970.
    pub start: Option<i64>,
    /// How it stands.
    pub status: JobStatus,
    /// Number of what its slicer said: material, brand, colour, slicer, currency.
    pub profile: Option<u32>,
    /// Number of its file name.
    pub file: Option<u32>,
    /// Number of the cause of its end.
    pub cause: Option<u32>,
    /// `print_duration` in ms.
    pub print: Option<u64>,
    /// `total_duration` in ms.
    pub total: Option<u64>,
    /// `filament_used` in µm.
    pub length: Option<u64>,
    /// Filament used, in mg: the length times what the file says that a mm weighs.
    pub weight: Option<u64>,
    /// Whether that weight was computed with the usual density of the material, for want of better.
    pub weight_is_estimated: bool,
    /// What the slicer thought `print` would be, in ms.
    pub estimate: Option<u64>,
    /// What the filament used cost, by the slicer's price, in parts of [`COST_UNIT`].
    pub cost: Option<u64>,
}

/// Time that a job took over the time that was estimated (both in ms), in thousandths. `None` unless it completed and
/// both are known.
#[must_use]
pub fn estimate_ratio(status: JobStatus, print: Option<u64>, estimate: Option<u64>) -> Option<u64> {
    let estimate = estimate.filter(|estimate| *estimate > 0)?;
    let print = print.filter(|_| status == JobStatus::Completed)?;
    Some((print.saturating_mul(1000).saturating_add(estimate / 2)) / estimate)
}

/// An amount in thousandths of its unit. `None` for what is no amount.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and saturates"
)]
pub fn in_thousandths(amount: Option<f64>) -> Option<u64> {
    amount
        .filter(|amount| amount.is_finite() && *amount >= 0.0)
        .map(|amount| (amount * 1000.0).round() as u64)
}
