//! Tests of G-code files: stored once, queued visibly, and removed with the last job.

use domain::{JobFilter, JobId};
use serde_json::json;
use store::{
    Deletion, DetailsCounts, DetailsOutcome, DetailsSource, DetailsStatus, Due, NewGcodeFile, NewThumbnail,
    Retry, Saved, Store,
};

use crate::{fixtures::*, on_every_engine};

fn file(key: &str) -> NewGcodeFile {
    NewGcodeFile {
        file_key: key.to_owned(),
        content_hash: Some("00ff".to_owned()),
        source: DetailsSource::File,
        metadata: json!({"details": {"layer_height": 0.2, "filament_type": "PETG", "layer_count": 7}, "tools": []}),
        raw: Some(json!({"layer_height": "0.2"})),
        thumbnails: vec![NewThumbnail {
            hash: "image".to_owned(),
            media_type: "image/png",
            width: 300,
            height: 200,
            // More than MySQL's BLOB can store.
            data: vec![7; 300_000],
        }],
    }
}

const DONE: DetailsOutcome = DetailsOutcome {
    status: DetailsStatus::Done,
    reason: None,
    retry: Retry::Never,
};

const LIVE: Due = Due {
    is_live: true,
    is_retry: false,
};
const IMPORTED: Due = Due {
    is_live: false,
    is_retry: false,
};
const AGAIN: Due = Due {
    is_live: false,
    is_retry: true,
};

async fn ids(store: &Store, due: Due, seconds: f64) -> Vec<JobId> {
    let jobs = store.due_details(due, at(seconds), 100).await.unwrap();
    jobs.into_iter().map(|queued| queued.job_id).collect()
}

on_every_engine! {
    async fn every_job_waits_newest_first(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows = [row("1", "a", 0.0), row("2", "b", 1000.0), row("3", "c", 500.0)];
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let Saved::Inserted(live) = db.store.save_job(&running(printer, "d", 9000.0), now()).await.unwrap() else {
            panic!("the job is new")
        };
        assert_eq!(ids(&db.store, LIVE, NOW).await, [live]);
        let waiting = ids(&db.store, IMPORTED, NOW).await;
        let mut names = Vec::new();
        for id in &waiting {
            names.push(db.store.job(*id).await.unwrap().unwrap().job.filename.unwrap());
        }
        assert_eq!(names, ["b", "c", "a"]);
        assert_eq!(db.store.details_counts().await.unwrap().pending, 4);
    }

    async fn jobs_that_wait_are_counted_up_to_a_limit(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows: Vec<_> = (0..5).map(|n| row(&n.to_string(), "a", f64::from(n) * 1000.0)).collect();
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let partial = DetailsOutcome { status: DetailsStatus::Partial, ..DONE };
        let failed = DetailsOutcome { status: DetailsStatus::Failed, ..DONE };
        let waiting = ids(&db.store, IMPORTED, NOW).await;
        for (id, outcome) in waiting.iter().zip([&DONE, &partial, &failed]) {
            assert!(db.store.save_details(*id, None, outcome, now()).await.unwrap());
        }
        let all = db.store.details_counts().await.unwrap();
        assert_eq!((all.pending, all.partial, all.failed), (2, 1, 1));
        assert_eq!(db.store.details_counts_up_to(2).await.unwrap(), all);
        let bounded = db.store.details_counts_up_to(1).await.unwrap();
        assert_eq!((bounded.pending, bounded.partial, bounded.failed), (1, 1, 1));
        let none = db.store.details_counts_up_to(0).await.unwrap();
        assert_eq!(none, DetailsCounts::default());
    }

    async fn file_and_image_are_kept_once_and_go_with_the_last_job(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows = [row("1", "a", 0.0), row("2", "a", 1000.0)];
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let jobs = ids(&db.store, IMPORTED, NOW).await;
        let with_image = async || {
            let page = db.store.list_jobs(&JobFilter::default(), 10, None).await.unwrap();
            page.items.iter().filter(|row| row.has_thumbnail).count()
        };
        assert_eq!(with_image().await, 0);
        assert!(db.store.save_details(jobs[0], Some(&file("key")), &DONE, now()).await.unwrap());
        assert!(!db.store.reuse_gcode_file(jobs[1], printer, "other", now()).await.unwrap());
        assert_eq!(with_image().await, 1);
        assert!(db.store.reuse_gcode_file(jobs[1], printer, "key", now()).await.unwrap());
        for id in &jobs {
            let details = db.store.job_details(*id).await.unwrap().unwrap();
            assert_eq!((details.layer_height, details.layer_count), (Some(0.2), Some(7)));
            let images = db.store.thumbnails_of(*id).await.unwrap();
            assert_eq!((images.len(), images[0].width, images[0].bytes), (1, 300, 300_000));
        }
        assert_eq!(with_image().await, 2);
        assert_eq!(db.store.thumbnail_data("image").await.unwrap().unwrap(), vec![7; 300_000]);
        let raw = db.store.full_job(jobs[0], true).await.unwrap().unwrap().file.unwrap().raw;
        assert_eq!(raw, Some(json!({"layer_height": "0.2"})));
        let filter = JobFilter { filament_types: vec![Some("petg".to_owned())], ..JobFilter::default() };
        assert_eq!(db.store.list_jobs(&filter, 10, None).await.unwrap().total, 2);

        let rows = async || db.column::<i64>("SELECT COUNT(*) FROM thumbnails").await[0];
        assert!(db.store.delete_job(jobs[0], Deletion::Final, now()).await.unwrap());
        assert_eq!(rows().await, 1);
        assert!(db.store.delete_job(jobs[1], Deletion::Final, now()).await.unwrap());
        assert_eq!(rows().await, 0);
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM gcode_files").await, [0]);
    }

    async fn what_failed_is_tried_again_when_it_is_due(db) {
        let printer = add_printer(&db.store, "Voron").await;
        db.store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        let id = ids(&db.store, IMPORTED, NOW).await[0];
        let later = DetailsOutcome {
            status: DetailsStatus::Partial,
            reason: Some("the printer is off".to_owned()),
            retry: Retry::At(at(NOW + 60.0)),
        };
        let known = NewGcodeFile { source: DetailsSource::Moonraker, ..file("moonraker") };
        assert!(db.store.save_details(id, Some(&known), &later, now()).await.unwrap());
        assert!(ids(&db.store, IMPORTED, NOW).await.is_empty());
        assert!(ids(&db.store, AGAIN, NOW + 59.0).await.is_empty());
        assert_eq!(ids(&db.store, AGAIN, NOW + 60.0).await, [id]);
        let queued = db.store.queued_details(id).await.unwrap().unwrap();
        assert_eq!((queued.attempts, queued.reason.as_deref()), (1, Some("the printer is off")));
        assert_eq!(db.store.details_counts().await.unwrap().partial, 1);
        assert_eq!(db.store.refresh_missing_details(now()).await.unwrap(), 1);
        assert_eq!(ids(&db.store, IMPORTED, NOW).await, [id]);
        assert!(db.store.save_details(id, Some(&file("key")), &DONE, now()).await.unwrap());
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM gcode_files").await, [1]);
        assert!(!db.store.refresh_details(JobId(77), now()).await.unwrap());
    }

    async fn what_waits_for_its_printer_is_never_due_until_it_is_back(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let other = add_printer(&db.store, "Ender").await;
        db.store.import_history(printer, &[row("1", "a", 0.0), row("2", "b", 9.0)], None, now()).await.unwrap();
        let jobs = ids(&db.store, IMPORTED, NOW).await;
        let off = DetailsOutcome {
            status: DetailsStatus::Pending,
            reason: Some("the printer is off".to_owned()),
            retry: Retry::WhenBack,
        };
        for id in &jobs {
            assert!(db.store.save_details(*id, None, &off, now()).await.unwrap());
        }
        for due in [LIVE, IMPORTED, AGAIN] {
            assert!(ids(&db.store, due, NOW + 1e9).await.is_empty());
        }
        assert_eq!(db.store.wake_details(&[other], now()).await.unwrap(), 0);
        assert_eq!(db.store.wake_details(&[other, printer], now()).await.unwrap(), 2);
        assert_eq!(ids(&db.store, AGAIN, NOW).await, jobs, "newest first");
        let queued = db.store.queued_details(jobs[0]).await.unwrap().unwrap();
        assert_eq!((queued.attempts, queued.printer_id), (0, printer));
        assert_eq!(db.store.wake_details(&[printer], now()).await.unwrap(), 0);
    }

    async fn a_file_that_is_read_anew_is_better_for_all_its_jobs(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows = [row("1", "a", 0.0), row("2", "a", 1000.0)];
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let jobs = ids(&db.store, IMPORTED, NOW).await;
        assert!(db.store.save_details(jobs[0], Some(&file("key")), &DONE, now()).await.unwrap());
        assert!(db.store.reuse_gcode_file(jobs[1], printer, "key", now()).await.unwrap());
        assert!(db.store.refresh_details(jobs[0], now()).await.unwrap());
        assert_eq!(ids(&db.store, LIVE, NOW).await, [jobs[0]]);
        let mut better = file("key");
        better.metadata["details"]["layer_count"] = json!(8);
        better.thumbnails[0].hash = "other image".to_owned();
        assert!(db.store.save_details(jobs[0], Some(&better), &DONE, now()).await.unwrap());
        for id in jobs {
            assert_eq!(db.store.job_details(id).await.unwrap().unwrap().layer_count, Some(8));
            assert_eq!(db.store.thumbnails_of(id).await.unwrap()[0].hash, "other image");
        }
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM gcode_files").await, [1]);
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM thumbnails").await, [1]);
    }

    async fn a_printer_takes_its_files_with_it(db) {
        let printer = add_printer(&db.store, "Voron").await;
        db.store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        let id = ids(&db.store, IMPORTED, NOW).await[0];
        assert!(db.store.save_details(id, Some(&file("key")), &DONE, now()).await.unwrap());
        db.store.delete_printer(printer, true, now()).await.unwrap();
        for table in ["details_queue", "gcode_files", "gcode_file_thumbnails", "thumbnails"] {
            assert_eq!(db.column::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await, [0], "{table}");
        }
    }
}
