//! Opening and closing the database.

use std::{
    error::Error as StdError,
    fs,
    path::Path,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, SqlxMySqlConnector, SqlxSqliteConnector,
    Statement, TransactionTrait,
};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, Row,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::{
    Backup, Engine, Error, InstanceLock, Location, Occasion, Refusal, Result, dialect,
    error::Fault,
    job_months::JobMonthCache,
    migrations::{self, Migrator},
    misled::Misled,
    quick::QuickPool,
    secret::Secret,
    timings::Timings,
    transaction::{LONG, again, begin},
    views,
};

/// The database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    /// For quick questions. `None` where `reader` answers them.
    pub(crate) quick: Option<QuickPool>,
    pub(crate) engine: Engine,
    pub(crate) month_cache: Arc<Mutex<JobMonthCache>>,
    /// Writes only while this turn lasts. `None`: they need none.
    pub(crate) turn: Option<i64>,
    pub(crate) secret: Arc<Secret>,
    pub(crate) timings: Timings,
    pub(crate) misled: Misled,
    /// Whether SQLite has said that its file is damaged.
    pub(crate) damaged: Arc<AtomicBool>,
    /// What the database refused, if it has taken nothing since.
    pub(crate) refused: Arc<std::sync::Mutex<Option<(Instant, Refusal)>>>,
}

/// Who opens the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// The server, which no other one works beside.
    Server,
    /// A command, which a server may work beside.
    Command,
}

/// Connections that write, those that read, and to what.
type Opened = (DatabaseConnection, DatabaseConnection, Engine);

/// What the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// The engine.
    pub engine: Engine,
    /// Version of the engine, in its own words.
    pub version: String,
    /// Name of the newest migration that has run.
    pub schema_version: String,
    /// Bytes that it takes on the disk. `None` if the server does not tell.
    pub size_bytes: Option<u64>,
}

/// How long SQLite waits for a lock that another process holds, before the attempt counts as failed.
const BUSY: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection. The only writer of SQLite may be at something long.
const ACQUIRE: Duration = Duration::from_secs(30);
/// Connections that read SQLite beside the one that writes, each with its own cache.
const READERS: u32 = 2;
/// How long a refused write says something of the next one.
const REFUSED: Duration = Duration::from_secs(120);
/// Connections to a server.
const CONNECTIONS: u32 = 8;
/// How long a server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);

impl Store {
    /// Opens the database, makes it if it is a file that does not exist, and brings it to this program's schema.
    ///
    /// A server that has no database of that name is asked to make it.
    ///
    /// # Errors
    /// As of [`open_with`](Self::open_with).
    pub async fn open(location: &Location) -> Result<Self> {
        Self::open_with(location, location.secret_file().as_deref()).await
    }

    /// [`open`](Self::open), with the secret that encrypts keys of printers in another place. The file is made if it is
    /// missing. If it cannot be used, keys that are encrypted cannot be read and no others stored; all else works.
    ///
    /// # Errors
    /// [`Error::Open`] (a server that does not answer is given 10 s), [`Error::UnsupportedServer`], [`Error::NewerSchema`],
    /// [`Error::Unfinished`], or a migration that failed.
    pub async fn open_with(location: &Location, secret_file: Option<&Path>) -> Result<Self> {
        let store = Self::connect(location, secret_file).await?;
        store.check_complete(location).await?;
        store.migrate().await?;
        store.rebuild_outdated().await?;
        store.seal_plain_keys().await?;
        Ok(store)
    }

    /// As [`open_with`](Self::open_with); if the schema has to change, the database is backed up into `folder` before.
    ///
    /// # Errors
    /// As of [`open_with`](Self::open_with), and those of [`back_up`](Self::back_up): without a backup nothing is changed.
    /// [`Error::Outdated`] if a command would change the schema under a server.
    pub async fn open_backed_up(
        location: &Location,
        secret_file: Option<&Path>,
        folder: &Path,
        opener: Opener,
        now: Timestamp,
    ) -> Result<(Self, Option<Backup>)> {
        let mut store = Self::connect(location, secret_file).await?;
        store.check_complete(location).await?;
        let mut backup = None;
        let mut _alone = None;
        if store.needs_backup().await? {
            if opener == Opener::Command {
                _alone = Some(store.keep_servers_away(location).await?);
            }
            backup = Some(store.back_up(folder, &Occasion::BeforeUpgrade, now).await?);
            // Its readers know the old schema now.
            store.close().await?;
            store = Self::connect(location, secret_file).await?;
        }
        store.migrate().await?;
        store.rebuild_outdated().await?;
        store.seal_plain_keys().await?;
        Ok((store, backup))
    }

    /// Opens the database with the schema that it has.
    pub(crate) async fn connect(location: &Location, secret_file: Option<&Path>) -> Result<Self> {
        let misled = Misled::default();
        let (writer, reader, engine) = match location {
            Location::Sqlite { path } => Self::open_sqlite(location, path, misled.clone()).await?,
            Location::MySql { url } => Self::open_mysql(location, url, misled.clone()).await?,
        };
        let quick = match location {
            Location::Sqlite { path } => Some(QuickPool::new(path.clone())),
            Location::MySql { .. } => None,
        };
        Ok(Self {
            writer,
            reader,
            quick,
            engine,
            turn: None,
            month_cache: Arc::default(),
            secret: Arc::new(Secret::open(secret_file)),
            timings: Timings::new(),
            misled,
            damaged: Arc::default(),
            refused: Arc::default(),
        })
    }

    /// Opens a SQLite file that nobody writes, for reading.
    pub(crate) async fn open_unchanged(path: &Path) -> Result<Self> {
        let location = Location::Sqlite {
            path: path.to_owned(),
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(true)
            .disable_statement_logging();
        let pool = PoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = pool.map_err(|cause| open_fault(&location, cause))?;
        let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
        Ok(Self {
            writer: connection.clone(),
            reader: connection,
            quick: None,
            engine: Engine::Sqlite,
            turn: None,
            month_cache: Arc::default(),
            secret: Arc::new(Secret::open(None)),
            timings: Timings::new(),
            misled: Misled::default(),
            // It is not in use: whoever looks at it tells of its damage.
            damaged: Arc::new(true.into()),
            refused: Arc::default(),
        })
    }

    /// Asks on the connection that is going to change the schema, as do all who ask before that: a connection of SQLite
    /// that knows the old schema reads what a statement means there, and notices too late.
    async fn check_complete(&self, location: &Location) -> Result<()> {
        let unfinished = again("see whether the database is complete", LONG, 8, |_| async {
            migrations::is_unfinished(&self.writer).await
        });
        match unfinished.await? {
            true => Err(Error::Unfinished {
                location: location.to_string(),
            }),
            false => Ok(()),
        }
    }

    /// Whether there is something to lose by a change of the schema.
    async fn needs_backup(&self) -> Result<bool> {
        again("read the version of the schema", LONG, 8, |_| async {
            let manager = SchemaManager::new(&self.writer);
            let is_new = migrations::schema_version(&manager).await?.is_none();
            Ok(!is_new && migrations::are_pending(&manager).await?)
        })
        .await
    }

    /// No server works with the database, nor with a file as long as the lock is held.
    async fn keep_servers_away(&self, location: &Location) -> Result<InstanceLock> {
        let outdated = |by| Error::Outdated {
            location: location.to_string(),
            by,
        };
        let lock = InstanceLock::take(location).map_err(|cause| match cause {
            Error::InUse { by, .. } => outdated(by),
            cause => cause,
        })?;
        match self.needs_turns() && self.is_served().await? {
            true => Err(outdated(String::new())),
            false => Ok(lock),
        }
    }

    /// Gives an empty database the schema of another: these migrations and no others, with when they ran there.
    pub(crate) async fn make_schema(&self, history: &[(String, i64)]) -> Result<()> {
        self.write_within(LONG, "make the tables", |tx| async move {
            migrations::repeat(&tx, history).await?;
            // A schema of an older version gets its views when it is upgraded.
            match migrations::are_pending(&SchemaManager::new(&*tx)).await? {
                true => Ok(()),
                false => views::create(&*tx, self.engine).await,
            }
        })
        .await
    }

    /// Closes a SQLite database whose file is going to be moved: nothing is left beside it.
    pub(crate) async fn close_into_one_file(&self) -> Result<()> {
        let close = async |db: &DatabaseConnection| db.close_by_ref().await.map_err(Fault::from);
        self.close_quick();
        let closed = async {
            close(&self.reader).await?;
            self.writer
                .execute_unprepared("PRAGMA journal_mode = DELETE")
                .await?;
            close(&self.writer).await
        };
        closed
            .await
            .map_err(|fault: Fault| fault.into_error("close the database"))
    }

    /// Opens SQLite in WAL mode with `synchronous = FULL`: a COMMIT returns when its pages are on the disk. With
    /// `NORMAL` a power cut takes the last transactions away, such as the end of a print, which nobody tells twice.
    /// It costs one flush a commit, and commits are rare: some two a minute for a running job.
    async fn open_sqlite(location: &Location, path: &Path, misled: Misled) -> Result<Opened> {
        create_private(path).map_err(|source| open_error(location, false, source))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            .disable_statement_logging();
        let writer = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // In KiB; the default of 2 MB lets an import spill.
            .pragma("cache_size", "-4000")
            // After a big transaction the log shrinks to this many bytes again.
            .pragma("journal_size_limit", "8388608");
        let reader = options.read_only(true).pragma("cache_size", "-1000");
        let pool = || {
            PoolOptions::new()
                .acquire_timeout(ACQUIRE)
                .max_lifetime(None)
                .idle_timeout(None)
        };
        // Changing to WAL does not wait for another process that does so too.
        let writer = again("open the database", LONG, 8, |_| async {
            let misled = misled.clone();
            let pool = pool()
                .max_connections(1)
                .before_acquire(move |_, met| {
                    let is_good = misled.is_good(met.age);
                    Box::pin(async move { Ok(is_good) })
                })
                .after_release(|connection: &mut SqliteConnection, _| Box::pin(is_clean(connection)));
            Ok(pool
                .connect_with(writer.clone())
                .await
                .map_err(|cause| open_fault(location, cause))?)
        });
        let writer = writer.await?;
        let reader = pool().max_connections(READERS).connect_lazy_with(reader);
        Ok((
            SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
            SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
            Engine::Sqlite,
        ))
    }

    async fn open_mysql(location: &Location, url: &Url, misled: Misled) -> Result<Opened> {
        let mut options = MySqlConnectOptions::from_url(url)
            .map_err(|cause| open_fault(location, cause))?
            .disable_statement_logging();
        // sqlx would look for a host with the brackets in its name.
        if let Some(Host::Ipv6(address)) = url.host() {
            options = options.host(&address.to_string());
        }
        // A pool tries for long and then says only that it took too long; a single connection says why.
        let greet = async || {
            let mut connection = options.connect().await?;
            let version: String = connection.fetch_one("SELECT version()").await?.try_get(0)?;
            connection.close().await?;
            Ok::<_, sqlx::Error>(version)
        };
        let greet = async {
            match greet().await {
                Err(sqlx::Error::Database(cause)) if dialect::is_unknown_database(&*cause) => {
                    create_database(url).await?;
                    greet().await
                }
                result => result,
            }
        };
        let version = tokio::time::timeout(CONNECT, greet)
            .await
            .map_err(|_| open_error(location, true, format!("no answer within {CONNECT:?}")))?
            .map_err(|cause| open_fault(location, cause))?;
        let engine = server(&version).ok_or(Error::UnsupportedServer { found: version })?;
        let pool = MySqlPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(Duration::from_secs(300))
            .max_lifetime(Duration::from_secs(1800))
            .before_acquire(move |_, met| {
                let is_good = misled.is_good(met.age);
                Box::pin(async move { Ok(is_good) })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // Whatever the server's own settings are: the same rules everywhere, and no lock waited for
                    // longer than an attempt lasts.
                    connection
                        .execute(
                            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION', \
                             SESSION innodb_lock_wait_timeout = 10",
                        )
                        .await?;
                    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        let connection = SqlxMySqlConnector::from_sqlx_mysql_pool(pool);
        Ok((connection.clone(), connection, engine))
    }

    /// Runs the migrations that are missing; of two processes that start at once, one does and the other waits.
    pub(crate) async fn migrate(&self) -> Result<()> {
        again("bring the database to the newest schema", LONG, 8, |_| async {
            if !migrations::are_pending(&SchemaManager::new(&self.writer)).await? {
                return Ok(());
            }
            match self.engine {
                Engine::Sqlite => self.migrate_sqlite().await,
                Engine::MySql | Engine::MariaDb => self.migrate_mysql().await,
            }
        })
        .await
    }

    async fn migrate_sqlite(&self) -> Result<(), Fault> {
        let tx = begin(&self.writer).await?;
        views::drop_all(&tx).await?;
        Migrator::up(&tx, None).await?;
        views::create(&tx, self.engine).await?;
        Ok(tx.commit().await?)
    }

    /// The transaction holds nothing together here, as each change of the schema commits it; it keeps the connection,
    /// which the lock belongs to.
    async fn migrate_mysql(&self) -> Result<(), Fault> {
        const LOCK: &str = "CONCAT('printlog ', LEFT(SHA2(DATABASE(), 256), 40))";
        let tx = self.writer.begin().await?;
        let statement = |sql: String| Statement::from_string(tx.get_database_backend(), sql);
        let wait = statement(format!("SELECT GET_LOCK({LOCK}, 60)"));
        if tx
            .query_one_raw(wait)
            .await?
            .map(|row| row.try_get_by_index(0))
            .transpose()?
            != Some(1_i64)
        {
            return Err(DbErr::Custom("another process has been at it for a minute".to_owned()).into());
        }
        let result = async {
            Migrator::up(&tx, None).await?;
            views::create(&tx, self.engine).await
        };
        let result = result.await;
        tx.query_one_raw(statement(format!("SELECT RELEASE_LOCK({LOCK})")))
            .await
            .ok();
        result?;
        Ok(tx.commit().await?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.read("reach the database", |db| async move { Ok(db.ping().await?) })
            .await
    }

    /// Whether an operation has found SQLite's file damaged since it was opened. It does not become sound by itself.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Why the last write was refused, if it was refused within the last two minutes: what must be written is tried
    /// again before that.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused
            .filter(|(when, _)| when.elapsed() < REFUSED)
            .map(|(_, refusal)| refusal)
    }

    /// How long operations take.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// What the database is.
    pub async fn info(&self) -> Result<DatabaseInfo> {
        self.read("ask the database what it is", |db| async move {
            let (version, size_bytes) = self.engine.describe(&db).await?;
            let schema_version = migrations::schema_version(&SchemaManager::new(&db))
                .await?
                .unwrap_or_default();
            Ok(DatabaseInfo {
                engine: self.engine,
                version,
                schema_version,
                size_bytes,
            })
        })
        .await
    }

    /// Closes all connections, also those of clones. SQLite's log is merged into the file.
    pub async fn close(&self) -> Result<()> {
        // The last connection to close does the merging; it must be one that may write.
        let close = async |db: &DatabaseConnection| db.close_by_ref().await.map_err(Fault::from);
        self.close_quick();
        close(&self.reader)
            .await
            .map_err(|fault| fault.into_error("close the database"))?;
        close(&self.writer)
            .await
            .map_err(|fault| fault.into_error("close the database"))
    }

    fn close_quick(&self) {
        if let Some(quick) = &self.quick {
            quick.close();
        }
    }
}

/// Makes the file, if it is missing, with its folder: readable by nobody else, as it holds keys of printers.
/// SQLite gives the files beside it the same rights.
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Makes the database that the URL names, on a server that has none of that name, if the account may.
async fn create_database(url: &Url) -> Result<(), sqlx::Error> {
    let name = MySqlConnectOptions::from_url(url)?
        .get_database()
        .unwrap_or_default()
        .replace('`', "``");
    let mut server = url.clone();
    server.set_path("");
    let mut connection = MySqlConnectOptions::from_url(&server)?.connect().await?;
    let create = format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    connection.execute(AssertSqlSafe(create)).await?;
    connection.close().await
}

/// The engine that calls itself so, if it is one that will do.
fn server(version: &str) -> Option<Engine> {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse::<u32>().ok());
    let number = (numbers.next()?, numbers.next()?);
    if version.contains("MariaDB") {
        (number >= (10, 6)).then_some(Engine::MariaDb)
    } else {
        (number >= (8, 0)).then_some(Engine::MySql)
    }
}

fn open_error(
    location: &Location,
    transient: bool,
    source: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    Error::Open {
        location: location.to_string(),
        transient,
        source: source.into(),
    }
}

fn open_fault(location: &Location, cause: sqlx::Error) -> Error {
    match Fault::from(driver(cause)).into_error("open the database") {
        Error::Database {
            transient, source, ..
        } => open_error(location, transient, source),
        other => other,
    }
}

fn driver(cause: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(cause.into()))
}

/// Whether a connection may be used again. SQLite rolls back by itself, as on a full disk, and sqlx goes on counting that
/// transaction: what is committed later would only be the end of a savepoint, and lost with the process.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A rollback that is under way comes first.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

#[cfg(test)]
mod tests {
    use domain::NewPrinter;

    use super::*;

    /// As SQLite does by itself when the disk is full at a COMMIT.
    const ROLLS_BACK: &str = "CREATE TRIGGER rolls_back BEFORE INSERT ON printers \
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END";

    #[tokio::test]
    async fn what_is_written_after_sqlite_rolled_back_by_itself_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite {
            path: folder.path().join("printlog.db"),
        };
        let store = Store::open(&location).await.unwrap();
        let printer = |name: &str| NewPrinter {
            name: name.to_owned(),
            location: None,
            moonraker_url: "http://voron:7125".to_owned(),
            moonraker_api_key: None,
            is_active: false,
        };
        let add = async |name| store.add_printer(&printer(name), Timestamp::UNIX_EPOCH).await;
        add("first").await.unwrap();
        store.writer.execute_unprepared(ROLLS_BACK).await.unwrap();
        add("second").await.unwrap_err();
        store
            .writer
            .execute_unprepared("DROP TRIGGER rolls_back")
            .await
            .unwrap();
        // One that is rolled back as it should be.
        add("first").await.unwrap_err();
        let added = add("second").await.unwrap();
        // Read on another connection.
        assert!(store.printer(added.id).await.unwrap().is_some());
    }

    #[test]
    fn servers_that_are_too_old_are_known() {
        assert_eq!(server("9.7.4-2"), Some(Engine::MySql));
        assert_eq!(server("8.0.36"), Some(Engine::MySql));
        assert_eq!(server("5.7.44-log"), None);
        assert_eq!(server("10.11.19-MariaDB-0+deb12u1"), Some(Engine::MariaDb));
        assert_eq!(server("10.5.8-MariaDB"), None);
        assert_eq!(server("11.4.2-MariaDB"), Some(Engine::MariaDb));
        assert_eq!(server("who knows"), None);
    }
}
