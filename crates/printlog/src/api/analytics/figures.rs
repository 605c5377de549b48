//! The figures of a group of jobs, with names and units.

use analytics::{COST_UNIT, Selection, Sums, Total};
use domain::JobStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// Figures of a group of jobs. Sums include known values only; the field next to each sum counts the jobs without one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
#[schema(as = Figures)]
pub(super) struct FiguresBody {
    /// Number of jobs, including running ones.
    pub(super) jobs: u64,
    pub(super) by_status: ByStatusBody,
    /// Share of completed jobs among the completed and failed (`error`, `interrupted`) ones, 0 to 1. `null` if there
    /// are none.
    pub(super) success_rate: Option<f64>,
    /// Number of jobs behind `success_rate`: completed and failed ones.
    pub(super) success_rate_of: u64,
    /// Sum of `print_duration`, in s.
    pub(super) print_time: Option<f64>,
    pub(super) jobs_without_print_time: u64,
    /// Sum of `total_duration` (with pauses), in s.
    pub(super) total_time: Option<f64>,
    pub(super) jobs_without_total_time: u64,
    /// Sum of `filament_used`, in mm.
    pub(super) filament_mm: Option<f64>,
    pub(super) jobs_without_filament_mm: u64,
    /// Filament used, in g: known plus estimated.
    pub(super) filament_g: Option<f64>,
    /// In g, for files with the weight or density of their filament.
    pub(super) filament_g_known: Option<f64>,
    /// In g, computed with the usual density of the material.
    pub(super) filament_g_estimated: Option<f64>,
    pub(super) jobs_without_filament_g: u64,
    /// Cost of the filament used, at the slicer's price, one entry per currency. Empty if no cost is known.
    pub(super) cost: Vec<CostBody>,
    pub(super) jobs_without_cost: u64,
    /// Longest `total_duration`, in s.
    pub(super) longest_job: Option<f64>,
    /// Averages, each over the jobs with a known value.
    pub(super) average: AverageBody,
}

/// Number of jobs by status.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
#[schema(as = JobsByStatus)]
pub(super) struct ByStatusBody {
    printing: u64,
    paused: u64,
    pub(super) completed: u64,
    error: u64,
    pub(super) cancelled: u64,
    interrupted: u64,
}

impl ByStatusBody {
    /// Jobs that failed.
    pub(super) fn failed(&self) -> u64 {
        self.error + self.interrupted
    }
}

/// Cost in one currency.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
#[schema(as = Cost)]
pub(super) struct CostBody {
    pub(super) amount: f64,
    /// Currency in the files, or else the one of `GET /api/settings/currency`. `null` without both.
    pub(super) currency: Option<String>,
    /// Number of jobs included.
    pub(super) jobs: u64,
}

/// An average job.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
#[schema(as = AverageJob)]
pub(super) struct AverageBody {
    /// g
    filament_g: Option<f64>,
    /// mm
    filament_mm: Option<f64>,
    /// Seconds, without pauses.
    print_time: Option<f64>,
    /// Seconds, with pauses.
    total_time: Option<f64>,
}

impl FiguresBody {
    pub(super) fn new(sums: &Sums, selection: &Selection) -> Self {
        let jobs = sums.jobs();
        let weight = sums.weight();
        let mut cost: Vec<CostBody> = Vec::new();
        let mut costed = 0;
        for (profile, total) in &sums.costs {
            let currency = selection.currency(*profile).map(str::to_owned);
            costed += total.jobs;
            let amount = as_f64(total.sum) / COST_UNIT;
            match cost.iter_mut().find(|cost| cost.currency == currency) {
                Some(cost) => {
                    cost.amount += amount;
                    cost.jobs += total.jobs;
                }
                None => cost.push(CostBody {
                    amount,
                    currency,
                    jobs: total.jobs,
                }),
            }
        }
        cost.sort_by(|one, other| (other.jobs, &one.currency).cmp(&(one.jobs, &other.currency)));
        Self {
            jobs,
            by_status: ByStatusBody {
                printing: sums.of(JobStatus::Printing),
                paused: sums.of(JobStatus::Paused),
                completed: sums.of(JobStatus::Completed),
                error: sums.of(JobStatus::Error),
                cancelled: sums.of(JobStatus::Cancelled),
                interrupted: sums.of(JobStatus::Interrupted),
            },
            success_rate: sums.success_rate(),
            success_rate_of: sums.rated(),
            print_time: sum(sums.print, jobs),
            jobs_without_print_time: jobs - sums.print.jobs,
            total_time: sum(sums.total, jobs),
            jobs_without_total_time: jobs - sums.total.jobs,
            filament_mm: sum(sums.length, jobs),
            jobs_without_filament_mm: jobs - sums.length.jobs,
            filament_g: sum(weight, jobs),
            filament_g_known: sum(sums.weight_known, sums.weight_known.jobs),
            filament_g_estimated: sum(sums.weight_estimated, sums.weight_estimated.jobs),
            jobs_without_filament_g: jobs - weight.jobs,
            cost,
            jobs_without_cost: jobs - costed,
            longest_job: sums.longest.map(thousandths),
            average: AverageBody {
                filament_g: mean(weight),
                filament_mm: mean(sums.length),
                print_time: mean(sums.print),
                total_time: mean(sums.total),
            },
        }
    }
}

/// A sum over `jobs` jobs. 0 if there are none, `None` if no job has a known value.
fn sum(total: Total, jobs: u64) -> Option<f64> {
    (total.jobs > 0 || jobs == 0).then(|| thousandths(total.sum))
}

fn mean(total: Total) -> Option<f64> {
    (total.jobs > 0).then(|| rounded(as_f64(total.sum) / as_f64(total.jobs) / 1000.0))
}

/// Converts ms to s, µm to mm, mg to g.
pub(super) fn thousandths(amount: u64) -> f64 {
    as_f64(amount) / 1000.0
}

/// Rounds to thousandths; further digits are noise.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
pub(super) fn as_f64(number: u64) -> f64 {
    number as f64
}
