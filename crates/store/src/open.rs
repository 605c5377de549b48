//! Opens and closes the database.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use sea_orm::{SqlxSqliteConnector, TransactionTrait};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use sqlx::{ConnectOptions, pool::PoolOptions, sqlite::SqliteConnectOptions};
use tokio::sync::broadcast;

use crate::{
    Error, Result, Store,
    access::{secret::Secret, unreadable_keys::UnreadableKeys},
    db::{
        connection::open_fault,
        dialect::Engine,
        error::Fault,
        location::Location,
        mysql, sqlite,
        stale_connections::StaleConnections,
        timings::Timings,
        transaction::{LONG, begin, retry},
        views,
    },
    migrations::{self, Migrator},
    ops::{
        backup::{Backup, BackupReason},
        instance_lock::{self, InstanceLock},
    },
    settings::Currency,
    store::CHANGES,
};

/// The kind of process that opens the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// The server. Only one server may use a database file.
    Server,
    /// A command. A server may use the database at the same time.
    Command,
}

impl Store {
    /// Opens the database and migrates it to this program's schema. Creates a SQLite file that does not exist.
    ///
    /// On a server, tries to create a missing database.
    ///
    /// # Errors
    /// See [`open_with`](Self::open_with).
    pub async fn open(location: &Location) -> Result<Self> {
        Self::open_with(location, location.secret_file().as_deref()).await
    }

    /// Like [`open`](Self::open), with another path for the secret key, which encrypts printer API keys. A missing file
    /// is created. If the file cannot be used, encrypted keys cannot be read and no keys can be stored; everything else
    /// works.
    ///
    /// # Errors
    /// [`Error::Open`] (a server has 10 s to answer), [`Error::UnsupportedServer`], [`Error::NewerSchema`],
    /// [`Error::Unfinished`], or the error of a failed migration.
    pub async fn open_with(location: &Location, secret_file: Option<&Path>) -> Result<Self> {
        let store = Self::connect(location, secret_file).await?;
        store.check_complete(location).await?;
        store.migrate().await?;
        store.rebuild_outdated().await?;
        store.seal_plain_keys().await?;
        store.read_settings().await?;
        Ok(store)
    }

    /// Like [`open_with`](Self::open_with), but backs up the database into `folder` before it changes the schema.
    ///
    /// # Errors
    /// See [`open_with`](Self::open_with) and [`back_up`](Self::back_up); if the backup fails, nothing is changed.
    /// [`Error::Outdated`] if a command would change the schema under a running server, [`Error::InUse`] if a server uses
    /// the file under another name.
    pub async fn open_backed_up(
        location: &Location,
        secret_file: Option<&Path>,
        folder: &Path,
        opener: Opener,
        now: Timestamp,
    ) -> Result<(Self, Option<Backup>)> {
        // A second name of the file would get a log of its own.
        if opener == Opener::Command {
            instance_lock::check_name(location)?;
        }
        let mut store = Self::connect(location, secret_file).await?;
        store.check_complete(location).await?;
        let mut backup = None;
        let mut _alone = None;
        if store.needs_backup().await? {
            if opener == Opener::Command {
                _alone = Some(store.refuse_running_server(location).await?);
            }
            backup = Some(match store.backup_of_failed_upgrade(folder).await? {
                Some(made) => made,
                None => store.back_up(folder, &BackupReason::BeforeUpgrade, now).await?,
            });
            // Reopened because its read connections still have the old schema.
            store.close().await?;
            store = Self::connect(location, secret_file).await?;
        }
        store.migrate().await?;
        store.rebuild_outdated().await?;
        store.seal_plain_keys().await?;
        store.read_settings().await?;
        if opener == Opener::Server {
            store.check_writable(location).await?;
        }
        Ok((store, backup))
    }

    /// Opens the database without changing its schema.
    pub(crate) async fn connect(location: &Location, secret_file: Option<&Path>) -> Result<Self> {
        let stale_connections = StaleConnections::default();
        let opened = match location {
            Location::Sqlite { path } => sqlite::open(location, path, stale_connections.clone()).await?,
            Location::MySql { url } => mysql::open(location, url, stale_connections.clone()).await?,
        };
        Ok(Self {
            writer: opened.writer,
            reader: opened.reader,
            fast_path: opened.fast_path,
            engine: opened.engine,
            journal: opened.journal,
            lease_epoch: None,
            month_cache: Arc::default(),
            currency: Currency::default(),
            secret: Arc::new(Secret::open(secret_file)),
            timings: Timings::new(),
            stale_connections,
            damaged: Arc::default(),
            unreadable_keys: UnreadableKeys::default(),
            job_changes: broadcast::Sender::new(CHANGES),
            refused: Arc::default(),
        })
    }

    /// Opens a SQLite file for reading. No process may write to it.
    pub(crate) async fn open_unchanged(path: &Path) -> Result<Self> {
        let location = Location::Sqlite {
            path: path.to_owned(),
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            // Without locks and log, so that a backup on a read-only disk can be verified.
            .immutable(true)
            .disable_statement_logging();
        let pool = PoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = pool.map_err(|cause| open_fault(&location, cause))?;
        let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
        Ok(Self {
            writer: connection.clone(),
            reader: connection,
            fast_path: None,
            engine: Engine::Sqlite,
            journal: None,
            lease_epoch: None,
            month_cache: Arc::default(),
            currency: Currency::default(),
            secret: Arc::new(Secret::open(None)),
            timings: Timings::new(),
            stale_connections: StaleConnections::default(),
            // Suppresses the log entry for damage: the file is not in use, and the caller reports damage itself.
            damaged: Arc::new(true.into()),
            unreadable_keys: UnreadableKeys::default(),
            job_changes: broadcast::Sender::new(CHANGES),
            refused: Arc::default(),
        })
    }

    /// Fails if a restore into the database was interrupted. Like all reads before a migration, this uses the
    /// connection that will change the schema: another SQLite connection with the old schema would interpret statements
    /// by the old schema and notice the change too late.
    pub(crate) async fn check_complete(&self, location: &Location) -> Result<()> {
        let unfinished = retry("check whether a restore is unfinished", LONG, 8, |_| async {
            migrations::is_unfinished(&self.writer).await
        });
        match unfinished.await? {
            true => Err(Error::Unfinished {
                location: location.to_string(),
            }),
            false => Ok(()),
        }
    }

    /// Whether the database has a schema that must be migrated, so that a backup is needed.
    async fn needs_backup(&self) -> Result<bool> {
        let is_old = || {
            retry("read the version of the schema", LONG, 8, |_| async {
                let manager = SchemaManager::new(&self.writer);
                let is_new = migrations::schema_version(&manager).await?.is_none();
                Ok(!is_new && migrations::are_pending(&manager).await?)
            })
        };
        if !is_old().await? {
            return Ok(false);
        }
        if self.engine != Engine::Sqlite {
            // A server that starts for the first time may be creating the schema at this moment.
            retry("wait for a change of the schema", LONG, 8, |_| async {
                let tx = self.writer.begin().await?;
                mysql::lock_schema(&tx).await?;
                mysql::unlock_schema(&tx).await;
                Ok(tx.commit().await?)
            })
            .await?;
        }
        is_old().await
    }

    /// Checks that no server uses the database. For a SQLite file, the returned lock also prevents servers from
    /// starting.
    async fn refuse_running_server(&self, location: &Location) -> Result<InstanceLock> {
        let outdated = |by| Error::Outdated {
            location: location.to_string(),
            by,
        };
        let lock = InstanceLock::take(location).map_err(|cause| match cause {
            Error::InUse { by, .. } => outdated(by),
            cause => cause,
        })?;
        // On a server, the lock of a file says nothing; a living server renews its lease.
        match self.needs_lease() && self.is_served().await? {
            true => Err(outdated(String::new())),
            false => Ok(lock),
        }
    }

    /// Gives an empty database the schema of another one: the same migrations with the same timestamps.
    pub(crate) async fn create_schema(&self, history: &[(String, i64)]) -> Result<()> {
        self.write_within(LONG, "create the tables", |tx| async move {
            migrations::repeat(&tx, history).await?;
            // A schema of an older version gets its views during the upgrade.
            match migrations::are_pending(&SchemaManager::new(&*tx)).await? {
                true => Ok(()),
                false => views::create(&*tx, self.engine).await,
            }
        })
        .await
    }

    /// Runs pending migrations. If two processes start at the same time, one of them waits for the other.
    pub(crate) async fn migrate(&self) -> Result<()> {
        retry("migrate the schema", LONG, 8, |_| async {
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

    /// The transaction provides no atomicity, since each schema change commits it. It keeps hold of the connection,
    /// which owns the schema lock.
    async fn migrate_mysql(&self) -> Result<(), Fault> {
        let tx = self.writer.begin().await?;
        mysql::lock_schema(&tx).await?;
        let result = async {
            Migrator::up(&tx, None).await?;
            views::create(&tx, self.engine).await
        };
        let result = result.await;
        // Also after an error: the connection goes back to the pool, and the lock would stay with it.
        mysql::unlock_schema(&tx).await;
        result?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use domain::NewPrinter;
    use sea_orm::ConnectionTrait;

    use super::*;

    /// Rolls back as SQLite does when the disk is full at a COMMIT.
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
            kind: domain::PrinterKind::default(),
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
        // The trigger rolls this insert back.
        add("first").await.unwrap_err();
        let added = add("second").await.unwrap();
        // Read through another connection.
        assert!(store.printer(added.id).await.unwrap().is_some());
    }
}
