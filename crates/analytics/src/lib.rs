//! Figures and list pages over many jobs, computed from packed months of job facts. `docs/metrics.md` defines the
//! figures.
//!
//! Pure: no SQL, no I/O, no clock, not async; months that are not in memory come from a [`MonthSource`]. Amounts are
//! whole milliseconds, micrometres, milligrams and ten-thousandths of a currency, which keeps sums exact in any order.

mod busy;
mod cache;
mod calendar;
mod conditions;
mod distribution;
mod fact;
mod figures;
mod memory;
mod month;
mod page;
mod partition;
mod profile;
mod ranking;
mod selection;
mod sums;
mod text_index;
mod verdict_sums;

pub use busy::Busy;
pub use cache::{MonthCache, NewMonth, NewMonths};
pub use calendar::{Bucket, LocalClock, TooManyBuckets, buckets, is_start_of_day};
pub use conditions::{TextMatches, Words};
pub use distribution::{Distribution, PackedDistribution, Quartiles};
pub use fact::{COST_UNIT, Fact, estimate_ratio, in_thousandths};
pub use figures::{
    Cell, Estimates, Facets, Failures, FileFigures, FileOrder, FileOutcomes, Groups, Heatmap, HourCell,
    JobKey, Judgement, Series, Stack, StackKey, Verdicts,
};
pub use memory::{DEFAULT_MEMORY, MonthRef, MonthSource, ReadError};
pub use month::{FORMAT, Month, MonthKey, PackedJob};
pub use profile::MaterialProfile;
pub use selection::Selection;
pub use sums::{Sums, Total};
pub use text_index::{Damaged, IdSet, SEPARATOR, TextIndex};
pub use verdict_sums::VerdictSums;
