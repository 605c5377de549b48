//! What the figures of the analytics mean; `docs/metrics.md` says the same in words.
//!
//! Amounts are whole milliseconds, micrometres, milligrams and ten-thousandths of a currency: their sums are exact,
//! in whatever order they are taken.

mod busy;
mod calendar;
mod distribution;
mod fact;
mod sums;
mod verdicts;

pub use busy::Busy;
pub use calendar::{Bucket, LocalClock, TooManyBuckets, buckets, is_start_of_day};
pub use distribution::{Distribution, PackedDistribution, Quartiles};
pub use fact::{COST_UNIT, Fact, estimate_ratio, in_thousandths};
pub use sums::{Sums, Total};
pub use verdicts::VerdictSums;
