use analytics::in_thousandths;
use domain::{
    Amount, AmountBounds, Cause, Cursor, Figures, JobFilter, JobId, JobStatus, ListOrder, PrinterId, Verdict,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use store::{Deletion, Engine, JobDetails, JobRow, NotesChange, Saved, Store};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn every_job_is_on_one_page(db) {
        fill(&db.store, 1, 150).await;
        let all = all_jobs(&db.store).await;
        let order: Vec<_> = all.iter().map(|stored| (stored.job.start_time, stored.id)).collect();
        assert!(order.is_sorted_by(|a, b| a > b), "newest first, unknown starts last, then by id");
        let same = order.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
        assert!(same > 20, "many starts are alike");
        let ids: Vec<_> = all.iter().map(|stored| stored.id).collect();
        for limit in [1, 7, 50, 149, 150, 151] {
            let rows = page_through(&db.store, &JobFilter::default(), limit).await;
            assert_eq!(rows.iter().map(|row| row.stored.id).collect::<Vec<_>>(), ids, "limit {limit}");
            let mut oldest = page_through_in(&db.store, ListOrder::Oldest, &JobFilter::default(), limit).await;
            oldest.reverse();
            assert_eq!(oldest, rows, "limit {limit}, oldest first");
        }
        for (row, stored) in page_through(&db.store, &JobFilter::default(), 100).await.iter().zip(&all) {
            assert_eq!(row.stored.job.filename, stored.job.filename);
            assert_eq!((row.stored.job.start_time, row.stored.job.figures), (stored.job.start_time, stored.job.figures));
            assert_eq!((row.stored.job.printer_id, &row.stored.printer_name), (stored.job.printer_id, &stored.printer_name));
        }
    }

    async fn a_page_is_the_same_whether_it_is_short_or_long(db) {
        let printers = fill(&db.store, 2, 120).await;
        let ids: Vec<_> = all_jobs(&db.store).await.iter().map(|stored| stored.id).collect();
        for (n, id) in ids.iter().enumerate().step_by(5) {
            let said = NotesChange {
                title: Some(Some(format!("Träger {n}"))),
                notes: Some(Some("long".repeat(100))),
                tags: Some(vec!["b".to_owned(), "Ä".to_owned()]),
                verdict: Some(Some(Verdict::Good)),
                verdict_reason: None,
                ..NotesChange::default()
            };
            db.store.change_notes(*id, &said, "laptop", now()).await.unwrap();
        }
        let mut rng = StdRng::seed_from_u64(3);
        for _ in 0..20 {
            let filter = JobFilter { text: None, ..some_filter(&printers, &mut rng) };
            let long = db.store.list_jobs(&filter, 500, None).await.unwrap();
            assert_eq!((long.total, long.next), (long.items.len() as u64, None));
            let short = db.store.list_jobs(&filter, 10, None).await.unwrap();
            assert_eq!(short.total, long.total);
            assert_eq!(short.items, long.items[..short.items.len()]);
            assert_eq!(page_through(&db.store, &filter, 10).await, long.items);
        }
    }

    async fn filters_are_what_they_say(db) {
        let printers = fill(&db.store, 2, 250).await;
        let all = all_jobs(&db.store).await;
        let plastic = types(&db.store, &all.iter().map(|stored| stored.id).collect::<Vec<_>>()).await;
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..80 {
            let filter = some_filter(&printers, &mut rng);
            let wanted: Vec<_> = all
                .iter()
                .filter(|stored| {
                    let job = &stored.job;
                    let within = |time: Option<jiff::Timestamp>| {
                        (filter.since.is_none() && filter.until.is_none())
                            || time.is_some_and(|time| {
                                filter.since.is_none_or(|since| time >= since)
                                    && filter.until.is_none_or(|until| time < until)
                            })
                    };
                    (filter.printer_ids.is_empty() || filter.printer_ids.contains(&job.printer_id))
                        && (filter.statuses.is_empty() || filter.statuses.contains(&job.status))
                        && within(job.start_time)
                        && filter.text.as_ref().is_none_or(|part| {
                            job.filename.as_ref().is_some_and(|name| name.to_lowercase().contains(&part.to_lowercase()))
                        })
                        && includes(&filter.filament_types, {
                            let found = plastic.iter().find(|(id, _)| *id == stored.id);
                            found.map(|(_, material)| material.as_str())
                        })
                        && includes(&filter.users, job.user.as_deref())
                        && includes(&filter.causes, job.cause.as_ref().map(Cause::as_str))
                        && filter.print_duration.allow(in_thousandths(job.figures.print_duration))
                        && filter.filament_used.allow(in_thousandths(job.figures.filament_used))
                })
                .map(|stored| stored.id)
                .collect();
            let oldest = page_through_in(&db.store, ListOrder::Oldest, &filter, rng.random_range(1..40)).await;
            assert!(oldest.iter().rev().map(|row| row.stored.id).eq(wanted.iter().copied()), "{filter:?}");
            let found = page_through(&db.store, &filter, rng.random_range(1..40)).await;
            assert_eq!(found.iter().map(|row| row.stored.id).collect::<Vec<_>>(), wanted, "{filter:?}");
            let page = db.store.list_jobs(&filter, 1, None).await.unwrap();
            assert_eq!(page.total, wanted.len() as u64, "{filter:?}");
            assert_eq!(exported(&db.store, &filter).await, wanted, "{filter:?}");
        }
    }

    async fn jobs_are_listed_by_what_they_took(db) {
        let printers = fill(&db.store, 5, 200).await;
        let mut rng = StdRng::seed_from_u64(11);
        for amount in [Amount::PrintDuration, Amount::TotalDuration, Amount::FilamentUsed] {
            let of = |row: &JobRow| {
                let taken = match amount {
                    Amount::PrintDuration => row.stored.job.figures.print_duration,
                    Amount::TotalDuration => row.stored.job.figures.total_duration,
                    Amount::FilamentUsed => row.stored.job.figures.filament_used,
                };
                taken.map(|taken| (taken * 1000.0).round() as i64)
            };
            for n in 0..12 {
                let filter = if n == 0 { JobFilter::default() } else { some_filter(&printers, &mut rng) };
                let mut wanted = page_through(&db.store, &filter, 500).await;
                assert!(n > 0 || wanted.iter().any(|row| of(row).is_none()), "some are unknown");
                wanted.sort_by_key(|row| (of(row).is_none(), of(row), row.stored.id));
                for limit in [1 + n, 150] {
                    let least = page_through_in(&db.store, ListOrder::Least(amount), &filter, limit).await;
                    assert_eq!(least, wanted, "{amount:?}, {filter:?}, pages of {limit}");
                }
                wanted.sort_by_key(|row| std::cmp::Reverse((of(row), row.stored.id)));
                for limit in [2 + n, 90] {
                    let most = page_through_in(&db.store, ListOrder::Most(amount), &filter, limit).await;
                    assert_eq!(most, wanted, "{amount:?}, {filter:?}, pages of {limit}");
                }
                let page = db.store.list_jobs_in(ListOrder::Most(amount), &filter, 1, None).await.unwrap();
                assert_eq!(page.total, wanted.len() as u64);
            }
        }
    }

    async fn no_character_means_anything_but_itself(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let names = ["100%.gcode", "1000.gcode", "a_b", "aXb", "back\\slash", "quote'\"", "Ä.GCODE", "ΟΔΟΣ", "straße", "\u{1f6a2} İstanbul", "[x]*?"];
        for (n, name) in names.iter().enumerate() {
            db.store.save_job(&running(printer, name, n as f64 * 100.0), now()).await.unwrap();
        }
        for (part, wanted) in [
            ("%", vec!["100%.gcode"]),
            ("_", vec!["a_b"]),
            ("\\", vec!["back\\slash"]),
            ("'\"", vec!["quote'\""]),
            ("ä.g", vec!["Ä.GCODE"]),
            ("a.g", vec![]),
            ("οδος", vec!["ΟΔΟΣ"]),
            ("οδοσ", vec!["ΟΔΟΣ"]),
            ("ΔΟΣ", vec!["ΟΔΟΣ"]),
            ("ASSE", vec!["straße"]),
            ("STRA", vec!["straße"]),
            ("\u{1f6a2}", vec!["\u{1f6a2} İstanbul"]),
            ("\u{1f6a3}", vec![]),
            ("[x]*", vec!["[x]*?"]),
            ("GCODE", vec!["Ä.GCODE", "1000.gcode", "100%.gcode"]),
            ("", names.iter().rev().copied().collect()),
        ] {
            let filter = JobFilter { text: Some(part.to_owned()), ..JobFilter::default() };
            let found: Vec<_> = page_through(&db.store, &filter, 50).await.into_iter().map(|row| row.stored.job.filename.unwrap()).collect();
            assert_eq!(found, wanted, "{part}");
        }
    }

    async fn jobs_that_come_and_go_do_not_shift_pages(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows: Vec<_> = (0..30).map(|n| row(&n.to_string(), "a", f64::from(n) * 100.0)).collect();
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let first = db.store.list_jobs(&JobFilter::default(), 10, None).await.unwrap();
        db.store.import_history(printer, &[row("99", "new", 1e6)], None, now()).await.unwrap();
        db.store.delete_job(first.items[3].stored.id, Deletion::Final, now()).await.unwrap();
        db.store.delete_job(first.items[9].stored.id, Deletion::Final, now()).await.unwrap();
        let second = db.store.list_jobs(&JobFilter::default(), 10, first.next).await.unwrap();
        let ids: Vec<_> = first.items.iter().chain(&second.items).map(|row| row.stored.job.job_id.clone().unwrap()).collect();
        assert_eq!(ids, (10..30).rev().map(|n| n.to_string()).collect::<Vec<_>>());
    }

    async fn deep_pages_are_sought_in_an_index(db) {
        let printers = [add_printer(&db.store, "a").await, add_printer(&db.store, "b").await];
        for (p, printer) in printers.iter().enumerate() {
            let rows: Vec<_> = (0..4000)
                .map(|n| {
                    let mut row = row(&n.to_string(), "a", f64::from(n) * 100.0 + p as f64);
                    row = with_status(row, ["completed", "completed", "completed", "cancelled", "error"][n as usize % 5]);
                    row
                })
                .collect();
            for page in rows.chunks(500) {
                db.store.import_history(*printer, page, None, now()).await.unwrap();
            }
        }
        if db.engine != Engine::Sqlite {
            db.column::<String>("ANALYZE TABLE print_jobs").await;
        }
        // A quarter of the jobs remains in either order. MariaDB reads the index from its end while that skips fewer
        // rows.
        let cursor = |seconds| Some(Cursor { value: at(seconds).as_millisecond(), id: JobId(1000) });
        let places = [
            (None, ListOrder::Newest),
            (None, ListOrder::Oldest),
            (cursor(100_000.0), ListOrder::Newest),
            (cursor(300_000.0), ListOrder::Oldest),
        ];
        let one = vec![printers[0]];
        let both = printers.to_vec();
        let two = vec![JobStatus::Completed, JobStatus::Error];
        for (printer_ids, statuses, parts) in [
            (vec![], vec![], 1),
            (one.clone(), vec![], 1),
            (both.clone(), vec![], 2),
            (vec![], two[..1].to_vec(), 1),
            (vec![], two.clone(), 2),
            (both, two, 4),
        ] {
            let filter = JobFilter { printer_ids, statuses, ..JobFilter::default() };
            for (after, order) in places {
                let plan = db.store.explain_list(order, &filter, after).await.unwrap();
                let of_jobs: Vec<_> = plan.iter().filter(|line| line.contains("print_jobs")).collect();
                assert_eq!(of_jobs.len(), parts, "{plan:#?}");
                let sorts = |line: &String| line.contains("TEMP B-TREE") || line.contains("filesort");
                assert!(!plan.iter().any(sorts), "{plan:#?}");
                for line in of_jobs {
                    assert!(line.contains("print_jobs_"), "{line}");
                    if after.is_some() {
                        assert!(line.contains(" range ") || line.contains("sort_time<?") || line.contains("sort_time>?"), "{line}");
                    }
                }
            }
        }
    }

    async fn odd_limits_and_cursors_do_no_harm(db) {
        fill(&db.store, 3, 20).await;
        let list = async |limit, after| db.store.list_jobs(&JobFilter::default(), limit, after).await.unwrap();
        assert_eq!(list(0, None).await.items, []);
        assert_eq!(list(1 << 40, None).await.items.len(), 20);
        for value in [i64::MIN, 0, i64::MAX] {
            for id in [i64::MIN, 0, i64::MAX] {
                list(5, Some(Cursor { value, id: JobId(id) })).await;
            }
        }
        let longest = ListOrder::Most(Amount::PrintDuration);
        let list = async |limit| db.store.list_jobs_in(longest, &JobFilter::default(), limit, None).await.unwrap();
        assert_eq!((list(0).await.items, list(0).await.next), (vec![], None));
        assert_eq!(list(1 << 40).await.items.len(), 20);
        let none = JobFilter { printer_ids: vec![PrinterId(4711)], ..JobFilter::default() };
        let page = db.store.list_jobs(&none, 5, None).await.unwrap();
        assert_eq!((page.items, page.next, page.total), (vec![], None, 0));
    }
}

async fn page_through(store: &Store, filter: &JobFilter, limit: u64) -> Vec<JobRow> {
    page_through_in(store, ListOrder::Newest, filter, limit).await
}

async fn page_through_in(store: &Store, order: ListOrder, filter: &JobFilter, limit: u64) -> Vec<JobRow> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_jobs_in(order, filter, limit, after).await.unwrap();
        assert!(page.items.len() as u64 <= limit);
        rows.extend(page.items);
        let Some(next) = page.next else { return rows };
        after = Some(next);
    }
}

const NAMES: [&str; 6] = [
    "Benchy.gcode",
    "benchy_2.gcode",
    "Ärmel/Knopf.gcode",
    "cube 100%.gcode",
    "",
    "x",
];

/// Adds jobs of four printers. Many have the same start, some an unknown one.
async fn fill(store: &Store, seed: u64, number: usize) -> Vec<PrinterId> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut printers = Vec::new();
    for name in ["a", "b", "c", "d"] {
        printers.push(add_printer(store, name).await);
    }
    let mut rows: Vec<Vec<_>> = vec![Vec::new(); printers.len()];
    for n in 0..number {
        let mut row = row(
            &n.to_string(),
            NAMES.choose(&mut rng).unwrap(),
            f64::from(rng.random_range(0..60)) * 10.0,
        );
        if rng.random_bool(0.1) {
            row.start_time = None;
        }
        if rng.random_bool(0.1) {
            row.filename = None;
            row.end_time = None;
        } else {
            // Otherwise, two jobs with the same start and file would be one run.
            row.filename.as_mut().unwrap().push_str(&format!("{n}"));
        }
        let mut taken = || {
            let is_known = rng.random_bool(0.9);
            is_known.then(|| f64::from(rng.random_range(0..40)) * 7.5)
        };
        row.figures = Figures {
            print_duration: taken(),
            total_duration: taken(),
            filament_used: taken(),
        };
        let statuses = [
            "completed",
            "cancelled",
            "error",
            "interrupted",
            "klippy_shutdown",
            "Klippy_Shutdown",
        ];
        row = with_status(row, statuses.choose(&mut rng).unwrap());
        row.user = [None, Some("Ada"), Some("ADA"), Some("Jörg")]
            .choose(&mut rng)
            .unwrap()
            .map(str::to_owned);
        let of = rng.random_range(0..rows.len());
        rows[of].push(row);
    }
    let mut added = 0;
    for (printer, rows) in printers.iter().zip(&rows) {
        added += store
            .import_history(*printer, rows, None, now())
            .await
            .unwrap()
            .added;
    }
    let missing = number as u64 - added;
    for n in 0..missing {
        let job = running(printers[0], "rest", n as f64 * 10.0 + 1000.0);
        assert!(matches!(
            store.save_job(&job, now()).await.unwrap(),
            Saved::Inserted(_)
        ));
    }
    printers
}

/// Gives every third job a filament type.
async fn types(store: &Store, ids: &[JobId]) -> Vec<(JobId, String)> {
    let mut types = Vec::new();
    for (n, id) in ids.iter().enumerate().step_by(3) {
        let filament_type = ["PLA", "PETG", "PLA+", "pla"][n / 3 % 4];
        let details = JobDetails {
            filament_type: Some(filament_type.into()),
            ..JobDetails::default()
        };
        store.save_job_details(*id, &details, now()).await.unwrap();
        types.push((*id, filament_type.to_owned()));
    }
    types
}

/// Mostly none, else several, and sometimes the unknown.
fn some_words(rng: &mut StdRng, words: &[&str]) -> Vec<Option<String>> {
    if rng.random_bool(0.8) {
        return Vec::new();
    }
    let number = rng.random_range(1..=2);
    let mut wanted: Vec<_> = words
        .sample(rng, number)
        .map(|word| Some((*word).to_owned()))
        .collect();
    if rng.random_bool(0.4) {
        wanted.push(None);
    }
    wanted
}

fn some_bounds(rng: &mut StdRng) -> AmountBounds {
    let mut bound = || rng.random_bool(0.1).then(|| rng.random_range(0..40) * 7_500);
    AmountBounds {
        min: bound(),
        max: bound(),
    }
}

/// Ids of the jobs of an export.
async fn exported(store: &Store, filter: &JobFilter) -> Vec<JobId> {
    let mut export = store.begin_export(filter).await.unwrap();
    let mut ids = Vec::new();
    loop {
        let jobs = store.next_of_export(&mut export).await.unwrap();
        if jobs.is_empty() {
            break;
        }
        ids.extend(jobs.iter().map(store::ExportedJob::id));
    }
    assert_eq!(store.count_of_export(&export).await.unwrap(), ids.len() as u64);
    ids
}

fn some_filter(printers: &[PrinterId], rng: &mut StdRng) -> JobFilter {
    let mut time = |chance| {
        rng.random_bool(chance)
            .then(|| at(f64::from(rng.random_range(0..60)) * 10.0))
    };
    let (since, until) = (time(0.4), time(0.4));
    let number = rng.random_range(0..3);
    let printer_ids = printers.sample(rng, number).copied().collect();
    let number = rng.random_range(0..4);
    let statuses = JobStatus::ALL.sample(rng, number).copied().collect();
    let parts = ["BENCHY", "knopf", "ärmel", "100%", "_", "no such file", ".GCODE1"];
    let text = rng
        .random_bool(0.3)
        .then(|| (*parts.choose(rng).unwrap()).to_owned());
    let filament_types = some_words(rng, &["PLA", "PETG", "pla", "Nylon"]);
    let users = some_words(rng, &["ada", "JÖRG", "unused"]);
    let causes = some_words(rng, &["KLIPPY_shutdown", "error", "none"]);
    let (print_duration, filament_used) = (some_bounds(rng), some_bounds(rng));
    JobFilter {
        printer_ids,
        statuses,
        since,
        until,
        text,
        filament_types,
        users,
        causes,
        print_duration,
        filament_used,
        ..JobFilter::default()
    }
}
