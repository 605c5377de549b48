//! Changes of jobs by users: of one, or of many in one transaction.

use std::collections::{BTreeSet, HashSet};

use domain::{JobId, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Result, Store,
    db::{
        batches::padded,
        error::Fault,
        tables::PrintJobs,
        transaction::{LONG, PROMPT, Tx},
    },
    jobs::{
        changes::{Deletion, JobChanges},
        deleted_job_rows, deleted_jobs, job_import,
        notes::{self, NotesChange, NotesChanged},
        rows, save,
    },
};

/// A change of jobs by a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobAction<'a> {
    /// Deletes the jobs. Their runs are remembered, so that an import of the history does not add them again.
    Delete(Deletion<'a>),
    /// Restores deleted jobs, as they were.
    Restore,
    /// Changes what users add to jobs, and logs it.
    SetNotes {
        /// The change.
        change: NotesChange,
        /// Name of the API key that is used.
        changed_by: &'a str,
    },
}

/// Why a job was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// There is no such job. For [`JobAction::Restore`]: it is not among the deleted ones.
    NotFound,
    /// The same run was recorded again, as this job.
    RecordedAgain(JobId),
    /// The job already has the requested values.
    AlreadySo,
    /// The reason is not in the list.
    UnknownReason,
    /// The job would have a reason without a verdict.
    ReasonWithoutVerdict,
    /// The job would have more tags than [`MAX_TAGS`](notes::MAX_TAGS).
    TooManyTags,
}

/// Result of a change of many jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedJobs {
    /// The changed jobs, in the requested order.
    pub changed: Vec<JobId>,
    /// The others.
    pub unchanged: Vec<(JobId, Unchanged)>,
}

impl Store {
    /// Changes jobs in one transaction. Jobs that cannot be changed are left as they are. Idempotent.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong) for a text of the notes or the name of the key.
    pub async fn change_jobs(
        &self,
        ids: &[JobId],
        action: &JobAction<'_>,
        now: Timestamp,
    ) -> Result<ChangedJobs> {
        if let JobAction::SetNotes { change, changed_by } = action {
            notes::check_change(change, changed_by)?;
        }
        let what = match action {
            JobAction::Delete(_) => "delete jobs",
            JobAction::Restore => "restore jobs",
            JobAction::SetNotes { .. } => "change the notes of jobs",
        };
        let limit = match ids.len() {
            0 | 1 => PROMPT,
            _ => LONG,
        };
        self.write_within(limit, what, |tx| async move {
            change_all(&tx, ids, action, now).await
        })
        .await
    }

    /// Deletes a job. Its run is remembered, so that an import of the history does not add it again. `false` if there is
    /// no such job.
    pub async fn delete_job(&self, id: JobId, deletion: Deletion<'_>, now: Timestamp) -> Result<bool> {
        let action = JobAction::Delete(deletion);
        Ok(self.change_job(id, &action, now).await?.is_none())
    }

    /// Restores a deleted job, as it was. `None` if that was possible.
    pub async fn restore_job(&self, id: JobId, now: Timestamp) -> Result<Option<Unchanged>> {
        self.change_job(id, &JobAction::Restore, now).await
    }

    async fn change_job(
        &self,
        id: JobId,
        action: &JobAction<'_>,
        now: Timestamp,
    ) -> Result<Option<Unchanged>> {
        let mut result = self.change_jobs(&[id], action, now).await?;
        Ok(result.unchanged.pop().map(|(_, reason)| reason))
    }
}

async fn change_all(
    tx: &Tx,
    ids: &[JobId],
    action: &JobAction<'_>,
    now: Timestamp,
) -> Result<ChangedJobs, Fault> {
    let mut printers = match action {
        JobAction::Restore => deleted_job_rows::printers_of(tx, ids).await?,
        JobAction::Delete(_) | JobAction::SetNotes { .. } => BTreeSet::new(),
    };
    if printers.is_empty() {
        printers = printers_of(tx, ids).await?;
    }
    let mut changes = JobChanges::lock_existing(tx, printers, now).await?;
    let mut result = ChangedJobs::default();
    let mut done = HashSet::new();
    for id in ids.iter().copied().filter(|id| done.insert(*id)) {
        let unchanged = match action {
            JobAction::Delete(deletion) => delete(tx, &mut changes, id, *deletion, now).await?,
            JobAction::Restore => restore(tx, &mut changes, id).await?,
            JobAction::SetNotes { change, changed_by } => {
                set_notes(tx, &mut changes, id, change, changed_by).await?
            }
        };
        match unchanged {
            None => result.changed.push(id),
            Some(reason) => result.unchanged.push((id, reason)),
        }
    }
    changes.finish().await?;
    Ok(result)
}

async fn printers_of(tx: &Tx, ids: &[JobId]) -> Result<BTreeSet<PrinterId>, Fault> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let query = Query::select()
        .distinct()
        .column(PrintJobs::PrinterId)
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::Id).is_in(padded(ids.iter().map(|id| id.0).collect())))
        .to_owned();
    let rows = tx.query_all(&query).await?;
    rows.iter()
        .map(|row| Ok(PrinterId(row.try_get("", "printer_id")?)))
        .collect()
}

async fn delete(
    tx: &Tx,
    changes: &mut JobChanges<'_>,
    id: JobId,
    deletion: Deletion<'_>,
    now: Timestamp,
) -> Result<Option<Unchanged>, Fault> {
    if changes.job(id).await?.is_some()
        && let Some(stored) = rows::stored(&**tx, id).await?
    {
        changes.delete(&stored, deletion).await?;
        return Ok(None);
    }
    // An earlier attempt may have committed although its answer was lost.
    let was_done = tx.is_retry && deleted_jobs::was_deleted_at(tx, id, now).await?;
    Ok((!was_done).then_some(Unchanged::NotFound))
}

async fn restore(tx: &Tx, changes: &mut JobChanges<'_>, id: JobId) -> Result<Option<Unchanged>, Fault> {
    let Some(kept) = deleted_job_rows::find(&**tx, id).await? else {
        let was_done = tx.is_retry && rows::stored(&**tx, id).await?.is_some();
        return Ok((!was_done).then_some(Unchanged::NotFound));
    };
    if !changes.has_locked(kept.job.printer_id) {
        return Ok(Some(Unchanged::NotFound));
    }
    let known = job_import::known(&**tx, kept.job.printer_id, &[&kept.job]).await?;
    if let Some(position) = save::row_of(&known, &kept.job) {
        return Ok(Some(Unchanged::RecordedAgain(known[position].0)));
    }
    changes.restore(&kept).await?;
    Ok(None)
}

async fn set_notes(
    tx: &Tx,
    changes: &mut JobChanges<'_>,
    id: JobId,
    change: &NotesChange,
    changed_by: &str,
) -> Result<Option<Unchanged>, Fault> {
    let Some(job) = changes.job(id).await? else {
        return Ok(Some(Unchanged::NotFound));
    };
    let changed = notes::apply_to(changes, tx, job, change, changed_by).await?;
    Ok(match changed {
        NotesChanged::Done(true) => None,
        // The first attempt may have made the change.
        NotesChanged::Done(false) => (!tx.is_retry).then_some(Unchanged::AlreadySo),
        NotesChanged::NotFound => Some(Unchanged::NotFound),
        NotesChanged::UnknownReason => Some(Unchanged::UnknownReason),
        NotesChanged::ReasonWithoutVerdict => Some(Unchanged::ReasonWithoutVerdict),
        NotesChanged::TooManyTags => Some(Unchanged::TooManyTags),
    })
}
