//! The table `print_jobs`: single jobs.

use domain::{HistoryJob, Job, JobId, PrinterId};
use jiff::Timestamp;

use crate::{Result, Store};

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJob {
    /// Primary key.
    pub id: JobId,
    /// Name of its printer.
    pub printer_name: String,
    /// The job.
    pub job: Job,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

/// What became of a job that was to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It has a new row.
    Inserted(JobId),
    /// Its row has changed.
    Updated(JobId),
    /// Its row said so already.
    Unchanged(JobId),
    /// The user has deleted that run here. Nothing was written.
    Deleted,
}

/// What the store has of a run in a printer's history.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundRun {
    /// This job.
    Stored(JobId, Job),
    /// The user has deleted it here.
    Deleted,
    /// Nothing.
    Unknown,
}

impl Store {
    /// Writes a job as the tracker has it, with its printer's totals.
    ///
    /// Its row is the one of the same printer with the same start, else the one with the same identity in Moonraker's
    /// history; without either a new one is made. The start of an existing row is not changed. Idempotent.
    ///
    /// # Errors
    /// [`Error::NoSuchPrinter`](crate::Error::NoSuchPrinter) if the printer has been deleted.
    pub async fn save_job(&self, job: &Job, now: Timestamp) -> Result<Saved> {
        todo!()
    }

    /// Writes status, message, figures and `last_seen` of a running job, and its printer's totals; nothing else of
    /// the row is touched. A job that has no row yet is saved whole. Idempotent.
    ///
    /// # Errors
    /// As of [`save_job`](Self::save_job).
    pub async fn save_progress(&self, job: &Job, now: Timestamp) -> Result<Saved> {
        todo!()
    }

    /// The printer's jobs that have not ended, newest first.
    pub async fn open_jobs(&self, printer_id: PrinterId) -> Result<Vec<(JobId, Job)>> {
        todo!()
    }

    /// What the store has of the run that a history row is about.
    pub async fn find_run(&self, printer_id: PrinterId, row: &HistoryJob) -> Result<FoundRun> {
        todo!()
    }

    /// The job with this id, whole.
    pub async fn job(&self, id: JobId) -> Result<Option<StoredJob>> {
        todo!()
    }

    /// Deletes a job and its details, and remembers that, so that the printer's history does not bring it back.
    /// `false` if there is none.
    pub async fn delete_job(&self, id: JobId, now: Timestamp) -> Result<bool> {
        todo!()
    }
}
