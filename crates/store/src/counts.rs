//! Numbers of jobs that never go back, for Prometheus.

use std::collections::BTreeMap;

use domain::{JobStatus, PrinterId};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Func, Query},
};

use crate::{
    Result, Store,
    error::Fault,
    record::Record,
    schema::{DeletedJobs, PrintJobs},
};

/// How many jobs of a printer have ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedCount {
    /// The printer.
    pub printer_id: PrinterId,
    /// How they ended.
    pub status: JobStatus,
    /// How many, those included that were deleted since.
    pub jobs: u64,
}

impl Store {
    /// Jobs that have ended, by printer and outcome. Deleted ones count on: the number only falls where a later word
    /// of the printer changes an outcome, or the printer is deleted.
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
        self.read("count the jobs", |db| async move {
            let mut counts = BTreeMap::new();
            for query in [stored, deleted] {
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
