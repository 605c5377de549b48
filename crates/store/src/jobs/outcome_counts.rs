//! Job counters for Prometheus. They never decrease.

use std::collections::BTreeMap;

use domain::{JobFilter, JobStatus, PrinterId};
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Func, Query},
};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        record::Record,
        tables::{CorrectedOutcomes, DeletedJobs},
    },
    job_months::compute,
};

/// Number of jobs of a printer with one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedCount {
    /// The printer.
    pub printer_id: PrinterId,
    /// Outcome.
    pub status: JobStatus,
    /// Number of jobs, including those that were deleted or corrected since.
    pub jobs: u64,
}

/// Job counts by printer and outcome.
type Counts = BTreeMap<(PrinterId, &'static str), (JobStatus, u64)>;

impl Store {
    /// Number of ended jobs by printer and outcome. No number decreases while the printer exists: a deleted job still
    /// counts, and a job whose outcome a later report corrects counts under both outcomes.
    pub async fn ended_counts(&self) -> Result<Vec<EndedCount>> {
        self.read("count the jobs", |db| async move {
            // A job that is deleted between the two reads may be in both or in neither. Then both are read again.
            let mut before = gone(&db).await?;
            let mut counts = loop {
                let counts = self.stored(&db).await?;
                let after = gone(&db).await?;
                if after == before {
                    break counts;
                }
                before = after;
            };
            for (key, (status, jobs)) in before {
                counts.entry(key).or_insert((status, 0)).1 += jobs;
            }
            let counts = counts.into_iter().filter(|(_, (_, jobs))| *jobs > 0);
            Ok::<_, Fault>(
                counts
                    .map(|((printer_id, _), (status, jobs))| EndedCount {
                        printer_id,
                        status,
                        jobs,
                    })
                    .collect(),
            )
        })
        .await
    }

    /// Stored jobs, as all analytics count them.
    async fn stored(&self, db: &DatabaseConnection) -> Result<Counts, Fault> {
        let ended = self.select_jobs(db, &JobFilter::default(), &[]).await?;
        let printers = compute(ended, |jobs| Ok(jobs.groups()?.by_printer())).await?;
        Ok(printers
            .iter()
            .flat_map(|(id, sums)| {
                JobStatus::ALL
                    .into_iter()
                    .filter(|status| !status.is_open())
                    .map(|status| ((*id, status.as_str()), (status, sums.of(status))))
            })
            .collect())
    }
}

/// Deleted jobs and corrected outcomes.
async fn gone(db: &DatabaseConnection) -> Result<Counts, Fault> {
    let deleted = Query::select()
        .column(DeletedJobs::PrinterId)
        .column(DeletedJobs::Status)
        .expr_as(Func::count(Expr::col(DeletedJobs::PrintJobId)), "jobs")
        .from(DeletedJobs::Table)
        .and_where(Expr::col(DeletedJobs::Status).is_not_null())
        .group_by_columns([DeletedJobs::PrinterId, DeletedJobs::Status])
        .to_owned();
    let corrected = Query::select()
        .columns([
            CorrectedOutcomes::PrinterId,
            CorrectedOutcomes::Status,
            CorrectedOutcomes::Jobs,
        ])
        .from(CorrectedOutcomes::Table)
        .to_owned();
    let mut counts = Counts::new();
    for (query, table) in [(deleted, "deleted_jobs"), (corrected, "corrected_outcomes")] {
        for row in db.query_all(&query).await? {
            let record = Record::new(&row, table, "printer_id")?;
            let status = record.status()?;
            // A job that was deleted while it ran never ended.
            if status.is_open() {
                continue;
            }
            let jobs: i64 = record.get("jobs")?;
            let key = (PrinterId(record.key), status.as_str());
            counts.entry(key).or_insert((status, 0)).1 += u64::try_from(jobs).unwrap_or(0);
        }
    }
    Ok(counts)
}
