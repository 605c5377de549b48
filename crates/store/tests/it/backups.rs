//! Tests of backups, restores and moves, on and between all engines.

use std::path::{Path, PathBuf};

use domain::JobId;
use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};
use store::{
    BackupReason, Deletion, Engine, Error, Location, Opener, Restore, Store, TableSum, backups, made_at,
    move_database, prune_backups, remove_leftovers, verify_backup,
};

use crate::{
    database::{Database, Fresh, url},
    fixtures::*,
    on_every_engine,
};

fn some_time() -> Timestamp {
    "2026-01-31T02:03:04Z".parse().unwrap()
}

/// Inserts a row into every existing table, so that a new table is tested, too. Numbers are 1 and texts "1", so every
/// reference is valid. The format of the packed months is the current one: another would be computed from these rows.
async fn fill_every_table(db: &Database) -> usize {
    let tables = db.tables().await;
    let mut statements = vec![match db.engine {
        Engine::Sqlite => "PRAGMA foreign_keys = OFF".to_owned(),
        Engine::MySql | Engine::MariaDb => "SET SESSION foreign_key_checks = 0".to_owned(),
    }];
    for table in &tables {
        if table == "server_lease" || table == "schema_migrations" {
            continue;
        }
        let columns = columns(db, table).await;
        let names: Vec<_> = columns.iter().map(|column| format!("`{column}`")).collect();
        // An unencrypted key would be encrypted when the database is opened.
        let values: Vec<_> = columns
            .iter()
            .map(|column| match column.as_str() {
                "moonraker_api_key" => "NULL".to_owned(),
                "facts_format" => analytics::FORMAT.to_string(),
                _ => "'1'".to_owned(),
            })
            .collect();
        statements.push(format!(
            "REPLACE INTO `{table}` ({}) VALUES ({})",
            names.join(", "),
            values.join(", ")
        ));
    }
    let mut single = sea_orm::ConnectOptions::new(url(&db.location));
    single.max_connections(1);
    let raw = sea_orm::Database::connect(single).await.unwrap();
    for sql in statements {
        raw.execute_unprepared(&sql).await.unwrap();
    }
    raw.close().await.unwrap();
    tables.len() - 2
}

async fn columns(db: &Database, table: &str) -> Vec<String> {
    db.column(&match db.engine {
        Engine::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
        Engine::MySql | Engine::MariaDb => format!(
            "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}' AND COALESCE(generation_expression, '') = ''"
        ),
    })
    .await
}

fn counted(sums: &[TableSum]) -> Vec<(String, u64, String)> {
    let mut counted: Vec<_> = sums
        .iter()
        .map(|sum| (sum.table.clone(), sum.rows, sum.checksum.clone()))
        .collect();
    counted.sort();
    counted
}

async fn sums_of(location: &Location) -> Vec<(String, u64, String)> {
    let store = Store::open(location).await.unwrap();
    let sums = store.table_sums().await.unwrap();
    store.close().await.unwrap();
    counted(&sums)
}

async fn newest_job(location: &Location) -> i64 {
    let raw = sea_orm::Database::connect(url(location)).await.unwrap();
    let statement = Statement::from_string(raw.get_database_backend(), "SELECT MAX(id) FROM print_jobs");
    let id = raw
        .query_one_raw(statement)
        .await
        .unwrap()
        .unwrap()
        .try_get_by_index(0)
        .unwrap();
    raw.close().await.unwrap();
    id
}

async fn restore_backup(from: &Path, to: &Location) -> Result<Vec<TableSum>, Error> {
    let (_keep, folder) = backup_folder();
    let restore = Restore::prepare(from, to, &folder).await?;
    Ok(restore.finish(&folder, some_time()).await?.tables)
}

fn backup_folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("back ups");
    (folder, path)
}

on_every_engine! {
    async fn every_table_is_in_a_backup_and_comes_back(db) {
        let count = fill_every_table(&db).await;
        add_printer(&db.store, "Vörön 🖨").await;
        let before = counted(&db.store.table_sums().await.unwrap());
        assert_eq!(before.len(), count, "every table but those of the schema and of the server");
        assert!(before.iter().all(|(_, rows, _)| *rows > 0), "{before:?}");

        let (_keep, folder) = backup_folder();
        let backup = db.store.back_up(&folder, &BackupReason::Requested, some_time()).await.unwrap();
        assert_eq!(counted(&backup.tables), before);
        assert_eq!(backup.path, folder.join("printlog-20260131T020304Z.db"));
        assert_eq!(made_at(&backup.path), Some(some_time()));
        assert_eq!(verify_backup(&backup.path).await.unwrap(), backup, "to look changes nothing");

        add_printer(&db.store, "came later").await;
        db.store.close().await.unwrap();
        let restored = restore_backup(&backup.path, &db.location).await.unwrap();
        assert_eq!(counted(&restored), before);
        assert_eq!(sums_of(&db.location).await, before);
    }

    async fn everything_moves_to_every_engine_and_back(db) {
        fill_every_table(&db).await;
        let printer = add_printer(&db.store, "Voron").await;
        db.store.import_history(printer, &[row("1", "a", 0.0), row("2", "b.gcode", 100.0)], None, now()).await.unwrap();
        let gone = newest_job(&db.location).await;
        db.store.delete_job(JobId(gone), Deletion::Restorable { by: None }, now()).await.unwrap();
        let before = counted(&db.store.table_sums().await.unwrap());
        let refused = move_database(&db.location, &db.location).await;
        assert!(refused.is_err());
        for engine in [Engine::Sqlite, Engine::MySql, Engine::MariaDb] {
            let Some(there) = Fresh::create(engine).await else { continue };
            let moved = move_database(&db.location, &there.location).await.unwrap();
            assert_eq!(counted(&moved), before);
            let store = Store::open(&there.location).await.unwrap();
            assert!(store.check_totals().await.unwrap().is_empty());
            // Ids are not reused.
            store.import_history(printer, &[row("3", "c", 200.0)], None, now()).await.unwrap();
            let newest = newest_job(&there.location).await;
            assert!(newest > gone, "{newest} after {gone}");
            assert_eq!(store.restore_job(JobId(gone), now()).await.unwrap(), None);
            assert!(store.job(JobId(gone)).await.unwrap().is_some());
            store.close().await.unwrap();
            let again = move_database(&db.location, &there.location).await.unwrap_err();
            assert!(matches!(again, Error::NotEmpty { .. }), "{again}");
            there.drop().await;
        }
    }

    async fn a_move_that_was_cut_off_is_refused_until_it_is_done_again(db) {
        if db.engine == Engine::Sqlite {
            return;
        }
        fill_every_table(&db).await;
        let (_keep, folder) = backup_folder();
        let backup = db.store.back_up(&folder, &BackupReason::Requested, some_time()).await.unwrap();
        db.execute("INSERT INTO schema_migrations (version, applied_at) VALUES ('unfinished_restore', 0)").await;
        let error = db.open_again().await.unwrap_err();
        assert!(matches!(error, Error::Unfinished { .. }), "{error}");
        restore_backup(&backup.path, &db.location).await.unwrap();
        db.open_again().await.unwrap().close().await.unwrap();
    }

    async fn tables_of_other_programs_are_no_business_of_backup_and_restore(db) {
        add_printer(&db.store, "Voron").await;
        let before = counted(&db.store.table_sums().await.unwrap());
        for sql in [
            // Tables of Litestream and of other programs.
            "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
            "CREATE TABLE _litestream_lock (id INTEGER)",
            "CREATE TABLE notes_of_mine (word VARCHAR(20), number DOUBLE)",
            "INSERT INTO _litestream_seq (id, seq) VALUES (1, 42)",
            "INSERT INTO _litestream_lock (id) VALUES (1), (1), (NULL)",
            "INSERT INTO notes_of_mine (word, number) VALUES ('a', 1.5), ('a', 1.5)",
        ] {
            db.execute(sql).await;
        }
        if db.engine == Engine::Sqlite {
            db.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY AUTOINCREMENT)").await;
            db.execute("INSERT INTO parents (id) VALUES (7)").await;
            db.execute("PRAGMA foreign_keys = OFF; CREATE TABLE orphans (p REFERENCES parents (id)); INSERT INTO orphans VALUES (1); PRAGMA foreign_keys = ON").await;
        }
        assert_eq!(counted(&db.store.table_sums().await.unwrap()), before);
        let (_keep, folder) = backup_folder();
        let backup = db.store.back_up(&folder, &BackupReason::Requested, some_time()).await.unwrap();
        assert_eq!(counted(&backup.tables), before);
        for engine in [Engine::Sqlite, Engine::MySql, Engine::MariaDb] {
            let Some(there) = Fresh::create(engine).await else { continue };
            let restored = restore_backup(&backup.path, &there.location).await.unwrap();
            assert_eq!(counted(&restored), before);
            there.drop().await;
        }
        // A restore keeps them on a server, where only rows are replaced.
        add_printer(&db.store, "came later").await;
        db.store.close().await.unwrap();
        restore_backup(&backup.path, &db.location).await.unwrap();
        assert_eq!(sums_of(&db.location).await, before);
        if db.engine != Engine::Sqlite {
            assert_eq!(db.column::<i64>("SELECT CAST(seq AS SIGNED) FROM _litestream_seq").await, [42]);
        }
    }

    async fn a_backup_under_load_is_one_moment(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let store = db.store.clone();
        let writer = tokio::spawn(async move {
            for n in 0.. {
                let row = row(&format!("{n:06X}"), "a", f64::from(n) * 100.0);
                if store.import_history(printer, &[row], None, now()).await.is_err() {
                    return;
                }
            }
        });
        let (_keep, folder) = backup_folder();
        let mut jobs = 0;
        let mut last = None;
        for n in 0..10 {
            let time = some_time() + jiff::SignedDuration::from_secs(n);
            // Verification includes that the totals in the backup are the sums over its rows.
            let backup = db.store.back_up(&folder, &BackupReason::Requested, time).await.unwrap();
            let rows = backup.rows("print_jobs").unwrap();
            assert!(rows >= jobs);
            jobs = rows;
            last = Some(backup.path);
        }
        writer.abort();
        assert_eq!(backups(&folder).unwrap().len(), 10);
        let gone = prune_backups(&folder, 3, &last.unwrap()).unwrap();
        assert_eq!(gone.len(), 7);
        assert!(gone[0] < backups(&folder).unwrap()[0], "the oldest go");
    }
}

#[tokio::test]
async fn an_upgrade_that_fails_again_and_again_makes_one_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("printlog.db");
    let location = Location::Sqlite { path: path.clone() };
    let store = Store::open(&location).await.unwrap();
    let printer = add_printer(&store, "Voron").await;
    store.close().await.unwrap();
    let raw = sea_orm::Database::connect(url(&location)).await.unwrap();
    let execute = async |sql: &str| raw.execute_unprepared(sql).await.unwrap();
    execute("DROP TABLE corrected_outcomes").await;
    execute("DELETE FROM schema_migrations WHERE version = 'm0009_corrected_outcomes'").await;
    // A table with the name of a view makes the upgrade fail.
    execute("DROP VIEW v_jobs").await;
    execute("CREATE TABLE v_jobs (id INTEGER)").await;
    let backups = folder.path().join("backups");
    let open = async |minutes: i64| {
        let now = some_time() + jiff::SignedDuration::from_mins(minutes);
        Store::open_backed_up(&location, None, &backups, Opener::Server, now).await
    };
    let made = || backups.read_dir().unwrap().count();
    for minutes in 0..3 {
        open(minutes).await.unwrap_err();
        assert_eq!(made(), 1, "{minutes}");
    }
    // Changes since then go into another backup.
    execute("UPDATE printers SET location = 'shelf'").await;
    open(3).await.unwrap_err();
    open(4).await.unwrap_err();
    assert_eq!(made(), 2);
    execute("DROP TABLE v_jobs").await;
    let (store, backup) = open(5).await.unwrap();
    assert_eq!(backup.unwrap().rows("printers"), Some(1));
    assert_eq!(made(), 2);
    assert!(store.printer(printer).await.unwrap().is_some());
    store.close().await.unwrap();
    raw.close().await.unwrap();
}

#[test]
fn the_backup_just_made_stays_whatever_the_clock_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, "x").unwrap();
        path
    };
    let old = file("printlog-20260130T000000Z.db");
    let made = file("printlog-20260131T000000Z.db");
    let ahead = ["printlog-20990101T000000Z.db", "printlog-20990102T000000Z.db"].map(file);
    let gone = prune_backups(folder.path(), 2, &made).unwrap();
    assert_eq!(gone, ahead);
    assert_eq!(backups(folder.path()).unwrap(), [old.clone(), made.clone()]);
    assert_eq!(prune_backups(folder.path(), 1, &made).unwrap(), [old]);
    assert_eq!(backups(folder.path()).unwrap(), [made]);
}

#[test]
fn leftovers_of_unfinished_work_are_removed_if_they_are_ours_and_old() {
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    let data = folder.path().join("data");
    let now: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
    let file = |folder: &Path, name: &str, minutes: i64| {
        std::fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        let written = now - jiff::SignedDuration::from_mins(minutes);
        std::fs::File::create(&path)
            .unwrap()
            .set_modified(written.into())
            .unwrap();
        path
    };
    let old_and_ours = [
        file(&backups, "printlog-20260130T000000Z.part", 61),
        file(&backups, "printlog-20260130T000000Z.part-journal", 61),
        file(&backups, "printlog-20260130T000000Z-before-upgrade.part", 600),
        file(&data, "my.db.restoring", 61),
        file(&data, "my.db.restoring-wal", 61),
        file(&data, "my.db.trial-0123456789abcdef", 61),
        file(&data, "my.key.0123456789abcdef", 61),
    ];
    let others = [
        file(&backups, "printlog-20260130T235959Z.part", 59),
        file(&backups, "printlog-20260130T000000Z.db", 600),
        file(&backups, "other.part", 600),
        file(&data, "my.db", 600),
        file(&data, "my.db.restoring-shm", 59),
        file(&data, "other.db.restoring", 600),
        file(&data, "my.db.damaged-20260130T000000Z", 600),
        file(&data, "my.db.restoring.txt", 600),
        file(&data, "my.key", 600),
        file(&data, "my.key.old", 600),
        file(&data, "my.key.0123456789abcdeg", 600),
    ];
    std::fs::create_dir(data.join("my.db.trial-folder")).unwrap();
    // Opens the database through symbolic links.
    std::os::unix::fs::symlink(data.join("my.db"), folder.path().join("link.db")).unwrap();
    let path = folder.path().join("link.db");
    let location = Location::Sqlite { path };
    let mut gone = remove_leftovers(&backups, &location, &data.join("my.key"), now).unwrap();
    gone.sort();
    let mut wanted = old_and_ours.to_vec();
    wanted.sort();
    assert_eq!(gone, wanted);
    assert!(old_and_ours.iter().all(|path| !path.exists()));
    assert!(others.iter().all(|path| path.exists()));
    let again = remove_leftovers(&backups, &location, &data.join("my.key"), now).unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[tokio::test]
async fn what_is_no_sound_backup_is_refused_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite {
        path: folder.path().join("printlog.db"),
    };
    let store = Store::open(&location).await.unwrap();
    let printer = add_printer(&store, "Voron").await;
    let rows: Vec<_> = (0..500)
        .map(|n| row(&n.to_string(), "some/file.gcode", f64::from(n) * 100.0))
        .collect();
    store.import_history(printer, &rows, None, now()).await.unwrap();
    let backup = store
        .back_up(folder.path(), &BackupReason::Requested, some_time())
        .await
        .unwrap();
    store.close().await.unwrap();
    let whole = std::fs::read(&backup.path).unwrap();

    let damaged = folder.path().join("damaged.db");
    let refused = async |bytes: &[u8]| {
        std::fs::write(&damaged, bytes).unwrap();
        assert!(restore_backup(&damaged, &location).await.is_err());
    };
    refused(b"a text that is no database at all").await;
    refused(&whole[..whole.len() / 2]).await;
    let mut scribbled = whole.clone();
    scribbled[4096 * 3..4096 * 5].fill(0x5a);
    refused(&scribbled).await;
    assert!(
        restore_backup(Path::new("/nonexistent.db"), &location)
            .await
            .is_err()
    );
    assert_eq!(sums_of(&location).await, counted(&backup.tables));

    let running = store::InstanceLock::take(&location).unwrap();
    let error = restore_backup(&backup.path, &location).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    drop(running);
}

/// Upgrades the schema of every released version, stored as SQL that any SQLite can read.
#[tokio::test]
async fn the_schema_of_every_version_upgrades_with_a_backup_before() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/schemas");
    let mut versions = 0;
    for entry in data.read_dir().unwrap() {
        let sql = entry.unwrap().path();
        let name = sql.file_stem().unwrap().to_str().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("printlog.db");
        std::fs::write(&path, "").unwrap();
        let raw = sea_orm::Database::connect(format!("sqlite://{}", path.display()))
            .await
            .unwrap();
        raw.execute_unprepared(&std::fs::read_to_string(&sql).unwrap())
            .await
            .unwrap();
        let statement = Statement::from_string(raw.get_database_backend(), "SELECT COUNT(*) FROM print_jobs");
        let jobs: i64 = raw
            .query_one_raw(statement)
            .await
            .unwrap()
            .unwrap()
            .try_get_by_index(0)
            .unwrap();
        raw.close().await.unwrap();
        assert!(jobs > 0, "{name} has jobs to lose");

        let location = Location::Sqlite { path };
        let folder = folder.path().join("backups");
        // A command must not upgrade while a server with the old schema is running.
        let running = store::InstanceLock::take(&location).unwrap();
        let opened = Store::open_backed_up(&location, None, &folder, Opener::Command, some_time()).await;
        let is_refused = match opened {
            Ok((store, _)) => {
                store.close().await.unwrap();
                false
            }
            Err(error) => {
                assert!(matches!(error, Error::Outdated { .. }), "{error}");
                assert!(!folder.exists(), "nothing was done");
                true
            }
        };
        drop(running);
        let opened_by = if versions % 2 == 0 {
            Opener::Command
        } else {
            Opener::Server
        };
        let (store, backup) = Store::open_backed_up(&location, None, &folder, opened_by, some_time())
            .await
            .unwrap();
        let info = store.info().await.unwrap();
        assert_eq!(is_refused, name != info.schema_version, "{name}");
        if name == info.schema_version {
            assert_eq!(backup, None, "nothing was to be changed");
        } else {
            let backup = backup.unwrap();
            assert_eq!(backup.schema_version, name);
            assert_eq!(backup.rows("print_jobs"), u64::try_from(jobs).ok());
        }
        assert_eq!(all_jobs(&store).await.len(), usize::try_from(jobs).unwrap());
        assert!(store.check_totals().await.unwrap().is_empty(), "{name}");
        store.close().await.unwrap();

        let (store, backup) = Store::open_backed_up(&location, None, &folder, Opener::Server, some_time())
            .await
            .unwrap();
        assert_eq!(backup, None, "the second start changes nothing");
        store.close().await.unwrap();
        versions += 1;
    }
    assert!(versions > 0, "there are schemas to upgrade");
}
