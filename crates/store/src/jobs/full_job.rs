//! Reads all data of a job in one request.

use domain::{JobId, JobNotes};

use crate::{
    Result, Store,
    db::{error::Fault, read::ReadConnection},
    files::{
        details_queue::{self, DetailsStatus},
        gcode_files::{self, GcodeFile},
        job_details::{self, JobDetails},
        listed_details::ListedDetails,
        thumbnails::{self, ThumbnailInfo},
    },
    jobs::{
        notes,
        pauses::{self, Pause},
        rows::{self, StoredJob},
    },
};

/// A job with all its data.
#[derive(Debug, Clone, PartialEq)]
pub struct FullJob {
    /// The job.
    pub stored: StoredJob,
    /// State of its details.
    pub details_status: DetailsStatus,
    /// Why its details could not be read. `None` if there was no failure.
    pub details_reason: Option<String>,
    /// Its details. `None` if nothing is known.
    pub details: Option<JobDetails>,
    /// The part of its details that lists show.
    pub listed: ListedDetails,
    /// Data of its file. `None` if nothing is known.
    pub file: Option<GcodeFile>,
    /// Thumbnails of its file, smallest first.
    pub thumbnails: Vec<ThumbnailInfo>,
    /// What users added.
    pub notes: JobNotes,
    /// Its pauses that printlog observed, in order.
    pub pauses: Vec<Pause>,
}

impl Store {
    /// All data of a job, with the raw metadata of its file only if `with_raw`, as it may be large. `None` if there is
    /// no such job.
    pub async fn full_job(&self, id: JobId, with_raw: bool) -> Result<Option<FullJob>> {
        const WHAT: &str = "read a job with its details";
        let mut job = match with_raw {
            true => {
                self.read(WHAT, |db| async move { whole(&db, id, true).await })
                    .await
            }
            false => {
                self.read_fast(WHAT, |db| async move { whole(&db, id, false).await })
                    .await
            }
        }?;
        if let Some(job) = &mut job {
            self.complete_currency(&mut job.listed);
        }
        Ok(job)
    }
}

/// Sends the queries to a server concurrently, because most of the time would be network latency.
async fn whole(db: &impl ReadConnection, id: JobId, with_raw: bool) -> Result<Option<FullJob>, Fault> {
    let Some(stored) = rows::stored(db, id).await? else {
        return Ok(None);
    };
    let ids = [id];
    let (queued, details, mut notes, pauses) = tokio::try_join!(
        details_queue::of_job(db, id),
        job_details::of_job(db, id, with_raw),
        notes::of_jobs(db, &ids, true),
        pauses::of_job(db, id)
    )?;
    let (file, thumbnails) = match details {
        Some(_) => tokio::try_join!(gcode_files::of_job(db, id, with_raw), thumbnails::of_job(db, id))?,
        None => (None, Vec::new()),
    };
    let (details_status, details_reason) = match queued {
        Some(queued) => (queued.status, queued.reason),
        None => (DetailsStatus::Pending, None),
    };
    Ok(Some(FullJob {
        stored,
        details_status,
        details_reason,
        listed: details.as_ref().map(ListedDetails::from).unwrap_or_default(),
        details,
        file,
        thumbnails,
        notes: notes.remove(&id).unwrap_or_default(),
        pauses,
    }))
}
