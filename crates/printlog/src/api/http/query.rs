//! Parses the query of a request: parameters that may occur once or repeatedly. Unknown parameters are refused by
//! name.

use std::{fmt::Display, str::FromStr};

use domain::LARGEST_ID;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::api::http::error::{FieldError, Problem};

/// The remaining parameters, and the errors in those already parsed.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    taken: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Query {
    pub(crate) fn new(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self {
            pairs,
            taken: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Takes a parameter that may occur once.
    pub(crate) fn one<T>(
        &mut self,
        name: &'static str,
        convert: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut values = self.take(name).into_iter();
        let value = values.next()?;
        if values.next().is_some() {
            self.complain(name, "may be given once only");
            return None;
        }
        convert(&value)
            .map_err(|message| self.complain(name, message))
            .ok()
    }

    /// Takes a parameter that may be repeated and may contain several values, separated by commas.
    pub(crate) fn several<T>(
        &mut self,
        name: &'static str,
        convert: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let values = self.take(name);
        self.converted(name, values.iter().flat_map(|value| value.split(',')), convert)
    }

    /// Takes a parameter that may be repeated, each time with one value.
    pub(crate) fn repeated<T>(
        &mut self,
        name: &'static str,
        convert: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let values = self.take(name);
        self.converted(name, values.iter().map(String::as_str), convert)
    }

    fn converted<'a, T>(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = &'a str>,
        convert: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut converted = Vec::new();
        for value in values {
            match convert(value.trim()) {
                Ok(value) => converted.push(value),
                Err(message) => {
                    self.complain(name, message);
                    break;
                }
            }
        }
        converted
    }

    pub(crate) fn complain(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// Returns `value` if all parameters were valid and known.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            let allowed = match self.taken.as_slice() {
                [] => "there are none here".to_owned(),
                names => format!("allowed are {}", names.join(", ")),
            };
            self.complain(&name, format!("unknown parameter; {allowed}"));
        }
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(Problem::invalid(self.errors))
        }
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.taken.push(name);
        self.pairs
            .extract_if(.., |(given, _)| given == name)
            .map(|(_, value)| value)
            .collect()
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

/// Parses a text of 1 to `longest` characters, without null bytes, which no database accepts.
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
    fn values_may_be_repeated_and_listed() {
        let mut query = Query::new(Some("id=1&id=2,3&id=%34"));
        let ids = query.several("id", id);
        assert_eq!(query.finish(ids).unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let mut query = Query::new(Some("limit=0&since=soon&other=1&limits=5"));
        query.one("limit", whole(1, 500));
        query.one("since", instant);
        let problem = serde_json::to_value(query.finish(()).unwrap_err()).unwrap();
        let fields: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| &error["field"])
            .collect();
        assert_eq!(fields, ["limit", "since", "other", "limits"]);
    }

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
