use std::time::Duration;

use domain::JobFilter;
use store::{Engine, Error, InstanceLock, Location, Opener, Store};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn one_server_at_a_time_has_the_turn(db) {
        add_printer(&db.store, "Voron").await;
        let seen = db.store.lease().await.unwrap();
        assert_eq!((seen.epoch, seen.holder.as_deref()), (0, None));
        let first = db.store.take_turn(&seen, "first").await.unwrap().unwrap();
        assert_eq!(db.store.take_turn(&seen, "late").await.unwrap(), None);
        let seen = db.store.lease().await.unwrap();
        assert_eq!(seen.holder.as_deref(), Some("first"));
        assert!(db.store.keep_turn(first).await.unwrap());
        assert_eq!(db.store.take_turn(&seen, "second").await.unwrap(), None, "the first is alive");
        let seen = db.store.lease().await.unwrap();
        let second = db.store.take_turn(&seen, "second").await.unwrap().unwrap();
        assert!(second > first);
        assert!(!db.store.keep_turn(first).await.unwrap());
        db.store.end_turn(first).await.unwrap();
        assert_eq!(db.store.lease().await.unwrap().holder.as_deref(), Some("second"));
        db.store.end_turn(second).await.unwrap();
        assert_eq!(db.store.lease().await.unwrap().holder, None);
    }

    async fn who_slept_through_the_end_of_its_turn_writes_nothing(db) {
        if db.engine == Engine::Sqlite {
            return;
        }
        let printer = add_printer(&db.store, "Voron").await;
        let turn = db.store.take_turn(&db.store.lease().await.unwrap(), "first").await.unwrap().unwrap();
        let first = db.store.for_turn(turn);
        first.save_job(&running(printer, "a", 0.0), now()).await.unwrap();
        let other = db.open_again().await.unwrap();
        let turn = other.take_turn(&other.lease().await.unwrap(), "second").await.unwrap().unwrap();
        let error = first.save_job(&running(printer, "b", 500.0), now()).await.unwrap_err();
        assert!(matches!(error, Error::LostTurn), "{error:?}");
        assert!(!error.is_transient());
        other.for_turn(turn).save_job(&running(printer, "b", 500.0), now()).await.unwrap();
        assert_eq!(other.list_jobs(&JobFilter::default(), 10, None).await.unwrap().items.len(), 2);
        check_totals(&other).await;
        other.close().await.unwrap();
    }

    async fn a_command_does_not_upgrade_the_database_under_a_server(db) {
        if db.engine == Engine::Sqlite {
            return;
        }
        // As the version before left it.
        db.execute("DROP TABLE corrected_outcomes").await;
        db.execute("DELETE FROM schema_migrations WHERE version = 'm0009_corrected_outcomes'").await;
        let folder = tempfile::tempdir().unwrap();
        let open = async || {
            Store::open_backed_up(&db.location, None, folder.path(), Opener::Command, now()).await
        };
        let turn = db.store.take_turn(&db.store.lease().await.unwrap(), "server").await.unwrap().unwrap();
        let keep = async {
            loop {
                assert!(db.store.keep_turn(turn).await.unwrap());
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            opened = open() => assert!(matches!(opened.unwrap_err(), Error::Outdated { .. })),
            () = keep => unreachable!(),
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing was done");
        db.store.end_turn(turn).await.unwrap();
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
