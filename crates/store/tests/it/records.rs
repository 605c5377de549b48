use domain::{Job, JobFilter, JobId, JobNotes, LARGEST_ID, PrinterId, Verdict};
use store::{
    Deletion, DetailsSource, DetailsStatus, Due, Engine, Error, ImportedRecords, JobRecord, Location,
    NewGcodeFile, Saved,
};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn ids_that_leave_no_room_are_not_kept(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let large = [i64::MAX, i64::MAX - 1, LARGEST_ID + 1, LARGEST_ID, LARGEST_ID / 2 + 1, 0, -5, i64::MIN];
        for (n, id) in large.into_iter().enumerate() {
            let start = n as f64 * 1000.0;
            let record = JobRecord { id: Some(JobId(id)), ..of_job(known(printer, &n.to_string(), "a", start)) };
            assert_eq!(db.store.import_jobs(&[record], now()).await.unwrap().added, 1, "{id}");
            let (given, is_new) = db.store.adopt_printer(&n.to_string(), Some(PrinterId(id)), now()).await.unwrap();
            assert!(is_new && given.0 < 100, "{id}: {given:?}");
            // There is room for later jobs and printers.
            db.store.save_job(&running(printer, "b", start + 500.0), now()).await.unwrap();
            add_printer(&db.store, &format!("new {n}")).await;
        }
        assert!(all_jobs(&db.store).await.iter().all(|stored| stored.id.0 < 100));
        let kept = JobRecord { id: Some(JobId(LARGEST_ID / 2)), ..of_job(known(printer, "kept", "a", 99_000.0)) };
        db.store.import_jobs(&[kept], now()).await.unwrap();
        db.store.save_job(&running(printer, "b", 99_500.0), now()).await.unwrap();
        assert!(db.store.job(JobId(LARGEST_ID / 2 + 1)).await.unwrap().is_some());
        assert_eq!(db.store.exhausted_tables().await.unwrap(), []);
    }

    async fn a_table_without_room_is_found_and_not_restored(db) {
        add_printer(&db.store, "Voron").await;
        let last = i64::MAX;
        db.execute(&match db.engine {
            Engine::Sqlite => format!("UPDATE sqlite_sequence SET seq = {last} WHERE name = 'printers'"),
            Engine::MySql | Engine::MariaDb => format!("ALTER TABLE printers AUTO_INCREMENT = {last}"),
        })
        .await;
        let found = db.store.exhausted_tables().await.unwrap();
        assert_eq!(found.iter().map(|(table, _)| table.as_str()).collect::<Vec<_>>(), ["printers"]);
        let folder = tempfile::TempDir::new().unwrap();
        let target = Location::Sqlite { path: folder.path().join("new.db") };
        let refused = match &db.location {
            Location::Sqlite { .. } => {
                let copy = folder.path().join("copy.db");
                db.execute(&format!("VACUUM INTO '{}'", copy.display())).await;
                store::Restore::prepare(&copy, &target, folder.path()).await.map(|restore| restore.tables().to_vec())
            }
            Location::MySql { .. } => store::move_database(&db.location, &target).await,
        };
        assert!(matches!(&refused, Err(Error::IdsExhausted { table, .. }) if table == "printers"), "{refused:?}");
    }

    async fn what_users_say_comes_with_a_record(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let notes = JobNotes {
            title: Some("Lamp".to_owned()),
            notes: Some("for Jörg".to_owned()),
            tags: ["Grün", "gift", "GRU\u{308}N"].map(str::to_owned).to_vec(),
            verdict: Some(Verdict::Scrap),
            verdict_reason: Some("a reason of another list".to_owned()),
        };
        let record = JobRecord { notes: notes.clone(), ..of_job(known(printer, "1", "a", 0.0)) };
        for added in [1, 0] {
            let imported = db.store.import_jobs(std::slice::from_ref(&record), now()).await.unwrap();
            assert_eq!(imported.added, added);
        }
        let wanted = JobNotes { tags: vec!["gift".to_owned(), "Grün".to_owned()], ..notes };
        let export = &mut db.store.begin_export(&JobFilter::default()).await.unwrap();
        assert_eq!(db.store.next_of_export(export).await.unwrap()[0].notes, wanted);
        for text in ["lamp", "jo\u{308}rg", "GRÜN", "a"] {
            let filter = JobFilter { text: Some(text.to_owned()), ..JobFilter::default() };
            assert_eq!(db.store.list_jobs(&filter, 10, None).await.unwrap().total, 1, "{text}");
        }
        let long = JobNotes { title: Some("x".repeat(256)), ..JobNotes::default() };
        let refused = db.store.import_jobs(&[JobRecord { notes: long, ..record }], now()).await;
        assert!(matches!(refused, Err(Error::TooLong { .. })), "{refused:?}");
    }

    async fn records_keep_what_they_were_and_come_once(db) {
        let printers = [add_printer(&db.store, "a").await, add_printer(&db.store, "b").await];
        let records: Vec<_> = (0..150).map(|n| record(printers[n % 2], n)).collect();
        let all = ImportedRecords { added: 150, ..ImportedRecords::default() };
        assert_eq!(db.store.import_jobs(&records, now()).await.unwrap(), all);
        let known = ImportedRecords { known: 150, ..ImportedRecords::default() };
        assert_eq!(db.store.import_jobs(&records, at(2e6)).await.unwrap(), known);
        check_totals(&db.store).await;
        for record in &records {
            let stored = db.store.job(record.id.unwrap()).await.unwrap().unwrap();
            assert_eq!(stored.job, record.job);
            assert_eq!((stored.created_at, stored.updated_at), (record.created_at, record.updated_at));
            let queued = db.store.queued_details(stored.id).await.unwrap().unwrap();
            assert_eq!((queued.status, queued.reason), (record.details_status, record.details_reason.clone()));
            let details = db.store.job_details(stored.id).await.unwrap();
            assert_eq!(details, record.file.as_ref().map(NewGcodeFile::job_details));
            let file = db.store.full_job(stored.id, false).await.unwrap().unwrap().file;
            assert_eq!(file.map(|file| file.metadata), record.file.as_ref().map(|file| file.metadata.clone()));
        }
        let untried = Due { is_live: false, is_retry: false };
        let waiting = db.store.due_details(untried, at(2e6), 1000).await.unwrap();
        let pending = records.iter().filter(|record| record.details_status == DetailsStatus::Pending);
        assert_eq!(waiting.len(), pending.count());
        let files: Vec<i64> = db.column("SELECT COUNT(*) FROM gcode_files").await;
        assert_eq!(files, [14], "seven of each printer");
        // A new job gets an unused id, and its file is found.
        let Saved::Inserted(id) = db.store.save_job(&running(printers[0], "later", 9e5), now()).await.unwrap() else { panic!() };
        assert!(records.iter().all(|record| record.id != Some(id)));
    }

    async fn records_take_no_id_that_is_or_was_in_use(db) {
        let printer = add_printer(&db.store, "a").await;
        let Saved::Inserted(first) = db.store.save_job(&running(printer, "first", 0.0), now()).await.unwrap() else { panic!() };
        let Saved::Inserted(gone) = db.store.save_job(&running(printer, "gone", 500.0), now()).await.unwrap() else { panic!() };
        assert!(db.store.delete_job(gone, Deletion::Final, now()).await.unwrap());
        let mut records: Vec<_> = (10..15).map(|n| record(printer, n)).collect();
        for (record, id) in records.iter_mut().zip([Some(first), Some(gone), Some(JobId(77)), Some(JobId(77)), None]) {
            record.id = id;
        }
        let imported = db.store.import_jobs(&records, now()).await.unwrap();
        assert_eq!(imported.added, 5);
        assert_eq!(db.store.job(JobId(77)).await.unwrap().unwrap().job, records[2].job);
        assert_eq!(db.store.job(first).await.unwrap().unwrap().job.filename.as_deref(), Some("first"));
        assert_eq!(db.store.job(gone).await.unwrap(), None);
        assert_eq!(all_jobs(&db.store).await.len(), 6);
        check_totals(&db.store).await;
        // An import does not restore deleted jobs.
        let page = db.store.list_jobs(&JobFilter::default(), 50, None).await.unwrap();
        for row in page.items {
            assert!(db.store.delete_job(row.stored.id, Deletion::Final, now()).await.unwrap());
        }
        let imported = db.store.import_jobs(&records, now()).await.unwrap();
        assert_eq!(imported, ImportedRecords { skipped_deleted: 5, ..ImportedRecords::default() });
    }

    async fn records_of_runs_that_are_known_leave_them_alone(db) {
        let printer = add_printer(&db.store, "a").await;
        let row = row("000007", "cube.gcode", 3000.0);
        db.store.import_history(printer, std::slice::from_ref(&row), None, now()).await.unwrap();
        let before = the_job(&db.store).await;
        let renamed = Job { job_id: Some("00000A".to_owned()), ..Job::from_history(printer, &row) };
        let undated = Job { start_time: None, history_start_time: None, ..renamed.clone() };
        let imported = db.store.import_jobs(&[of_job(renamed)], now()).await.unwrap();
        assert_eq!(imported, ImportedRecords { known: 1, ..ImportedRecords::default() });
        assert_eq!(the_job(&db.store).await, before);
        for known in [0, 1] {
            let imported = db.store.import_jobs(&[of_job(undated.clone())], now()).await.unwrap();
            assert_eq!((imported.added, imported.known), (1 - known, known));
        }
        let of_nobody = Job { printer_id: domain::PrinterId(4711), ..undated };
        let refused = db.store.import_jobs(&[of_job(of_nobody)], now()).await;
        assert!(matches!(refused, Err(Error::NoSuchPrinter(_))), "{refused:?}");
    }
}

pub(crate) fn of_job(job: Job) -> JobRecord {
    JobRecord {
        id: None,
        job,
        created_at: at(1.0),
        updated_at: at(2.0),
        details_status: DetailsStatus::Pending,
        details_reason: None,
        file: None,
        notes: JobNotes::default(),
    }
}

fn record(printer: domain::PrinterId, n: usize) -> JobRecord {
    let history = row(&format!("{n:06X}"), &format!("part {n}.gcode"), n as f64 * 1000.0);
    let file = (!n.is_multiple_of(5)).then(|| NewGcodeFile {
        file_key: format!("key {}", n % 7),
        content_hash: None,
        source: DetailsSource::File,
        metadata: serde_json::json!({"details": {"slicer": "OrcaSlicer", "layer_height": 0.1 * (n % 7) as f64}}),
        raw: None,
        thumbnails: Vec::new(),
    });
    JobRecord {
        id: Some(JobId(1000 - n as i64)),
        details_status: match n % 5 {
            0 => DetailsStatus::Pending,
            1 => DetailsStatus::Partial,
            _ => DetailsStatus::Done,
        },
        details_reason: (n % 5 == 1).then(|| "the file is gone".to_owned()),
        file,
        ..of_job(Job::from_history(printer, &history))
    }
}
