//! The fields of a job that figures need.

use domain::{JobId, JobStatus, PrinterId};

/// Costs are stored in this fraction of the currency's unit.
pub const COST_UNIT: f64 = 10_000.0;

/// The fields of a job that figures need. `None` means unknown and is counted as such, never as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Id of the job.
    pub id: JobId,
    /// Printer of the job.
    pub printer_id: PrinterId,
    /// Start in ms since 1970.
    pub start: Option<i64>,
    /// Status.
    pub status: JobStatus,
    /// Number of the material profile.
    pub profile: Option<u32>,
    /// Number of the file name.
    pub file: Option<u32>,
    /// Number of the cause.
    pub cause: Option<u32>,
    /// `print_duration` in ms.
    pub print: Option<u64>,
    /// `total_duration` in ms.
    pub total: Option<u64>,
    /// `filament_used` in µm.
    pub length: Option<u64>,
    /// Filament used in mg: the length times the file's weight per mm.
    pub weight: Option<u64>,
    /// Whether `weight` is computed with the usual density of the material, because the file has none.
    pub weight_is_estimated: bool,
    /// The slicer's estimate of `print`, in ms.
    pub estimate: Option<u64>,
    /// Cost of the filament used, by the slicer's price, in units of 1/[`COST_UNIT`].
    pub cost: Option<u64>,
    /// Number of the user who started the job.
    pub user: Option<u32>,
}

/// Print time divided by the estimate (both in ms), in thousandths. `None` unless the job completed and both are known.
#[must_use]
pub fn estimate_ratio(status: JobStatus, print: Option<u64>, estimate: Option<u64>) -> Option<u64> {
    let estimate = estimate.filter(|estimate| *estimate > 0)?;
    let print = print.filter(|_| status == JobStatus::Completed)?;
    Some((print.saturating_mul(1000).saturating_add(estimate / 2)) / estimate)
}

/// Converts an amount to thousandths of its unit. `None` if the number is not an amount: negative, infinite or NaN.
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
