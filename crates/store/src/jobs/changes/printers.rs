//! Removes all jobs of a printer with a few statements.

use domain::PrinterId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, IntoIden, IntoTableRef, Query},
};

use crate::{
    db::{
        error::Fault,
        tables::{
            CorrectedOutcomes, DeletedJobRows, DeletedJobs, DetailsQueue, JobDetails, JobPauses, JobSearch,
            JobTotals, PrintJobs,
        },
        transaction::Tx,
    },
    files::gcode_files,
    job_months,
    jobs::changes::notes,
};

pub(super) async fn remove(tx: &Tx, id: PrinterId) -> Result<(), Fault> {
    let jobs = Query::select()
        .column(PrintJobs::Id)
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::PrinterId).eq(id.0))
        .to_owned();
    let of_jobs = [
        (
            DetailsQueue::Table.into_table_ref(),
            DetailsQueue::PrintJobId.into_iden(),
        ),
        (
            JobPauses::Table.into_table_ref(),
            JobPauses::PrintJobId.into_iden(),
        ),
        (
            JobSearch::Table.into_table_ref(),
            JobSearch::PrintJobId.into_iden(),
        ),
        (
            JobDetails::Table.into_table_ref(),
            JobDetails::PrintJobId.into_iden(),
        ),
    ];
    // One statement per table: a printer may have a million jobs.
    for (table, job) in of_jobs.into_iter().chain(notes::tables()) {
        let statement = Query::delete()
            .from_table(table)
            .and_where(Expr::col(job).in_subquery(jobs.clone()))
            .to_owned();
        tx.execute(&statement).await?;
    }
    // As the entries of the queue, they would keep the files.
    let deleted = Query::delete()
        .from_table(DeletedJobRows::Table)
        .and_where(Expr::col(DeletedJobRows::PrinterId).eq(id.0))
        .to_owned();
    tx.execute(&deleted).await?;
    gcode_files::remove_of_printer(tx, id).await?;
    job_months::remove_of_printer(tx, id).await?;
    for (table, printer) in [
        (
            PrintJobs::Table.into_table_ref(),
            PrintJobs::PrinterId.into_iden(),
        ),
        (
            DeletedJobs::Table.into_table_ref(),
            DeletedJobs::PrinterId.into_iden(),
        ),
        (
            CorrectedOutcomes::Table.into_table_ref(),
            CorrectedOutcomes::PrinterId.into_iden(),
        ),
        (
            JobTotals::Table.into_table_ref(),
            JobTotals::PrinterId.into_iden(),
        ),
    ] {
        let statement = Query::delete()
            .from_table(table)
            .and_where(Expr::col(printer).eq(id.0))
            .to_owned();
        tx.execute(&statement).await?;
    }
    Ok(())
}
