use domain::{Backfill, Cause, HistoryEnd, HistoryJob, JobFilter, JobStatus, Verdict};
use store::{Deletion, Engine, Error, KeyScope, NotesChange, Store};

use sea_orm::ConnectionTrait as _;

use crate::{database::Database, fixtures::*, on_every_engine};

/// Numbers of all migrations of this program, oldest first, from their file names.
fn versions() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations");
    let mut versions: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| number(entry.unwrap().file_name().to_str().unwrap()))
        .filter(|number| number != "mod.r")
        .collect();
    versions.sort();
    versions
}

/// Drops all tables. A table that others still refer to is dropped in a later round.
pub(crate) async fn drop_every_table(db: &Database) {
    if db.engine == Engine::Sqlite {
        let indexes = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'";
        for index in db.column::<String>(indexes).await {
            db.execute(&format!("DROP TABLE {index}")).await;
        }
    }
    loop {
        let tables = db.tables().await;
        if tables.is_empty() {
            return;
        }
        for table in tables {
            db.raw
                .execute_unprepared(&format!("DROP TABLE `{table}`"))
                .await
                .ok();
        }
    }
}

fn number(name: &str) -> String {
    name[.."m0001".len()].to_owned()
}

fn newest() -> String {
    versions().pop().unwrap()
}

on_every_engine! {
    async fn opening_again_changes_nothing(db) {
        add_printer(&db.store, "Voron").await;
        let before = db.store.info().await.unwrap();
        let again = db.open_again().await.unwrap();
        let after = again.info().await.unwrap();
        assert_eq!((before.engine, &before.version, &before.schema_version), (after.engine, &after.version, &after.schema_version));
        assert_eq!(after.engine, db.engine);
        assert_eq!(number(&after.schema_version), newest());
        assert!(after.size_bytes.unwrap() > 0);
        assert_eq!(again.printers().await.unwrap().len(), 1);
        again.ping().await.unwrap();
        again.close().await.unwrap();
    }

    async fn processes_that_start_at_once_agree(db) {
        drop_every_table(&db).await;
        let starts: Vec<_> = (0..5)
            .map(|_| {
                let location = db.location.clone();
                tokio::spawn(async move { Store::open(&location).await })
            })
            .collect();
        for (n, start) in starts.into_iter().enumerate() {
            let store = start.await.unwrap().unwrap();
            add_printer(&store, &n.to_string()).await;
            store.close().await.unwrap();
        }
        let ran: Vec<String> = db.column("SELECT version FROM schema_migrations ORDER BY version").await;
        assert_eq!(ran.iter().map(|name| number(name)).collect::<Vec<_>>(), versions());
    }

    async fn migration_that_was_cut_off_is_finished(db) {
        let printer = add_printer(&db.store, "Voron").await;
        for table in ["job_details", "deleted_job_rows", "deleted_jobs"] {
            db.execute(&format!("DROP TABLE {table}")).await;
        }
        match db.engine {
            Engine::Sqlite => db.execute("DROP INDEX print_jobs_status").await,
            Engine::MySql | Engine::MariaDb => db.execute("DROP INDEX print_jobs_status ON print_jobs").await,
        }
        db.execute("DELETE FROM schema_migrations").await;
        let store = db.open_again().await.unwrap();
        store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        let (id, _) = the_job(&store).await;
        assert!(store.delete_job(id, Deletion::Final, now()).await.unwrap());
        store.close().await.unwrap();
    }

    async fn keys_from_before_there_were_scopes_may_do_everything(db) {
        let key = db.store.create_key("old", KeyScope::Read, None, at(0.0)).await.unwrap();
        db.execute("ALTER TABLE api_keys DROP COLUMN scope").await;
        db.execute("DELETE FROM schema_migrations WHERE version = 'm0006_scopes_and_counts'").await;
        let store = db.open_again().await.unwrap();
        assert_eq!(store.authenticate(&key.secret, now()).await.unwrap().unwrap().scope, KeyScope::Admin);
        store.close().await.unwrap();
    }

    async fn texts_that_were_stored_in_two_unicode_forms_become_equal(db) {
        let printers = ["Vörön", "b", "c", "Vörön (2)"];
        let mut ids = Vec::new();
        for name in printers {
            ids.push(add_printer(&db.store, name).await);
        }
        let jobs = [
            known(ids[0], "1", "Küche.gcode", 0.0),
            known(ids[1], "2", "Ku\u{308}che.gcode", 1000.0),
            known(ids[2], "3", "Straße.gcode", 2000.0),
        ];
        let mut job_ids = Vec::new();
        for job in &jobs {
            db.store.save_job(job, now()).await.unwrap();
            job_ids.insert(0, all_jobs(&db.store).await[0].id);
        }
        job_ids.reverse();
        db.store.add_verdict_reason("Grün").await.unwrap();
        db.store.add_verdict_reason("twin").await.unwrap();
        for (id, reason) in job_ids.iter().zip(["Grün", "twin", "Warped"]) {
            let change = NotesChange {
                tags: Some(vec!["grün".to_owned(), "other".to_owned()]),
                verdict: Some(Some(Verdict::Scrap)),
                verdict_reason: Some(Some(reason.to_owned())),
                ..NotesChange::default()
            };
            db.store.change_notes(*id, &change, "laptop", now()).await.unwrap();
        }
        // As stored by versions that only folded case.
        let two = "u\u{308}";
        for sql in [
            "UPDATE printers SET name = 'Vo\u{308}ro\u{308}n', name_key = 'vo\u{308}ro\u{308}n' WHERE name = 'b'".to_owned(),
            "UPDATE printers SET name = 'VO\u{308}Rön', name_key = 'vo\u{308}rön' WHERE name = 'c'".to_owned(),
            format!("UPDATE verdict_reasons SET name = 'Gr{two}n', name_key = 'gr{two}n' WHERE name = 'twin'"),
            format!("UPDATE job_notes SET verdict_reason = 'Gr{two}n' WHERE verdict_reason = 'twin'"),
            // One job has the tag in the other form, one has both.
            format!("UPDATE job_tags SET tag = 'gr{two}n', tag_key = 'gr{two}n' WHERE tag = 'grün' AND print_job_id = {}", job_ids[1].0),
            format!("UPDATE job_tags SET tag = 'gr{two}n', tag_key = 'gr{two}n' WHERE tag = 'other' AND print_job_id = {}", job_ids[2].0),
            format!("UPDATE job_search SET text = 'k{two}che.gcode\u{1f}gr{two}n' WHERE print_job_id = {}", job_ids[1].0),
            format!("UPDATE job_search SET text = 'straße.gcode\u{1f}grün' WHERE print_job_id = {}", job_ids[2].0),
        ] {
            db.execute(&sql).await;
        }
        for _ in 0..2 {
            db.execute("DELETE FROM schema_migrations WHERE version = 'm0011_unicode_keys'").await;
            let store = db.open_again().await.unwrap();
            let mut named: Vec<_> = store.printers().await.unwrap().into_iter().map(|printer| (printer.id, printer.config.name)).collect();
            named.sort_unstable();
            let names = ["Vörön", "Vo\u{308}ro\u{308}n (3)", "VO\u{308}Rön (4)", "Vörön (2)"];
            assert_eq!(named, ids.iter().copied().zip(names.map(str::to_owned)).collect::<Vec<_>>());
            assert_eq!(store.printer_by_name("VO\u{308}RÖN").await.unwrap().unwrap().id, ids[0]);
            let tags = store.tags().await.unwrap();
            assert_eq!(tags.iter().map(|(_, jobs)| *jobs).collect::<Vec<_>>(), [3, 2], "{tags:?}");
            let tagged = JobFilter { tags: vec![format!("GR{two}N")], ..JobFilter::default() };
            assert_eq!(store.list_jobs(&tagged, 10, None).await.unwrap().total, 3);
            let reasons = store.verdict_reasons().await.unwrap();
            assert_eq!(reasons.iter().filter(|reason| reason.name.starts_with("Gr")).count(), 1);
            let notes = store.notes(&job_ids).await.unwrap();
            assert_eq!(notes[&job_ids[1]].verdict_reason.as_deref(), Some("Grün"));
            assert_eq!(notes[&job_ids[2]].tags.len(), 1);
            for (text, wanted) in [("küche", 2), ("ku\u{308}che", 2), ("STRASSE", 1), ("grün", 3)] {
                let filter = JobFilter { text: Some(text.to_owned()), ..JobFilter::default() };
                assert_eq!(store.list_jobs(&filter, 10, None).await.unwrap().total, wanted, "{text}");
            }
            store.close().await.unwrap();
        }
    }

    async fn an_upgrade_has_the_history_read_again(db) {
        let imported = add_printer(&db.store, "imported").await;
        let without = add_printer(&db.store, "without an import").await;
        // As read by a version that did not know the spelling of the outcome, nor the folder of the file.
        let stored = HistoryJob { end: HistoryEnd::Unseen, cause: Cause::Interrupted, ..row("1", "/home/pi/gcodes/sub/a.gcode", 0.0) };
        db.store.import_history(imported, &[stored], None, now()).await.unwrap();
        for (printer, position, since) in [(imported, 1, None), (without, 0, Some(now()))] {
            let backfill = Backfill { since, position, completed_at: Some(now()), first_contact: Some(now()) };
            db.store.save_backfill(printer, &backfill).await.unwrap();
        }
        db.execute("DELETE FROM schema_migrations WHERE version = 'm0013_history_again'").await;
        let store = db.open_again().await.unwrap();
        let backfill = async |id| store.printer(id).await.unwrap().unwrap().backfill;
        let reset = backfill(imported).await;
        assert_eq!((reset.position, reset.completed_at, reset.first_contact), (0, None, Some(now())));
        assert_eq!(backfill(without).await.completed_at, Some(now()), "it has no history to read");
        store.import_history(imported, &[row("1", "sub/a.gcode", 0.0)], None, now()).await.unwrap();
        let jobs = all_jobs(&store).await;
        let found: Vec<_> = jobs.iter().map(|stored| (stored.job.status, stored.job.filename.as_deref())).collect();
        assert_eq!(found, [(JobStatus::Completed, Some("sub/a.gcode"))]);
        check_totals(&store).await;
        store.close().await.unwrap();
    }

    async fn database_of_a_newer_printlog_is_left_alone(db) {
        db.execute("INSERT INTO schema_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)").await;
        let error = db.open_again().await.unwrap_err();
        assert!(
            matches!(&error, Error::NewerSchema { found, known } if found == "m9999_from_the_future" && number(known) == newest()),
            "{error:?}"
        );
        assert!(!error.is_transient());
    }
}
