//! Connections that take no writes, and never will, while new ones do. They go on answering, so nothing closes them.
//!
//! Some lead to the wrong node of a cluster; what routes connections sends new ones to the right node. SQLite opens a file
//! that it may not write for reading only, without a word, and stays with that.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Since when connections are good. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Misled(Arc<Mutex<Option<Instant>>>);

impl Misled {
    /// No connection that is open now is used again.
    pub(crate) fn renew_all(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of that age may be used.
    pub(crate) fn is_good(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_none_or(|since| age < since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_from_before_are_given_up() {
        let misled = Misled::default();
        let old = Duration::from_secs(3600);
        assert!(misled.is_good(old));
        misled.renew_all();
        assert!(!misled.is_good(old));
        assert!(misled.is_good(Duration::ZERO));
    }
}
