//! Writes `job_search`.

use domain::JobId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    db::{
        batches::insert_all,
        error::Fault,
        tables::{JobSearch, PrintJobs},
        transaction::Tx,
    },
    jobs::notes,
};

/// Inserts the search texts of new jobs.
pub(super) async fn insert(tx: &Tx, keys: impl Iterator<Item = (JobId, String)>) -> Result<(), Fault> {
    let columns = vec![JobSearch::PrintJobId, JobSearch::Text];
    let rows = keys.map(|(id, key)| (columns.clone(), vec![id.0.into(), key.into()]));
    insert_all(tx, JobSearch::Table, rows.collect()).await
}

/// Updates the search text of a job.
pub(super) async fn reindex(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let query = Query::select()
        .column(PrintJobs::Filename)
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    // A twin that was merged has no row any more.
    let Some(row) = tx.query_one(&query).await? else {
        return Ok(());
    };
    let filename: Option<String> = row.try_get("", "filename")?;
    let notes_of_jobs = notes::of_jobs(&**tx, &[id], true)
        .await?
        .remove(&id)
        .unwrap_or_default();
    remove(tx, id).await?;
    let key = notes::search_key(filename.as_deref(), &notes_of_jobs);
    insert(tx, std::iter::once((id, key))).await
}

/// Removes the search text of a job before the job is deleted.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(JobSearch::Table)
        .and_where(Expr::col(JobSearch::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
