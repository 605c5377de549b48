//! Lists of jobs, page by page, at the same cost on every page.

use std::ops::ControlFlow;

use domain::{Figures, JobId, JobStatus, PrinterId, Source};
use jiff::Timestamp;

use crate::{Result, Store, StoredJob};

/// Which jobs. Empty lists and `None` leave nothing out; what is given must all hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobFilter {
    /// Of one of these printers.
    pub printer_ids: Vec<PrinterId>,
    /// In one of these statuses.
    pub statuses: Vec<JobStatus>,
    /// Started then or later. A job whose start is unknown is left out.
    pub since: Option<Timestamp>,
    /// Started earlier. A job whose start is unknown is left out.
    pub until: Option<Timestamp>,
    /// The file name contains this, without regard to case. No character means anything but itself.
    pub filename_contains: Option<String>,
    /// The slicer planned this filament type, written exactly so.
    pub filament_type: Option<String>,
}

/// A place between two jobs of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by: the start in ms since 1970, or `i64::MIN` where that is unknown.
    pub sort_time: i64,
    /// What decides among equals.
    pub id: JobId,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// The jobs, newest first; those whose start is unknown come last.
    pub items: Vec<JobRow>,
    /// Where the next page begins. `None` at the end.
    pub next: Option<Cursor>,
    /// Number of jobs on all pages.
    pub total: u64,
}

/// A job in a list: all but its metadata. The fields are those of [`domain::Job`].
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see `domain::Job`")]
pub struct JobRow {
    pub id: JobId,
    pub printer_id: PrinterId,
    pub printer_name: String,
    pub job_id: Option<String>,
    pub user: Option<String>,
    pub filename: Option<String>,
    pub status: JobStatus,
    pub cause: Option<String>,
    pub message: Option<String>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    pub figures: Figures,
    pub end_source: Option<Source>,
    pub figures_source: Source,
    pub clock_jumped: bool,
    pub last_seen: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Store {
    /// A page of jobs, newest first, that begins after `after`.
    pub async fn list_jobs(&self, filter: &JobFilter, limit: u64, after: Option<Cursor>) -> Result<JobPage> {
        todo!()
    }

    /// Shows all jobs to `visit`, newest first, whole, until it breaks. Holds a few of them in memory at a time.
    pub async fn for_each_job(
        &self,
        filter: &JobFilter,
        visit: impl FnMut(StoredJob) -> ControlFlow<()> + Send,
    ) -> Result<()> {
        todo!()
    }
}
