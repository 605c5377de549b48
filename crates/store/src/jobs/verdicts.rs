//! Users' verdicts, with the keys by which the analytics find each rated job.

use analytics::Judgement;
use domain::{JobId, PrinterId, UNDATED, Verdict};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};

use crate::{
    Result, Store,
    db::{
        read::ReadConnection,
        tables::{JobNotes, PrintJobs},
    },
};

impl Store {
    /// All verdicts.
    pub async fn judgements(&self) -> Result<Vec<Judgement>> {
        let query = &judged();
        self.read("read the verdicts", |db| async move {
            db.rows(query, "job_notes", "print_job_id", |record| {
                let Some(verdict) = record.verdict()? else {
                    return Ok(None);
                };
                let start: i64 = record.get("sort_time")?;
                Ok(Some(Judgement {
                    id: JobId(record.key),
                    printer_id: PrinterId(record.get("printer_id")?),
                    start: (start != UNDATED).then_some(start),
                    verdict,
                    reason: record.get("verdict_reason")?,
                }))
            })
            .await
            .map(|judgements| judgements.into_iter().flatten().collect())
        })
        .await
    }
}

/// Selects rated jobs through the index on verdicts and the primary key of jobs.
fn judged() -> SelectStatement {
    Query::select()
        .columns([
            (JobNotes::Table, JobNotes::PrintJobId),
            (JobNotes::Table, JobNotes::Verdict),
            (JobNotes::Table, JobNotes::VerdictReason),
        ])
        .columns([
            (PrintJobs::Table, PrintJobs::PrinterId),
            (PrintJobs::Table, PrintJobs::SortTime),
        ])
        .from(JobNotes::Table)
        .join(
            JoinType::InnerJoin,
            PrintJobs::Table,
            Expr::col((PrintJobs::Table, PrintJobs::Id)).equals((JobNotes::Table, JobNotes::PrintJobId)),
        )
        .and_where(Expr::col(JobNotes::Verdict).is_in(Verdict::ALL.map(Verdict::as_str)))
        .to_owned()
}
