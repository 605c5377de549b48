use std::collections::BTreeSet;

use domain::{Job, JobChange, JobEvent, JobId, JobStatus, Verdict};
use jiff::SignedDuration;
use store::{Deletion, DetailsOutcome, DetailsStatus, Engine, NotesChange, Retry, Saved, Store};

use crate::{fixtures::*, on_every_engine};

async fn kinds(store: &Store) -> Vec<(Option<JobId>, String)> {
    let entries = store.outbox_after(0, 1000).await.unwrap();
    entries
        .into_iter()
        .map(|entry| (entry.job_id, entry.kind))
        .collect()
}

fn ended(job: &Job, total: f64) -> Job {
    Job {
        status: JobStatus::Completed,
        end_time: job.start_time.map(|start| start + SignedDuration::from_secs(100)),
        figures: figures(total),
        ..job.clone()
    }
}

on_every_engine! {
    async fn each_change_of_a_job_is_one_event(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let mut received = store.job_changes();
        let job = running(printer, "a.gcode", 0.0);
        let Saved::Inserted(id) = store.save_job(&job, now()).await.unwrap() else { panic!("it is new") };
        // The job keeps running, and a report that changes nothing is repeated.
        for second in [20.0, 30.0] {
            let checkpoint = Job { figures: figures(second), ..job.clone() };
            store.save_progress(&checkpoint, now()).await.unwrap();
            store.save_job(&checkpoint, now()).await.unwrap();
        }
        for status in [JobStatus::Paused, JobStatus::Printing] {
            store.save_progress(&Job { status, figures: figures(30.0), ..job.clone() }, now()).await.unwrap();
        }
        for _ in 0..2 {
            store.save_job(&ended(&job, 100.0), now()).await.unwrap();
        }
        store.save_job(&Job { status: JobStatus::Cancelled, ..ended(&job, 100.0) }, now()).await.unwrap();
        let verdict = NotesChange { verdict: Some(Some(Verdict::Good)), ..NotesChange::default() };
        for _ in 0..2 {
            store.change_notes(id, &verdict, "key", now()).await.unwrap();
        }
        let outcome = DetailsOutcome { status: DetailsStatus::Failed, reason: None, retry: Retry::Never };
        store.save_details(id, None, &outcome, now()).await.unwrap();
        assert!(store.delete_job(id, Deletion::Final, now()).await.unwrap());
        assert!(!store.delete_job(id, Deletion::Final, at(NOW + 1.0)).await.unwrap());

        let expected = ["started", "paused", "resumed", "ended", "corrected", "notes_changed", "details_changed", "deleted"];
        let expected: Vec<_> = expected.iter().map(|kind| (Some(id), (*kind).to_owned())).collect();
        assert_eq!(kinds(store).await, expected);
        for (_, kind) in expected {
            let change = received.try_recv().unwrap();
            assert_eq!((change.job_id, change.printer_id, change.event.kind()), (Some(id), printer, kind.as_str()));
        }
        received.try_recv().unwrap_err();
        let entries = store.outbox_after(3, 1).await.unwrap();
        assert_eq!((entries[0].id, entries[0].printer_id, entries[0].created_at), (4, printer, now()));
        assert_eq!(entries[0].payload["filename"], "a.gcode");
        assert_eq!(entries[0].payload["total_duration"], 100.0);
        assert_eq!(store.outbox_end().await.unwrap(), 8);
    }

    async fn import_is_one_event_per_page(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let open = known(printer, "3", "c.gcode", 3000.0);
        let Saved::Inserted(id) = store.save_job(&open, now()).await.unwrap() else { panic!("it is new") };
        let rows = [row("1", "a.gcode", 1000.0), row("2", "b.gcode", 2000.0), row("3", "c.gcode", 3000.0)];
        for _ in 0..2 {
            store.import_history(printer, &rows, None, now()).await.unwrap();
        }
        // Moonraker reports more about an old job.
        let corrected = domain::HistoryJob { user: Some("ada".to_owned()), ..rows[0].clone() };
        store.import_history(printer, &[corrected], None, now()).await.unwrap();
        let entries = store.outbox_after(0, 100).await.unwrap();
        let found: Vec<_> = entries.iter().map(|entry| (entry.job_id, entry.kind.as_str())).collect();
        assert_eq!(found, [(Some(id), "started"), (Some(id), "ended"), (None, "imported"), (None, "imported")]);
        assert_eq!(entries[2].payload, serde_json::json!({ "added": 2, "corrected": 0 }));
        assert_eq!(entries[3].payload, serde_json::json!({ "added": 0, "corrected": 1 }));
    }

    async fn failure_of_any_statement_undoes_all_of_a_change(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let mut received = store.job_changes();
        let tables = [
            "print_jobs", "job_search", "details_queue", "job_texts", "job_months", "job_totals", "job_pauses",
            "outbox_position", "outbox",
        ];
        let mut refused = BTreeSet::new();
        let mut start = 0.0;
        for table in tables {
            for operation in ["INSERT", "UPDATE"] {
                start += 1000.0;
                let running = running(printer, &format!("{start}.gcode"), start);
                let paused = Job { status: JobStatus::Paused, ..running.clone() };
                store.save_job(&running, now()).await.unwrap();
                store.save_job(&paused, now()).await.unwrap();
                let refusal = match db.engine {
                    Engine::Sqlite => "BEGIN SELECT RAISE(ABORT, 'refused'); END",
                    Engine::MySql | Engine::MariaDb => "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'",
                };
                db.execute(&format!("CREATE TRIGGER refuses BEFORE {operation} ON {table} {refusal}")).await;
                let new = Job { filename: Some(format!("new-{start}.gcode")), start_time: Some(at(start + 500.0)), ..paused.clone() };
                for job in [ended(&paused, 100.0), new] {
                    while received.try_recv().is_ok() {}
                    let before = store.table_sums().await.unwrap();
                    if let Err(cause) = store.save_job(&job, now()).await {
                        assert!(format!("{:?}", std::error::Error::source(&cause)).contains("refused"), "{cause:?}");
                        assert_eq!(store.table_sums().await.unwrap(), before, "{operation} {table}");
                        received.try_recv().unwrap_err();
                        refused.insert(table);
                    }
                }
                db.execute("DROP TRIGGER refuses").await;
            }
        }
        assert_eq!(refused.len(), tables.len(), "{refused:?}");
        check_totals(store).await;
        assert_eq!(store.check_aggregates().await.unwrap(), []);
    }

    async fn positions_grow_in_the_order_of_commits(db) {
        let store = &db.store;
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..4 {
            let printer = add_printer(store, &format!("printer {number}")).await;
            let store = store.clone();
            writers.spawn(async move {
                for job in 0..10 {
                    let job = running(printer, "a.gcode", f64::from(job) * 1000.0);
                    store.save_job(&job, now()).await.unwrap();
                }
            });
        }
        // A reader that follows meanwhile misses no event.
        let mut seen = Vec::new();
        while seen.len() < 40 {
            let cursor = seen.last().copied().unwrap_or(0);
            seen.extend(store.outbox_after(cursor, 7).await.unwrap().iter().map(|entry| entry.id));
            tokio::task::yield_now().await;
        }
        writers.join_all().await;
        assert_eq!(seen, (1..=40).collect::<Vec<_>>());
    }

    async fn old_events_are_removed(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let day = 24.0 * 3600.0;
        for (number, days) in [(0, 0.0), (1, 6.0), (2, 8.0)] {
            let job = running(printer, "a.gcode", f64::from(number) * 1000.0);
            store.save_job(&job, at(days * day)).await.unwrap();
        }
        assert_eq!(store.forget_events(at(8.0 * day)).await.unwrap(), 1);
        assert_eq!(store.outbox_after(0, 10).await.unwrap().first().map(|entry| entry.id), Some(2));
        // Too many events.
        db.execute("UPDATE outbox_position SET last_id = 100002").await;
        assert_eq!(store.forget_events(at(8.0 * day)).await.unwrap(), 1);
        store.save_job(&running(printer, "a.gcode", 5000.0), at(8.0 * day)).await.unwrap();
        let ids: Vec<_> = store.outbox_after(0, 10).await.unwrap().iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [3, 100_003]);
    }

    async fn end_of_a_printer_is_no_event_of_its_jobs(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        store.save_job(&running(printer, "a.gcode", 0.0), now()).await.unwrap();
        store.delete_printer(printer, true, now()).await.unwrap();
        assert_eq!(kinds(store).await.len(), 1);
    }
}

#[test]
fn job_that_was_short_has_started_and_ended() {
    let job = running(domain::PrinterId(1), "a.gcode", 0.0);
    let kinds = |job: &Job| {
        JobEvent::of_new(job)
            .iter()
            .map(JobEvent::kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&job), ["started"]);
    assert_eq!(kinds(&ended(&job, 3.0)), ["started", "ended"]);
    let paused = Job {
        status: JobStatus::Paused,
        ..job.clone()
    };
    assert_eq!(kinds(&paused), ["started", "paused"]);
    let reopened = JobEvent::of_change(JobStatus::Interrupted, &paused);
    assert_eq!(
        reopened,
        JobEvent::Corrected {
            status: JobStatus::Paused
        }
    );
    let change = JobChange {
        printer_id: job.printer_id,
        job_id: None,
        event: reopened,
    };
    assert_eq!(change.event.payload(), serde_json::json!({ "status": "paused" }));
}
