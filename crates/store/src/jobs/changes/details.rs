//! Writes `job_details`.

use domain::JobId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    db::{error::Fault, tables::JobDetails as Columns, transaction::Tx},
    files::job_details::{JobDetails, columns},
};

/// Inserts or replaces the row of a job.
pub(super) async fn replace(tx: &Tx, id: JobId, details: &JobDetails) -> Result<(), Fault> {
    remove(tx, id).await?;
    let (columns, values): (Vec<_>, Vec<_>) = columns(details).into_iter().unzip();
    let own = [Expr::val(id.0)].into_iter();
    let statement = Query::insert()
        .into_table(Columns::Table)
        .columns([Columns::PrintJobId].into_iter().chain(columns))
        .values_panic(own.chain(values.into_iter().map(Expr::val)))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

pub(super) async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(Columns::Table)
        .and_where(Expr::col(Columns::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
