//! Numbers of jobs that never go back, for Prometheus.

use std::collections::BTreeMap;

use domain::{JobStatus, PrinterId};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Func, OnConflict, Query},
};

use crate::{
    Result, Store,
    error::Fault,
    record::Record,
    schema::{CorrectedOutcomes, DeletedJobs, PrintJobs},
    transaction::Tx,
};

/// How many jobs of a printer have ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedCount {
    /// The printer.
    pub printer_id: PrinterId,
    /// How they ended.
    pub status: JobStatus,
    /// How many, those included that were deleted or corrected since.
    pub jobs: u64,
}

impl Store {
    /// Jobs that have ended, by printer and outcome. None of the numbers ever falls, while there is the printer: a deleted
    /// job counts on, and one whose outcome a later word of the printer corrects counts under both.
    pub async fn ended_counts(&self) -> Result<Vec<EndedCount>> {
        let stored = &Query::select()
            .column(PrintJobs::PrinterId)
            .column(PrintJobs::Status)
            .expr_as(Func::count(Expr::col(PrintJobs::Id)), "jobs")
            .from(PrintJobs::Table)
            .group_by_columns([PrintJobs::PrinterId, PrintJobs::Status])
            .to_owned();
        let deleted = &Query::select()
            .column(DeletedJobs::PrinterId)
            .column(DeletedJobs::Status)
            .expr_as(Func::count(Expr::col(DeletedJobs::PrintJobId)), "jobs")
            .from(DeletedJobs::Table)
            .and_where(Expr::col(DeletedJobs::Status).is_not_null())
            .group_by_columns([DeletedJobs::PrinterId, DeletedJobs::Status])
            .to_owned();
        let corrected = &Query::select()
            .columns([
                CorrectedOutcomes::PrinterId,
                CorrectedOutcomes::Status,
                CorrectedOutcomes::Jobs,
            ])
            .from(CorrectedOutcomes::Table)
            .to_owned();
        self.read("count the jobs", |db| async move {
            let mut counts = BTreeMap::new();
            for query in [stored, deleted, corrected] {
                for row in db.query_all(query).await? {
                    let record = Record::new(&row, "print_jobs", "printer_id")?;
                    let status = record.status()?;
                    if status.is_open() {
                        continue;
                    }
                    let jobs: i64 = record.get("jobs")?;
                    let entry = counts
                        .entry((record.key, status.as_str()))
                        .or_insert((status, 0_u64));
                    entry.1 += u64::try_from(jobs).unwrap_or(0);
                }
            }
            Ok::<_, Fault>(
                counts
                    .into_iter()
                    .map(|((printer, _), (status, jobs))| EndedCount {
                        printer_id: PrinterId(printer),
                        status,
                        jobs,
                    })
                    .collect(),
            )
        })
        .await
    }
}

/// Counts on what jobs were before they became one job that is `after`: each outcome among `before` that no row will
/// have any more.
pub(crate) async fn correct(
    tx: &Tx,
    printer_id: PrinterId,
    before: impl IntoIterator<Item = JobStatus>,
    after: JobStatus,
) -> Result<(), Fault> {
    let mut kept = false;
    for status in before {
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
