//! Validates values that users enter, for the API and the command line: each function returns the value to store or a
//! message that says what is allowed.

mod invalid;
pub(crate) mod job;
pub(crate) mod page;

use std::str::FromStr;

use domain::{LARGEST_ID, UnknownName};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

pub(crate) use crate::input::invalid::{Invalid, InvalidCode, params};

/// Maximum length of the name of an API key in characters.
pub(crate) const KEY_NAME: usize = 255;

/// Error in a field of the body, or in a parameter of the path or the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Name of the field; nested fields are written `outer.inner`.
    pub(crate) field: String,
    /// What is wrong and what is allowed, in English.
    pub(crate) message: String,
    /// Stable name of the message, for programs and translations.
    code: InvalidCode,
    /// Variable parts of the message by name: texts, numbers and lists of texts. Omitted if there are none.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(required = false, value_type = Object, example = json!({"min": 1, "max": 500}))]
    params: Map<String, Value>,
}

impl FieldError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers make the message for this call"
    )]
    pub(crate) fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self {
            field: field.into(),
            message: invalid.to_string(),
            code: (&invalid).into(),
            params: params(&invalid),
        }
    }
}

/// Parses an integer within the given range.
pub(crate) fn whole<T: FromStr + PartialOrd + Serialize>(
    lowest: T,
    highest: T,
) -> impl Fn(&str) -> Result<T, Invalid> {
    move |text| match text.parse() {
        Ok(number) if lowest <= number && number <= highest => Ok(number),
        _ => Err(Invalid::NotWholeNumber {
            min: json!(lowest),
            max: json!(highest),
        }),
    }
}

/// Parses a primary key.
pub(crate) fn id(text: &str) -> Result<i64, Invalid> {
    whole(1, LARGEST_ID)(text)
}

pub(crate) fn truth(text: &str) -> Result<bool, Invalid> {
    text.parse().map_err(|_| Invalid::NotTrueOrFalse)
}

/// Parses a string of 1 to `longest` characters, without null bytes, which no database accepts.
pub(crate) fn text(longest: usize) -> impl Fn(&str) -> Result<String, Invalid> {
    move |text| match text.chars().count() {
        _ if text.contains('\0') => Err(Invalid::NullCharacter),
        length if (1..=longest).contains(&length) => Ok(text.to_owned()),
        _ => Err(Invalid::WrongLength { max: longest }),
    }
}

/// Parses a name: trims the text and refuses it if nothing is left.
pub(crate) fn name(given: &str, longest: usize) -> Result<String, Invalid> {
    text(longest)(given.trim())
}

/// Refuses line breaks and other control characters.
pub(crate) fn on_one_line(text: String) -> Result<String, Invalid> {
    match text.contains(char::is_control) {
        true => Err(Invalid::ControlCharacter),
        false => Ok(text),
    }
}

/// Parses the name of a value.
pub(crate) fn word<T: FromStr<Err = UnknownName>>(name: &str) -> Result<T, Invalid> {
    name.parse().map_err(|unknown: UnknownName| Invalid::NotAllowed {
        allowed: unknown.into_allowed(),
    })
}

/// Parses an RFC 3339 instant, or a date, which means its first instant in UTC.
pub(crate) fn instant(text: &str) -> Result<Timestamp, Invalid> {
    instant_in(&TimeZone::UTC, text)
}

/// Parses an RFC 3339 instant, or a date, which means its first instant in `zone`.
pub(crate) fn instant_in(zone: &TimeZone, text: &str) -> Result<Timestamp, Invalid> {
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
    writable.ok_or(Invalid::NotInstant)
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
