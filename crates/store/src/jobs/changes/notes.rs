//! Writes `job_notes` and `job_tags`, and the log of their changes, `job_changes`.

use domain::{JobId, JobNotes, Verdict};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, IntoIden, IntoTableRef, Query},
};
use serde_json::{Value, json};

use crate::{
    db::{
        batches::insert_all,
        error::Fault,
        tables::{JobChanges as Log, JobNotes as Notes, JobTags},
        transaction::Tx,
    },
    jobs::{
        kept_job::KeptChange,
        notes::{distinct, of_jobs},
    },
};

/// Inserts the notes of a job that has none.
pub(super) async fn insert(tx: &Tx, id: JobId, notes: &JobNotes) -> Result<(), Fault> {
    let without_tags = JobNotes {
        tags: Vec::new(),
        ..notes.clone()
    };
    // Most jobs have no notes, and get no row.
    if without_tags != JobNotes::default() {
        let statement = Query::insert()
            .into_table(Notes::Table)
            .columns([
                Notes::PrintJobId,
                Notes::Title,
                Notes::Verdict,
                Notes::VerdictReason,
                Notes::Notes,
            ])
            .values_panic([
                id.0.into(),
                notes.title.clone().into(),
                notes.verdict.map(Verdict::as_str).into(),
                notes.verdict_reason.clone().into(),
                notes.notes.clone().into(),
            ])
            .to_owned();
        tx.execute(&statement).await?;
    }
    // The key is unique per job, so equal spellings must be reduced to one first.
    for (key, tag) in distinct(&notes.tags) {
        let statement = Query::insert()
            .into_table(JobTags::Table)
            .columns([JobTags::PrintJobId, JobTags::TagKey, JobTags::Tag])
            .values_panic([id.0.into(), key.into(), tag.clone().into()])
            .to_owned();
        tx.execute(&statement).await?;
    }
    Ok(())
}

pub(super) async fn replace(tx: &Tx, id: JobId, notes: &JobNotes) -> Result<(), Fault> {
    // Without the third, which is the log of changes.
    for (table, job) in tables().into_iter().take(2) {
        let old = Query::delete()
            .from_table(table)
            .and_where(Expr::col(job).eq(id.0))
            .to_owned();
        tx.execute(&old).await?;
    }
    insert(tx, id, notes).await
}

pub(super) async fn log(
    tx: &Tx,
    id: JobId,
    before: &JobNotes,
    after: &JobNotes,
    changed_by: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    for ((field, old), (_, new)) in fields(before).into_iter().zip(fields(after)) {
        // One entry per field, so that the log shows who changed what.
        if old == new {
            continue;
        }
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        let statement = Query::insert()
            .into_table(Log::Table)
            .columns([
                Log::PrintJobId,
                Log::ChangedAt,
                Log::ChangedBy,
                Log::Field,
                Log::OldValue,
                Log::NewValue,
            ])
            .values_panic([
                id.0.into(),
                now.as_millisecond().into(),
                changed_by.into(),
                field.into(),
                text(old).into(),
                text(new).into(),
            ])
            .to_owned();
        tx.execute(&statement).await?;
    }
    Ok(())
}

/// Inserts the log of a job that is restored.
pub(super) async fn restore_log(tx: &Tx, id: JobId, changes: &[KeptChange]) -> Result<(), Fault> {
    let rows = changes.iter().cloned().map(|change| {
        let row = vec![
            (Log::Id, change.id.into()),
            (Log::PrintJobId, id.0.into()),
            (Log::ChangedAt, change.changed_at.into()),
            (Log::ChangedBy, change.changed_by.into()),
            (Log::Field, change.field.into()),
            (Log::OldValue, change.old_value.into()),
            (Log::NewValue, change.new_value.into()),
        ];
        row.into_iter().unzip()
    });
    insert_all(tx, Log::Table, rows.collect()).await
}

fn fields(notes: &JobNotes) -> [(&'static str, Option<Value>); 5] {
    let text = |text: &Option<String>| text.clone().map(Value::String);
    [
        ("title", text(&notes.title)),
        ("notes", text(&notes.notes)),
        ("tags", (!notes.tags.is_empty()).then(|| json!(notes.tags))),
        ("verdict", notes.verdict.map(|verdict| verdict.as_str().into())),
        ("verdict_reason", text(&notes.verdict_reason)),
    ]
}

/// Moves the notes of `twin`, which is the same run, to a job without notes. `false` if that has notes of its own.
pub(super) async fn adopt(tx: &Tx, twin: JobId, id: JobId) -> Result<bool, Fault> {
    // The job has notes of its own. Those of the twin go with it.
    if !of_jobs(&**tx, &[id], false).await?.is_empty() {
        return Ok(false);
    }
    for (table, job) in tables() {
        let statement = Query::update()
            .table(table)
            .value(job.clone(), id.0)
            .and_where(Expr::col(job).eq(twin.0))
            .to_owned();
        tx.execute(&statement).await?;
    }
    Ok(true)
}

/// Removes the notes of a job before it is deleted.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    for (table, job) in tables() {
        let statement = Query::delete()
            .from_table(table)
            .and_where(Expr::col(job).eq(id.0))
            .to_owned();
        tx.execute(&statement).await?;
    }
    Ok(())
}

/// The tables, each with the column that refers to the job.
pub(super) fn tables() -> [(sea_orm::sea_query::TableRef, sea_orm::DynIden); 3] {
    [
        (Notes::Table.into_table_ref(), Notes::PrintJobId.into_iden()),
        (JobTags::Table.into_table_ref(), JobTags::PrintJobId.into_iden()),
        (Log::Table.into_table_ref(), Log::PrintJobId.into_iden()),
    ]
}
