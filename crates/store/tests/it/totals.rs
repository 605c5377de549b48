use domain::{Cause, Figures, HistoryEnd, HistoryJob, Job, JobStatus, PrinterId};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use store::{Deletion, EndedCount, Saved, Store, Unchanged};

use crate::{database::Database, fixtures::*, on_every_engine};

on_every_engine! {
    async fn totals_are_what_the_jobs_say_after_every_step(db) {
        let printers = [add_printer(&db.store, "a").await, add_printer(&db.store, "b").await];
        let mut rng = StdRng::seed_from_u64(20_260_101);
        let mut ended = Vec::new();
        for _ in 0..150 {
            step(&db, &printers, &mut rng).await;
            check_totals(&db.store).await;
            let now = db.store.ended_counts().await.unwrap();
            for before in ended {
                assert!(now.iter().any(|now| grown(now, &before)), "{before:?} of {now:?}");
            }
            ended = now;
        }
        assert!(all_jobs(&db.store).await.len() > 20);
        // After all jobs are deleted, the totals are zero, without accumulated rounding errors.
        for stored in all_jobs(&db.store).await {
            db.store.delete_job(stored.id, Deletion::Final, now()).await.unwrap();
        }
        for (_, totals) in db.store.all_totals().await.unwrap() {
            assert_eq!(totals, domain::JobTotals::default());
        }
    }

    async fn longest_job_shrinks_with_its_job(db) {
        let printer = add_printer(&db.store, "a").await;
        let mut ids = Vec::new();
        for (n, total) in [50.0, 400.0, 300.0].into_iter().enumerate() {
            let mut job = running(printer, "a", n as f64 * 1000.0);
            job.figures = figures(total);
            let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!() };
            ids.push(id);
        }
        let longest = async || db.store.totals(printer).await.unwrap().unwrap().longest_job;
        assert_eq!(longest().await, Some(400.0));
        db.store.delete_job(ids[1], Deletion::Final, now()).await.unwrap();
        assert_eq!(longest().await, Some(300.0));
        let mut job = running(printer, "a", 2000.0);
        job.figures = Figures::default();
        db.store.save_job(&job, now()).await.unwrap();
        assert_eq!(longest().await, Some(50.0));
        db.store.delete_job(ids[0], Deletion::Final, now()).await.unwrap();
        assert_eq!(longest().await, None);
        check_totals(&db.store).await;
    }

    async fn wrong_totals_are_found_and_repaired(db) {
        let printer = add_printer(&db.store, "a").await;
        let other = add_printer(&db.store, "b").await;
        db.store.import_history(printer, &[row("1", "a", 0.0), row("2", "a", 500.0)], None, now()).await.unwrap();
        db.execute(&format!("UPDATE job_totals SET total_time = total_time + 1 WHERE printer_id = {}", printer.0)).await;
        db.execute(&format!("DELETE FROM job_totals WHERE printer_id = {}", other.0)).await;
        let found = db.store.check_totals().await.unwrap();
        assert_eq!(found.iter().map(|mismatch| mismatch.printer_id).collect::<Vec<_>>(), [printer, other]);
        assert_eq!(found[0].stored.unwrap().total_time, found[0].computed.total_time + 1.0);
        assert_eq!(found[1].stored, None);
    }

    async fn numbers_of_jobs_that_ended_do_not_fall_when_an_outcome_is_corrected(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut lost = known(printer, "1", "a", 0.0);
        lost.status = JobStatus::Interrupted;
        db.store.save_job(&lost, now()).await.unwrap();
        let counts = async || {
            let counts = db.store.ended_counts().await.unwrap();
            counts.iter().map(|count| (count.status, count.jobs)).collect::<Vec<_>>()
        };
        assert_eq!(counts().await, [(JobStatus::Interrupted, 1)]);
        // It continued and completed.
        lost.status = JobStatus::Printing;
        db.store.save_progress(&lost, now()).await.unwrap();
        assert_eq!(counts().await, [(JobStatus::Interrupted, 1)]);
        lost.status = JobStatus::Completed;
        for _ in 0..2 {
            db.store.save_job(&lost, now()).await.unwrap();
            assert_eq!(counts().await, [(JobStatus::Completed, 1), (JobStatus::Interrupted, 1)]);
        }
        db.store.delete_printer(printer, true, now()).await.unwrap();
        assert_eq!(counts().await, []);
    }

    async fn numbers_of_jobs_that_ended_are_the_same_in_the_midst_of_deletions(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let rows: Vec<_> = (0..100).map(|n| row(&n.to_string(), "a", f64::from(n) * 200.0)).collect();
        db.store.import_history(printer, &rows, None, now()).await.unwrap();
        let all = db.store.ended_counts().await.unwrap();
        assert_eq!(all[0].jobs, 100);
        let delete = async {
            for stored in all_jobs(&db.store).await {
                db.store.delete_job(stored.id, Deletion::Final, now()).await.unwrap();
            }
        };
        let mut delete = std::pin::pin!(delete);
        let mut looks = 0;
        loop {
            tokio::select! {
                () = &mut delete => break,
                counts = db.store.ended_counts() => assert_eq!(counts.unwrap(), all),
            }
            looks += 1;
        }
        assert!(looks > 3, "only {looks} looks");
    }

    async fn numbers_of_jobs_that_ended_do_not_fall_when_one_is_deleted(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let cancelled = with_status(row("3", "c", 200.0), "cancelled");
        db.store
            .import_history(printer, &[row("1", "a", 0.0), row("2", "b", 100.0), cancelled], None, now())
            .await
            .unwrap();
        db.store.save_job(&running(printer, "d", 300.0), now()).await.unwrap();
        let counts = async || {
            let counts = db.store.ended_counts().await.unwrap();
            counts.iter().map(|count| (count.printer_id, count.status, count.jobs)).collect::<Vec<_>>()
        };
        let expected = [(printer, JobStatus::Cancelled, 1), (printer, JobStatus::Completed, 2)];
        assert_eq!(counts().await, expected);
        for stored in all_jobs(&db.store).await {
            if !stored.job.status.is_open() {
                assert!(db.store.delete_job(stored.id, Deletion::Final, now()).await.unwrap());
                assert_eq!(counts().await, expected);
            }
        }
    }
}

/// Whether this is the same counter as `before` and has not decreased.
fn grown(now: &EndedCount, before: &EndedCount) -> bool {
    (now.printer_id, now.status) == (before.printer_id, before.status) && now.jobs >= before.jobs
}

pub(crate) async fn step(db: &Database, printers: &[PrinterId; 2], rng: &mut StdRng) {
    let printer = *printers.choose(rng).unwrap();
    match rng.random_range(0..10) {
        0..3 => {
            db.store.save_job(&some_job(printer, rng), now()).await.unwrap();
        }
        3..5 => {
            db.store
                .save_progress(&some_job(printer, rng), now())
                .await
                .unwrap();
        }
        5..8 => {
            let page: Vec<_> = (0..rng.random_range(1..6)).map(|_| some_row(rng)).collect();
            let leave = rng.random_bool(0.3).then(|| page.choose(rng).unwrap());
            db.store
                .import_history(printer, &page, leave, now())
                .await
                .unwrap();
        }
        _ => {
            delete_or_restore(&db.store, rng).await;
        }
    }
}

async fn delete_or_restore(store: &Store, rng: &mut StdRng) {
    let jobs = all_jobs(store).await;
    if let Some(stored) = jobs.choose(rng).filter(|_| rng.random_bool(0.7)) {
        let deletion = match rng.random_bool(0.2) {
            true => Deletion::Final,
            false => Deletion::Restorable { by: Some("key") },
        };
        assert!(store.delete_job(stored.id, deletion, now()).await.unwrap());
        return;
    }
    let deleted = store.deleted_jobs(&[], 500, None).await.unwrap().items;
    if let Some(deleted) = deleted.choose(rng) {
        let id = deleted.row.stored.id;
        let refusal = store.restore_job(id, now()).await.unwrap();
        assert!(
            matches!(refusal, None | Some(Unchanged::RecordedAgain(_))),
            "{refusal:?}"
        );
        assert_eq!(store.job(id).await.unwrap().is_some(), refusal.is_none());
    }
}

/// A random start. Few different starts, ids and files, so that many jobs collide; in three months.
pub(crate) fn some_start(rng: &mut StdRng) -> f64 {
    let month = [0.0, 0.0, 2e6, 5e6].choose(rng).unwrap();
    month + f64::from(rng.random_range(0..40)) * 500.0
}

fn some_figures(rng: &mut StdRng) -> Figures {
    let mut some = |limit: f64| rng.random_bool(0.8).then(|| rng.random_range(0.0..limit));
    Figures {
        print_duration: some(1e5),
        total_duration: some(1e5),
        filament_used: some(1e6),
    }
}

fn some_job(printer: PrinterId, rng: &mut StdRng) -> Job {
    let start = some_start(rng);
    let file = ["a", "b"].choose(rng).unwrap();
    let id = rng.random_range(0..9).to_string();
    let job = if rng.random_bool(0.5) {
        running(printer, file, start)
    } else {
        known(printer, &id, file, start)
    };
    Job {
        figures: some_figures(rng),
        status: *JobStatus::ALL.choose(rng).unwrap(),
        ..job
    }
}

fn some_row(rng: &mut StdRng) -> HistoryJob {
    let start = some_start(rng);
    let id = rng.random_range(0..9).to_string();
    if rng.random_bool(0.1) {
        return row_without_start(&id, start, rng.random_range(0.0..1e4));
    }
    let status = [
        "completed",
        "cancelled",
        "error",
        "in_progress",
        "server_exit",
        "klippy_shutdown",
        "what",
    ];
    let cause = Cause::from(*status.choose(rng).unwrap());
    let known_start = rng.random_bool(0.9);
    HistoryJob {
        figures: some_figures(rng),
        end: HistoryEnd::of(&cause),
        cause,
        start_time: known_start.then(|| at(start)),
        ..row(&id, ["a", "b"].choose(rng).unwrap(), start)
    }
}
