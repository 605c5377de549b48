//! Names of values that have one of a few.

use std::fmt;

use strum::VariantArray;

/// A text that is not the name of a value. The message lists the names that are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    allowed: Vec<&'static str>,
}

impl UnknownName {
    /// The error for a text that names no `T`. Has the form that `strum` calls.
    #[must_use]
    pub fn of<T: VariantArray + Copy + Into<&'static str>>(_: &str) -> Self {
        Self {
            allowed: T::VARIANTS.iter().map(|value| (*value).into()).collect(),
        }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be one of {}", self.allowed.join(", "))
    }
}

impl std::error::Error for UnknownName {}
