//! All that is known of a job, in one answer.

use domain::{JobId, JobNotes};

use crate::{
    DetailsStatus, GcodeFile, JobDetails, Pause, Result, Store, StoredJob, ThumbnailInfo, details,
    details_queue, error::Fault, gcode_files, jobs, notes, pauses, rows::Ask,
};

/// A job with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeJob {
    /// The job.
    pub stored: StoredJob,
    /// How its details stand.
    pub details_status: DetailsStatus,
    /// What stood in the way of its details. `None` if nothing did.
    pub details_reason: Option<String>,
    /// What the slicer planned. `None` if nothing is known.
    pub details: Option<JobDetails>,
    /// What is known of its file. `None` if nothing.
    pub file: Option<GcodeFile>,
    /// The images of its file, smallest first.
    pub thumbnails: Vec<ThumbnailInfo>,
    /// What users say of it.
    pub notes: JobNotes,
    /// Its pauses, as far as printlog saw them, first to last.
    pub pauses: Vec<Pause>,
}

impl Store {
    /// All that is known of a job; all keys and values of its file, which may be many, only `with_raw`. `None` if there
    /// is no such job.
    pub async fn whole_job(&self, id: JobId, with_raw: bool) -> Result<Option<WholeJob>> {
        const WHAT: &str = "read a job with all that belongs to it";
        match with_raw {
            true => {
                self.read(WHAT, |db| async move { whole(&db, id, true).await })
                    .await
            }
            false => {
                self.read_quickly(WHAT, |db| async move { whole(&db, id, false).await })
                    .await
            }
        }
    }
}

/// A server is asked several questions at once: most of the time would be spent on the way.
async fn whole(db: &impl Ask, id: JobId, with_raw: bool) -> Result<Option<WholeJob>, Fault> {
    let Some(stored) = jobs::stored(db, id).await? else {
        return Ok(None);
    };
    let ids = [id];
    let (queued, details, mut notes, pauses) = tokio::try_join!(
        details_queue::of_job(db, id),
        details::of_job(db, id, with_raw),
        notes::of_jobs(db, &ids, true),
        pauses::of_job(db, id)
    )?;
    let (file, thumbnails) = match details {
        Some(_) => tokio::try_join!(
            gcode_files::of_job(db, id, with_raw),
            gcode_files::thumbnails(db, id)
        )?,
        None => (None, Vec::new()),
    };
    let (details_status, details_reason) = match queued {
        Some(queued) => (queued.status, queued.reason),
        None => (DetailsStatus::Pending, None),
    };
    Ok(Some(WholeJob {
        stored,
        details_status,
        details_reason,
        details,
        file,
        thumbnails,
        notes: notes.remove(&id).unwrap_or_default(),
        pauses,
    }))
}
