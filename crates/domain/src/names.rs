//! Names of values: `strum` derives them from the variants of an enum, in the database, the API and the command line alike.

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
            allowed: names::<T>(),
        }
    }

    /// The names that are.
    #[must_use]
    pub fn into_allowed(self) -> Vec<&'static str> {
        self.allowed
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be one of {}", self.allowed.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// The names of all values of an enum.
#[must_use]
pub fn names<T: VariantArray + Copy + Into<&'static str>>() -> Vec<&'static str> {
    T::VARIANTS.iter().map(|value| (*value).into()).collect()
}

/// All values of an enum, as an array for constants.
#[must_use]
pub const fn all<T: VariantArray + Copy, const N: usize>() -> [T; N] {
    match T::VARIANTS.first_chunk() {
        Some(all) => *all,
        None => panic!("there are fewer values"),
    }
}

#[cfg(test)]
mod tests {
    use crate::{JobStatus, UnknownName, Verdict};

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let error: UnknownName = "Good".parse::<Verdict>().unwrap_err();
        assert_eq!(error.to_string(), "must be one of good, partly_good, scrap");
    }

    #[test]
    fn every_value_is_parsed_from_its_name() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }
}
