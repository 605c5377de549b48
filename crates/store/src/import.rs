//! Merging pages of a printer's history into the jobs.

use domain::{HistoryJob, PrinterId};
use jiff::Timestamp;

use crate::{Result, Store};

/// What became of the rows of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows that were new.
    pub added: u64,
    /// Rows that told something new of a stored job.
    pub changed: u64,
    /// Rows that told nothing new, and the one that was left out.
    pub unchanged: u64,
    /// Rows about runs that the user has deleted here.
    pub skipped_deleted: u64,
}

impl Store {
    /// Merges rows of the printer's history into its jobs, in one transaction. Idempotent.
    ///
    /// `leave` is left alone: the run that the tracker decides about.
    ///
    /// # Errors
    /// [`Error::NoSuchPrinter`](crate::Error::NoSuchPrinter) if the printer has been deleted.
    pub async fn import_history(
        &self,
        printer_id: PrinterId,
        rows: &[HistoryJob],
        leave: Option<&HistoryJob>,
        now: Timestamp,
    ) -> Result<Imported> {
        todo!()
    }
}
