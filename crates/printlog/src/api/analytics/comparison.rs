//! The period that another one is compared with.

use analytics::is_start_of_day;
use domain::UnknownName;
use jiff::{Span, Timestamp, ToSpan as _, Zoned, tz::TimeZone};
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

/// Which period a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub(crate) enum ComparisonBase {
    /// As many days, or as much time, before.
    #[default]
    Previous,
    /// The same days of the month before.
    LastMonth,
    /// The same days of the year before.
    LastYear,
}

/// An earlier period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    /// Whether the period that is compared has not ended.
    pub(super) is_running: bool,
}

impl ComparisonBase {
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The base for a period from `since` to `until` (or now) in a time zone. A period that has not ended is compared up to
/// now. `None` if the period is empty, or the base is empty (the month before is shorter) or would begin before the year
/// 0, which RFC 3339 cannot represent.
pub(super) fn base(
    base: ComparisonBase,
    since: Timestamp,
    until: Option<Timestamp>,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<Base> {
    let is_running = until.is_none_or(|until| until > now);
    let end = until.unwrap_or(now);
    // A period in the future has no jobs; its length is compared as it is.
    let reached = if is_running && now > since { now } else { end };
    if end <= since {
        return None;
    }
    let zoned = |time: Timestamp| time.to_zoned(zone.clone());
    let (from, to) = match base {
        ComparisonBase::Previous => match days(&zoned(since), &zoned(end), is_running)? {
            0 => {
                let length = end.duration_since(since);
                (since.checked_sub(length).ok()?, reached.checked_sub(length).ok()?)
            }
            days => {
                let span = days.days();
                (before(&zoned(since), span)?, before(&zoned(reached), span)?)
            }
        },
        ComparisonBase::LastMonth => (
            before(&zoned(since), 1.month())?,
            before(&zoned(reached), 1.month())?,
        ),
        ComparisonBase::LastYear => (
            before(&zoned(since), 1.year())?,
            before(&zoned(reached), 1.year())?,
        ),
    };
    let is_writable = from.to_zoned(TimeZone::UTC).year() >= 0;
    (is_writable && from < to).then_some(Base {
        since: from,
        until: to,
        is_running,
    })
}

/// Length of a period that begins and ends at midnight in days, including those on which clocks change. A period that
/// has not ended counts its last day. 0 for other periods.
fn days(since: &Zoned, end: &Zoned, is_running: bool) -> Option<i32> {
    let ends_at_midnight = is_start_of_day(end);
    if !is_start_of_day(since) || !(ends_at_midnight || is_running) {
        return Some(0);
    }
    let days = since.date().until(end.date()).ok()?.get_days();
    Some(if ends_at_midnight { days } else { days + 1 })
}

/// The same local time earlier; at the first instant of the day if the time is one.
fn before(time: &Zoned, span: Span) -> Option<Timestamp> {
    if is_start_of_day(time) {
        let date = time.date().checked_sub(span).ok()?;
        let zoned = date.to_zoned(time.time_zone().clone()).ok()?;
        return Some(zoned.start_of_day().ok()?.timestamp());
    }
    Some(time.checked_sub(span).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn compared(
        base: ComparisonBase,
        zone: &str,
        (since, until): (&str, Option<&str>),
        now: &str,
    ) -> Option<(String, String)> {
        let zone = TimeZone::get(zone).unwrap();
        let period = super::base(base, time(since), until.map(time), &zone, time(now));
        period.map(|period| (period.since.to_string(), period.until.to_string()))
    }

    fn ended(zone: &str, since: &str, until: &str) -> Option<(String, String)> {
        compared(
            ComparisonBase::Previous,
            zone,
            (since, Some(until)),
            "2030-01-01T00:00:00Z",
        )
    }

    fn period(since: &str, until: &str) -> Option<(String, String)> {
        Some((since.to_owned(), until.to_owned()))
    }

    #[test]
    fn the_period_before_has_as_many_days() {
        // The week in which the clocks change, and the week before.
        assert_eq!(
            ended("Europe/Berlin", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"),
            period("2026-03-15T23:00:00Z", "2026-03-22T23:00:00Z")
        );
        assert_eq!(
            ended("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"),
            period("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z")
        );
    }

    #[test]
    fn the_period_before_is_as_long() {
        assert_eq!(
            ended("UTC", "2026-01-01T12:00:00Z", "2026-01-01T18:30:00Z"),
            period("2026-01-01T05:30:00Z", "2026-01-01T12:00:00Z")
        );
        assert_eq!(ended("UTC", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), None);
    }

    #[test]
    fn no_period_begins_before_the_year_0() {
        assert_eq!(
            ended("UTC", "1013-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
            period("0000-01-01T12:00:00Z", "1013-01-01T12:00:00Z")
        );
        assert_eq!(ended("UTC", "0006-01-25T12:56:36Z", "2026-01-25T00:00:00Z"), None);
        assert_eq!(ended("UTC", "0006-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_running_period_is_compared_up_to_now() {
        let now = "2026-11-29T15:00:00Z";
        let november = ("2026-11-01T00:00:00Z", Some("2026-12-01T00:00:00Z"));
        for (base, since, until) in [
            (
                ComparisonBase::Previous,
                "2026-10-02T00:00:00Z",
                "2026-10-30T15:00:00Z",
            ),
            (
                ComparisonBase::LastMonth,
                "2026-10-01T00:00:00Z",
                "2026-10-29T15:00:00Z",
            ),
            (
                ComparisonBase::LastYear,
                "2025-11-01T00:00:00Z",
                "2025-11-29T15:00:00Z",
            ),
        ] {
            assert_eq!(
                compared(base, "UTC", november, now),
                period(since, until),
                "{base:?}"
            );
        }
        // Without an end, the period is the days so far.
        assert_eq!(
            compared(
                ComparisonBase::Previous,
                "UTC",
                ("2026-11-23T00:00:00Z", None),
                now
            ),
            period("2026-11-16T00:00:00Z", "2026-11-22T15:00:00Z")
        );
        // Nothing of the period has begun.
        assert_eq!(
            compared(
                ComparisonBase::Previous,
                "UTC",
                ("2026-12-01T00:00:00Z", Some("2026-12-08T00:00:00Z")),
                now
            ),
            period("2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z")
        );
    }

    #[test]
    fn months_of_different_lengths_are_compared_by_their_days() {
        let now = "2030-01-01T00:00:00Z";
        let march = ("2026-03-01T00:00:00Z", Some("2026-03-31T00:00:00Z"));
        assert_eq!(
            compared(ComparisonBase::LastMonth, "UTC", march, now),
            period("2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z")
        );
        let no_such_days = ("2026-03-30T00:00:00Z", Some("2026-03-31T00:00:00Z"));
        assert_eq!(
            compared(ComparisonBase::LastMonth, "UTC", no_such_days, now),
            None
        );
        let leap_day = ("2028-02-01T00:00:00Z", Some("2028-03-01T00:00:00Z"));
        assert_eq!(
            compared(ComparisonBase::LastYear, "UTC", leap_day, now),
            period("2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z")
        );
        // Summer time ends between the two.
        let november = ("2026-10-31T23:00:00Z", Some("2026-11-30T23:00:00Z"));
        assert_eq!(
            compared(ComparisonBase::LastMonth, "Europe/Berlin", november, now),
            period("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z")
        );
    }
}
