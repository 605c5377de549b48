//! Tests of deleted jobs: kept whole, restored as they were, and removed after some time.

use std::collections::BTreeMap;

use domain::{Cause, Cursor, Job, JobFilter, JobId, JobStatus, JobTotals, PrinterId, Verdict};
use serde_json::json;
use store::{
    ChangedJobs, DeletedJobsCheck, DeletedPrinter, Deletion, DetailsOutcome, DetailsSource, DetailsStatus,
    EndedCount, Engine, FoundRun, FullJob, JobAction, NewGcodeFile, NewThumbnail, NotesChange, NotesEntry,
    Retry, Saved, Store, TableSum, Unchanged,
};

use crate::{database::Database, fixtures::*, on_every_engine};

const BY_ADA: Deletion<'static> = Deletion::Restorable { by: Some("ada") };

fn file(key: &str) -> NewGcodeFile {
    NewGcodeFile {
        file_key: key.to_owned(),
        content_hash: Some("00ff".to_owned()),
        source: DetailsSource::File,
        metadata: json!({
            "details": {"layer_height": 0.1 + 0.2, "filament_type": "PETG", "support_enabled": true,
                "filament_used_mm": 1234.567, "filament_cost": 1.1, "currency": "EUR"},
            "grams_per_mm": 0.002_98, "tools": [],
        }),
        raw: Some(json!({"layer_height": "0.2"})),
        thumbnails: vec![NewThumbnail {
            hash: "image".to_owned(),
            media_type: "image/png",
            width: 300,
            height: 200,
            data: vec![7; 300],
        }],
    }
}

const DONE: DetailsOutcome = DetailsOutcome {
    status: DetailsStatus::Done,
    reason: None,
    retry: Retry::Never,
};

fn tagged(tags: &[&str]) -> NotesChange {
    NotesChange {
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        ..NotesChange::default()
    }
}

/// A job that has everything a job can have.
async fn rich_job(store: &Store, printer: PrinterId) -> JobId {
    let job = Job {
        user: Some("grace".to_owned()),
        message: Some("a \"quoted\" message\nwith a line break".to_owned()),
        metadata: Some(
            json!({"size": 123, "estimated": 1_234.567_891_234, "name": "Vörön", "none": null}).into(),
        ),
        auxiliary_data: Some(json!([{"spool": 1e-7}]).into()),
        clock_jumped: true,
        ..known(printer, "7", "Brackets/Lamp.gcode", 0.0)
    };
    let seen = |status, second: f64| Job {
        status,
        last_seen: Some(at(second)),
        ..job.clone()
    };
    let Saved::Inserted(id) = store.save_job(&job, now()).await.unwrap() else {
        panic!("it is new")
    };
    for (status, second) in [
        (JobStatus::Paused, 10.0),
        (JobStatus::Printing, 20.5),
        (JobStatus::Paused, 30.0),
    ] {
        store.save_job(&seen(status, second), now()).await.unwrap();
    }
    let ended = Job {
        cause: Some(Cause::KlippyShutdown),
        end_time: Some(at(99.123)),
        figures: figures(0.1 + 0.2),
        ..seen(JobStatus::Error, 40.0)
    };
    store.save_job(&ended, now()).await.unwrap();
    store
        .save_details(id, Some(&file("key")), &DONE, now())
        .await
        .unwrap();
    let change = NotesChange {
        title: Some(Some("Lamp".to_owned())),
        notes: Some(Some("For the kitchen".to_owned())),
        verdict: Some(Some(Verdict::Scrap)),
        verdict_reason: Some(Some("Warped".to_owned())),
        ..tagged(&["Gift", "élan"])
    };
    store.change_notes(id, &change, "ada", now()).await.unwrap();
    let again = NotesChange {
        title: Some(None),
        ..NotesChange::default()
    };
    store
        .change_notes(id, &again, "grace", at(NOW + 1.0))
        .await
        .unwrap();
    id
}

/// All that depends on jobs.
#[derive(Debug, PartialEq)]
struct Everything {
    tables: Vec<TableSum>,
    job: Option<FullJob>,
    changes: Vec<NotesEntry>,
    found: BTreeMap<&'static str, Vec<JobId>>,
    tags: Vec<(String, u64)>,
    sums: String,
    ended: Vec<EndedCount>,
}

/// Tables with counters that never go back, or with the deletion itself. Totals are compared apart: their sums may
/// differ in the last bit.
const OTHERS: [&str; 6] = [
    "outbox",
    "outbox_position",
    "job_months",
    "job_totals",
    "deleted_jobs",
    "deleted_job_rows",
];

async fn everything(store: &Store, id: JobId) -> (Everything, Vec<(PrinterId, JobTotals)>) {
    assert_eq!(store.check_totals().await.unwrap(), []);
    assert_eq!(store.check_aggregates().await.unwrap(), []);
    assert_eq!(store.check_deleted_jobs().await.unwrap().broken, []);
    let mut tables = store.table_sums().await.unwrap();
    tables.retain(|sum| !OTHERS.contains(&sum.table.as_str()));
    let mut found = BTreeMap::new();
    for text in ["lamp", "KITCHEN", "gift", "ÉLAN", "warped", "other", ""] {
        let filter = JobFilter {
            text: Some(text.to_owned()).filter(|text| !text.is_empty()),
            ..JobFilter::default()
        };
        let page = store.list_jobs(&filter, 500, None).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        found.insert(text, page.items.iter().map(|row| row.stored.id).collect());
    }
    let all = JobFilter::default();
    let sums = store.analyze(&all, |jobs| Ok(format!("{:?}", jobs.groups()?.by_printer())));
    let everything = Everything {
        tables,
        job: store.full_job(id, true).await.unwrap(),
        changes: store.notes_history(id).await.unwrap(),
        found,
        tags: store.tags().await.unwrap(),
        sums: sums.await.unwrap(),
        ended: store.ended_counts().await.unwrap(),
    };
    (everything, store.all_totals().await.unwrap())
}

async fn deleted_ids(store: &Store) -> Vec<JobId> {
    let page = store.deleted_jobs(&[], 500, None).await.unwrap();
    page.items.iter().map(|job| job.row.stored.id).collect()
}

async fn count(db: &Database, table: &str) -> i64 {
    db.column::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await[0]
}

on_every_engine! {
    async fn restored_job_is_as_if_it_had_never_been_deleted(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let id = rich_job(store, printer).await;
        let others = [row("1", "other", 1000.0), row("2", "lamp", 4_000_000.0)];
        store.import_history(printer, &others, None, now()).await.unwrap();
        let open = running(printer, "now", 9000.0);
        let Saved::Inserted(open) = store.save_job(&open, now()).await.unwrap() else { panic!("it is new") };
        let (before, totals) = everything(store, id).await;

        for round in 0..3 {
            // The second time, the job is deleted with all others.
            let ids: Vec<_> = match round {
                1 => all_jobs(store).await.into_iter().map(|job| job.id).collect(),
                _ => vec![id],
            };
            let done = store.change_jobs(&ids, &JobAction::Delete(BY_ADA), now()).await.unwrap();
            assert_eq!(done, ChangedJobs { changed: ids.clone(), unchanged: Vec::new() });
            let (between, _) = everything(store, id).await;
            assert_eq!(between.ended, before.ended);
            assert_eq!((between.job, between.changes), (None, Vec::new()));
            assert!(between.found.values().flatten().all(|found| !ids.contains(found)));
            // The file stays, with its image.
            assert_eq!((count(&db, "gcode_files").await, count(&db, "thumbnails").await), (1, 1));
            assert_eq!(store.restore_job(id, now()).await.unwrap(), None);
            for other in ids.iter().filter(|other| **other != id) {
                assert_eq!(store.restore_job(*other, now()).await.unwrap(), None);
            }
            let (after, totals_after) = everything(store, id).await;
            assert_eq!(after, before);
            for ((printer, before), (of, after)) in totals.iter().zip(&totals_after) {
                assert_eq!(printer, of);
                assert!(before.agrees_with(after), "{before:?} {after:?}");
            }
            assert_eq!(count(&db, "deleted_jobs").await + count(&db, "deleted_job_rows").await, 0);
            assert_eq!(store.restore_job(id, now()).await.unwrap(), Some(Unchanged::NotFound));
        }

        // It is the same job for all reports that follow.
        let report = row("7", "Brackets/Lamp.gcode", 0.0);
        assert!(matches!(store.find_run(printer, &report).await.unwrap(), FoundRun::Stored(found, _) if found == id));
        store.import_history(printer, &[report], None, now()).await.unwrap();
        let checkpoint = Job { figures: figures(77.0), ..running(printer, "now", 9000.0) };
        assert_eq!(store.save_progress(&checkpoint, now()).await.unwrap(), Saved::Progressed(open));
        assert_eq!(all_jobs(store).await.len(), 4);
        check_totals(store).await;
    }

    async fn deleted_jobs_are_listed_newest_deletion_first(db) {
        let store = &db.store;
        let printers = [add_printer(store, "Voron").await, add_printer(store, "Prusa").await];
        let rich = rich_job(store, printers[0]).await;
        let before = store.full_job(rich, false).await.unwrap().unwrap();
        for printer in printers {
            let rows: Vec<_> = (0..5).map(|n| row(&format!("{n}"), "a", 1000.0 + f64::from(n) * 100.0)).collect();
            store.import_history(printer, &rows, None, now()).await.unwrap();
        }
        let mut expected = Vec::new();
        for (n, stored) in all_jobs(store).await.into_iter().enumerate() {
            // Two are deleted at the same time.
            let time = at(NOW + (n / 2) as f64);
            assert!(store.delete_job(stored.id, Deletion::Restorable { by: None }, time).await.unwrap());
            expected.push((time, stored.id, stored.job.printer_id));
        }
        expected.sort_by(|one, other| other.cmp(one));
        for (of, limit) in [(vec![], 500), (vec![], 3), (printers.to_vec(), 4), (vec![printers[0]], 2), (vec![printers[1]], 1)] {
            let mut found = Vec::new();
            let mut after: Option<Cursor> = None;
            loop {
                let page = store.deleted_jobs(&of, limit, after).await.unwrap();
                assert!(page.items.len() as u64 <= limit);
                found.extend(page.items.iter().map(|job| (job.deleted_at, job.row.stored.id, job.row.stored.job.printer_id)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let wanted: Vec<_> = expected.iter().filter(|(_, _, printer)| of.is_empty() || of.contains(printer)).copied().collect();
            assert_eq!(found, wanted);
        }
        let page = store.deleted_jobs(&[], 500, None).await.unwrap();
        let listed = page.items.iter().find(|job| job.row.stored.id == rich).unwrap();
        assert_eq!(listed.row.stored, before.stored);
        assert_eq!(listed.row.notes, before.notes);
        assert_eq!(listed.row.details, before.listed);
        assert_eq!(listed.deleted_by, None);
        assert_eq!(store.check_deleted_jobs().await.unwrap(), DeletedJobsCheck { restorable: 11, broken: Vec::new() });
    }

    async fn deleted_job_is_forgotten_after_its_time_and_its_run_stays_deleted(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let rich = rich_job(store, printer).await;
        let rows = [row("1", "a", 1000.0), row("2", "b", 2000.0)];
        store.import_history(printer, &rows, None, now()).await.unwrap();
        let others: Vec<_> = all_jobs(store).await.into_iter().map(|job| job.id).filter(|id| *id != rich).collect();
        // Another job with the same file.
        assert!(store.reuse_gcode_file(others[0], printer, "key", now()).await.unwrap());
        let counts = store.ended_counts().await.unwrap();
        for id in [rich, others[0]] {
            assert!(store.delete_job(id, BY_ADA, now()).await.unwrap());
        }
        assert!(store.delete_job(others[1], BY_ADA, at(NOW + 10.0)).await.unwrap());
        assert_eq!(store.forget_deleted_jobs(at(NOW - 1.0), now()).await.unwrap(), 0);
        assert_eq!(store.restore_job(others[0], now()).await.unwrap(), None);
        assert_eq!(store.forget_deleted_jobs(now(), now()).await.unwrap(), 1);
        // The restored job still needs the file.
        assert_eq!((count(&db, "gcode_files").await, count(&db, "thumbnails").await), (1, 1));
        assert_eq!(deleted_ids(store).await, [others[1]]);
        assert_eq!(store.restore_job(rich, now()).await.unwrap(), Some(Unchanged::NotFound));
        assert!(store.delete_job(others[0], BY_ADA, now()).await.unwrap());
        assert_eq!(store.forget_deleted_jobs(at(NOW + 10.0), now()).await.unwrap(), 2);
        assert_eq!((count(&db, "gcode_files").await, count(&db, "thumbnails").await), (0, 0));
        assert_eq!(count(&db, "deleted_job_rows").await, 0);
        assert_eq!(store.ended_counts().await.unwrap(), counts);
        let again = store.import_history(printer, &rows, None, now()).await.unwrap();
        assert_eq!((again.added, again.skipped_deleted), (0, 2));
        assert_eq!(store.save_job(&known(printer, "7", "Brackets/Lamp.gcode", 0.0), now()).await.unwrap(), Saved::Deleted);
        check_totals(store).await;
    }

    async fn deleted_job_gets_newer_details_of_its_file(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        let id = rich_job(store, printer).await;
        store.import_history(printer, &[row("1", "a", 1000.0)], None, now()).await.unwrap();
        let other = all_jobs(store).await[0].id;
        assert!(store.delete_job(id, BY_ADA, now()).await.unwrap());
        let newer = NewGcodeFile {
            metadata: json!({"details": {"layer_height": 0.3, "filament_type": "ABS"}, "tools": []}),
            ..file("key")
        };
        store.save_details(other, Some(&newer), &DONE, now()).await.unwrap();
        let listed = store.deleted_jobs(&[], 1, None).await.unwrap().items.remove(0);
        assert_eq!(listed.row.details.filament_type.as_deref(), Some("ABS"));
        assert_eq!(store.restore_job(id, now()).await.unwrap(), None);
        assert_eq!(store.job_details(id).await.unwrap(), store.job_details(other).await.unwrap());
        assert_eq!(store.check_aggregates().await.unwrap(), []);
    }

    async fn run_that_was_recorded_again_is_not_restored_as_well(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        let (id, _) = the_job(store).await;
        assert!(store.delete_job(id, BY_ADA, now()).await.unwrap());
        // Only after a change by other means: the deletion keeps it away otherwise.
        db.execute("UPDATE deleted_jobs SET history_start_time = 1, start_time = 1, job_id = 'x'").await;
        store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        let (again, _) = the_job(store).await;
        let (before, _) = everything(store, again).await;
        assert_eq!(store.restore_job(id, now()).await.unwrap(), Some(Unchanged::RecordedAgain(again)));
        assert_eq!(everything(store, again).await.0, before);
        assert_eq!(deleted_ids(store).await, [id]);
        assert!(store.delete_job(again, BY_ADA, now()).await.unwrap());
        assert_eq!(store.restore_job(id, now()).await.unwrap(), None);
    }

    async fn deleted_jobs_go_with_their_printer(db) {
        let store = &db.store;
        let printers = [add_printer(store, "Voron").await, add_printer(store, "Prusa").await];
        let mut ids = Vec::new();
        for printer in printers {
            let id = rich_job(store, printer).await;
            assert!(store.delete_job(id, BY_ADA, now()).await.unwrap());
            ids.push(id);
        }
        // It has no other jobs, so this is not refused.
        let deleted = store.delete_printer(printers[0], false, now()).await.unwrap();
        assert_eq!(deleted, DeletedPrinter::Deleted);
        assert_eq!(deleted_ids(store).await, [ids[1]]);
        assert_eq!(store.restore_job(ids[0], now()).await.unwrap(), Some(Unchanged::NotFound));
        assert_eq!(store.restore_job(ids[1], now()).await.unwrap(), None);
        assert_eq!((count(&db, "gcode_files").await, count(&db, "thumbnails").await), (1, 1));
    }

    async fn deleted_jobs_that_cannot_be_restored_are_found(db) {
        let store = &db.store;
        let printer = add_printer(store, "Voron").await;
        store.import_history(printer, &[row("1", "a", 0.0), row("2", "b", 500.0)], None, now()).await.unwrap();
        let ids: Vec<_> = all_jobs(store).await.into_iter().map(|job| job.id).collect();
        store.change_jobs(&ids, &JobAction::Delete(BY_ADA), now()).await.unwrap();
        let data = match db.engine {
            Engine::Sqlite => "replace(data, '\"completed\"', '\"what\"')",
            Engine::MySql | Engine::MariaDb => "REPLACE(data, '\"completed\"', '\"what\"')",
        };
        db.execute(&format!("UPDATE deleted_job_rows SET data = {data} WHERE print_job_id = {}", ids[0].0)).await;
        let check = store.check_deleted_jobs().await.unwrap();
        assert_eq!(check.restorable, 1);
        assert_eq!(check.broken.len(), 1);
        assert_eq!(check.broken[0].0, ids[0]);
        assert!(check.broken[0].1.contains("what"), "{:?}", check.broken);
    }
}
