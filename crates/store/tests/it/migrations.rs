use store::{Engine, Error, KeyScope, Store};

use sea_orm::ConnectionTrait as _;

use crate::{database::Database, fixtures::*, on_every_engine};

/// Numbers of all migrations of this program, oldest first, by their files.
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

/// Each in its turn, when none refers to it any more.
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
        db.execute("DROP TABLE job_details").await;
        db.execute("DROP TABLE deleted_jobs").await;
        match db.engine {
            Engine::Sqlite => db.execute("DROP INDEX print_jobs_status").await,
            Engine::MySql | Engine::MariaDb => db.execute("DROP INDEX print_jobs_status ON print_jobs").await,
        }
        db.execute("DELETE FROM schema_migrations").await;
        let store = db.open_again().await.unwrap();
        store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        let (id, _) = the_job(&store).await;
        assert!(store.delete_job(id, now()).await.unwrap());
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
