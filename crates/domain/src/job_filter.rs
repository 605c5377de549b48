//! Filters for jobs, and the order and position within a list.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::{JobId, JobStatus, PrinterId, Verdict};

/// Criteria for jobs. An empty list or `None` does not restrict; a job must match all other criteria.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobFilter {
    /// The job ran on one of these printers.
    pub printer_ids: Vec<PrinterId>,
    /// The job has one of these statuses.
    pub statuses: Vec<JobStatus>,
    /// The job started at this time or later. Excludes jobs whose start is unknown.
    pub since: Option<Timestamp>,
    /// The job started before this time. Excludes jobs whose start is unknown.
    pub until: Option<Timestamp>,
    /// The file name, or a title, note, tag or reason given by a user, contains this text, ignoring case. No wildcards.
    pub text: Option<String>,
    /// Filament type planned by the slicer, ignoring case. `None` is unknown.
    pub filament_types: Vec<Option<String>>,
    /// Slicer that wrote the file, ignoring case. `None` is unknown.
    pub slicers: Vec<Option<String>>,
    /// Who started the job, ignoring case. `None` is unknown.
    pub users: Vec<Option<String>>,
    /// Why the job ended, ignoring case. `None` is unknown.
    pub causes: Vec<Option<String>>,
    /// `print_duration` in ms. Bounds exclude jobs for which it is unknown.
    pub print_duration: AmountBounds,
    /// `filament_used` in µm. Bounds exclude jobs for which it is unknown.
    pub filament_used: AmountBounds,
    /// A user has given one of these verdicts.
    pub verdicts: Vec<Verdict>,
    /// A user has given a verdict with one of these reasons, ignoring case. `None` is a verdict without a reason.
    pub verdict_reasons: Vec<Option<String>>,
    /// A user has given one of these tags, ignoring case.
    pub tags: Vec<String>,
}

/// Bounds of an amount in thousandths of its unit, both inclusive. `None` does not restrict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AmountBounds {
    /// Smallest amount.
    pub min: Option<u64>,
    /// Largest amount.
    pub max: Option<u64>,
}

impl AmountBounds {
    /// Whether the bounds allow this amount. Bounds exclude unknown amounts.
    #[must_use]
    pub fn allow(self, amount: Option<u64>) -> bool {
        match amount {
            Some(amount) => {
                self.min.is_none_or(|min| min <= amount) && self.max.is_none_or(|max| amount <= max)
            }
            None => self == Self::default(),
        }
    }
}

/// Sort order of a list. Jobs whose sort value is unknown come last, except with [`Oldest`](Self::Oldest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// By start, descending.
    #[default]
    Newest,
    /// By start, ascending: the reverse of [`Newest`](Self::Newest), so jobs whose start is unknown come first.
    Oldest,
    /// By an amount, descending.
    Most(Amount),
    /// By an amount, ascending.
    Least(Amount),
}

/// An amount that lists can be sorted by. The variants are fields of [`Figures`](crate::Figures).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "see `Figures`")]
pub enum Amount {
    PrintDuration,
    TotalDuration,
    FilamentUsed,
}

/// Position of a job in a sorted list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Sort value: the start in ms since 1970 or [`UNDATED`]; or an amount in ms or µm. An unknown amount is -1 in a
    /// descending list and `i64::MAX` in an ascending one.
    pub value: i64,
    /// Orders jobs with equal values.
    pub id: JobId,
}

/// Sort value of jobs whose start is unknown: before every time.
pub const UNDATED: i64 = i64::MIN;

impl ListOrder {
    /// Compares two positions in a list of this order.
    #[must_use]
    pub fn compare(self, one: Cursor, other: Cursor) -> Ordering {
        let ascending = (one.value, one.id).cmp(&(other.value, other.id));
        match self {
            Self::Newest | Self::Most(_) => ascending.reverse(),
            Self::Oldest | Self::Least(_) => ascending,
        }
    }

    /// Whether `one` comes before `other`.
    #[must_use]
    pub fn is_before(self, one: Cursor, other: Cursor) -> bool {
        self.compare(one, other).is_lt()
    }
}
