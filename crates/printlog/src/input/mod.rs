//! Validates values that users enter, for the API and the command line: each function returns the value to store or a
//! message that says what is allowed.

pub(crate) mod job;
pub(crate) mod page;

use std::{fmt::Display, str::FromStr};

use domain::{LARGEST_ID, UnknownName};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

/// Maximum length of the name of an API key in characters.
pub(crate) const KEY_NAME: usize = 255;

/// Error in a field of the body, or in a parameter of the path or the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Name of the field; nested fields are written `outer.inner`.
    pub(crate) field: String,
    /// What is wrong and what is allowed.
    pub(crate) message: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Parses an integer within the given range.
pub(crate) fn whole<T: FromStr + PartialOrd + Display>(
    lowest: T,
    highest: T,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| match text.parse() {
        Ok(number) if lowest <= number && number <= highest => Ok(number),
        _ => Err(format!("must be a whole number from {lowest} to {highest}")),
    }
}

/// Parses a primary key.
pub(crate) fn id(text: &str) -> Result<i64, String> {
    whole(1, LARGEST_ID)(text)
}

pub(crate) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

/// Parses a string of 1 to `longest` characters, without null bytes, which no database accepts.
pub(crate) fn text(longest: usize) -> impl Fn(&str) -> Result<String, String> {
    move |text| match text.chars().count() {
        _ if text.contains('\0') => Err("must not contain a null character".to_owned()),
        length if (1..=longest).contains(&length) => Ok(text.to_owned()),
        _ => Err(format!("must have 1 to {longest} characters")),
    }
}

/// Parses a name: trims the text and refuses it if nothing is left.
pub(crate) fn name(given: &str, longest: usize) -> Result<String, String> {
    text(longest)(given.trim())
}

/// Refuses line breaks and other control characters.
pub(crate) fn on_one_line(text: String) -> Result<String, String> {
    match text.contains(char::is_control) {
        true => Err("must not contain line breaks or other control characters".to_owned()),
        false => Ok(text),
    }
}

/// Parses the name of a value.
pub(crate) fn word<T: FromStr<Err = UnknownName>>(name: &str) -> Result<T, String> {
    name.parse().map_err(|unknown: UnknownName| unknown.to_string())
}

/// Parses an RFC 3339 instant, or a date, which means its first instant in UTC.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    instant_in(&TimeZone::UTC, text)
}

/// Parses an RFC 3339 instant, or a date, which means its first instant in `zone`.
pub(crate) fn instant_in(zone: &TimeZone, text: &str) -> Result<Timestamp, String> {
    // In a query that was not encoded, `+` becomes a blank; no instant has a blank before its zone.
    let text = text.replace(' ', "+");
    let date = (text.len() == "2026-01-31".len())
        .then(|| text.parse::<Date>().ok())
        .flatten();
    let instant = match date {
        Some(date) => date
            .to_zoned(zone.clone())
            .and_then(|zoned| zoned.start_of_day())
            .ok()
            .map(|zoned| zoned.timestamp()),
        None => text.parse().ok(),
    };
    let writable = instant.filter(|instant| instant.to_zoned(TimeZone::UTC).year() >= 0);
    writable.ok_or_else(|| {
        "must be a date such as 2026-01-31 or an instant such as 2026-01-31T12:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_dates_or_rfc_3339() {
        let seconds = |text| instant(text).map(Timestamp::as_second).ok();
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-01-01T01:00:00Z"), Some(3_600));
        assert_eq!(seconds("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(seconds("1970-01-01T01:00:00 01:00"), Some(0));
        assert_eq!(seconds("1970-01-01T01:00:00"), None);
        assert_eq!(seconds("-000001-12-31T23:00:00Z"), None);
        assert_eq!(seconds("12"), None);
        assert_eq!(seconds(""), None);
    }
}
