//! The sums over a printer's jobs.

use jiff::Timestamp;

/// Sums over all stored jobs of a printer, whatever their status. Unknown amounts add nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobTotals {
    /// Number of jobs.
    pub total_jobs: i64,
    /// Sum of `total_duration`, in s.
    pub total_time: f64,
    /// Sum of `print_duration`, in s.
    pub total_print_time: f64,
    /// Sum of `filament_used`, in mm.
    pub total_filament_used: f64,
    /// Largest `total_duration`, in s. `None` if no job has one.
    pub longest_job: Option<f64>,
    /// When a job of the printer last changed. `None` if it has none.
    pub last_updated: Option<Timestamp>,
}

impl JobTotals {
    /// Whether both are equal, apart from rounding differences of sums computed in another order.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-3_f64.max(1e-9 * a.abs().max(b.abs()));
        self.total_jobs == other.total_jobs
            && close(self.total_time, other.total_time)
            && close(self.total_print_time, other.total_print_time)
            && close(self.total_filament_used, other.total_filament_used)
            && close(self.longest_job.unwrap_or(0.0), other.longest_job.unwrap_or(0.0))
    }
}
