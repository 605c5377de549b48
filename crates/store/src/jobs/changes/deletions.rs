//! Deletes jobs, and restores them.

use std::collections::BTreeSet;

use domain::{JobEvent, JobId, PrinterId};
use jiff::Timestamp;

use super::{JobChanges, Printer, deleted_job_rows, deleted_jobs, totals::LockedTotals};
use crate::{
    Error,
    db::{error::Fault, transaction::Tx},
    files::{gcode_files, job_details::JobDetails},
    jobs::{kept_job::KeptJob, rows::StoredJob},
};

/// What remains of a job that a user deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion<'a> {
    /// Only its run, so that an import does not add it again, and its outcome.
    Final,
    /// All of it, until [`Store::forget_deleted_jobs`](crate::Store::forget_deleted_jobs).
    Restorable {
        /// Name of the API key that was used.
        by: Option<&'a str>,
    },
}

impl<'a> JobChanges<'a> {
    /// Locks the jobs of those of the printers that exist.
    pub(crate) async fn lock_existing(
        tx: &'a Tx,
        printer_ids: BTreeSet<PrinterId>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mut changes = Self::lock_all(tx, &BTreeSet::new(), now).await?;
        for id in printer_ids {
            match LockedTotals::lock(tx, id).await {
                Ok(totals) => drop(changes.printers.insert(id, Printer::new(totals))),
                Err(Fault::Store(Error::NoSuchPrinter(_))) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(changes)
    }

    /// Whether the jobs of this printer are locked.
    pub(crate) fn has_locked(&self, id: PrinterId) -> bool {
        self.printers.contains_key(&id)
    }

    /// Deletes a job on behalf of a user. Its run is remembered, so that an import does not add it again.
    pub(crate) async fn delete(&mut self, stored: &StoredJob, deletion: Deletion<'_>) -> Result<(), Fault> {
        let (id, job) = (stored.id, &stored.job);
        deleted_jobs::insert(self.tx, id, job, self.now).await?;
        if let Deletion::Restorable { by } = deletion {
            deleted_job_rows::keep(self.tx, stored, by, self.now).await?;
        }
        self.remove_rows(id, job).await?;
        let filename = job.filename.clone();
        self.emit(job.printer_id, id, JobEvent::Deleted { filename });
        Ok(())
    }

    /// Restores a deleted job as it was. No other row may be of the same run.
    pub(crate) async fn restore(&mut self, kept: &KeptJob) -> Result<(), Fault> {
        let (id, job) = (kept.id, &kept.job);
        deleted_job_rows::restore(self.tx, kept).await?;
        deleted_jobs::remove(self.tx, id).await?;
        let printer = self.printer(job.printer_id)?;
        printer.totals.add(&job.figures);
        printer.touch(id, job.start_time, job.status.is_open());
        let filename = job.filename.clone();
        self.emit(job.printer_id, id, JobEvent::Restored { filename });
        Ok(())
    }

    /// Removes what is kept of a deleted job, and its file if no other job uses it. Its run stays deleted.
    pub(crate) async fn forget(&mut self, id: JobId, file_id: Option<i64>) -> Result<(), Fault> {
        deleted_job_rows::remove(self.tx, id).await?;
        match file_id {
            Some(file_id) => gcode_files::remove_unused(self.tx, file_id).await,
            None => Ok(()),
        }
    }

    /// Replaces the details of the deleted jobs of a file, whose metadata has changed.
    pub(crate) async fn set_details_of_deleted(
        &mut self,
        file_id: i64,
        details: &JobDetails,
    ) -> Result<(), Fault> {
        deleted_job_rows::set_details(self.tx, file_id, details).await
    }
}
