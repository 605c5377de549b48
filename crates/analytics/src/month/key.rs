//! Keys of months: calendar months of the jobs' starts, in UTC.

use std::fmt;

use domain::UNDATED;
use jiff::{Timestamp, civil::date, tz::TimeZone};

/// Months since year 0 (UTC), or [`UNDATED`] for jobs whose start is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthKey(pub i64);

impl MonthKey {
    /// The month of a job with this start, in ms since 1970.
    #[must_use]
    pub fn of(start: Option<i64>) -> Self {
        let Some(start) = start else { return Self(UNDATED) };
        let time = Timestamp::from_millisecond(start).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = time.to_zoned(TimeZone::UTC).date();
        Self(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
    }

    /// Whether this is the key of jobs whose start is unknown.
    #[must_use]
    pub fn is_undated(self) -> bool {
        self.0 == UNDATED
    }

    /// The first `sort_time` after the month.
    #[must_use]
    pub fn end(self) -> i64 {
        match self.is_undated() {
            true => UNDATED + 1,
            false => Self(self.0 + 1).start().unwrap_or(i64::MAX),
        }
    }

    /// Start in ms since 1970. `None` for jobs whose start is unknown.
    pub(crate) fn start(self) -> Option<i64> {
        if self.is_undated() {
            return None;
        }
        let (year, month) = (self.0.div_euclid(12), self.0.rem_euclid(12) + 1);
        let first = date(year.try_into().ok()?, month.try_into().ok()?, 1);
        Some(first.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
    }
}

impl fmt::Display for MonthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_undated() {
            true => f.write_str("unknown"),
            false => write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1),
        }
    }
}
