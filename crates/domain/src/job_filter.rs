//! Filters for jobs, and the order and position within a list.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::{JobId, JobStatus, PrinterId, Verdict};

/// Criteria for jobs. An empty list or `None` does not restrict; a job must match all others.
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
    /// The file name, or a title, note or tag given by a user, contains this text, ignoring case. No wildcards.
    pub text: Option<String>,
    /// Filament type planned by the slicer, matched exactly.
    pub filament_type: Option<String>,
    /// Slicer that wrote the file, matched exactly.
    pub slicer: Option<String>,
    /// A user has given one of these verdicts.
    pub verdicts: Vec<Verdict>,
    /// A user has given one of these tags, ignoring case.
    pub tags: Vec<String>,
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
