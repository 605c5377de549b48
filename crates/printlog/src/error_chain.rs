//! The text of an error with all its causes, as logs and users see it.

use std::{error::Error, fmt};

/// Displays an error and its causes: `cannot read the history: connection reset`.
pub(crate) struct ErrorChain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn all_causes_are_in_the_text() {
        let error = Layer(
            "cannot save",
            Some(Box::new(Layer(
                "cannot write",
                Some(Box::new(Layer("disk full", None))),
            ))),
        );
        assert_eq!(
            ErrorChain(&error).to_string(),
            "cannot save: cannot write: disk full"
        );
    }
}
