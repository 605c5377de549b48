//! A value from the file or the environment, before it is validated.

use std::{fmt, path::PathBuf};

/// Origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    File { path: PathBuf, line: usize },
    Environment(String),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and its origin.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Clone)]
pub(super) enum Value {
    Nothing,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Mapping,
    /// From the environment, where everything is text; it can represent any of the other kinds.
    Raw(String),
}

impl Value {
    /// Describes the value in words. Omits the value itself if it is secret.
    pub(super) fn describe(&self, secret: bool) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Bool(value) => format!("the boolean {value}"),
            Self::Number(_) if secret => "a number".to_owned(),
            Self::Number(value) => format!("the number {value}"),
            Self::Text(_) | Self::Raw(_) if secret => {
                "a string (not shown, because it may be secret)".to_owned()
            }
            Self::Text(value) => format!("the string \"{}\"", value.escape_debug()),
            Self::Raw(value) => format!("\"{}\"", value.escape_debug()),
            Self::List(_) => "a list".to_owned(),
            Self::Mapping => "a mapping".to_owned(),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Raw(raw) => matches!(raw.trim(), "" | "null" | "~"),
            _ => false,
        }
    }

    /// The value as written in the file. `None` if it has more than one word.
    pub(super) fn written(&self) -> Option<String> {
        match self {
            Self::Nothing => Some("null".to_owned()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(value) => Some(value.to_string()),
            Self::Text(text) | Self::Raw(text) => Some(text.clone()),
            Self::List(_) | Self::Mapping => None,
        }
    }

    /// A non-empty text.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Raw(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Raw(raw) => raw.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    pub(super) fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::List(items) => items.iter().map(Self::text).collect(),
            Self::Nothing => Some(Vec::new()),
            Self::Raw(raw) => {
                let inside = raw.trim().trim_start_matches('[').trim_end_matches(']');
                let items = inside
                    .split(',')
                    .map(|item| item.trim().trim_matches('"').to_owned());
                Some(items.filter(|item| !item.is_empty()).collect())
            }
            _ => None,
        }
    }
}
