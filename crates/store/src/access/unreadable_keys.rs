//! Cached number of printers whose API key cannot be decrypted. `/health` requests it every few seconds, and decrypting
//! the keys of a thousand printers takes milliseconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Printer;

/// The count, valid until a printer changes. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnreadableKeys(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// Number of changes of printers.
    changes: u64,
    /// `None` if unknown.
    count: Option<usize>,
}

impl UnreadableKeys {
    pub(crate) fn count(&self) -> Option<usize> {
        self.counted().count
    }

    /// Number of changes. Must be read before the printers that are passed to [`note`](Self::note).
    pub(crate) fn changes(&self) -> u64 {
        self.counted().changes
    }

    /// Counts the unreadable keys among all printers, unless a printer has changed since they were read.
    pub(crate) fn note(&self, changes: u64, printers: &[Printer]) {
        let mut counted = self.counted();
        if counted.changes == changes {
            let unreadable = printers.iter().filter(|printer| printer.key_is_unreadable);
            counted.count = Some(unreadable.count());
        }
    }

    /// Invalidates the count after this process changed a printer.
    pub(crate) fn changed(&self) {
        let mut counted = self.counted();
        counted.changes += 1;
        counted.count = None;
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
