//! Upgrades the schema of each version, with its data, to the current one. `test_data/versions` contains the engines'
//! dumps; `PRINTLOG_TEST_UPDATE=1` writes that of the unreleased version.

use std::{env, fs, path::PathBuf};

use domain::{JobFilter, JobStatus, PrinterId};
use sea_orm::{ConnectionTrait as _, Statement, TransactionTrait as _};
use store::{Deletion, Engine, KeyScope};

use crate::{
    database::Database,
    fixtures::{all_jobs, now},
    migrations::drop_every_table,
    on_every_engine,
};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test_data/versions")
}

fn file(version: &str, engine: Engine) -> PathBuf {
    let engine = match engine {
        Engine::Sqlite => "sqlite",
        Engine::MySql => "mysql",
        Engine::MariaDb => "mariadb",
    };
    folder().join(version).join(format!("{engine}.sql"))
}

/// All versions with a stored schema, oldest first.
fn versions() -> Vec<String> {
    let mut versions: Vec<_> = folder()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    versions.sort();
    versions
}

/// The schema and its applied migrations, as statements.
async fn schema(db: &Database) -> String {
    let mut statements = match db.engine {
        Engine::Sqlite => {
            db.column::<String>(
                "SELECT sql FROM sqlite_master JOIN pragma_table_list AS tables ON tables.name = tbl_name \
                 WHERE tables.schema = 'main' AND tables.type NOT IN ('shadow', 'view') AND sql IS NOT NULL \
                   AND tbl_name NOT LIKE 'sqlite%' ORDER BY tbl_name, sqlite_master.type <> 'table', sqlite_master.name",
            )
            .await
        }
        Engine::MySql | Engine::MariaDb => {
            let mut tables = db.tables().await;
            tables.sort();
            let mut statements = vec!["SET foreign_key_checks = 0".to_owned()];
            for table in tables {
                let show = Statement::from_string(
                    db.raw.get_database_backend(),
                    format!("SHOW CREATE TABLE `{table}`"),
                );
                let row = db.raw.query_one_raw(show).await.unwrap().unwrap();
                statements.push(row.try_get_by_index(1).unwrap());
            }
            statements
        }
    };
    for migration in db
        .column::<String>("SELECT version FROM schema_migrations ORDER BY version")
        .await
    {
        statements.push(format!(
            "INSERT INTO schema_migrations (version, applied_at) VALUES ('{migration}', 0)"
        ));
    }
    statements
        .iter()
        .map(|statement| format!("{statement};\n"))
        .collect()
}

/// Runs statements, one per line end.
async fn run(db: &Database, statements: &str) {
    // `SET` and the following statements need the same connection.
    let tx = db.raw.begin().await.unwrap();
    for statement in statements
        .split(";\n")
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        tx.execute_unprepared(statement).await.unwrap();
    }
    tx.commit().await.unwrap();
}

on_every_engine! {
    async fn schema_of_each_version_upgrades_with_its_rows(db) {
        for version in versions() {
            drop_every_table(&db).await;
            run(&db, &fs::read_to_string(file(&version, db.engine)).unwrap()).await;
            run(&db, &fs::read_to_string(folder().join(&version).join("rows.sql")).unwrap()).await;
            let store = db.open_again().await.unwrap();
            let jobs = all_jobs(&store).await;
            let found: Vec<_> = jobs.iter().map(|stored| (stored.job.filename.as_deref(), stored.job.status)).collect();
            assert_eq!(
                found,
                [
                    (Some("Gehäuse ÄÖ.gcode"), JobStatus::Printing),
                    (Some("Gehäuse ÄÖ.gcode"), JobStatus::Cancelled),
                    (Some("benchy.gcode"), JobStatus::Completed),
                ],
                "{version}"
            );
            assert_eq!(jobs[2].job.figures.total_duration, Some(3600.5), "{version}");
            assert_eq!(store.open_jobs(PrinterId(1)).await.unwrap().len(), 1, "{version}");
            assert_eq!(store.check_totals().await.unwrap(), [], "{version}");
            let keys = store.keys().await.unwrap();
            assert_eq!(keys.iter().map(|key| (key.name.as_str(), key.scope)).collect::<Vec<_>>(), [("phone", KeyScope::Admin)]);
            // Derived data did not exist yet; these rows are written by hand.
            if version == "0.0.1" {
                assert_eq!(store.check_aggregates().await.unwrap(), [], "{version}");
                let filter = JobFilter { text: Some("häuse ä".to_owned()), ..JobFilter::default() };
                assert_eq!(store.list_jobs(&filter, 10, None).await.unwrap().items.len(), 2, "{version}");
                assert_eq!(store.details_counts().await.unwrap().pending, 3, "{version}");
            }
            // The upgraded database is usable.
            assert!(store.delete_job(jobs[1].id, Deletion::Final, now()).await.unwrap());
            assert_eq!(store.check_totals().await.unwrap(), [], "{version}");
            store.close().await.unwrap();
        }
    }

    async fn schema_of_this_version_is_the_one_that_is_written_down(db) {
        let now = schema(&db).await;
        let path = file(env!("CARGO_PKG_VERSION"), db.engine);
        if env::var_os("PRINTLOG_TEST_UPDATE").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &now).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            now == written,
            "{} differs from the schema that the migrations make. Released migrations are never edited; if this version \
             is not released, PRINTLOG_TEST_UPDATE=1 writes it anew. It is now:\n{now}",
            path.display()
        );
    }
}
