//! Users' verdicts and tags, with the keys by which the analytics find each job.

use analytics::{JobKey, Judgement};
use domain::{JobId, PrinterId, UNDATED, Verdict};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{JobNotes, JobTags, PrintJobs},
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
                Ok(Some(Judgement {
                    job: key(record)?,
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

impl Store {
    /// All tags of jobs, spelled as on each job.
    pub async fn tagged_jobs(&self) -> Result<Vec<(JobKey, String)>> {
        let query = &Query::select()
            .columns([
                (JobTags::Table, JobTags::PrintJobId),
                (JobTags::Table, JobTags::Tag),
            ])
            .columns([
                (PrintJobs::Table, PrintJobs::PrinterId),
                (PrintJobs::Table, PrintJobs::SortTime),
            ])
            .from(JobTags::Table)
            .inner_join(
                PrintJobs::Table,
                Expr::col((PrintJobs::Table, PrintJobs::Id)).equals((JobTags::Table, JobTags::PrintJobId)),
            )
            .to_owned();
        self.read("read the tags of jobs", |db| async move {
            db.rows(query, "job_tags", "print_job_id", |record| {
                Ok((key(record)?, record.get("tag")?))
            })
            .await
        })
        .await
    }
}

fn key(record: &Record<'_>) -> Result<JobKey, Fault> {
    let start: i64 = record.get("sort_time")?;
    Ok(JobKey {
        id: JobId(record.key),
        printer_id: PrinterId(record.get("printer_id")?),
        // The analytics find a job by its month, which follows from the start.
        start: (start != UNDATED).then_some(start),
    })
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
