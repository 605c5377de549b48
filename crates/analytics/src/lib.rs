//! Figures over many jobs: packed months of job facts, and what is computed from them. `docs/metrics.md` defines the
//! figures.
//!
//! Pure: no SQL, no I/O, no clock, not async. Amounts are whole milliseconds, micrometres, milligrams and
//! ten-thousandths of a currency, so that sums are exact in any order.

mod busy;
mod cache;
mod calendar;
mod distribution;
mod fact;
mod figures;
mod month;
mod partition;
mod profile;
mod ranking;
mod selection;
mod sums;
mod text_index;
mod verdict_sums;

pub use busy::Busy;
pub use cache::{MonthCache, NewMonths};
pub use calendar::{Bucket, LocalClock, TooManyBuckets, buckets, is_start_of_day};
pub use distribution::{Distribution, PackedDistribution, Quartiles};
pub use fact::{COST_UNIT, Fact, estimate_ratio, in_thousandths};
pub use figures::{
    Cell, Estimates, Failures, FileFigures, Groups, Heatmap, HourCell, Judgement, Series, Stack, StackKey,
    Verdicts,
};
pub use month::{FORMAT, Month, MonthKey, Row};
pub use profile::MaterialProfile;
pub use selection::{Facts, TextMatches};
pub use sums::{Sums, Total};
pub use text_index::{Damaged, IdSet, SEPARATOR, TextIndex};
pub use verdict_sums::VerdictSums;
