//! Stale connections: they refuse all writes while new connections would accept them. They still answer reads, so the
//! pool does not close them.
//!
//! A connection may lead to the wrong node of a cluster, while the cluster's router sends new ones to the right node.
//! SQLite silently opens a file without write permission as read-only, and the connection stays read-only.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time since which new connections count as good. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Misled(Arc<Mutex<Option<Instant>>>);

impl Misled {
    /// Marks all open connections as stale. They are not reused.
    pub(crate) fn renew_all(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age may be used.
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
