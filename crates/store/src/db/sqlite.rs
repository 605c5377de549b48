//! Opens a SQLite database.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::OpenFlags;
use sea_orm::{ConnectionTrait, SqlxSqliteConnector, Statement};
use sqlx::{
    ConnectOptions as _, Connection as _,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
};
use tracing::{debug, warn};

use crate::{
    Error, Result, Store,
    db::{
        connection::{ACQUIRE, Opened, open_error, open_fault},
        dialect::{self, Engine},
        file_system,
        location::Location,
        sqlite_fast_path::FastPool,
        stale_connections::StaleConnections,
        transaction::{LONG, retry},
    },
};

/// How long SQLite waits for a lock held by another process before the attempt fails.
const BUSY: Duration = Duration::from_secs(5);
/// Number of read connections, each with its own cache, in addition to the write connection.
const READERS: u32 = 2;

/// How SQLite makes its changes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// A write-ahead log: readers and the writer do not block each other. Its index is in shared memory.
    Wal,
    /// A rollback journal, for file systems without shared memory: commits and readers wait for each other.
    Rollback,
}

/// Opens the file with `synchronous = FULL`: COMMIT returns when its pages are on disk. With `NORMAL`, a power failure
/// loses the last transactions, such as the end of a print, which no printer reports twice. It costs one flush per
/// commit, and commits are rare: about two a minute for a running job.
pub(crate) async fn open(
    location: &Location,
    path: &Path,
    stale_connections: StaleConnections,
) -> Result<Opened> {
    let path = file_system::resolve(path);
    file_system::check_access(&path)
        .and_then(|()| file_system::create_private(&path, None))
        .map_err(|source| open_error(location, false, source))?;
    let mut journal = Journal::Wal;
    // If a server is using the file, its WAL index exists already. Then no trial is needed.
    if !file_system::with_suffix(&path, "-shm").exists() && !can_share_memory(&path).await {
        journal = Journal::Rollback;
    }
    if journal == Journal::Wal {
        match open_with(location, &path, journal, stale_connections.clone()).await {
            Err(Error::Open { source, .. })
                if dialect::lacks_shared_memory(dialect::sqlite_code(&*source)) => {}
            opened => return opened,
        }
    }
    leave_wal(&path)
        .await
        .map_err(|source| open_error(location, false, source))?;
    match open_with(location, &path, Journal::Rollback, stale_connections).await {
        Err(Error::Open { source, .. }) if dialect::lacks_shared_memory(dialect::sqlite_code(&*source)) => {
            let reason = format!(
                "{} is on a file system without shared memory, and another process uses the file; stop that process, or \
                 move the database to a local disk (database.path)",
                path.display()
            );
            Err(open_error(location, false, reason))
        }
        opened => opened,
    }
}

async fn open_with(
    location: &Location,
    path: &Path,
    journal: Journal,
    stale_connections: StaleConnections,
) -> Result<Opened> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .disable_statement_logging();
    let writer = options
        .clone()
        .create_if_missing(true)
        .journal_mode(match journal {
            Journal::Wal => SqliteJournalMode::Wal,
            Journal::Rollback => SqliteJournalMode::Truncate,
        })
        .synchronous(SqliteSynchronous::Full)
        // In KiB. With the default of 2 MB, an import spills to disk.
        .pragma("cache_size", "-4000")
        // The log shrinks to this many bytes after a large transaction.
        .pragma("journal_size_limit", "8388608");
    // Without a WAL, the first reader after a crash rolls back, which a read-only connection cannot do.
    let reader = options
        .read_only(journal == Journal::Wal)
        .pragma("cache_size", "-1000");
    let pool = || {
        PoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .max_lifetime(None)
            .idle_timeout(None)
    };
    // The change to WAL does not wait for another process that does the same, so it is retried.
    let writer = retry("open the database", LONG, 8, |_| async {
        let stale_connections = stale_connections.clone();
        let pool = pool()
            // SQLite has one writer. A second connection would only wait for its lock.
            .max_connections(1)
            .before_acquire(move |_, met| {
                let is_good = stale_connections.is_good(met.age);
                Box::pin(async move { Ok(is_good) })
            })
            .after_release(|connection: &mut SqliteConnection, _| Box::pin(is_clean(connection)));
        Ok(pool
            .connect_with(writer.clone())
            .await
            .map_err(|cause| open_fault(location, cause))?)
    });
    let writer = writer.await?;
    // Opened on demand, after the migrations: a connection with the old schema would notice the change too
    // late.
    let reader = pool().max_connections(READERS).connect_lazy_with(reader);
    Ok(Opened {
        writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
        fast_path: Some(FastPool::new(path.to_owned(), journal)),
        engine: Engine::Sqlite,
        journal: Some(journal),
    })
}

/// Whether a connection may be reused. When SQLite rolls back on its own, for example on a full disk, sqlx still counts
/// that transaction as open. A later commit would only release a savepoint, and its data would be lost when the process
/// ends.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Waits for a rollback in progress.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Tests a WAL with a separate file in the folder. A test with the database itself would disturb other processes that
/// use it without a WAL.
async fn can_share_memory(database: &Path) -> bool {
    let trial = file_system::with_suffix(database, &format!(".trial-{:016x}", rand::random::<u64>()));
    let tried = tokio::task::spawn_blocking(move || {
        let tried = try_wal(&trial);
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // Files that remain are removed with the other leftovers.
            std::fs::remove_file(file_system::with_suffix(&trial, suffix)).ok();
        }
        tried
    });
    match tried.await {
        Ok(Err(cause)) => {
            debug!("cannot try a WAL: {cause}");
            let code = cause.sqlite_error().map(|error| error.extended_code);
            !dialect::lacks_shared_memory(code)
        }
        _ => true,
    }
}

fn try_wal(trial: &Path) -> rusqlite::Result<()> {
    let trial = rusqlite::Connection::open(trial)?;
    trial.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; CREATE TABLE trial (id)")
}

/// Merges the log into the file and stops using a WAL. Needs no shared memory, because no other process may use the
/// file meanwhile.
async fn leave_wal(path: &Path) -> rusqlite::Result<()> {
    let path: PathBuf = path.to_owned();
    let left = tokio::task::spawn_blocking(move || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE; SELECT COUNT(*) FROM sqlite_schema",
        )?;
        // If it remained, it would indicate that shared memory works.
        std::fs::remove_file(file_system::with_suffix(&path, "-shm")).ok();
        Ok(())
    });
    left.await.unwrap_or_else(|_| Err(rusqlite::Error::InvalidQuery))
}

impl Store {
    /// Commits a write that changes nothing: a server that cannot record must not start. A full disk is accepted,
    /// because that condition ends without a restart.
    pub(crate) async fn check_writable(&self, location: &Location) -> Result<()> {
        if self.journal.is_none() {
            return Ok(());
        }
        let written = self.write("write to the database", |tx| async move {
            let backend = tx.get_database_backend();
            let row = tx
                .query_one_raw(Statement::from_string(backend, "PRAGMA user_version"))
                .await?;
            let version: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
            tx.execute_unprepared(&format!("PRAGMA user_version = {version}"))
                .await?;
            Ok(())
        });
        match written.await {
            Err(Error::Database { source, .. })
                if dialect::refuses_writes_in_sqlite(dialect::sqlite_code(&*source)) =>
            {
                Err(open_error(location, false, source))
            }
            Err(cause) => {
                warn!("the database refuses writes at the moment: {cause:?}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// How SQLite makes its changes durable. `None` for a server.
    #[must_use]
    pub fn journal(&self) -> Option<Journal> {
        self.journal
    }
}
