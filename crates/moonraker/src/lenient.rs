//! Reads JSON values as the number or text they are meant to be.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A number, or a number written as text. `Ok(None)` for null.
pub(crate) fn number(value: &Value) -> Result<Option<f64>, NotA> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(NotA("number")),
        },
        _ => Err(NotA("number")),
    }
}

/// Text. `Ok(None)` for null.
pub(crate) fn text(value: Value) -> Result<Option<String>, NotA> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(NotA("text")),
    }
}

/// What a value should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotA(pub(crate) &'static str);

/// For `#[serde(deserialize_with)]`: a number, or `None` for anything else.
pub(crate) fn maybe_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(number(&Value::deserialize(deserializer)?).ok().flatten())
}

/// For `#[serde(deserialize_with)]`: text, or `None` for anything else.
pub(crate) fn maybe_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(Value::deserialize(deserializer)?).ok().flatten())
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

/// For `#[serde(deserialize_with)]`: the texts of a list; nothing for anything else.
pub(crate) fn maybe_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(items) => Ok(items
            .into_iter()
            .filter_map(|item| text(item).ok().flatten())
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
        for wrong in [json!("NaN"), json!("inf"), json!(""), json!([1]), json!(true)] {
            assert_eq!(number(&wrong), Err(NotA("number")), "{wrong}");
        }
    }
}
