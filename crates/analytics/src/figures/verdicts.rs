//! What users made of jobs, and what scrap cost.
//!
//! Verdicts are with the users' notes. Those are read, and each job that has one is looked up in the facts: that takes
//! time by the number of judged jobs, however many there are in all.

use std::collections::BTreeMap;

use domain::{JobId, PrinterId, Verdict};

use crate::{Facts, MaterialProfile, Sums, VerdictSums};

/// What a user says of a job, and where among the facts that job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The job.
    pub id: JobId,
    /// Its printer.
    pub printer_id: PrinterId,
    /// Its start in ms since 1970.
    pub start: Option<i64>,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason given with it.
    pub reason: Option<String>,
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

impl Facts {
    /// What users made of the jobs.
    #[must_use]
    pub fn verdicts(&self, judgements: &[Judgement]) -> Verdicts {
        let material = |profile: &MaterialProfile| profile.filament_type.clone();
        let groups = self.groups();
        let mut verdicts = Verdicts {
            all: VerdictSums::unjudged_yet(groups.sums().jobs()),
            reasons: BTreeMap::new(),
            printers: unjudged_yet(groups.by_printer()),
            materials: unjudged_yet(groups.by_profile(|profile| profile.filament_type.as_ref())),
        };
        for judgement in judgements {
            let Some(row) = self.find(judgement.printer_id, judgement.id, judgement.start) else {
                continue;
            };
            let fact = row.fact();
            let of_reason = verdicts.reasons.entry(judgement.reason.clone()).or_default();
            of_reason.jobs += 1;
            let of_printer = verdicts.printers.entry(fact.printer_id).or_default();
            let of_material = verdicts
                .materials
                .entry(self.profile(fact.profile).and_then(material));
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
