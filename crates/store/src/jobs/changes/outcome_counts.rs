//! Writes `corrected_outcomes`.

use domain::{JobStatus, PrinterId};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use crate::db::{error::Fault, tables::CorrectedOutcomes, transaction::Tx};

/// Counts outcomes that no row has any more. The jobs with the statuses `before` have become one job with the status
/// `after`.
pub(super) async fn correct(
    tx: &Tx,
    printer_id: PrinterId,
    before: impl IntoIterator<Item = JobStatus>,
    after: JobStatus,
) -> Result<(), Fault> {
    let mut kept = false;
    for status in before {
        // One job with this outcome remains, so one of them is not lost.
        if status == after && !kept {
            kept = true;
        } else if !status.is_open() {
            count_on(tx, printer_id, status).await?;
        }
    }
    Ok(())
}

async fn count_on(tx: &Tx, printer_id: PrinterId, status: JobStatus) -> Result<(), Fault> {
    let jobs = (CorrectedOutcomes::Table, CorrectedOutcomes::Jobs);
    let again = OnConflict::columns([CorrectedOutcomes::PrinterId, CorrectedOutcomes::Status])
        .value(CorrectedOutcomes::Jobs, Expr::col(jobs).add(1))
        .to_owned();
    let statement = Query::insert()
        .into_table(CorrectedOutcomes::Table)
        .columns([
            CorrectedOutcomes::PrinterId,
            CorrectedOutcomes::Status,
            CorrectedOutcomes::Jobs,
        ])
        .values_panic([
            Expr::val(printer_id.0),
            Expr::val(status.as_str()),
            Expr::val(1_i64),
        ])
        .on_conflict(again)
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}
