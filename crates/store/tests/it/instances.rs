use std::time::Duration;

use domain::JobFilter;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use store::{Engine, Error, InstanceLock, Location, Opener, Store};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn one_server_at_a_time_has_the_turn(db) {
        add_printer(&db.store, "Voron").await;
        let seen = db.store.lease().await.unwrap();
        assert_eq!((seen.epoch, seen.holder.as_deref()), (0, None));
        let first = db.store.acquire_lease(&seen, "first").await.unwrap().unwrap();
        assert_eq!(db.store.acquire_lease(&seen, "late").await.unwrap(), None);
        let seen = db.store.lease().await.unwrap();
        assert_eq!(seen.holder.as_deref(), Some("first"));
        assert!(db.store.renew_lease(first).await.unwrap());
        assert_eq!(db.store.acquire_lease(&seen, "second").await.unwrap(), None, "the first is alive");
        let seen = db.store.lease().await.unwrap();
        let second = db.store.acquire_lease(&seen, "second").await.unwrap().unwrap();
        assert!(second > first);
        assert!(!db.store.renew_lease(first).await.unwrap());
        db.store.release_lease(first).await.unwrap();
        assert_eq!(db.store.lease().await.unwrap().holder.as_deref(), Some("second"));
        db.store.release_lease(second).await.unwrap();
        assert_eq!(db.store.lease().await.unwrap().holder, None);
    }

    async fn who_slept_through_the_end_of_its_turn_writes_nothing(db) {
        if db.engine == Engine::Sqlite {
            return;
        }
        let printer = add_printer(&db.store, "Voron").await;
        let turn = db.store.acquire_lease(&db.store.lease().await.unwrap(), "first").await.unwrap().unwrap();
        let first = db.store.with_lease(turn);
        first.save_job(&running(printer, "a", 0.0), now()).await.unwrap();
        let other = db.open_again().await.unwrap();
        let turn = other.acquire_lease(&other.lease().await.unwrap(), "second").await.unwrap().unwrap();
        let error = first.save_job(&running(printer, "b", 500.0), now()).await.unwrap_err();
        assert!(matches!(error, Error::LostLease), "{error:?}");
        assert!(!error.is_transient());
        other.with_lease(turn).save_job(&running(printer, "b", 500.0), now()).await.unwrap();
        assert_eq!(other.list_jobs(&JobFilter::default(), 10, None).await.unwrap().items.len(), 2);
        check_totals(&other).await;
        other.close().await.unwrap();
    }

    async fn commands_work_while_a_server_makes_the_database(db) {
        let Some(there) = crate::database::Fresh::create(db.engine).await else { return };
        let folder = tempfile::tempdir().unwrap();
        let open = async |opener, wait: u64| {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let secret = folder.path().join("secret.key");
            let opened = Store::open_backed_up(&there.location, Some(&secret), folder.path(), opener, now()).await;
            let (store, backup) = opened.unwrap();
            assert!(backup.is_none(), "there was nothing to lose");
            store.printers().await.unwrap();
            store.close().await.unwrap();
        };
        tokio::join!(
            open(Opener::Server, 0),
            open(Opener::Command, 0),
            open(Opener::Command, 5),
            open(Opener::Command, 50),
            open(Opener::Command, 100),
            open(Opener::Command, 200),
        );
        there.drop().await;
    }

    async fn what_a_server_refuses_for_the_moment_is_tried_again(db) {
        if db.engine == Engine::Sqlite {
            return;
        }
        // MyISAM rows survive a rollback: they count the attempts.
        db.execute("CREATE TABLE attempts (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE = MyISAM").await;
        for number in [1020, 1205, 1213, 1412, 3101, 1180, 1047] {
            db.execute("DELETE FROM attempts").await;
            db.execute("DROP TRIGGER IF EXISTS refuses").await;
            db.execute(&format!(
                "CREATE TRIGGER refuses BEFORE INSERT ON printers FOR EACH ROW BEGIN \
                 INSERT INTO attempts VALUES (); \
                 IF (SELECT COUNT(*) FROM attempts) < 3 THEN \
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'not now'; END IF; END"
            ))
            .await;
            add_printer(&db.store, &number.to_string()).await;
            let attempts = db.column::<i64>("SELECT COUNT(*) FROM attempts").await;
            assert_eq!(attempts, [3], "{number}");
        }
        assert_eq!(db.store.printers().await.unwrap().len(), 7);
    }

    async fn a_conflict_with_a_snapshot_is_for_the_moment(db) {
        if db.engine != Engine::MariaDb {
            return;
        }
        add_printer(&db.store, "Voron").await;
        // The default of MariaDB 11.6 and later.
        let first = db.raw.begin().await.unwrap();
        first.execute_unprepared("SET SESSION innodb_snapshot_isolation = ON").await.unwrap();
        first.query_one_raw(Statement::from_string(first.get_database_backend(), "SELECT * FROM printers")).await.unwrap();
        db.store.touch_printers(&[(db.store.printers().await.unwrap()[0].id, at(5.0))]).await.unwrap();
        let refused = first.execute_unprepared("UPDATE printers SET location = 'x'").await.unwrap_err();
        assert!(refused.to_string().contains("1020"), "{refused}");
        first.rollback().await.unwrap();
    }

    async fn a_command_does_not_upgrade_the_database_under_a_server(db) {
        if db.engine == Engine::Sqlite {
            return;
        }
        // The state of the previous version.
        db.execute("DROP TABLE corrected_outcomes").await;
        db.execute("DELETE FROM schema_migrations WHERE version = 'm0009_corrected_outcomes'").await;
        let folder = tempfile::tempdir().unwrap();
        let open = async || {
            Store::open_backed_up(&db.location, None, folder.path(), Opener::Command, now()).await
        };
        let turn = db.store.acquire_lease(&db.store.lease().await.unwrap(), "server").await.unwrap().unwrap();
        let keep = async {
            loop {
                assert!(db.store.renew_lease(turn).await.unwrap());
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            opened = open() => assert!(matches!(opened.unwrap_err(), Error::Outdated { .. })),
            () = keep => unreachable!(),
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing was done");
        db.store.release_lease(turn).await.unwrap();
        let (store, backup) = open().await.unwrap();
        assert!(backup.is_some());
        assert_eq!(store.ended_counts().await.unwrap(), []);
        store.close().await.unwrap();
    }
}

#[test]
fn a_database_file_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite {
        path: folder.path().join("data/printlog.db"),
    };
    let first = InstanceLock::take(&location).unwrap();
    let error = InstanceLock::take(&location).unwrap_err();
    let own = format!("process {}", std::process::id());
    assert!(
        matches!(&error, Error::InUse { by, .. } if by.contains(&own)),
        "{error}"
    );
    drop(first);
    InstanceLock::take(&location).unwrap();
}

#[test]
fn a_database_file_has_one_server_whatever_name_it_is_started_with() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &std::path::Path| Location::Sqlite {
        path: path.to_owned(),
    };
    let path = folder.path().join("data/printlog.db");
    let name = |name: &str| folder.path().join(name);
    // Two symbolic links in a row, one of them relative, before the file exists.
    std::os::unix::fs::symlink("data/printlog.db", name("link.db")).unwrap();
    std::os::unix::fs::symlink(name("link.db"), name("link of link.db")).unwrap();
    let first = InstanceLock::take(&at(&name("link of link.db"))).unwrap();
    std::os::unix::fs::symlink(name("data"), name("folder")).unwrap();
    std::fs::hard_link(&path, name("hard.db")).unwrap();
    std::fs::create_dir(name("other")).unwrap();
    std::fs::hard_link(&path, name("other/printlog.db")).unwrap();
    let names = [
        path.clone(),
        name("link.db"),
        name("folder/printlog.db"),
        name("data/../data/./printlog.db"),
        name("hard.db"),
        name("other/printlog.db"),
    ];
    for name in &names {
        let error = InstanceLock::take(&at(name)).unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{name:?}: {error}");
    }
    drop(first);
    for name in &names {
        drop(InstanceLock::take(&at(name)).unwrap());
    }
    assert!(!name("link.db.lock").exists(), "the lock is next to the file");
}

#[tokio::test]
async fn a_command_uses_the_name_of_the_file_that_its_server_uses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/printlog.db");
    let name = |name: &str| folder.path().join(name);
    let command = async |path: &std::path::Path| {
        let location = Location::Sqlite {
            path: path.to_owned(),
        };
        let opened = Store::open_backed_up(&location, None, folder.path(), Opener::Command, now()).await;
        opened.map(|(store, _)| store)
    };
    command(&path).await.unwrap().close().await.unwrap();
    std::os::unix::fs::symlink(&path, name("link.db")).unwrap();
    std::os::unix::fs::symlink(name("data"), name("folder")).unwrap();
    std::fs::create_dir(name("other")).unwrap();
    let other_names = [name("hard.db"), name("data/hard.db"), name("other/printlog.db")];
    for other in &other_names {
        std::fs::hard_link(&path, other).unwrap();
    }
    // A lock file under another name, without a server.
    std::fs::write(name("hard.db.lock"), "").unwrap();
    let server = InstanceLock::take(&Location::Sqlite { path: path.clone() }).unwrap();
    for same in [&path, &name("link.db"), &name("folder/printlog.db")] {
        command(same).await.unwrap().close().await.unwrap();
    }
    for other in &other_names {
        let error = command(other).await.unwrap_err();
        assert!(
            matches!(&error, Error::InUse { by, .. } if by.contains("another name")),
            "{other:?}: {error}"
        );
        let wal = format!("{}-wal", other.display());
        assert!(!std::path::Path::new(&wal).exists(), "{wal}");
    }
    drop(server);
    for other in &other_names {
        command(other).await.unwrap().close().await.unwrap();
    }
}
