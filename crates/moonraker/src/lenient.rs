//! Reads JSON values as the numbers or strings that they are meant to be.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Reads a number, or a number written as a string. `Ok(None)` for null and for an empty string.
///
/// # Errors
/// For anything else: the value is unknown, and the caller should warn.
pub fn number(value: &Value) -> Result<Option<f64>, WrongType> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(WrongType("number")),
        },
        _ => Err(WrongType("number")),
    }
}

/// Reads a number. `None` if it is unknown.
#[must_use]
pub fn known_number(value: &Value) -> Option<f64> {
    number(value).ok().flatten()
}

/// Reads a whole number from 0. Fractions are cut off. `None` if it is unknown.
#[must_use]
pub fn known_count(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturates"
    )]
    let whole = |number: f64| number as u64;
    let exact = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64(),
    };
    exact.or_else(|| known_number(value).filter(|number| *number >= 0.0).map(whole))
}

/// Reads a boolean: `true`, 1, or one of them as a string in any case. `None` if it is unknown.
#[must_use]
pub fn known_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        value => match known_number(value)? {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        },
    }
}

/// Longest file name that is kept, in bytes: the limit of a path on Linux.
pub(crate) const NAME: usize = 4096;
/// Longest other string that is kept, in bytes.
pub(crate) const TEXT: usize = 16 * 1024;
/// Longest word, version or name of a host or user, in bytes.
pub(crate) const WORD: usize = 255;

/// The beginning of a string, at most `most` bytes.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
    text
}

/// Reads a string. `Ok(None)` for null.
pub(crate) fn text(value: Value) -> Result<Option<String>, WrongType> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(WrongType("string")),
    }
}

/// Reads the id of a job: a string, or a number, which some firmwares send.
pub(crate) fn id(value: Value) -> Result<Option<String>, WrongType> {
    match value {
        Value::Number(_) => match known_count(&value) {
            Some(number) => Ok(Some(number.to_string())),
            None => Err(WrongType("string")),
        },
        value => Ok(text(value)?.filter(|id| !id.trim().is_empty())),
    }
}

/// The type that a value should have had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType(pub(crate) &'static str);

/// For `#[serde(deserialize_with)]`: a number, or `None` for anything else.
pub(crate) fn maybe_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(known_number(&Value::deserialize(deserializer)?))
}

/// For `#[serde(deserialize_with)]`: a boolean, or `None` for anything else.
pub(crate) fn maybe_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(known_bool(&Value::deserialize(deserializer)?))
}

/// For `#[serde(deserialize_with)]`: a string, or `None` for anything else.
pub(crate) fn maybe_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = text(Value::deserialize(deserializer)?).ok().flatten();
    Ok(text.map(|text| cut(text, TEXT)))
}

/// For `#[serde(deserialize_with)]`: a short string, or `None` for anything else.
pub(crate) fn maybe_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(maybe_text(deserializer)?.map(|text| cut(text, WORD)))
}

/// For `#[serde(deserialize_with)]`: an object, or an empty one for anything else.
pub(crate) fn maybe_object<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Map<String, Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

/// For `#[serde(deserialize_with)]`: the strings of a list; an empty list for anything else.
pub(crate) fn maybe_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(items) => Ok(items
            .into_iter()
            .filter_map(|item| text(item).ok().flatten())
            .map(|item| cut(item, WORD))
            .collect()),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_in_four_shapes() {
        assert_eq!(number(&json!(1)), Ok(Some(1.0)));
        assert_eq!(number(&json!(1.5)), Ok(Some(1.5)));
        assert_eq!(number(&json!("1.5")), Ok(Some(1.5)));
        assert_eq!(number(&json!(null)), Ok(None));
        assert_eq!(number(&json!(" 7 ")), Ok(Some(7.0)));
        assert_eq!(number(&json!("")), Ok(None));
        for wrong in [
            json!("NaN"),
            json!("inf"),
            json!("0x10"),
            json!("5mm"),
            json!([1]),
            json!(true),
        ] {
            assert_eq!(number(&wrong), Err(WrongType("number")), "{wrong}");
        }
    }

    #[test]
    fn truth_values_may_be_numbers() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!(false), Some(false)),
            (json!(1), Some(true)),
            (json!(0.0), Some(false)),
            (json!("1"), Some(true)),
            (json!(" False "), Some(false)),
            (json!("TRUE"), Some(true)),
            (json!(2), None),
            (json!(0.5), None),
            (json!(-1), None),
            (json!("yes"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([true]), None),
        ] {
            assert_eq!(known_bool(&value), expected, "{value}");
        }
    }

    #[test]
    fn counts_are_whole_and_exact() {
        for (value, count) in [
            (json!(192), Some(192)),
            (json!("192"), Some(192)),
            (json!("192.0"), Some(192)),
            (json!(2.9), Some(2)),
            (json!("9007199254740993"), Some(9_007_199_254_740_993)),
            (json!(-1), None),
            (json!("many"), None),
            (json!(null), None),
        ] {
            assert_eq!(known_count(&value), count, "{value}");
        }
    }

    #[test]
    fn ids_may_be_numbers() {
        for (value, expected) in [
            (json!("00001F"), Ok(Some("00001F"))),
            (json!(1_762_515_086), Ok(Some("1762515086"))),
            (json!(7.0), Ok(Some("7"))),
            (json!(0), Ok(Some("0"))),
            (json!(null), Ok(None)),
            (json!(""), Ok(None)),
            (json!(-1), Err(WrongType("string"))),
            (json!([7]), Err(WrongType("string"))),
        ] {
            assert_eq!(
                id(value.clone()),
                expected.map(|id| id.map(str::to_owned)),
                "{value}"
            );
        }
    }
}
