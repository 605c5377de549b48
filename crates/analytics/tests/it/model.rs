//! All jobs in a list that is searched one by one.

use std::collections::BTreeMap;

use analytics::{Fact, FileOrder, FileOutcomes, Selection, Stack, StackKey, Sums, estimate_ratio};
use domain::{Amount, Cursor, JobFilter, JobStatus, ListOrder, PrinterId, UNDATED};
use jiff::tz::TimeZone;
use proptest::{prelude::TestCaseError, prop_assert, prop_assert_eq};

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
                && (filter.filament_types.is_empty()
                    || filter.filament_types.contains(&material.filament_type))
                && filter.print_duration.allow(fact.print)
                && filter.filament_used.allow(fact.length)
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

        let facets = selection.facets().unwrap();
        prop_assert_eq!(facets.jobs, jobs.len() as u64);
        let mut expected: BTreeMap<_, BTreeMap<_, u64>> = BTreeMap::new();
        let mut users: BTreeMap<_, u64> = BTreeMap::new();
        for fact in &jobs {
            let causes = expected.entry(fact.status as usize).or_default();
            *causes.entry(fact.cause).or_default() += 1;
            *users.entry(fact.user).or_default() += 1;
        }
        let statuses = facets.statuses().into_iter();
        prop_assert_eq!(
            statuses
                .map(|(status, causes)| (status as usize, causes))
                .collect::<BTreeMap<_, _>>(),
            expected
        );
        prop_assert_eq!(&facets.users, &users);
        let materials = selection.facets_by_profile(&facets, |profile| profile.filament_type.as_ref());
        let counts = groups
            .by_profile(|profile| profile.filament_type.as_ref())
            .into_iter();
        prop_assert_eq!(
            materials,
            counts
                .map(|(material, sums)| (material, sums.jobs()))
                .collect::<BTreeMap<_, _>>()
        );

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

fn check_orders(selection: &Selection, jobs: &[Fact]) -> Result<(), TestCaseError> {
    let mut files: BTreeMap<u32, FileOutcomes> = BTreeMap::new();
    for fact in jobs {
        let Some(file) = fact.file else { continue };
        let file = files.entry(file).or_default();
        file.jobs += 1;
        file.completed += u64::from(fact.status == JobStatus::Completed);
        file.failed += u64::from(fact.status.has_failed());
        if fact.status.has_failed() || fact.status == JobStatus::Cancelled {
            file.lost_length += fact.length.unwrap_or(0);
            file.lost_weight += fact.weight.unwrap_or(0);
            if fact.weight_is_estimated {
                file.lost_weight_estimated += fact.weight.unwrap_or(0);
            }
            file.without_lost_length += u64::from(fact.length.is_none());
            file.without_lost_weight += u64::from(fact.weight.is_none());
        }
    }
    for order in FileOrder::ALL {
        let found = selection.file_outcomes(order, usize::MAX).unwrap();
        let rank = |file: &FileOutcomes| match order {
            FileOrder::Jobs => Some(-(file.jobs as f64)),
            FileOrder::Failed => (file.failed > 0).then_some(-(file.failed as f64)),
            FileOrder::FilamentLost => (file.lost_length > 0).then_some(-(file.lost_length as f64)),
            FileOrder::SuccessRate => {
                let rated = file.completed + file.failed;
                (rated >= 3).then(|| file.completed as f64 / rated as f64)
            }
        };
        prop_assert!(found.iter().is_sorted_by_key(|(_, file)| rank(file)));
        let first = selection.file_outcomes(order, 2).unwrap();
        prop_assert_eq!(&first[..], &found[..found.len().min(2)]);
        let found: BTreeMap<_, _> = found.into_iter().collect();
        let expected = files.iter().filter(|(_, file)| rank(file).is_some());
        prop_assert_eq!(
            found,
            expected
                .map(|(number, file)| (*number, *file))
                .collect::<BTreeMap<_, _>>()
        );
    }
    Ok(())
}

fn check_files(selection: &Selection, jobs: &[Fact]) -> Result<(), TestCaseError> {
    check_orders(selection, jobs)?;
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
