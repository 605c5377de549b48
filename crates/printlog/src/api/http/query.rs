//! Reads the query of a request: parameters that may occur once or repeatedly. Unknown parameters are refused by name,
//! and all errors are reported together.

use axum::{extract::FromRequestParts, http::request::Parts};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    api::http::error::Problem,
    input::{FieldError, Invalid, instant_in},
};

/// Parameters that a route takes from its query.
pub(crate) trait Parameters: Sized {
    /// Takes the parameters of this type. Errors are collected in the reader.
    fn read(query: &mut QueryReader) -> Self;
}

/// Extracts the parameters of a route, and refuses all others.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: Parameters> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut query = QueryReader::new(parts.uri.query());
        let parameters = T::read(&mut query);
        query.finish(Self(parameters))
    }
}

/// No parameters.
impl Parameters for () {
    fn read(_: &mut QueryReader) -> Self {}
}

impl<A: Parameters, B: Parameters> Parameters for (A, B) {
    fn read(query: &mut QueryReader) -> Self {
        (A::read(query), B::read(query))
    }
}

impl<A: Parameters, B: Parameters, C: Parameters> Parameters for (A, B, C) {
    fn read(query: &mut QueryReader) -> Self {
        (A::read(query), B::read(query), C::read(query))
    }
}

/// Defines the parameters of a query once: the struct, its description in the OpenAPI document, and the method of
/// [`QueryReader`] that reads each field.
macro_rules! parameters {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty = $method:ident($($argument:expr),*)),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        impl $crate::api::http::query::Parameters for $name {
            fn read(query: &mut $crate::api::http::query::QueryReader) -> Self {
                Self {
                    $($field: query.$method(stringify!($field) $(, $argument)*)),*
                }
            }
        }
    };
}
pub(crate) use parameters;

/// The remaining parameters, and the errors in those already read.
#[derive(Debug)]
pub(crate) struct QueryReader {
    pairs: Vec<(String, String)>,
    taken: Vec<&'static str>,
    errors: Vec<FieldError>,
    /// Where the days of dates begin.
    pub(crate) zone: TimeZone,
}

impl QueryReader {
    pub(crate) fn new(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self {
            pairs,
            taken: Vec::new(),
            errors: Vec::new(),
            zone: TimeZone::UTC,
        }
    }

    /// Takes a parameter that may occur once.
    pub(crate) fn one<T>(
        &mut self,
        name: &'static str,
        convert: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let mut values = self.take(name).into_iter();
        let value = values.next()?;
        if values.next().is_some() {
            self.add_error(name, Invalid::GivenTwice);
            return None;
        }
        convert(&value)
            .map_err(|invalid| self.add_error(name, invalid))
            .ok()
    }

    /// Takes a parameter that may occur once and has a default.
    pub(crate) fn one_or<T>(
        &mut self,
        name: &'static str,
        default: T,
        convert: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> T {
        self.one(name, convert).unwrap_or(default)
    }

    /// Takes an instant or a date in `zone`.
    pub(crate) fn instant(&mut self, name: &'static str) -> Option<Timestamp> {
        let zone = self.zone.clone();
        self.one(name, |text| instant_in(&zone, text))
    }

    /// Takes a parameter that may be repeated and may contain several values, separated by commas.
    pub(crate) fn several<T>(
        &mut self,
        name: &'static str,
        convert: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let values = self.take(name);
        self.converted(name, values.iter().flat_map(|value| value.split(',')), convert)
    }

    /// Takes a parameter that may be repeated, each time with one value.
    pub(crate) fn repeated<T>(
        &mut self,
        name: &'static str,
        convert: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let values = self.take(name);
        self.converted(name, values.iter().map(String::as_str), convert)
    }

    fn converted<'a, T>(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = &'a str>,
        convert: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let mut converted = Vec::new();
        for value in values {
            match convert(value.trim()) {
                Ok(value) => converted.push(value),
                Err(invalid) => {
                    self.add_error(name, invalid);
                    break;
                }
            }
        }
        converted
    }

    pub(crate) fn add_error(&mut self, field: &str, invalid: Invalid) {
        self.errors.push(FieldError::new(field, invalid));
    }

    /// Returns `value` if all parameters were valid and known.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            let invalid = match self.taken.as_slice() {
                [] => Invalid::NoParameters,
                names => Invalid::UnknownParameter {
                    allowed: names.to_vec(),
                },
            };
            self.add_error(&name, invalid);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{id, whole};

    #[test]
    fn values_may_be_repeated_and_listed() {
        let mut query = QueryReader::new(Some("id=1&id=2,3&id=%34"));
        let ids = query.several("id", id);
        assert_eq!(query.finish(ids).unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn all_errors_are_reported_together() {
        let mut query = QueryReader::new(Some("limit=0&since=soon&other=1&limits=5"));
        query.one("limit", whole(1, 500));
        query.instant("since");
        let problem = serde_json::to_value(query.finish(()).unwrap_err()).unwrap();
        let fields: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| &error["field"])
            .collect();
        assert_eq!(fields, ["limit", "since", "other", "limits"]);
    }
}
