use domain::{Cause, Figures, HistoryEnd, HistoryJob, Job, JobStatus, PrinterId, Source};
use store::{Deletion, Error, FoundRun, Imported, Saved};

use crate::{fixtures::*, on_every_engine};

fn added(added: u64) -> Imported {
    Imported {
        added,
        ..Imported::default()
    }
}

on_every_engine! {
    async fn saving_is_idempotent(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = running(printer, "a.gcode", 0.0);
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };
        assert_eq!(db.store.save_job(&job, now()).await.unwrap(), Saved::Unchanged(id));
        assert_eq!(db.store.open_jobs(printer).await.unwrap(), [(id, job.clone())]);

        job.end_by_print_stats(JobStatus::Completed, Cause::Completed);
        assert_eq!(db.store.save_job(&job, at(NOW + 1.0)).await.unwrap(), Saved::Updated(id));
        assert_eq!(db.store.save_job(&job, at(NOW + 2.0)).await.unwrap(), Saved::Unchanged(id));
        let stored = db.store.job(id).await.unwrap().unwrap();
        assert_eq!((&stored.job, stored.created_at, stored.updated_at), (&job, now(), at(NOW + 1.0)));
        assert_eq!(stored.printer_name, "Voron");
        assert_eq!(db.store.open_jobs(printer).await.unwrap(), []);
        check_totals(&db.store).await;
    }

    async fn progress_touches_only_what_runs(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = known(printer, "000001", "a.gcode", 0.0);
        job.metadata = Some(serde_json::json!({"slicer": "Orca"}).into());
        job.user = Some("me".into());
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };

        let mut later = running(printer, "another name", 0.0);
        later.figures = figures(500.0);
        later.status = JobStatus::Paused;
        later.message = Some("filament".into());
        later.last_seen = Some(at(500.0));
        assert_eq!(db.store.save_progress(&later, at(NOW + 9.0)).await.unwrap(), Saved::Updated(id));
        job.figures = later.figures;
        job.status = later.status;
        job.message.clone_from(&later.message);
        job.last_seen = later.last_seen;
        let stored = db.store.job(id).await.unwrap().unwrap();
        assert_eq!((stored.job, stored.updated_at), (job, at(NOW + 9.0)));
        check_totals(&db.store).await;
    }

    async fn progress_of_an_unknown_job_is_saved_whole(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let job = running(printer, "a.gcode", 0.0);
        let Saved::Inserted(id) = db.store.save_progress(&job, now()).await.unwrap() else { panic!() };
        assert_eq!(the_job(&db.store).await, (id, job));
        check_totals(&db.store).await;
    }

    async fn start_never_moves(db) {
        let printer = add_printer(&db.store, "Voron").await;
        db.store.save_job(&known(printer, "000001", "a.gcode", 0.0), now()).await.unwrap();
        let mut moved = known(printer, "000001", "a.gcode", 0.0);
        moved.start_time = Some(at(7.0));
        let Saved::Unchanged(id) = db.store.save_job(&moved, now()).await.unwrap() else { panic!() };
        assert_eq!(the_job(&db.store).await, (id, known(printer, "000001", "a.gcode", 0.0)));
    }

    async fn what_is_known_is_not_forgotten(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = known(printer, "000001", "a.gcode", 0.0);
        job.metadata = Some(serde_json::json!({"layer_height": 0.2}).into());
        job.user = Some("me".into());
        db.store.save_job(&job, now()).await.unwrap();
        let mut ignorant = running(printer, "a.gcode", 0.0);
        ignorant.filename = None;
        db.store.save_job(&ignorant, now()).await.unwrap();
        assert_eq!(the_job(&db.store).await.1, job);
    }

    async fn job_of_a_deleted_printer_is_refused(db) {
        let nobody = PrinterId(4711);
        let error = db.store.save_job(&running(nobody, "a", 0.0), now()).await.unwrap_err();
        assert!(matches!(error, Error::NoSuchPrinter(id) if id == nobody) && !error.is_transient());
        let error = db.store.import_history(nobody, &[row("1", "a", 0.0)], None, now()).await.unwrap_err();
        assert!(matches!(error, Error::NoSuchPrinter(_)));
    }

    async fn reused_id_is_another_run(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let first: Vec<_> = (1..=5).map(|n| row(&format!("{n:06X}"), "a.gcode", f64::from(n) * 1000.0)).collect();
        assert_eq!(db.store.import_history(printer, &first, None, now()).await.unwrap(), added(5));
        let before = all_jobs(&db.store).await;
        // All jobs were deleted on the printer, which starts again at 1, both live and by import.
        let live = known(printer, "000001", "a.gcode", 9000.0);
        assert!(matches!(db.store.save_job(&live, now()).await.unwrap(), Saved::Inserted(_)));
        let second = [row("000001", "a.gcode", 9000.0), row("000002", "a.gcode", 9900.0)];
        let imported = db.store.import_history(printer, &second, None, now()).await.unwrap();
        assert_eq!((imported.added, imported.changed), (1, 1));
        let after = all_jobs(&db.store).await;
        assert_eq!(after.len(), 7);
        assert_eq!(after[2..], before);
        check_totals(&db.store).await;
    }

    async fn a_start_that_is_known_late_is_filled_in(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let ended = row_without_start("3", 50.0, 8.0);
        let running = HistoryJob { end: HistoryEnd::Running, cause: Cause::InProgress, end_time: None, ..ended.clone() };
        db.store.import_history(printer, std::slice::from_ref(&running), None, now()).await.unwrap();
        assert_eq!(all_jobs(&db.store).await[0].job.start_time, None);
        let imported = db.store.import_history(printer, std::slice::from_ref(&ended), None, now()).await.unwrap();
        assert_eq!((imported.added, imported.changed), (0, 1));
        let jobs = all_jobs(&db.store).await;
        assert_eq!(jobs.len(), 1);
        assert_eq!((jobs[0].job.start_time, jobs[0].job.end_time), (Some(at(42.0)), Some(at(50.0))));
        check_totals(&db.store).await;
        assert_eq!(db.store.check_aggregates().await.unwrap(), []);
        // Known values are kept.
        let later = Job { start_time: Some(at(43.0)), ..jobs[0].job.clone() };
        db.store.save_job(&later, now()).await.unwrap();
        assert_eq!(all_jobs(&db.store).await[0].job.start_time, Some(at(42.0)));
    }

    async fn renumbered_history_is_the_same_runs(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows: Vec<_> = (1..=20).map(|n| row(&format!("{n:06X}"), &format!("{}.gcode", n % 3), f64::from(n) * 1000.0)).collect();
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let mut renumbered = rows.clone();
        for (n, row) in renumbered.iter_mut().enumerate() {
            row.job_id = format!("{:06X}", n + 7);
        }
        let imported = db.store.import_history(printer, &renumbered, None, now()).await.unwrap();
        assert_eq!(imported, Imported { changed: 20, ..Imported::default() });
        let imported = db.store.import_history(printer, &renumbered, None, now()).await.unwrap();
        assert_eq!(imported, Imported { unchanged: 20, ..Imported::default() });
        let mut ids: Vec<_> = all_jobs(&db.store).await.into_iter().map(|stored| stored.job.job_id.unwrap()).collect();
        ids.sort();
        assert_eq!(ids, renumbered.iter().map(|row| row.job_id.clone()).collect::<Vec<_>>());
        check_totals(&db.store).await;
    }

    async fn import_is_idempotent_in_any_order_and_pages(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut rows: Vec<_> = (0..700).map(|n| row(&format!("{n:06X}"), "a.gcode", f64::from(n) * 200.0)).collect();
        let mut sum = 0;
        for page in rows.chunks(500) {
            sum += db.store.import_history(printer, page, None, now()).await.unwrap().added;
        }
        assert_eq!(sum, 700);
        let before = all_jobs(&db.store).await;
        rows.reverse();
        for page in rows.chunks(333) {
            let imported = db.store.import_history(printer, page, None, at(NOW + 5.0)).await.unwrap();
            assert_eq!(imported.unchanged, page.len() as u64);
        }
        assert_eq!(all_jobs(&db.store).await, before);
        check_totals(&db.store).await;
    }

    async fn rows_of_one_page_can_be_one_run(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut cut = row("000001", "a.gcode", 0.0);
        cut = with_status(cut, "in_progress");
        cut.end_time = None;
        let page = [cut, row("000001", "a.gcode", 0.0), row("000001", "a.gcode", 500.0), row("000002", "b.gcode", 500.0)];
        let imported = db.store.import_history(printer, &page, None, now()).await.unwrap();
        assert_eq!(imported, Imported { added: 3, changed: 1, ..Imported::default() });
        assert_eq!(all_jobs(&db.store).await.len(), 3);
        check_totals(&db.store).await;
    }

    async fn rows_without_start_are_told_apart_by_id_and_file(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows: Vec<_> = [("1", "a"), ("1", "b"), ("2", "a"), ("1", "a")]
            .into_iter()
            .map(|(id, file)| {
                let mut row = row(id, file, 0.0);
                (row.start_time, row.end_time) = (None, None);
                row
            })
            .collect();
        let imported = db.store.import_history(printer, &rows, None, now()).await.unwrap();
        assert_eq!(imported, Imported { added: 3, unchanged: 1, ..Imported::default() });
        let imported = db.store.import_history(printer, &rows, None, now()).await.unwrap();
        assert_eq!(imported.unchanged, 4);
        assert!(all_jobs(&db.store).await.iter().all(|stored| stored.job.start_time.is_none()));
        check_totals(&db.store).await;
    }

    async fn empty_file_name_is_a_name(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows = [row("1", "", 0.0), row("2", " ", 1000.0)];
        assert_eq!(db.store.import_history(printer, &rows, None, now()).await.unwrap(), added(2));
        let names: Vec<_> = all_jobs(&db.store).await.into_iter().map(|stored| stored.job.filename).collect();
        assert_eq!(names, [Some(" ".to_owned()), Some(String::new())]);
        assert_eq!(db.store.import_history(printer, &rows, None, now()).await.unwrap().unchanged, 2);
    }

    async fn the_trackers_run_is_left_alone(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut page = vec![row("1", "a", 0.0), row("2", "a", 1000.0)];
        page[1] = with_status(page[1].clone(), "in_progress");
        let imported = db.store.import_history(printer, &page, Some(&page[1]), now()).await.unwrap();
        assert_eq!(imported, Imported { added: 1, unchanged: 1, ..Imported::default() });
        assert_eq!(db.store.find_run(printer, &page[1]).await.unwrap(), FoundRun::Unknown);
    }

    async fn late_word_is_joined(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut seen = running(printer, "a.gcode", 0.4);
        seen.figures = figures(100.0);
        seen.end_by_print_stats(JobStatus::Completed, Cause::Completed);
        let Saved::Inserted(id) = db.store.save_job(&seen, now()).await.unwrap() else { panic!() };
        let row = row("000001", "a.gcode", 0.0);
        assert_eq!(db.store.find_run(printer, &row).await.unwrap(), FoundRun::Stored(id, seen.clone()));
        let imported = db.store.import_history(printer, std::slice::from_ref(&row), None, now()).await.unwrap();
        assert_eq!(imported, Imported { changed: 1, ..Imported::default() });
        let (_, job) = the_job(&db.store).await;
        assert_eq!((job.job_id.as_deref(), job.history_start_time, job.start_time), (Some("000001"), row.start_time, seen.start_time));
        assert_eq!(job.end_source, Some(Source::History));
        // The tracker still has the old values.
        db.store.save_job(&seen, now()).await.unwrap();
        assert_eq!(the_job(&db.store).await.1.job_id.as_deref(), Some("000001"));
        check_totals(&db.store).await;
    }

    async fn end_of_a_missed_start_is_joined(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut seen = running(printer, "a.gcode", 0.0);
        seen.figures = figures(200_000.0);
        seen.end_by_print_stats(JobStatus::Completed, Cause::Completed);
        db.store.save_job(&seen, now()).await.unwrap();
        let row = row_without_start("000002", 200_000.5, 200_000.2);
        let imported = db.store.import_history(printer, &[row], None, now()).await.unwrap();
        assert_eq!((imported.added, imported.changed), (0, 1));
        let (_, job) = the_job(&db.store).await;
        assert_eq!((job.filename.as_deref(), job.job_id.as_deref()), (Some("a.gcode"), Some("000002")));
        assert_eq!((job.start_time, job.figures), (seen.start_time, seen.figures));
    }

    async fn missed_start_that_nobody_saw_is_computed(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let row = row_without_start("000002", 5000.0, 4000.0);
        db.store.import_history(printer, std::slice::from_ref(&row), None, now()).await.unwrap();
        let (_, job) = the_job(&db.store).await;
        assert_eq!((job.filename, job.start_time), (None, Some(at(1000.0))));
        assert_eq!(job.figures, Figures { total_duration: Some(4000.0), ..Figures::default() });
        assert_eq!(db.store.import_history(printer, &[row], None, now()).await.unwrap().unchanged, 1);
        check_totals(&db.store).await;
    }

    async fn run_that_was_stored_twice_becomes_one(db) {
        let printer = add_printer(&db.store, "Voron").await;
        // The tracker knows the print only from `print_stats`, with a start one minute off because of another clock.
        let mut live = running(printer, "a.gcode", 60.0);
        let Saved::Inserted(id) = db.store.save_job(&live, now()).await.unwrap() else { panic!() };
        let mut row = row("000001", "a.gcode", 0.0);
        row.metadata = Some(serde_json::json!({"layer_height": 0.3}).into());
        assert_eq!(db.store.import_history(printer, std::slice::from_ref(&row), None, now()).await.unwrap(), added(1));
        live.job_id = Some("000001".into());
        live.history_start_time = Some(at(0.0));
        assert_eq!(db.store.save_job(&live, now()).await.unwrap(), Saved::Updated(id));
        live.metadata = row.metadata;
        assert_eq!(the_job(&db.store).await, (id, live));
        check_totals(&db.store).await;
    }

    async fn same_start_with_other_id_and_file_is_another_run(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows = [row("1", "a", 0.0), row("2", "b", 0.0)];
        assert_eq!(db.store.import_history(printer, &rows, None, now()).await.unwrap(), added(2));
        let live = known(printer, "3", "c", 0.0);
        assert!(matches!(db.store.save_job(&live, now()).await.unwrap(), Saved::Inserted(_)));
        assert!(matches!(db.store.save_progress(&live, now()).await.unwrap(), Saved::Unchanged(_) | Saved::Updated(_) | Saved::Progressed(_)));
        assert_eq!(all_jobs(&db.store).await.len(), 3);
        check_totals(&db.store).await;
    }

    async fn printers_do_not_share_runs(db) {
        let (one, other) = (add_printer(&db.store, "one").await, add_printer(&db.store, "other").await);
        let rows = [row("1", "a", 0.0)];
        assert_eq!(db.store.import_history(one, &rows, None, now()).await.unwrap(), added(1));
        assert_eq!(db.store.import_history(other, &rows, None, now()).await.unwrap(), added(1));
        assert!(matches!(db.store.save_job(&running(one, "b", 5.0), now()).await.unwrap(), Saved::Inserted(_)));
        assert!(matches!(db.store.save_job(&running(other, "b", 5.0), now()).await.unwrap(), Saved::Inserted(_)));
        assert_eq!(db.store.open_jobs(one).await.unwrap().len(), 1);
    }

    async fn job_deleted_here_does_not_come_back(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows = [row("1", "a", 0.0), row("2", "a", 1000.0), row_without_start("3", 5000.0, 70.0)];
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        for stored in all_jobs(&db.store).await {
            assert!(db.store.delete_job(stored.id, Deletion::Final, now()).await.unwrap());
            assert!(!db.store.delete_job(stored.id, Deletion::Final, now()).await.unwrap());
            assert_eq!(db.store.job(stored.id).await.unwrap(), None);
        }
        let again = db.store.import_history(printer, &rows, None, now()).await.unwrap();
        assert_eq!(again, Imported { skipped_deleted: 3, ..Imported::default() });
        assert_eq!(db.store.find_run(printer, &rows[0]).await.unwrap(), FoundRun::Deleted);
        // With another number, it is still the same run.
        assert_eq!(db.store.find_run(printer, &row("9", "a", 0.0)).await.unwrap(), FoundRun::Deleted);
        assert_eq!(db.store.find_run(printer, &row("1", "a", 8000.0)).await.unwrap(), FoundRun::Unknown);
        assert_eq!(db.store.save_job(&known(printer, "1", "a", 0.0), now()).await.unwrap(), Saved::Deleted);
        assert!(matches!(db.store.save_job(&known(printer, "1", "a", 8000.0), now()).await.unwrap(), Saved::Inserted(_)));
        assert_eq!(all_jobs(&db.store).await.len(), 1);
        check_totals(&db.store).await;
    }

    async fn job_deleted_while_it_runs_does_not_come_back(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let live = running(printer, "a", 0.0);
        let Saved::Inserted(id) = db.store.save_job(&live, now()).await.unwrap() else { panic!() };
        assert!(db.store.delete_job(id, Deletion::Final, now()).await.unwrap());
        assert_eq!(db.store.save_job(&live, now()).await.unwrap(), Saved::Deleted);
        assert_eq!(db.store.save_progress(&live, now()).await.unwrap(), Saved::Deleted);
        // printlog was restarted and computes the start again. Then the history reports the run, with and without its
        // start.
        assert_eq!(db.store.save_job(&running(printer, "a", 1.2), now()).await.unwrap(), Saved::Deleted);
        let late = [row("1", "a", 0.6), row_without_start("2", 900.0, 899.5)];
        let imported = db.store.import_history(printer, &late, None, now()).await.unwrap();
        assert_eq!(imported.skipped_deleted, 2);
        // The next print of the file is another run.
        assert!(matches!(db.store.save_job(&running(printer, "a", 60.0), now()).await.unwrap(), Saved::Inserted(_)));
        check_totals(&db.store).await;
    }

    async fn row_ids_are_not_used_twice(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let Saved::Inserted(first) = db.store.save_job(&running(printer, "a", 0.0), now()).await.unwrap() else { panic!() };
        db.store.delete_job(first, Deletion::Final, now()).await.unwrap();
        let Saved::Inserted(second) = db.store.save_job(&running(printer, "a", 99.0), now()).await.unwrap() else { panic!() };
        assert!(second > first);
    }
}
