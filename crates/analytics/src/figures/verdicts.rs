//! Users' verdicts on jobs, and the cost of scrap.
//!
//! Verdicts are part of the users' notes, not of the months. Each rated job is looked up, so the time depends on the
//! number of rated jobs rather than of all jobs.

use std::collections::{BTreeMap, HashMap};

use domain::{JobId, PrinterId, Verdict};

use crate::{
    Fact, MaterialProfile, Month, MonthKey, ReadError, Selection, Sums, VerdictSums, partition::MonthEntry,
};

/// The data needed to find a job in the months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobKey {
    /// Id of the job.
    pub id: JobId,
    /// Printer of the job.
    pub printer_id: PrinterId,
    /// Start of the job in ms since 1970.
    pub start: Option<i64>,
}

/// A user's verdict on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The job.
    pub job: JobKey,
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
    /// Rated jobs by the reason given with the verdict. `None` if there is none.
    pub reasons: BTreeMap<Option<String>, VerdictSums>,
    /// All jobs by printer.
    pub printers: BTreeMap<PrinterId, VerdictSums>,
    /// All jobs by filament type.
    pub materials: BTreeMap<Option<String>, VerdictSums>,
}

impl Selection {
    /// The selected jobs by verdict.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn verdicts(&self, judgements: &[Judgement]) -> Result<Verdicts, ReadError> {
        let material = |profile: &MaterialProfile| profile.filament_type.clone();
        let groups = self.groups()?;
        let mut verdicts = Verdicts {
            all: VerdictSums::unjudged_yet(groups.sums().jobs()),
            reasons: BTreeMap::new(),
            printers: unjudged_yet(groups.by_printer()),
            materials: unjudged_yet(groups.by_profile(|profile| profile.filament_type.as_ref())),
        };
        self.each_found(
            judgements,
            |judgement| judgement.job,
            |judgement, fact| {
                let of_reason = verdicts.reasons.entry(judgement.reason.clone()).or_default();
                of_reason.jobs += 1;
                let of_printer = verdicts.printers.entry(fact.printer_id).or_default();
                let of_material = self.profile(fact.profile).and_then(material);
                let of_material = verdicts.materials.entry(of_material).or_default();
                for sums in [&mut verdicts.all, of_reason, of_printer, of_material] {
                    sums.judge(judgement.verdict, fact);
                }
            },
        )?;
        Ok(verdicts)
    }

    /// Visits the items whose jobs are selected.
    pub(crate) fn each_found<'a, T>(
        &self,
        items: &'a [T],
        key: impl Fn(&T) -> JobKey,
        mut visit: impl FnMut(&'a T, &Fact),
    ) -> Result<(), ReadError> {
        let mut months: HashMap<(PrinterId, MonthKey), Vec<&T>> = HashMap::new();
        for item in items {
            let job = key(item);
            let month = (job.printer_id, MonthKey::of(job.start));
            months.entry(month).or_default().push(item);
        }
        let mut look_up = |month: &Month| {
            let wanted = months.get(&(month.printer_id(), month.key()));
            for item in wanted.into_iter().flatten() {
                let job = key(item);
                let found = month.find(job.id, job.start);
                if let Some(job) = found.filter(|job| self.is_selected(*job)) {
                    visit(item, &job.fact());
                }
            }
        };
        self.running_months().iter().for_each(&mut look_up);
        let entries = self.partitions.iter().flat_map(|partition| &partition.months);
        let wanted: Vec<&MonthEntry> = entries
            .map(AsRef::as_ref)
            .filter(|entry| months.contains_key(&(entry.month.printer_id, entry.month.key)))
            .filter(|entry| self.selects(entry))
            .collect();
        self.each_month(wanted, &mut self.reading(), look_up)
    }
}

fn unjudged_yet<K: Ord>(groups: BTreeMap<K, Sums>) -> BTreeMap<K, VerdictSums> {
    let groups = groups.into_iter();
    groups
        .map(|(key, sums)| (key, VerdictSums::unjudged_yet(sums.jobs())))
        .collect()
}
