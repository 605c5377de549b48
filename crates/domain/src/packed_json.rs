//! JSON that is kept as text.

use std::sync::Arc;

use serde_json::{Value, value::RawValue};

/// JSON that is kept for later and rarely read, such as a file's metadata. Cheap to clone.
///
/// A tree of [`Value`]s takes several times the memory of its text, and a running job is copied for each write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedJson(Arc<str>);

impl PackedJson {
    /// Packs a text that is already JSON.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        let checked: &RawValue = serde_json::from_str(text)?;
        Ok(Self(checked.get().into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON. Null if it is nested more deeply than the parser accepts, which can only be JSON that was never read
    /// from a text.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Whether both are one text, without reading it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Equal values give equal texts: objects are sorted by name.
impl From<&Value> for PackedJson {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl From<Value> for PackedJson {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_comes_back_as_it_was() {
        let value = json!({"b": [1, 2.5, null], "a": {"name": "\u{1f6a2} \" \\"}});
        let packed = PackedJson::from(&value);
        assert_eq!(packed.to_value(), value);
        assert_eq!(PackedJson::from_text(packed.as_str()).unwrap(), packed);
        assert_eq!(
            PackedJson::from(serde_json::from_str::<Value>(r#"{"x": 1, "a": 2}"#).unwrap()),
            PackedJson::from(json!({"a": 2, "x": 1})),
            "the order of the names does not matter"
        );
        assert!(PackedJson::from_text("{").is_err());
    }
}
