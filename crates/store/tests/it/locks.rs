use std::time::Duration;

use domain::JobFilter;
use sea_orm::{ConnectionTrait, TransactionTrait};
use store::{Engine, Saved};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn job_is_stored_although_the_database_was_locked_for_seconds(db) {
        let printer = add_printer(&db.store, "Voron").await;
        db.store.save_job(&running(printer, "before", -500.0), now()).await.unwrap();
        // Longer than a statement's lock timeout, so that an attempt fails.
        let (lock, patience) = match db.engine {
            Engine::Sqlite => ("UPDATE job_totals SET total_jobs = total_jobs", 6),
            Engine::MySql | Engine::MariaDb => ("SELECT * FROM job_totals FOR UPDATE", 11),
        };
        let other = db.raw.begin().await.unwrap();
        other.execute_unprepared(lock).await.unwrap();
        let store = db.store.clone();
        let save = tokio::spawn(async move { store.save_job(&running(printer, "a", 0.0), now()).await });
        // Reads are not blocked.
        assert_eq!(db.store.list_jobs(&JobFilter::default(), 10, None).await.unwrap().items.len(), 1);
        tokio::time::sleep(Duration::from_secs(patience)).await;
        assert!(!save.is_finished());
        other.commit().await.unwrap();
        assert!(matches!(save.await.unwrap().unwrap(), Saved::Inserted(_)));
        check_totals(&db.store).await;
    }

    async fn many_who_write_at_once_all_succeed(db) {
        let mut printers = Vec::new();
        for n in 0..4 {
            printers.push(add_printer(&db.store, &n.to_string()).await);
        }
        // Two processes with several tasks each, on the same printers and jobs.
        let second = db.open_again().await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let store = if task % 2 == 0 { db.store.clone() } else { second.clone() };
                let printers = printers.clone();
                tokio::spawn(async move {
                    for n in 0..15 {
                        let printer = printers[(task + n) % printers.len()];
                        let start = n as f64 * 100.0;
                        let id = format!("{n:06X}");
                        store.save_job(&known(printer, &id, "a", start), now()).await.unwrap();
                        store.import_history(printer, &[row(&id, "a", start)], None, now()).await.unwrap();
                        let seen: Vec<_> = printers.iter().map(|id| (*id, at(n as f64))).collect();
                        store.touch_printers(&seen).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let jobs = all_jobs(&db.store).await;
        let mut runs: Vec<_> = jobs.iter().map(|stored| (stored.job.printer_id, stored.job.start_time)).collect();
        let all = runs.len();
        runs.sort();
        runs.dedup();
        assert_eq!(runs.len(), all, "no run twice");
        assert_eq!(all, 60);
        check_totals(&db.store).await;
        second.close().await.unwrap();
    }
}
