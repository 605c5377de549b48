//! Writes `print_jobs`.

use domain::{Job, JobId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query, Value},
};

use crate::db::{
    error::Fault,
    print_jobs::{PrintJobs, columns},
    transaction::Tx,
};

/// What a checkpoint writes.
const PROGRESS: [PrintJobs; 7] = [
    PrintJobs::Status,
    PrintJobs::Message,
    PrintJobs::PrintDuration,
    PrintJobs::TotalDuration,
    PrintJobs::FilamentUsed,
    PrintJobs::FiguresSource,
    PrintJobs::LastSeen,
];

/// Columns and values of a new row. The columns are always the same.
pub(super) fn row(job: &Job, created_at: Timestamp, updated_at: Timestamp) -> (Vec<PrintJobs>, Vec<Value>) {
    let own = [
        (PrintJobs::PrinterId, job.printer_id.0.into()),
        (PrintJobs::CreatedAt, created_at.as_millisecond().into()),
        (PrintJobs::UpdatedAt, updated_at.as_millisecond().into()),
    ];
    own.into_iter().chain(columns(job)).unzip()
}

pub(super) async fn insert(tx: &Tx, (columns, values): (Vec<PrintJobs>, Vec<Value>)) -> Result<JobId, Fault> {
    let statement = Query::insert()
        .into_table(PrintJobs::Table)
        .columns(columns)
        .values_panic(values.into_iter().map(Expr::val))
        .to_owned();
    let id = tx.execute(&statement).await?.last_insert_id();
    Ok(JobId(
        i64::try_from(id).map_err(|_| sea_orm::DbErr::UnpackInsertId)?,
    ))
}

/// Updates the columns that differ, and returns them.
pub(super) async fn update(
    tx: &Tx,
    id: JobId,
    before: &Job,
    after: &Job,
    now: Timestamp,
) -> Result<Vec<PrintJobs>, Fault> {
    let (before, mut changed) = (columns(before), columns(after));
    // Only what differs: an import of a known history writes nothing.
    changed.retain(|pair| !before.contains(pair));
    let names = changed.iter().map(|(column, _)| *column).collect();
    write(tx, id, changed, now).await?;
    Ok(names)
}

pub(super) async fn update_progress(tx: &Tx, id: JobId, job: &Job, now: Timestamp) -> Result<(), Fault> {
    let mut progress = columns(job);
    progress.retain(|(column, _)| PROGRESS.contains(column));
    write(tx, id, progress, now).await
}

async fn write(tx: &Tx, id: JobId, values: Vec<(PrintJobs, Value)>, now: Timestamp) -> Result<(), Fault> {
    if values.is_empty() {
        return Ok(());
    }
    let values = values
        .into_iter()
        .map(|(column, value)| (column, Expr::val(value)));
    let statement = Query::update()
        .table(PrintJobs::Table)
        .values(values)
        .value(PrintJobs::UpdatedAt, now.as_millisecond())
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// Deletes the row. The rows of other tables that refer to it must be gone.
pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
