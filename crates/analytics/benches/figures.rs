//! Figures over a million jobs of 20 printers in 3 years, compared with a loop over a vector of facts in the same run.
//! `cargo bench -p analytics -- --jobs 10000000` changes the number of jobs.
//!
//! Each figure is computed twice, with memory for all months and with the default budget. The first time, months that
//! have been evicted are decoded; the second time, the figure is cached.

use std::{
    collections::{BTreeMap, HashMap},
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use analytics::{
    DEFAULT_MEMORY, Fact, MaterialProfile, Month, MonthCache, MonthKey, MonthRef, MonthSource, NewMonths,
    ReadError, Selection, Stack, Sums,
};
use domain::{Amount, JobFilter, JobId, JobStatus, ListOrder, PrinterId};
use jiff::{Timestamp, tz::TimeZone};

const PRINTERS: i64 = 20;
const MATERIALS: [&str; 5] = ["PLA", "PETG", "ABS", "TPU", "ASA"];
/// ms
const BEGIN: i64 = 1_700_000_000_000;
const YEARS_3: i64 = 3 * 365 * 86_400_000;

#[derive(Debug, Default)]
struct Bytes(HashMap<(PrinterId, MonthKey), Vec<u8>>);

impl MonthSource for Bytes {
    fn read(&self, months: &[MonthRef]) -> Result<Vec<(MonthRef, Month)>, ReadError> {
        let read = |month: &MonthRef| {
            let bytes = self.0.get(&(month.printer_id, month.key))?;
            Some((*month, Month::from_bytes(month.printer_id, month.key, bytes)?))
        };
        Ok(months.iter().filter_map(read).collect())
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip_while(|argument| argument != "--jobs")
        .skip(1);
    let jobs: i64 = arguments
        .next()
        .map_or(1_000_000, |jobs| jobs.parse().expect("a number of jobs"));
    let facts: Vec<Fact> = (0..jobs).map(|n| fact(n, jobs)).collect();
    let source = Arc::new(bytes(&facts));
    let stored: usize = source.0.values().map(Vec::len).sum();
    let (all, limited) = (cache(&source, usize::MAX / 2), cache(&source, DEFAULT_MEMORY));
    let megabytes = |bytes: usize| bytes / 1_000_000;
    println!(
        "{jobs} jobs: {} MB stored; in memory {} MB of months without a limit, {} MB with the default\n",
        megabytes(stored),
        megabytes(all.used().0),
        megabytes(limited.used().0)
    );
    println!(
        "| figure | a loop over facts | all in memory, first | again | default budget, first | again | loop / again |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let half_a_year = Timestamp::from_millisecond(BEGIN + YEARS_3 / 2).expect("a time");
    let filters = [
        ("all", JobFilter::default()),
        (
            "a printer",
            JobFilter {
                printer_ids: vec![PrinterId(3)],
                ..JobFilter::default()
            },
        ),
        (
            "a material",
            JobFilter {
                filament_types: vec![Some("PETG".to_owned())],
                ..JobFilter::default()
            },
        ),
        (
            "half a year",
            JobFilter {
                since: Some(half_a_year),
                until: half_a_year
                    .checked_add(jiff::SignedDuration::from_hours(183 * 24))
                    .ok(),
                ..JobFilter::default()
            },
        ),
    ];
    for (name, filter) in &filters {
        let naive = timed(|| naive_sums(&facts, filter));
        for (figure, compute) in figures() {
            let measure = |cache: &MonthCache| {
                let run = || compute(&cache.select(filter, source.clone()));
                let first = timed(run);
                let again = (0..5).map(|_| timed(run)).min().unwrap_or(first);
                (first, again)
            };
            let (in_memory, within_budget) = (measure(&all), measure(&limited));
            println!(
                "| {figure}, {name} | {naive:.1?} | {:.1?} | {:.1?} | {:.1?} | {:.1?} | {:.0} |",
                in_memory.0,
                in_memory.1,
                within_budget.0,
                within_budget.1,
                naive.as_secs_f64() / within_budget.1.as_secs_f64()
            );
        }
    }
}

type Compute = fn(&Selection);

fn figures() -> [(&'static str, Compute); 8] {
    fn bounds() -> Vec<i64> {
        (0..=3 * 365).map(|day| BEGIN + day * 86_400_000).collect()
    }
    [
        ("sums", |jobs| {
            drop(black_box(jobs.groups().expect("sums").sums()));
        }),
        ("timeline", |jobs| {
            drop(black_box(jobs.timeline(&bounds(), Stack::Status)));
        }),
        ("heatmap", |jobs| drop(black_box(jobs.heatmap(&TimeZone::UTC)))),
        ("estimates", |jobs| drop(black_box(jobs.estimates()))),
        ("files", |jobs| drop(black_box(jobs.files(50)))),
        ("facets", |jobs| drop(black_box(jobs.facets()))),
        ("failures", |jobs| drop(black_box(jobs.failures()))),
        ("longest jobs", |jobs| {
            drop(black_box(jobs.first(
                ListOrder::Most(Amount::TotalDuration),
                50,
                None,
            )));
        }),
    ]
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begin = Instant::now();
    black_box(work());
    begin.elapsed()
}

/// Computes a figure without packed months, by visiting each job.
fn naive_sums(facts: &[Fact], filter: &JobFilter) -> Sums {
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millisecond);
    let until = filter.until.map_or(i64::MAX, Timestamp::as_millisecond);
    let profile = filter
        .filament_types
        .first()
        .and_then(Option::as_ref)
        .and_then(|wanted| (0..).zip(MATERIALS).find(|(_, name)| name == wanted));
    let mut sums = Sums::default();
    for fact in facts {
        let is_wanted = filter.printer_ids.first().is_none_or(|id| *id == fact.printer_id)
            && fact.start.is_some_and(|start| since <= start && start < until)
            && profile.is_none_or(|(number, _)| fact.profile == Some(number));
        if is_wanted {
            sums.add(fact);
        }
    }
    sums
}

/// A well-mixed number for each `n`.
fn mixed(n: i64, salt: u64) -> u64 {
    let mut number = n
        .cast_unsigned()
        .wrapping_add(salt)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^= number >> 32;
    number.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 16
}

fn fact(n: i64, jobs: i64) -> Fact {
    let print = 600_000 + mixed(n, 1) % 40_000_000;
    let status = match mixed(n, 2) % 20 {
        0 => JobStatus::Error,
        1 | 2 => JobStatus::Cancelled,
        3 => JobStatus::Interrupted,
        _ => JobStatus::Completed,
    };
    Fact {
        id: JobId(n + 1),
        printer_id: PrinterId(n % PRINTERS),
        start: Some(BEGIN + n * (YEARS_3 / jobs)),
        status,
        profile: Some((mixed(n, 3) % MATERIALS.len() as u64) as u32),
        file: Some((mixed(n, 4) % 5_000) as u32),
        cause: status.has_failed().then_some(7),
        print: Some(print),
        total: Some(print + mixed(n, 5) % 600_000),
        length: Some(mixed(n, 6) % 90_000_000),
        weight: Some(mixed(n, 7) % 270_000),
        weight_is_estimated: n % 3 == 0,
        estimate: Some(print * (900 + mixed(n, 8) % 200) / 1000),
        cost: Some(mixed(n, 9) % 80_000),
        user: Some((mixed(n, 11) % 5) as u32),
    }
}

fn bytes(facts: &[Fact]) -> Bytes {
    let mut months: BTreeMap<(PrinterId, MonthKey), Vec<Fact>> = BTreeMap::new();
    for fact in facts {
        months
            .entry((fact.printer_id, MonthKey::of(fact.start)))
            .or_default()
            .push(*fact);
    }
    let packed = months.into_iter().map(|((printer_id, key), facts)| {
        ((printer_id, key), Month::pack(printer_id, key, &facts).to_bytes())
    });
    Bytes(packed.collect())
}

fn cache(source: &Bytes, budget: usize) -> MonthCache {
    let mut cache = MonthCache::new(budget);
    let profiles = (0..).zip(MATERIALS).map(|(number, material)| {
        let profile = MaterialProfile {
            filament_type: Some(material.to_owned()),
            ..MaterialProfile::default()
        };
        (number, profile)
    });
    cache.set_profiles(profiles.collect());
    let existing: HashMap<PrinterId, i64> = (0..PRINTERS).map(|id| (PrinterId(id), 1)).collect();
    let mut changes = Vec::new();
    for id in existing.keys() {
        let of_printer = source.0.iter().filter(|((printer_id, _), _)| printer_id == id);
        let months = of_printer.map(|((printer_id, key), bytes)| {
            let month = Month::from_bytes(*printer_id, *key, bytes).expect("a month");
            cache.prepare(1, month)
        });
        changes.push(NewMonths {
            printer_id: *id,
            version: 1,
            is_complete: true,
            months: months.collect(),
        });
    }
    cache.apply(&existing, changes);
    cache
}
