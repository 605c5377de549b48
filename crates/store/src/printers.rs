//! The table `printers`.

use domain::{Backfill, NewPrinter, Printer, PrinterId};
use jiff::Timestamp;

use crate::{Result, Store};

/// What became of the wish to delete a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedPrinter {
    /// It is gone, with all that belonged to it.
    Deleted,
    /// There is none.
    NotFound,
    /// It has so many jobs, and these were not to be deleted. Nothing has changed.
    HasJobs(u64),
}

impl Store {
    /// Adds a printer, with empty totals.
    ///
    /// # Errors
    /// [`Error::NameTaken`](crate::Error::NameTaken): names are compared without regard to case and surrounding
    /// blanks. [`Error::TooLong`](crate::Error::TooLong).
    pub async fn add_printer(&self, printer: &NewPrinter, now: Timestamp) -> Result<Printer> {
        todo!()
    }

    /// All printers, by name.
    pub async fn printers(&self) -> Result<Vec<Printer>> {
        todo!()
    }

    /// The printer with this id.
    pub async fn printer(&self, id: PrinterId) -> Result<Option<Printer>> {
        todo!()
    }

    /// The printer with this name, without regard to case and surrounding blanks.
    pub async fn printer_by_name(&self, name: &str) -> Result<Option<Printer>> {
        todo!()
    }

    /// Replaces what the user said of the printer. `None` if there is none.
    ///
    /// # Errors
    /// As of [`add_printer`](Self::add_printer).
    pub async fn update_printer(
        &self,
        id: PrinterId,
        printer: &NewPrinter,
        now: Timestamp,
    ) -> Result<Option<Printer>> {
        todo!()
    }

    /// Deletes the printer, and its jobs if `delete_jobs`.
    pub async fn delete_printer(&self, id: PrinterId, delete_jobs: bool) -> Result<DeletedPrinter> {
        todo!()
    }

    /// Stores when printers last answered, all in one transaction. An earlier time than the stored one changes nothing.
    pub async fn touch_printers(&self, last_seen: &[(PrinterId, Timestamp)]) -> Result<()> {
        todo!()
    }

    /// Stores how far the import of the printer's history has come.
    pub async fn save_backfill(&self, id: PrinterId, backfill: &Backfill) -> Result<()> {
        todo!()
    }
}
