//! The tables `job_notes`, `job_tags` and `job_changes`: what users add to jobs, and the log of these changes.

use std::collections::{BTreeMap, HashMap};

use domain::{JobId, JobNotes, Verdict};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait, Func, Order, Query, SelectStatement},
};
use serde_json::Value;

use crate::{
    Result, Store,
    db::{
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{JobChanges as Log, JobNotes as Notes, JobTags},
        text::{check_short, name_key},
        transaction::Tx,
    },
    jobs::{
        changes::{JobChanges, LockedJob},
        search, verdict_reasons,
    },
};

/// A change of a job's notes. `None` leaves a field unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "see `domain::JobNotes`")]
pub struct NotesChange {
    pub title: Option<Option<String>>,
    pub notes: Option<Option<String>>,
    pub tags: Option<Vec<String>>,
    /// Tags to add to those that the job has.
    pub add_tags: Vec<String>,
    /// Tags to remove from those that the job has.
    pub remove_tags: Vec<String>,
    pub verdict: Option<Option<Verdict>>,
    pub verdict_reason: Option<Option<String>>,
}

/// Maximum number of tags that a user can give a job.
pub const MAX_TAGS: usize = 32;

/// Result of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotesChanged {
    /// The job has the requested values. `false` if it already had them.
    Done(bool),
    /// There is no such job.
    NotFound,
    /// The reason is not in the list. Nothing has changed.
    UnknownReason,
    /// The job would have a reason without a verdict. Nothing has changed.
    ReasonWithoutVerdict,
    /// The job would have more tags than [`MAX_TAGS`]. Nothing has changed.
    TooManyTags,
}

/// A logged change of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct NotesEntry {
    /// Time of the change.
    pub changed_at: Timestamp,
    /// Name of the API key that was used.
    pub changed_by: String,
    /// Name of the field in [`JobNotes`].
    pub field: String,
    /// Previous value. `None` if empty.
    pub old: Option<Value>,
    /// New value. `None` if empty.
    pub new: Option<Value>,
}

impl Store {
    /// Notes of these jobs. Jobs without notes are omitted.
    pub async fn notes(&self, ids: &[JobId]) -> Result<HashMap<JobId, JobNotes>> {
        self.read("read the notes of jobs", |db| async move {
            of_jobs(&db, ids, true).await
        })
        .await
    }

    /// Changes the notes of a job and logs the change. Idempotent.
    ///
    /// Tags that differ only in case or Unicode form are equal. Removing the verdict also removes the reason.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong) for the title, a tag or `changed_by`.
    pub async fn change_notes(
        &self,
        id: JobId,
        change: &NotesChange,
        changed_by: &str,
        now: Timestamp,
    ) -> Result<NotesChanged> {
        check_change(change, changed_by)?;
        self.write("change the notes of a job", |tx| async move {
            apply(&tx, id, change, changed_by, now).await
        })
        .await
    }

    /// Logged changes of a job, newest first.
    pub async fn notes_history(&self, id: JobId) -> Result<Vec<NotesEntry>> {
        let query = &Query::select()
            .columns([
                Log::Id,
                Log::ChangedAt,
                Log::ChangedBy,
                Log::Field,
                Log::OldValue,
                Log::NewValue,
            ])
            .from(Log::Table)
            .and_where(Expr::col(Log::PrintJobId).eq(id.0))
            .order_by(Log::Id, Order::Desc)
            .to_owned();
        self.read("read the change log of a job", |db| async move {
            let rows = db.query_all(query).await?;
            let entry = |row| {
                let record = Record::new(row, "job_changes", "id")?;
                Ok(NotesEntry {
                    changed_at: record.required_time("changed_at")?,
                    changed_by: record.get("changed_by")?,
                    field: record.get("field")?,
                    old: record.json("old_value")?,
                    new: record.json("new_value")?,
                })
            };
            rows.iter().map(entry).collect()
        })
        .await
    }

    /// Tags in use with the number of their jobs, by name.
    pub async fn tags(&self) -> Result<Vec<(String, u64)>> {
        let query = &Query::select()
            // Spellings that differ in case are one tag; one of them is shown.
            .expr_as(Expr::col(JobTags::Tag).max(), "tag")
            .expr_as(Func::count(Expr::col(JobTags::PrintJobId)), "jobs")
            .from(JobTags::Table)
            .group_by_col(JobTags::TagKey)
            .order_by(JobTags::TagKey, Order::Asc)
            .to_owned();
        self.read("read the tags", |db| async move {
            let rows = db.query_all(query).await?;
            let tag = |row: &sea_orm::QueryResult| {
                let jobs: i64 = row.try_get("", "jobs")?;
                Ok((row.try_get("", "tag")?, jobs.try_into().unwrap_or(0)))
            };
            rows.iter().map(tag).collect()
        })
        .await
    }
}

/// Fails if a string is too long for its column.
pub(crate) fn check(notes: &JobNotes) -> Result<()> {
    check_short("title", notes.title.as_deref().unwrap_or_default())?;
    let reason = notes.verdict_reason.as_deref();
    check_short("reason of the verdict", reason.unwrap_or_default())?;
    for tag in &notes.tags {
        // Folding can make a text longer.
        check_short("tag", tag)?;
        check_short("tag", &name_key(tag))?;
    }
    Ok(())
}

/// Search text of a job.
pub(crate) fn search_key(filename: Option<&str>, notes: &JobNotes) -> String {
    let texts = [filename, notes.title.as_deref(), notes.notes.as_deref()];
    search::key(
        texts
            .into_iter()
            .chain(notes.tags.iter().map(|tag| Some(tag.as_str())))
            .chain([notes.verdict_reason.as_deref()]),
    )
}

/// Notes of these jobs, with the `notes` field, which may be long, only on request.
pub(crate) async fn of_jobs(
    db: &impl ReadConnection,
    ids: &[JobId],
    with_notes: bool,
) -> Result<HashMap<JobId, JobNotes>, Fault> {
    let mut all: HashMap<JobId, JobNotes> = HashMap::new();
    if ids.is_empty() {
        return Ok(all);
    }
    let ids = || ids.iter().map(|id| id.0);
    let mut query = Query::select();
    query
        .columns([
            Notes::PrintJobId,
            Notes::Title,
            Notes::Verdict,
            Notes::VerdictReason,
        ])
        .from(Notes::Table)
        .and_where(Expr::col(Notes::PrintJobId).is_in(ids()));
    if with_notes {
        query.column(Notes::Notes);
    }
    let notes_of_jobs = db.rows(&query, "job_notes", "print_job_id", |record| {
        let notes = JobNotes {
            title: record.get("title")?,
            notes: if with_notes { record.get("notes")? } else { None },
            tags: Vec::new(),
            verdict: record.verdict()?,
            verdict_reason: record.get("verdict_reason")?,
        };
        Ok((JobId(record.key), notes))
    });
    let tags = Query::select()
        .columns([JobTags::PrintJobId, JobTags::Tag])
        .from(JobTags::Table)
        .and_where(Expr::col(JobTags::PrintJobId).is_in(ids()))
        .order_by(JobTags::PrintJobId, Order::Asc)
        .order_by(JobTags::TagKey, Order::Asc)
        .to_owned();
    let tags = db.rows(&tags, "job_tags", "print_job_id", |record| {
        Ok((JobId(record.key), record.get("tag")?))
    });
    // On a server the two round trips overlap.
    let (notes_of_jobs, tags) = tokio::try_join!(notes_of_jobs, tags)?;
    all.extend(notes_of_jobs);
    for (id, tag) in tags {
        all.entry(id).or_default().tags.push(tag);
    }
    Ok(all)
}

/// Selects the ids of jobs with one of these verdicts.
pub(crate) fn with_verdict(verdicts: &[Verdict]) -> SelectStatement {
    Query::select()
        .column(Notes::PrintJobId)
        .from(Notes::Table)
        .and_where(Expr::col(Notes::Verdict).is_in(verdicts.iter().map(|verdict| verdict.as_str())))
        .to_owned()
}

/// Selects the ids of jobs with a verdict for one of these reasons, in this spelling.
pub(crate) fn with_reason(reasons: &[Option<String>]) -> SelectStatement {
    let reason = || Expr::col(Notes::VerdictReason);
    let mut wanted = Cond::any().add(reason().is_in(reasons.iter().flatten()));
    if reasons.contains(&None) {
        wanted = wanted.add(reason().is_null());
    }
    Query::select()
        .column(Notes::PrintJobId)
        .from(Notes::Table)
        .and_where(Expr::col(Notes::Verdict).is_not_null())
        .cond_where(wanted)
        .to_owned()
}

/// The reasons that jobs have.
pub(crate) async fn reasons_in_use(db: &impl ConnectionTrait) -> Result<Vec<String>, Fault> {
    let query = Query::select()
        .distinct()
        .column(Notes::VerdictReason)
        .from(Notes::Table)
        .and_where(Expr::col(Notes::VerdictReason).is_not_null())
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| Ok(row.try_get("", "verdict_reason")?))
        .collect()
}

/// Selects the ids of jobs with one of these tags. Case is ignored.
pub(crate) fn with_tag(tags: &[String]) -> SelectStatement {
    Query::select()
        .column(JobTags::PrintJobId)
        .from(JobTags::Table)
        .and_where(Expr::col(JobTags::TagKey).is_in(tags.iter().map(|tag| name_key(tag))))
        .to_owned()
}

/// # Errors
/// [`Error::TooLong`](crate::Error::TooLong).
pub(super) fn check_change(change: &NotesChange, changed_by: &str) -> Result<()> {
    let tags = change.tags.iter().flatten().chain(&change.add_tags);
    check(&JobNotes {
        title: change.title.clone().flatten(),
        tags: tags.cloned().collect(),
        ..JobNotes::default()
    })?;
    check_short("name of the key", changed_by)
}

async fn apply(
    tx: &Tx,
    id: JobId,
    change: &NotesChange,
    changed_by: &str,
    now: Timestamp,
) -> Result<NotesChanged, Fault> {
    let Some((mut changes, job)) = JobChanges::lock_job(tx, id, now).await? else {
        return Ok(NotesChanged::NotFound);
    };
    let changed = apply_to(&mut changes, tx, job, change, changed_by).await?;
    changes.finish().await?;
    Ok(changed)
}

pub(super) async fn apply_to(
    changes: &mut JobChanges<'_>,
    tx: &Tx,
    job: LockedJob,
    change: &NotesChange,
    changed_by: &str,
) -> Result<NotesChanged, Fault> {
    let id = job.id;
    let before = of_jobs(&**tx, &[id], true).await?.remove(&id).unwrap_or_default();
    let mut after = before.clone();
    if let Some(title) = &change.title {
        after.title.clone_from(title);
    }
    if let Some(notes) = &change.notes {
        after.notes.clone_from(notes);
    }
    after.tags = changed_tags(&before.tags, change);
    if after.tags.len() > MAX_TAGS.max(before.tags.len()) {
        return Ok(NotesChanged::TooManyTags);
    }
    if let Some(verdict) = change.verdict {
        after.verdict = verdict;
    }
    if let Some(reason) = &change.verdict_reason {
        after.verdict_reason = match reason {
            None => None,
            // A reason that was removed from the list stays with the jobs that have it.
            Some(reason) if before.verdict_reason.as_ref() == Some(reason) => Some(reason.clone()),
            Some(reason) => match verdict_reasons::canonical(tx, reason).await? {
                None => return Ok(NotesChanged::UnknownReason),
                canonical => canonical,
            },
        };
        if after.verdict.is_none() && after.verdict_reason.is_some() {
            return Ok(NotesChanged::ReasonWithoutVerdict);
        }
    }
    if after.verdict.is_none() {
        after.verdict_reason = None;
    }
    // No entry in the log for a form that was saved without changes.
    if after == before {
        return Ok(NotesChanged::Done(false));
    }
    changes.set_notes(job, &before, &after, changed_by).await?;
    Ok(NotesChanged::Done(true))
}

/// The tags after a change, by comparison key.
fn changed_tags(before: &[String], change: &NotesChange) -> Vec<String> {
    let base = change.tags.as_deref().unwrap_or(before);
    // A tag that the job has keeps its spelling.
    let all: Vec<String> = base.iter().chain(&change.add_tags).cloned().collect();
    let mut tags = distinct(&all);
    for tag in &change.remove_tags {
        tags.remove(&name_key(tag));
    }
    tags.into_values().cloned().collect()
}

/// Tags by comparison key. The first of several equal tags is kept.
pub(super) fn distinct(tags: &[String]) -> BTreeMap<String, &String> {
    // Reversed, because the last of equal keys stays in the map.
    tags.iter().rev().map(|tag| (name_key(tag), tag)).collect()
}
