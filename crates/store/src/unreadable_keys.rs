//! How many printers have a key that cannot be decrypted, as it was counted last: `/health` asks every few seconds, and to
//! decrypt the keys of a thousand printers takes milliseconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Printer;

/// The count, until a printer is changed. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnreadableKeys(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// Changes of printers so far.
    changes: u64,
    /// `None` while it is not known.
    count: Option<usize>,
}

impl UnreadableKeys {
    pub(crate) fn count(&self) -> Option<usize> {
        self.counted().count
    }

    /// To be asked before printers are read for [`note`](Self::note).
    pub(crate) fn changes(&self) -> u64 {
        self.counted().changes
    }

    /// Takes the count of all printers, unless one was changed since they were read.
    pub(crate) fn note(&self, changes: u64, printers: &[Printer]) {
        let mut counted = self.counted();
        if counted.changes == changes {
            let unreadable = printers.iter().filter(|printer| printer.key_is_unreadable);
            counted.count = Some(unreadable.count());
        }
    }

    /// A printer was changed by this process.
    pub(crate) fn changed(&self) {
        let mut counted = self.counted();
        counted.changes += 1;
        counted.count = None;
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
