//! Time zones by the names that users and browsers give them.

use jiff::tz::{Offset, TimeZone};

/// The zone with an IANA name. `None` if there is no such zone, and for `Etc/Unknown`, which browsers send if the
/// system has no zone, and which would be treated as UTC.
pub(crate) fn named(name: &str) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok()?;
    (!zone.is_unknown()).then_some(zone)
}

/// The zone with an IANA name, or a fixed offset from UTC such as `+02:00`.
pub(crate) fn named_or_fixed(text: &str) -> Option<TimeZone> {
    named(text).or_else(|| offset(text).map(TimeZone::fixed))
}

/// Name of a zone, in the form that [`named_or_fixed`] reads.
pub(crate) fn name(zone: &TimeZone) -> String {
    if let Some(name) = zone.iana_name() {
        return name.to_owned();
    }
    let minutes = zone.to_fixed_offset().map_or(0, |offset| offset.seconds() / 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Parses `+02:00` or `-0330`, up to 14 hours. In a query that was not encoded, `+` becomes a blank.
fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+" | " ", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest
        .split_once(':')
        .or_else(|| (rest.len() == 4).then(|| rest.split_at_checked(2)).flatten())?;
    let two_digits = |text: &str| {
        let is_right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_right.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let is_in_range = minutes < 60 && hours * 60 + minutes <= 14 * 60;
    is_in_range
        .then(|| Offset::from_seconds(sign * (hours * 60 + minutes) * 60).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_offsets_are_read() {
        for (text, shown) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("UTC", "UTC"),
            ("+02:00", "+02:00"),
            (" 02:00", "+02:00"),
            ("-03:30", "-03:30"),
            ("+0545", "+05:45"),
            ("+00:00", "UTC"),
            ("+14:00", "+14:00"),
        ] {
            assert_eq!(name(&named_or_fixed(text).unwrap()), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_zone_is_not_taken_for_utc() {
        for text in [
            "",
            "Etc/Unknown",
            "etc/unknown",
            "Mars/Olympus",
            "+",
            "+2",
            "+02:60",
            "+15:00",
            "02:00",
            "+02:00:00",
            "+ü:00",
            "+-2:00",
        ] {
            assert!(named_or_fixed(text).is_none(), "{text}");
        }
        assert!(named("+02:00").is_none());
    }
}
