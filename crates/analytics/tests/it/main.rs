//! Compares selections of jobs with a model that visits each job, with room for all months and with almost none.

#![expect(clippy::unwrap_used, reason = "a test may end by panicking")]

mod farm;
mod model;

use std::collections::HashSet;

use analytics::{IdSet, TextMatches};
use domain::{Amount, AmountBounds, Cursor, JobFilter, JobId, JobStatus, ListOrder, PrinterId};
use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*};

use farm::{Farm, Values, fact};
use model::Model;

/// From no room at all to room for everything.
const BUDGETS: [usize; 3] = [0, 6_000, 10_000_000];

fn jobs() -> impl Strategy<Value = Vec<Values>> {
    let job = (
        0_u8..3,
        option::weighted(0.9, 0_u32..400),
        2_u8..6,
        0_u8..4,
        option::weighted(0.8, 0_u32..50),
    );
    vec(job, 0..60)
}

fn filter() -> impl Strategy<Value = JobFilter> {
    let day = |day: u32| Timestamp::from_millisecond(farm::day(day)).unwrap();
    (
        vec(0_i64..3, 0..2),
        vec(2_usize..6, 0..3),
        option::of((0_u32..400).prop_map(day)),
        option::of((0_u32..400).prop_map(day)),
        option::weighted(
            0.3,
            vec(
                (0_usize..3).prop_map(|place| farm::MATERIALS.get(place).map(|&name| name.to_owned())),
                1..3,
            ),
        ),
        (
            option::weighted(0.2, 0_u64..5_000),
            option::weighted(0.2, 0_u64..5_000),
        ),
    )
        .prop_map(
            |(printers, statuses, since, until, filament_types, (least, most))| JobFilter {
                printer_ids: printers.into_iter().map(PrinterId).collect(),
                statuses: statuses.into_iter().map(|place| JobStatus::ALL[place]).collect(),
                since,
                until,
                filament_types: filament_types.unwrap_or_default(),
                print_duration: AmountBounds {
                    min: least.map(|least| least * 1000),
                    max: None,
                },
                filament_used: AmountBounds { min: None, max: most },
                ..JobFilter::default()
            },
        )
}

fn orders() -> impl Iterator<Item = ListOrder> {
    let amounts = [Amount::PrintDuration, Amount::TotalDuration, Amount::FilamentUsed];
    let by_amount = amounts
        .into_iter()
        .flat_map(|amount| [ListOrder::Most(amount), ListOrder::Least(amount)]);
    by_amount.chain([ListOrder::Newest, ListOrder::Oldest])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn figures_and_pages_agree_with_the_model(
        jobs in jobs(), filters in vec(filter(), 1..4), limit in 1_usize..8, running in 0_usize..3,
    ) {
        let facts: Vec<_> = (1..).zip(&jobs).map(|(id, job)| fact(id, *job)).collect();
        let (open, ended) = facts.split_at(running.min(facts.len()));
        let open: Vec<_> = open.iter().map(|job| analytics::Fact { status: JobStatus::Printing, ..*job }).collect();
        let model = Model::of(open.iter().chain(ended).copied());
        for budget in BUDGETS {
            let farm = Farm::of(ended, budget);
            // Twice: the second time figures may be cached.
            for filter in filters.iter().chain(&filters) {
                let selection = farm.select(filter).with_running(&open);
                model.check(&selection, filter)?;
                for order in orders() {
                    let expected = model.page(filter, order, limit, None);
                    prop_assert_eq!(&selection.first(order, limit, None).unwrap(), &expected);
                    if let Some(last) = expected.last() {
                        let next = model.page(filter, order, limit, Some(*last));
                        prop_assert_eq!(selection.first(order, limit, Some(*last)).unwrap(), next);
                    }
                }
            }
            farm.check_budget();
        }
    }

    #[test]
    fn texts_select_jobs_by_file_and_by_id(
        jobs in jobs(), files in vec(0_u32..50, 0..5), ids in vec(1_i64..60, 0..2), filter in filter(),
    ) {
        let facts: Vec<_> = (1..).zip(&jobs).map(|(id, job)| fact(id, *job)).collect();
        let ids: HashSet<JobId> = ids.into_iter().map(JobId).collect();
        let mut set = IdSet::default();
        files.iter().for_each(|file| set.insert(*file));
        let contains = |job: &analytics::Fact| job.file.is_some_and(|file| files.contains(&file)) || ids.contains(&job.id);
        let model = Model::of(facts.iter().copied().filter(contains));
        for (budget, filter) in BUDGETS.into_iter().flat_map(|budget| [(budget, filter.clone()), (budget, JobFilter::default())]) {
            let farm = Farm::of(&facts, budget);
            let matches = TextMatches { files: set.clone(), jobs: ids.clone() };
            let selection = farm.select(&filter).with_text(matches);
            model.check(&selection, &filter)?;
            let page: Vec<Cursor> = selection.first(ListOrder::Newest, 5, None).unwrap();
            prop_assert_eq!(page, model.page(&filter, ListOrder::Newest, 5, None));
        }
    }
}

#[test]
fn figures_follow_a_month_that_changes() {
    let facts: Vec<_> = (1..40)
        .map(|id| fact(id, (0, Some(id as u32 * 9), 2, 1, Some(1))))
        .collect();
    for budget in BUDGETS {
        let mut farm = Farm::of(&facts, budget);
        let all = JobFilter::default();
        let count = |farm: &Farm| farm.select(&all).groups().unwrap().sums().jobs();
        assert_eq!(count(&farm), 39);
        farm.replace(&facts[..10]);
        assert_eq!(count(&farm), 10);
        assert_eq!(farm.select(&all).count().unwrap(), 10);
        farm.remove_printer(PrinterId(0));
        assert_eq!(count(&farm), 0);
    }
}

#[test]
fn months_in_memory_are_not_read_again_and_the_newest_ones_stay() {
    let facts: Vec<_> = (0..400)
        .map(|id| fact(i64::from(id) + 1, (0, Some(id), 2, 1, Some(id))))
        .collect();
    let all = JobFilter::default();
    let farm = Farm::of(&facts, 10_000_000);
    farm.select(&all).groups().unwrap();
    assert_eq!(farm.months_read(), 0);

    let farm = Farm::of(&facts, 12_000);
    farm.select(&all).groups().unwrap();
    let first = farm.months_read();
    assert!(first > 0);
    // The figure is cached; that of the newest months is computed without reading.
    farm.select(&all).groups().unwrap();
    assert_eq!(farm.months_read(), first);
    let newest = JobFilter {
        since: Some(Timestamp::from_millisecond(farm::day(396)).unwrap()),
        ..JobFilter::default()
    };
    assert!(farm.select(&newest).count().unwrap() > 0);
    assert_eq!(farm.months_read(), first);
}

#[test]
fn a_month_that_cannot_be_read_is_an_error() {
    let facts = [fact(1, (0, Some(1), 2, 1, Some(1)))];
    let farm = Farm::of(&facts, 0);
    farm.fail();
    assert!(farm.select(&JobFilter::default()).groups().is_err());
}
