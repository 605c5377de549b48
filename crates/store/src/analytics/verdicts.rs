//! What users made of jobs, and what scrap cost.
//!
//! Verdicts are with the users' notes. Those are read, and each job that has one is looked up in the facts: that takes
//! time by the number of judged jobs, however many there are in all.

use std::collections::BTreeMap;

use domain::{
    JobId, PrinterId, Verdict,
    analytics::{Sums, VerdictSums},
};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};

use crate::{
    Facts, Kind, Result, Store,
    record::UNDATED,
    rows::Ask,
    schema::{JobNotes, PrintJobs},
};

/// What a user says of a job, and where among the facts that job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    id: JobId,
    printer_id: PrinterId,
    /// In ms since 1970.
    start: Option<i64>,
    verdict: Verdict,
    reason: Option<String>,
}

/// Jobs by verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdicts {
    /// All jobs.
    pub all: VerdictSums,
    /// Judged jobs by the reason of the verdict. `None` if none was given.
    pub reasons: BTreeMap<Option<String>, VerdictSums>,
    /// All jobs by printer.
    pub printers: BTreeMap<PrinterId, VerdictSums>,
    /// All jobs by filament type.
    pub materials: BTreeMap<Option<String>, VerdictSums>,
}

impl Store {
    /// What users say of the jobs that they have judged.
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

/// By the index of verdicts, and the primary key of jobs.
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

impl Facts {
    /// What users made of the jobs.
    #[must_use]
    pub fn verdicts(&self, judgements: &[Judgement]) -> Verdicts {
        let material = |kind: &Kind| kind.filament_type.clone();
        let groups = self.groups();
        let mut verdicts = Verdicts {
            all: VerdictSums::unjudged_yet(groups.sums().jobs()),
            reasons: BTreeMap::new(),
            printers: unjudged_yet(groups.by_printer()),
            materials: unjudged_yet(groups.by_kind(|kind| kind.filament_type.as_ref())),
        };
        for judgement in judgements {
            let Some(row) = self.find(judgement.printer_id, judgement.id, judgement.start) else {
                continue;
            };
            let fact = row.fact();
            let of_reason = verdicts.reasons.entry(judgement.reason.clone()).or_default();
            of_reason.jobs += 1;
            let of_printer = verdicts.printers.entry(fact.printer_id).or_default();
            let of_material = verdicts.materials.entry(self.kind(fact.kind).and_then(material));
            for sums in [&mut verdicts.all, of_reason, of_printer, of_material.or_default()] {
                sums.judge(judgement.verdict, &fact);
            }
        }
        verdicts
    }
}

fn unjudged_yet<K: Ord>(groups: BTreeMap<K, Sums>) -> BTreeMap<K, VerdictSums> {
    let groups = groups.into_iter();
    groups
        .map(|(key, sums)| (key, VerdictSums::unjudged_yet(sums.jobs())))
        .collect()
}
