//! Hours, days, weeks, months and years of a time zone. Handles days of 23 and 25 hours, and weeks across New Year.

use std::fmt;

use domain::{UnknownName, all};
use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use strum::VariantArray;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

/// Length of a timeline's buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Bucket {
    /// From one full hour on the clock to the next. An hour that is repeated when clocks go back counts as two.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday (ISO 8601).
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

/// Error: there would be more buckets than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyBuckets;

impl Bucket {
    /// All variants, shortest first.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// The name used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// First day of the bucket that contains `date`.
    fn floor(self, date: Date) -> Option<Date> {
        match self {
            Self::Hour | Self::Day => Some(date),
            Self::Week => {
                let since_monday = date.weekday().since(Weekday::Monday);
                date.checked_sub(i64::from(since_monday).days()).ok()
            }
            Self::Month => Some(date.first_of_month()),
            Self::Year => Some(date.first_of_year()),
        }
    }

    /// First day of the next bucket.
    fn next(self, date: Date) -> Option<Date> {
        let step = match self {
            Self::Hour | Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        };
        date.checked_add(step).ok()
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bounds of the buckets from the one that contains `first` to the one that contains `last`: each bucket begins at one
/// bound and ends before the next.
///
/// # Errors
/// If there are more than `limit`.
pub fn buckets(
    zone: &TimeZone,
    bucket: Bucket,
    first: Timestamp,
    last: Timestamp,
    limit: usize,
) -> Result<Vec<Timestamp>, TooManyBuckets> {
    let mut bounds = Vec::new();
    let mut next: Box<dyn FnMut() -> Option<Timestamp>> = match bucket {
        Bucket::Hour => {
            let mut hour = Some(full_hour(zone, first));
            Box::new(move || {
                let this = hour?;
                hour = next_hour(zone, this);
                Some(this)
            })
        }
        _ => {
            let mut date = bucket.floor(first.to_zoned(zone.clone()).date());
            Box::new(move || {
                let this = date?;
                date = bucket.next(this);
                Some(this.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp())
            })
        }
    };
    while let Some(bound) = next() {
        // A day that the zone skipped has no length.
        if bounds.last().is_some_and(|last| *last >= bound) {
            continue;
        }
        bounds.push(bound);
        if bound > last {
            break;
        }
        if bounds.len() > limit {
            return Err(TooManyBuckets);
        }
    }
    Ok(bounds)
}

/// The full hour, on the clock of the zone, that contains `instant`.
fn full_hour(zone: &TimeZone, instant: Timestamp) -> Timestamp {
    let offset = i64::from(zone.to_offset(instant).seconds());
    let hour = (instant.as_second() + offset).div_euclid(3600) * 3600 - offset;
    let hour = Timestamp::from_second(hour).unwrap_or(instant);
    // The clock may have been set within this hour, by less than one hour.
    match zone
        .preceding(instant.saturating_add(1.nanosecond()).unwrap_or(instant))
        .next()
    {
        Some(change) if change.timestamp() > hour => change.timestamp(),
        _ => hour,
    }
}

fn next_hour(zone: &TimeZone, hour: Timestamp) -> Option<Timestamp> {
    let offset = i64::from(zone.to_offset(hour).seconds());
    let next = (hour.as_second() + offset).div_euclid(3600) * 3600 + 3600 - offset;
    let next = Timestamp::from_second(next).ok()?;
    match zone.following(hour).next() {
        Some(change) if change.timestamp() < next => Some(change.timestamp()),
        _ => Some(next),
    }
}

/// Local times of a zone. Fast for many instants in roughly ascending order.
#[derive(Debug, Clone)]
pub struct LocalClock {
    zone: TimeZone,
    /// Start, end and offset of the current span, in ms.
    span: (i64, i64, i64),
}

impl LocalClock {
    /// Creates the clock of a zone.
    #[must_use]
    pub fn of(zone: TimeZone) -> Self {
        Self {
            zone,
            span: (i64::MAX, i64::MIN, 0),
        }
    }

    /// Day since 1970-01-01 and hour of the day, of an instant in ms since 1970.
    pub fn day_and_hour(&mut self, instant: i64) -> (i64, u8) {
        if instant < self.span.0 || instant >= self.span.1 {
            self.span = self.span_of(instant);
        }
        let local = instant + self.span.2;
        let hour = local.rem_euclid(86_400_000) / 3_600_000;
        (local.div_euclid(86_400_000), hour as u8)
    }

    fn span_of(&self, instant: i64) -> (i64, i64, i64) {
        let time = Timestamp::from_millisecond(instant).unwrap_or(Timestamp::UNIX_EPOCH);
        let offset = i64::from(self.zone.to_offset(time).seconds()) * 1000;
        let at = |change: Option<jiff::tz::TimeZoneTransition<'_>>, none| {
            change.map_or(none, |change| change.timestamp().as_millisecond())
        };
        let until = at(self.zone.following(time).next(), i64::MAX);
        let later = time.saturating_add(1.nanosecond()).unwrap_or(time);
        (at(self.zone.preceding(later).next(), i64::MIN), until, offset)
    }

    /// The date this many days after 1970-01-01.
    #[must_use]
    pub fn date(day: i64) -> Option<Date> {
        jiff::civil::date(1970, 1, 1).checked_add(day.days()).ok()
    }

    /// Day of the week: 0 is Monday.
    #[must_use]
    pub fn weekday(day: i64) -> u8 {
        // 1970 began on a Thursday.
        (day + 3).rem_euclid(7) as u8
    }
}

/// Whether a day of the zone begins at this instant.
#[must_use]
pub fn is_start_of_day(zoned: &Zoned) -> bool {
    zoned.start_of_day().is_ok_and(|start| start == *zoned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(zone: &str, bucket: Bucket, first: &str, last: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        buckets(&zone, bucket, at(first), at(last), 100)
            .unwrap()
            .into_iter()
            .map(|bound| bound.to_string())
            .collect()
    }

    #[test]
    fn days_have_23_and_25_hours() {
        let spring = bounds(
            "Europe/Berlin",
            Bucket::Day,
            "2026-03-29T12:00:00Z",
            "2026-03-29T13:00:00Z",
        );
        assert_eq!(spring, ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
        let autumn = bounds(
            "Europe/Berlin",
            Bucket::Day,
            "2026-10-25T12:00:00Z",
            "2026-10-25T12:00:00Z",
        );
        assert_eq!(autumn, ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]);
    }

    #[test]
    fn a_week_over_new_year_is_one() {
        let week = bounds(
            "UTC",
            Bucket::Week,
            "2024-12-31T00:00:00Z",
            "2025-01-05T23:59:59Z",
        );
        assert_eq!(week, ["2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"]);
    }

    #[test]
    fn zones_may_be_half_an_hour_off() {
        let day = bounds(
            "Asia/Kolkata",
            Bucket::Day,
            "2026-01-01T18:29:59Z",
            "2026-01-01T18:30:00Z",
        );
        assert_eq!(
            day,
            [
                "2025-12-31T18:30:00Z",
                "2026-01-01T18:30:00Z",
                "2026-01-02T18:30:00Z"
            ]
        );
        let hours = bounds(
            "Asia/Kolkata",
            Bucket::Hour,
            "2026-01-01T00:10:00Z",
            "2026-01-01T00:40:00Z",
        );
        assert_eq!(
            hours,
            [
                "2025-12-31T23:30:00Z",
                "2026-01-01T00:30:00Z",
                "2026-01-01T01:30:00Z"
            ]
        );
        // On Lord Howe Island clocks are set by half an hour: from 2:00 to 2:30.
        let hours = bounds(
            "Australia/Lord_Howe",
            Bucket::Hour,
            "2026-10-03T15:00:00Z",
            "2026-10-03T16:10:00Z",
        );
        assert_eq!(
            hours,
            [
                "2026-10-03T14:30:00Z",
                "2026-10-03T15:30:00Z",
                "2026-10-03T16:00:00Z",
                "2026-10-03T17:00:00Z"
            ]
        );
    }

    #[test]
    fn months_and_years_begin_at_local_midnight() {
        let months = bounds(
            "America/New_York",
            Bucket::Month,
            "2026-03-01T04:59:59Z",
            "2026-03-01T05:00:00Z",
        );
        assert_eq!(
            months,
            [
                "2026-02-01T05:00:00Z",
                "2026-03-01T05:00:00Z",
                "2026-04-01T04:00:00Z"
            ]
        );
        let years = bounds(
            "UTC",
            Bucket::Year,
            "2025-06-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
        );
        assert_eq!(
            years,
            [
                "2025-01-01T00:00:00Z",
                "2026-01-01T00:00:00Z",
                "2027-01-01T00:00:00Z"
            ]
        );
    }

    #[test]
    fn a_skipped_day_is_no_bucket() {
        let days = bounds(
            "Pacific/Apia",
            Bucket::Day,
            "2011-12-29T12:00:00Z",
            "2011-12-30T12:00:00Z",
        );
        assert_eq!(
            days,
            [
                "2011-12-29T10:00:00Z",
                "2011-12-30T10:00:00Z",
                "2011-12-31T10:00:00Z"
            ]
        );
    }

    #[test]
    fn too_many_are_refused() {
        let (first, last) = (
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(86_400 * 100).unwrap(),
        );
        assert_eq!(
            buckets(&TimeZone::UTC, Bucket::Day, first, last, 100),
            Err(TooManyBuckets)
        );
        assert_eq!(
            buckets(&TimeZone::UTC, Bucket::Day, first, last, 101)
                .unwrap()
                .len(),
            102
        );
    }

    #[test]
    fn clocks_agree_with_the_calendar() {
        for zone in [
            "UTC",
            "Europe/Berlin",
            "Asia/Kathmandu",
            "America/St_Johns",
            "Australia/Lord_Howe",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let mut clock = LocalClock::of(zone.clone());
            for step in 0..4000 {
                let instant = Timestamp::from_second(1_770_000_000 + step * 7_777).unwrap();
                let zoned = instant.to_zoned(zone.clone());
                let (day, hour) = clock.day_and_hour(instant.as_millisecond());
                assert_eq!(LocalClock::date(day), Some(zoned.date()));
                assert_eq!(i8::try_from(hour).unwrap(), zoned.hour());
                assert_eq!(
                    i8::try_from(LocalClock::weekday(day)).unwrap(),
                    zoned.weekday().to_monday_zero_offset()
                );
            }
        }
    }
}
