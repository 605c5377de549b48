//! All jobs in a list that is searched one by one.

use std::collections::BTreeMap;

use analytics::{Fact, Selection, Stack, StackKey, Sums, estimate_ratio};
use domain::{Amount, Cursor, JobFilter, JobStatus, ListOrder, PrinterId, UNDATED};
use jiff::tz::TimeZone;
use proptest::{prelude::TestCaseError, prop_assert_eq};

use crate::farm::{day, profiles};

pub(crate) struct Model(Vec<Fact>);

impl Model {
    pub(crate) fn of(facts: impl Iterator<Item = Fact>) -> Self {
        Self(facts.collect())
    }

    fn selected(&self, filter: &JobFilter) -> Vec<Fact> {
        let passes = |fact: &&Fact| {
            let material = profiles()
                .get(&fact.profile.unwrap_or(0))
                .cloned()
                .unwrap_or_default();
            let start = fact
                .start
                .map(|start| jiff::Timestamp::from_millisecond(start).unwrap());
            (filter.printer_ids.is_empty() || filter.printer_ids.contains(&fact.printer_id))
                && (filter.statuses.is_empty() || filter.statuses.contains(&fact.status))
                && filter
                    .since
                    .is_none_or(|since| start.is_some_and(|start| since <= start))
                && filter
                    .until
                    .is_none_or(|until| start.is_some_and(|start| start < until))
                && (filter.filament_type.is_none() || filter.filament_type == material.filament_type)
        };
        self.0.iter().filter(passes).copied().collect()
    }

    pub(crate) fn check(&self, selection: &Selection, filter: &JobFilter) -> Result<(), TestCaseError> {
        let jobs = self.selected(filter);
        prop_assert_eq!(selection.count().unwrap(), jobs.len() as u64);
        let groups = selection.groups().unwrap();
        prop_assert_eq!(groups.sums(), sums(&jobs));
        let by_printer: BTreeMap<PrinterId, Sums> = grouped(&jobs, |fact| fact.printer_id);
        prop_assert_eq!(groups.by_printer(), by_printer);
        let known = profiles();
        let material = |fact: &Fact| known.get(&fact.profile?)?.filament_type.clone();
        let by_material = grouped(&jobs, material);
        prop_assert_eq!(
            groups.by_profile(|profile| profile.filament_type.as_ref()),
            by_material
        );

        let starts = || jobs.iter().filter_map(|fact| fact.start);
        let undated = jobs.len() - starts().count();
        let extent = (starts().min().zip(starts().max()), undated as u64);
        prop_assert_eq!(selection.extent().unwrap(), extent);

        let failures = selection.failures().unwrap();
        let failed = jobs.iter().filter(|fact| fact.status.has_failed());
        let mut causes = BTreeMap::new();
        failed.for_each(|fact| *causes.entry(fact.cause).or_default() += 1_u64);
        prop_assert_eq!(failures.causes, causes);

        let estimates = selection.estimates().unwrap();
        let ratios = jobs
            .iter()
            .filter_map(|fact| estimate_ratio(fact.status, fact.print, fact.estimate));
        prop_assert_eq!(estimates.all.count(), ratios.count() as u64);

        let heatmap = selection.heatmap(&TimeZone::UTC).unwrap();
        prop_assert_eq!(heatmap.undated, undated as u64);
        let days: u64 = heatmap.days.values().map(|cell| cell.jobs).sum();
        prop_assert_eq!(days, starts().count() as u64);

        check_timeline(selection, &jobs)?;
        check_files(selection, &jobs)
    }

    pub(crate) fn page(
        &self,
        filter: &JobFilter,
        order: ListOrder,
        limit: usize,
        after: Option<Cursor>,
    ) -> Vec<Cursor> {
        let jobs = self.selected(filter);
        let mut places: Vec<Cursor> = jobs.iter().map(|fact| place(order, fact)).collect();
        places.sort_by(|one, other| order.compare(*one, *other));
        places.retain(|place| after.is_none_or(|after| order.is_before(after, *place)));
        places.truncate(limit);
        places
    }
}

fn place(order: ListOrder, fact: &Fact) -> Cursor {
    let amount = |amount| match amount {
        Amount::PrintDuration => fact.print,
        Amount::TotalDuration => fact.total,
        Amount::FilamentUsed => fact.length,
    };
    let value = match order {
        ListOrder::Newest | ListOrder::Oldest => fact.start.unwrap_or(UNDATED),
        ListOrder::Most(by) => amount(by).map_or(-1, u64::cast_signed),
        ListOrder::Least(by) => amount(by).map_or(i64::MAX, u64::cast_signed),
    };
    Cursor { value, id: fact.id }
}

fn sums(jobs: &[Fact]) -> Sums {
    let mut sums = Sums::default();
    jobs.iter().for_each(|fact| sums.add(fact));
    sums
}

fn grouped<K: Ord>(jobs: &[Fact], key: impl Fn(&Fact) -> K) -> BTreeMap<K, Sums> {
    let mut groups: BTreeMap<K, Sums> = BTreeMap::new();
    jobs.iter()
        .for_each(|fact| groups.entry(key(fact)).or_default().add(fact));
    groups
}

fn check_timeline(selection: &Selection, jobs: &[Fact]) -> Result<(), TestCaseError> {
    let bounds: Vec<i64> = (0..50).map(|week| day(week * 7)).collect();
    let mut expected: BTreeMap<(StackKey, usize), u64> = BTreeMap::new();
    for fact in jobs {
        let Some(start) = fact.start else { continue };
        let bucket = bounds
            .windows(2)
            .position(|pair| pair[0] <= start && start < pair[1]);
        if let Some(bucket) = bucket {
            let key = StackKey::Status(fact.status.as_str());
            *expected.entry((key, bucket)).or_default() += 1;
        }
    }
    let series = selection.timeline(&bounds, Stack::Status).unwrap();
    let mut found = BTreeMap::new();
    for series in &series {
        for (bucket, cell) in series.cells.iter().enumerate().filter(|(_, cell)| cell.jobs > 0) {
            found.insert((series.key.clone(), bucket), cell.jobs);
        }
    }
    prop_assert_eq!(found, expected);
    Ok(())
}

fn check_files(selection: &Selection, jobs: &[Fact]) -> Result<(), TestCaseError> {
    let with_file: Vec<Fact> = jobs.iter().filter(|fact| fact.file.is_some()).copied().collect();
    let expected = grouped(&with_file, |fact| fact.file.unwrap());
    let files = selection.files(100).unwrap();
    prop_assert_eq!(files.total, expected.len() as u64);
    prop_assert_eq!(files.unknown, (jobs.len() - with_file.len()) as u64);
    prop_assert_eq!(files.files.into_iter().collect::<BTreeMap<_, _>>(), expected);
    let completed = jobs
        .iter()
        .filter(|fact| fact.status == JobStatus::Completed)
        .count();
    prop_assert_eq!(
        selection.groups().unwrap().sums().of(JobStatus::Completed),
        completed as u64
    );
    Ok(())
}
