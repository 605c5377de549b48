use domain::{Figures, JobFilter, JobStatus, PackedJson};
use jiff::Timestamp;
use serde_json::json;
use store::{Deletion, Error, JobDetails, Saved};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn times_are_true_to_the_millisecond(db) {
        let printer = add_printer(&db.store, "Voron").await;
        // Before 1970, beyond the range of MySQL's TIMESTAMP, and odd milliseconds in between.
        for milliseconds in [-86_400_001, 1, 1_780_000_000_123, 1_780_000_000_999, 4_102_444_800_007] {
            let mut job = running(printer, "a", 0.0);
            let time = Timestamp::from_millisecond(milliseconds).unwrap();
            (job.start_time, job.end_time, job.last_seen) = (Some(time), Some(time), Some(time));
            let Saved::Inserted(id) = db.store.save_job(&job, time).await.unwrap() else { panic!() };
            let stored = db.store.job(id).await.unwrap().unwrap();
            assert_eq!(stored.job, job);
            assert_eq!((stored.created_at, stored.updated_at), (time, time));
            let sql = format!("SELECT start_time FROM print_jobs WHERE id = {}", id.0);
            assert_eq!(db.column::<i64>(&sql).await, [milliseconds]);
        }
    }

    async fn finer_times_are_the_same_job(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = running(printer, "a", 0.0);
        job.start_time = Some(Timestamp::from_nanosecond(1_780_000_000_123_456_789).unwrap());
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };
        assert_eq!(db.store.save_job(&job, now()).await.unwrap(), Saved::Unchanged(id));
        assert_eq!(db.store.save_progress(&job, now()).await.unwrap(), Saved::Progressed(id));
        let mut row = row("1", "b", 0.0);
        row.start_time = job.start_time;
        db.store.import_history(printer, &[row.clone()], None, now()).await.unwrap();
        assert_eq!(db.store.import_history(printer, &[row], None, now()).await.unwrap().unchanged, 1);
    }

    async fn metadata_comes_back_as_it_was(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let metadata = json!({
            "zebra": 1, "apple": {"b": [1, 2.5, -0.1, 1e-7, 123_456_789.123_456_79, 3.0], "a": null},
            "name": "Benchy \u{1f6a2}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{0} \\ \" ' % _ \r\n\t",
            "big": u64::MAX, "small": i64::MIN,
            "thumbnail": "A1b/+".repeat(60_000),
            "": [[], {}, "", true],
        });
        let mut job = known(printer, "1", "\u{1f6a2}/x'\"\\%.gcode", 0.0);
        job.metadata = Some(PackedJson::from(&metadata));
        job.auxiliary_data = Some(json!([{"provider": "spoolman", "value": [1, null]}]).into());
        job.message = Some("!! Move out of range: \u{1f4a5}\n".repeat(4000));
        job.user = Some("_TRUSTED_USER_".into());
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };
        assert_eq!(db.store.job(id).await.unwrap().unwrap().job, job);
        assert_eq!(db.store.save_job(&job, now()).await.unwrap(), Saved::Unchanged(id));
        // A large page, too.
        let rows: Vec<_> = (0..12)
            .map(|n| {
                let mut row = row(&format!("9{n}"), "a", f64::from(n) * 500.0 + 500.0);
                row.metadata = Some(PackedJson::from(&metadata));
                row
            })
            .collect();
        assert_eq!(db.store.import_history(printer, &rows, None, now()).await.unwrap().added, 12);
        assert_eq!(db.store.import_history(printer, &rows, None, now()).await.unwrap().unchanged, 12);
    }

    async fn unknown_is_null_and_not_zero(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = running(printer, "a", 0.0);
        job.figures = Figures { print_duration: Some(f64::NAN), total_duration: None, filament_used: Some(0.0) };
        (job.filename, job.last_seen) = (None, None);
        db.store.save_job(&job, now()).await.unwrap();
        let (_, stored) = the_job(&db.store).await;
        assert_eq!(stored.figures, Figures { filament_used: Some(0.0), ..Figures::default() });
        assert_eq!((stored.filename, stored.last_seen, stored.end_time), (None, None, None));
        assert_eq!(db.store.totals(printer).await.unwrap().unwrap().longest_job, None);
        check_totals(&db.store).await;
    }

    async fn exact_numbers_survive(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = running(printer, "a", 0.0);
        job.figures = Figures { print_duration: Some(0.1 + 0.2), total_duration: Some(1.0 / 3.0 * 1e7), filament_used: Some(f64::MIN_POSITIVE) };
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };
        assert_eq!(the_job(&db.store).await, (id, job.clone()));
        assert_eq!(db.store.save_job(&job, now()).await.unwrap(), Saved::Unchanged(id));
    }

    async fn every_status_is_stored(db) {
        let printer = add_printer(&db.store, "Voron").await;
        for (n, status) in JobStatus::ALL.into_iter().enumerate() {
            let mut job = running(printer, "a", n as f64 * 100.0);
            job.status = status;
            let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };
            assert_eq!(db.store.job(id).await.unwrap().unwrap().job, job);
        }
    }

    async fn foreign_words_are_reported_with_their_place(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let Saved::Inserted(id) = db.store.save_job(&running(printer, "a", 0.0), now()).await.unwrap() else { panic!() };
        for (column, value, back) in [
            ("status", "'exploded'", "'printing'"),
            ("figures_source", "'rumour'", "'history'"),
            ("metadata", "'{no json'", "NULL"),
            ("end_time", "9000000000000000000", "NULL"),
        ] {
            db.execute(&format!("UPDATE print_jobs SET {column} = {value}")).await;
            let error = db.store.job(id).await.unwrap_err();
            assert!(
                matches!(&error, Error::BadValue { table: "print_jobs", column: found, row, .. } if *found == column && *row == id.0),
                "{error:?}"
            );
            assert!(!error.is_transient());
            db.execute(&format!("UPDATE print_jobs SET {column} = {back}")).await;
        }
        db.store.list_jobs(&JobFilter::default(), 10, None).await.unwrap();
    }

    async fn details_replace_what_was(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let Saved::Inserted(id) = db.store.save_job(&running(printer, "a", 0.0), now()).await.unwrap() else { panic!() };
        assert_eq!(db.store.job_details(id).await.unwrap(), None);
        let details = JobDetails {
            layer_height: Some(0.2),
            support_enabled: Some(false),
            filament_type: Some("PETG".into()),
            layer_count: Some(1 << 40),
            raw_metadata: Some(json!({"a": "\u{1f600}"})),
            ..JobDetails::default()
        };
        assert!(db.store.save_job_details(id, &details, now()).await.unwrap());
        assert!(db.store.save_job_details(id, &details, now()).await.unwrap());
        assert_eq!(db.store.job_details(id).await.unwrap(), Some(details));
        db.store.delete_job(id, Deletion::Final, now()).await.unwrap();
        assert_eq!(db.store.job_details(id).await.unwrap(), None);
        assert!(!db.store.save_job_details(id, &JobDetails::default(), now()).await.unwrap());
    }
}
