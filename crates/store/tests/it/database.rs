//! A fresh database for each test, on each engine.

use std::{env, panic::resume_unwind, path::PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use store::{Engine, Location, Store};
use tempfile::TempDir;
use url::Url;

/// Turns each test into three: for SQLite, MySQL and MariaDB. The last two need a server, named by
/// `PRINTLOG_TEST_MYSQL_URL` and `PRINTLOG_TEST_MARIADB_URL`. Without one, the test prints that and returns, or fails
/// if `PRINTLOG_TEST_ALL_ENGINES` is 1.
#[macro_export]
macro_rules! on_every_engine {
    ($(async fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn check($db: $crate::database::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::database::with(store::Engine::Sqlite, check).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mysql() {
                $crate::database::with(store::Engine::MySql, check).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mariadb() {
                $crate::database::with(store::Engine::MariaDb, check).await;
            }
        }
    )*};
}

/// An open database that is dropped after the test.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) location: Location,
    pub(crate) secret_file: PathBuf,
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    /// For statements that the store does not offer.
    pub(crate) raw: DatabaseConnection,
}

impl Database {
    /// Opens the database again, which looks like a second process to the database.
    pub(crate) async fn open_again(&self) -> Result<Store, store::Error> {
        Store::open_with(&self.location, Some(&self.secret_file)).await
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.raw.execute_unprepared(sql).await.unwrap();
    }

    /// Names of all tables, from the engine's catalogue.
    pub(crate) async fn tables(&self) -> Vec<String> {
        self.column(match self.engine {
            Engine::Sqlite => {
                "SELECT name FROM pragma_table_list \
                 WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'"
            }
            Engine::MySql | Engine::MariaDb => {
                "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
            }
        })
        .await
    }

    /// The first column of all rows.
    pub(crate) async fn column<T: sea_orm::TryGetable>(&self, sql: &str) -> Vec<T> {
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        let rows = self.raw.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }
}

/// Runs `check` with a fresh database, which is dropped even if `check` panics.
pub(crate) async fn with<F>(engine: Engine, check: impl FnOnce(Database) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(fresh) = Fresh::create(engine).await else {
        return;
    };
    let url = url(&fresh.location);
    let secret_file = fresh.folder.path().join("secret.key");
    let store = Store::open_with(&fresh.location, Some(&secret_file))
        .await
        .unwrap();
    let raw = sea_orm::Database::connect(url).await.unwrap();
    let database = Database {
        location: fresh.location.clone(),
        secret_file,
        store: store.clone(),
        engine,
        raw: raw.clone(),
    };
    let result = tokio::spawn(check(database)).await;
    store.close().await.unwrap();
    raw.close().await.unwrap();
    fresh.drop().await;
    if let Err(failed) = result {
        resume_unwind(failed.into_panic());
    }
}

/// A database that exists only during the test.
pub(crate) struct Fresh {
    pub(crate) location: Location,
    server: Option<(Url, String)>,
    folder: TempDir,
}

impl Fresh {
    pub(crate) async fn create(engine: Engine) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        if engine == Engine::Sqlite {
            // A name with characters that are special in URLs.
            let path = folder.path().join("a folder").join("print log#1?%20.db");
            return Some(Self {
                location: Location::Sqlite { path },
                server: None,
                folder,
            });
        }
        let server = server(engine)?;
        let name = format!("printlog_test_{:016x}", rand::random::<u64>());
        let admin = sea_orm::Database::connect(server.as_str()).await.unwrap();
        // A default character set that does not suit printlog.
        let sql = format!("CREATE DATABASE {name} CHARACTER SET latin1");
        admin.execute_unprepared(&sql).await.unwrap();
        admin.close().await.unwrap();
        let mut url = server.clone();
        url.set_path(&name);
        Some(Self {
            location: Location::MySql { url },
            server: Some((server, name)),
            folder,
        })
    }

    pub(crate) async fn drop(self) {
        if let Some((server, name)) = self.server {
            let admin = sea_orm::Database::connect(server.as_str()).await.unwrap();
            admin
                .execute_unprepared(&format!("DROP DATABASE {name}"))
                .await
                .unwrap();
            admin.close().await.unwrap();
        }
    }
}

/// The test server. `None` if none is configured.
pub(crate) fn server(engine: Engine) -> Option<Url> {
    let variable = match engine {
        Engine::MariaDb => "PRINTLOG_TEST_MARIADB_URL",
        _ => "PRINTLOG_TEST_MYSQL_URL",
    };
    match env::var(variable) {
        Ok(url) => Some(url.parse().unwrap()),
        Err(_) if env::var("PRINTLOG_TEST_ALL_ENGINES").is_ok_and(|all| all == "1") => {
            panic!("{variable} is not set, and PRINTLOG_TEST_ALL_ENGINES is")
        }
        Err(_) => {
            eprintln!("not run: {variable} is not set");
            None
        }
    }
}

pub(crate) fn url(location: &Location) -> String {
    match location {
        Location::Sqlite { path } => sqlite_url(path),
        Location::MySql { url } => url.to_string(),
    }
}

fn sqlite_url(path: &std::path::Path) -> String {
    let path = path.display().to_string();
    let escaped = path
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23")
        .replace(' ', "%20");
    format!("sqlite://{escaped}")
}
