//! Parameters and error responses of Moonraker's calls.

use serde_json::{Map, Value};

use crate::history::HistoryError;

/// Code and message of a JSON-RPC error.
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) message: String,
}

pub(crate) type Answer = Result<Value, Refusal>;

pub(crate) fn refuse(code: i64, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        message: message.into(),
    }
}

pub(crate) fn unauthorized() -> Refusal {
    refuse(-32602, "Unauthorized")
}

impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Self {
        refuse(error.code, error.message)
    }
}

/// Parameters of a call, parsed as leniently as Moonraker does: a number may be a string.
pub(crate) struct Params(pub(crate) Map<String, Value>);

impl Params {
    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(refuse(400, format!("No data for argument: {name}"))),
        }
    }

    fn number(&self, name: &str, kind: &str) -> Result<Option<f64>, Refusal> {
        let wrong = |value: &str| {
            refuse(
                400,
                format!("Unable to convert argument [{name}] to <class '{kind}'>: value received: {value}"),
            )
        };
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong(text)),
            Some(other) => Err(wrong(&other.to_string())),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        #[expect(clippy::cast_possible_truncation, reason = "as int() does")]
        let integer = |number: f64| number as i64;
        Ok(self.number(name, "int")?.map(integer))
    }

    /// An optional time. -1 means "not given".
    pub(crate) fn time(&self, name: &str) -> Result<Option<f64>, Refusal> {
        #[expect(clippy::float_cmp, reason = "as Moonraker does")]
        Ok(self.number(name, "float")?.filter(|time| *time != -1.0))
    }
}
