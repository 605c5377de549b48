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
pub(crate) struct StaleConnections(Arc<Mutex<Option<Instant>>>);

impl StaleConnections {
    /// Marks all open connections as stale. They are not reused.
    pub(crate) fn expire_all(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age may be used.
    pub(crate) fn is_good(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Opened after that moment. The pool knows ages, not times.
        since.is_none_or(|since| age < since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_from_before_are_given_up() {
        let stale_connections = StaleConnections::default();
        let old = Duration::from_secs(3600);
        assert!(stale_connections.is_good(old));
        stale_connections.expire_all();
        assert!(!stale_connections.is_good(old));
        assert!(stale_connections.is_good(Duration::ZERO));
    }
}
