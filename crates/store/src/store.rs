//! A database: its connections and its current state.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::JobChange;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::SchemaManager;
use tokio::sync::{Mutex, broadcast};

use crate::{
    Result,
    access::{secret::Secret, unreadable_keys::UnreadableKeys},
    db::{
        dialect::{Engine, Refusal},
        error::Fault,
        sqlite::Journal,
        sqlite_fast_path::FastPool,
        stale_connections::StaleConnections,
        timings::Timings,
    },
    job_months::JobMonthCache,
    migrations,
    settings::Currency,
};

/// A database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    /// Connections for short reads. `None` if `reader` serves them, too.
    pub(crate) fast_path: Option<FastPool>,
    pub(crate) engine: Engine,
    pub(crate) month_cache: Arc<Mutex<JobMonthCache>>,
    /// Currency of costs whose file names none.
    pub(crate) currency: Currency,
    /// How SQLite makes its changes durable. `None` for a server.
    pub(crate) journal: Option<Journal>,
    /// Epoch of the lease that writes require. `None`: writes need no lease.
    pub(crate) lease_epoch: Option<i64>,
    pub(crate) secret: Arc<Secret>,
    pub(crate) timings: Timings,
    pub(crate) stale_connections: StaleConnections,
    /// Whether SQLite has reported that its file is damaged.
    pub(crate) damaged: Arc<AtomicBool>,
    /// Number of printer API keys that cannot be decrypted.
    pub(crate) unreadable_keys: UnreadableKeys,
    /// Changes of jobs, after they were committed.
    pub(crate) job_changes: broadcast::Sender<JobChange>,
    /// The last refused write, if no write has succeeded since.
    pub(crate) refused: Arc<std::sync::Mutex<Option<(Instant, Refusal)>>>,
}

/// Properties of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// Database engine.
    pub engine: Engine,
    /// Version of the engine, as the engine reports it.
    pub version: String,
    /// Name of the newest applied migration.
    pub schema_version: String,
    /// Size on disk in bytes. `None` if the server does not report it.
    pub size_bytes: Option<u64>,
}

/// Capacity of the channel of changes of jobs. A slower receiver loses the oldest.
pub(crate) const CHANGES: usize = 256;
/// How long a refused write counts as the current state of the database.
const REFUSED: Duration = Duration::from_secs(120);

impl Store {
    /// Checks that the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.read("reach the database", |db| async move { Ok(db.ping().await?) })
            .await
    }

    /// Whether an operation has found SQLite's file damaged since it was opened. Never resets.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Why the last write was refused, if that was within the last two minutes. Essential writes are retried sooner
    /// than that.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused
            .filter(|(when, _)| when.elapsed() < REFUSED)
            .map(|(_, refusal)| refusal)
    }

    /// Durations of database operations.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// Properties of the database.
    pub async fn info(&self) -> Result<DatabaseInfo> {
        self.read("read the properties of the database", |db| async move {
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

    /// Closes all connections, including those of clones. SQLite merges its log into the file.
    pub async fn close(&self) -> Result<()> {
        // The last connection to close merges the log, so it must be writable.
        let close = async |db: &DatabaseConnection| db.close_by_ref().await.map_err(Fault::from);
        self.close_fast_path();
        close(&self.reader)
            .await
            .map_err(|fault| fault.into_error("close the database"))?;
        close(&self.writer)
            .await
            .map_err(|fault| fault.into_error("close the database"))
    }

    /// Closes a SQLite database before its file is moved: no log or journal is left next to it.
    pub(crate) async fn close_into_one_file(&self) -> Result<()> {
        let close = async |db: &DatabaseConnection| db.close_by_ref().await.map_err(Fault::from);
        self.close_fast_path();
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

    fn close_fast_path(&self) {
        if let Some(quick) = &self.fast_path {
            quick.close();
        }
    }
}
