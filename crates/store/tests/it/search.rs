//! Tests that jobs are found by any part of a text, like in a full scan.

use domain::{Job, JobFilter, JobId};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use store::{Deletion, Engine, JobRecord, Saved};

use crate::{database::Database, fixtures::*, on_every_engine, records::of_job};

on_every_engine! {
    async fn search_finds_what_a_plain_search_finds(db) {
        let printers = [add_printer(&db.store, "a").await, add_printer(&db.store, "b").await];
        let mut rng = StdRng::seed_from_u64(4);
        for round in 0..12_u32 {
            for n in 0..12 {
                let start = f64::from(round * 100 + n) * 1000.0;
                let name = some_text(&mut rng, 12);
                let job = running(printers[n as usize % 2], &name, start);
                match n % 3 {
                    0 => {
                        let row = row(&format!("{round} {n}"), &name, start);
                        db.store.import_history(job.printer_id, &[row], None, now()).await.unwrap();
                    }
                    1 => { db.store.import_jobs(&[of_job(job)], now()).await.unwrap(); }
                    _ => {
                        // A file name that becomes known later.
                        let nameless = Job { filename: None, ..job.clone() };
                        db.store.save_job(&nameless, now()).await.unwrap();
                        assert!(matches!(db.store.save_job(&job, now()).await.unwrap(), Saved::Updated(_)));
                    }
                }
            }
            let jobs = all_jobs(&db.store).await;
            let gone = jobs.choose(&mut rng).unwrap();
            assert!(db.store.delete_job(gone.id, Deletion::Final, now()).await.unwrap());
            for _ in 0..15 {
                let wanted = jobs.choose(&mut rng).unwrap().job.filename.clone().unwrap();
                let characters: Vec<char> = wanted.chars().collect();
                let from = rng.random_range(0..characters.len());
                let length = rng.random_range(1..=6.min(characters.len() - from));
                let part: String = characters[from..from + length].iter().collect();
                compare(&db, &if rng.random_bool(0.5) { part.to_uppercase() } else { part }).await;
                compare(&db, &some_text(&mut rng, 4)).await;
            }
        }
        check_index(&db).await;
        db.store.delete_printer(printers[0], true, now()).await.unwrap();
        check_index(&db).await;
        compare(&db, "a").await;
    }

    async fn names_are_found_in_either_unicode_form(db) {
        let printer = add_printer(&db.store, "a").await;
        let names = ["Küche.gcode", "Ku\u{308}che.gcode", "KÜCHE 2.gcode", "Kuche.gcode", "Straße.gcode", "STRASSE.gcode", "각.gcode", "\u{1100}\u{1161}\u{11a8}.gcode"];
        for (n, name) in names.into_iter().enumerate() {
            // Every second job is running: the search finds these in another place.
            let start = n as f64 * 1000.0;
            match n % 2 {
                0 => { db.store.import_history(printer, &[row(&n.to_string(), name, start)], None, now()).await.unwrap(); }
                _ => { db.store.save_job(&running(printer, name, start), now()).await.unwrap(); }
            }
        }
        for (part, wanted) in [
            ("küche", &names[..3]), ("ku\u{308}che", &names[..3]), ("KU\u{308}", &names[..3]), ("kuche", &names[3..4]),
            ("strasse", &names[4..6]), ("STRAßE", &names[4..6]), ("각", &names[6..]), ("\u{1100}\u{1161}\u{11a8}", &names[6..]),
        ] {
            let filter = JobFilter { text: Some(part.to_owned()), ..JobFilter::default() };
            let page = db.store.list_jobs(&filter, 50, None).await.unwrap();
            // Byte for byte as the printer reports it.
            let mut found: Vec<_> = page.items.iter().map(|row| row.stored.job.filename.as_deref().unwrap()).collect();
            found.reverse();
            assert_eq!(found, wanted, "{part}");
            let export = &mut db.store.begin_export(&filter).await.unwrap();
            assert_eq!(db.store.next_of_export(export).await.unwrap().len(), wanted.len(), "{part}");
        }
    }

    async fn common_texts_are_counted_and_paged(db) {
        let printer = add_printer(&db.store, "a").await;
        let record = |n: usize| {
            let name = if n.is_multiple_of(10) { format!("Würfel {n}") } else { format!("Part {n}.GCODE") };
            of_job(Job { job_id: Some(n.to_string()), ..running(printer, &name, n as f64) })
        };
        let records: Vec<JobRecord> = (0..2600).map(record).collect();
        db.store.import_jobs(&records, now()).await.unwrap();
        for (part, wanted) in [("gcode", 2340), ("ART", 2340), ("t", 2340), ("würfel", 260), ("WÜ", 260), ("1.", 260), ("", 2600)] {
            let filter = JobFilter { text: Some(part.to_owned()), ..JobFilter::default() };
            let page = db.store.list_jobs(&filter, 500, None).await.unwrap();
            assert_eq!(page.total, wanted, "{part}");
            let (mut items, mut next) = (page.items, page.next);
            while let Some(cursor) = next {
                let page = db.store.list_jobs(&filter, 500, Some(cursor)).await.unwrap();
                items.extend(page.items);
                next = page.next;
            }
            assert_eq!(items.len() as u64, wanted, "{part}");
            let is_right = |name: &str| name.to_lowercase().contains(&part.to_lowercase());
            assert!(items.iter().all(|row| is_right(row.stored.job.filename.as_ref().unwrap())));
            let until = JobFilter { until: Some(at(100.0)), printer_ids: vec![printer], ..filter };
            for _ in 0..2 {
                let few = db.store.list_jobs(&until, 500, None).await.unwrap();
                assert_eq!(few.total, few.items.len() as u64, "{part}");
            }
        }
    }
}

/// Compares the result with a full scan of all jobs.
async fn compare(db: &Database, part: &str) {
    let fold = |text: &str| {
        let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(text);
        let lower: String = decomposed.chars().flat_map(char::to_lowercase).collect();
        let folded = lower.replace('ß', "ss").replace('ς', "σ");
        ComposingNormalizerBorrowed::new_nfc()
            .normalize(&folded)
            .into_owned()
    };
    let holds = |job: &Job| {
        job.filename
            .as_ref()
            .is_some_and(|name| fold(name).contains(&fold(part)))
    };
    let wanted: Vec<JobId> = all_jobs(&db.store)
        .await
        .into_iter()
        .filter(|stored| part.is_empty() || holds(&stored.job))
        .map(|stored| stored.id)
        .collect();
    let filter = JobFilter {
        text: Some(part.to_owned()),
        ..JobFilter::default()
    };
    let page = db.store.list_jobs(&filter, 500, None).await.unwrap();
    let found: Vec<JobId> = page.items.iter().map(|row| row.stored.id).collect();
    assert_eq!(found, wanted, "{part:?}");
    assert_eq!(page.total, wanted.len() as u64, "{part:?}");
}

/// Checks that each job has a row and that the index on SQLite contains exactly these rows.
async fn check_index(db: &Database) {
    let rows: Vec<i64> = db.column("SELECT COUNT(*) FROM job_search").await;
    assert_eq!(rows, [all_jobs(&db.store).await.len() as i64]);
    if db.engine == Engine::Sqlite {
        db.execute(
            "INSERT INTO job_search_trigrams (job_search_trigrams, rank) VALUES ('integrity-check', 1)",
        )
        .await;
    }
}

/// A random text. Few different characters, so that texts match often; some are special in databases or have unusual
/// case mappings.
fn some_text(rng: &mut StdRng, longest: usize) -> String {
    let characters = [
        'a',
        'A',
        'b',
        'B',
        '"',
        '\'',
        '%',
        '_',
        '\\',
        '*',
        ' ',
        'ä',
        'Ä',
        'Σ',
        'ς',
        'İ',
        'ß',
        '\u{1f6a2}',
        'e',
        '\u{301}',
    ];
    let length = rng.random_range(1..=longest);
    (0..length).map(|_| *characters.choose(rng).unwrap()).collect()
}
