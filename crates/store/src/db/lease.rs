//! The recording lease: which server may record, if several servers use one MySQL or MariaDB.
//!
//! The lease is a row because each node of a cluster would grant `GET_LOCK` separately. No clocks are compared: a
//! waiting server takes over when the row has not changed for long enough by its own clock. Safety does not depend on
//! time but on [`hold`]: each write locks the row and checks the epoch, so a server that was suspended past the end of
//! its lease writes nothing.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, Statement,
    sea_query::{Expr, ExprTrait, Iden as _, Query, UpdateStatement},
};
use sea_orm_migration::SchemaManager;

use crate::{
    Error, Result, Store,
    db::{dialect::Engine, error::Fault, record::Record, tables::ServerLease},
};

/// A server loses the lease if it has not renewed it for this long.
pub const LEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// The lease row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Number of the lease. Grows with each new holder.
    pub epoch: i64,
    /// Heartbeat. Grows with each renewal.
    pub heartbeat: i64,
    /// The holder, as it describes itself. `None` if the lease is free.
    pub holder: Option<String>,
}

impl Store {
    /// Whether servers need the lease. False for SQLite, where a file lock keeps other servers out.
    #[must_use]
    pub fn needs_lease(&self) -> bool {
        self.engine != Engine::Sqlite
    }

    /// Reads the lease.
    pub async fn lease(&self) -> Result<Lease> {
        self.read("read the recording lease", |db| async move { load(&db).await })
            .await
    }

    /// Whether a server renews the lease. Waits [`LEASE_TIMEOUT`] for the answer if the lease has a holder. Older databases
    /// have no lease.
    pub(crate) async fn is_served(&self) -> Result<bool> {
        let has_lease = self.read("check whether the recording lease exists", |db| async move {
            let table = ServerLease::Table.to_string();
            Ok(SchemaManager::new(&db).has_table(table).await?)
        });
        // A database of an older version, which no server of this version uses.
        if !has_lease.await? {
            return Ok(false);
        }
        let seen = self.lease().await?;
        // The last server released it when it stopped, so there is nothing to wait for.
        if seen.holder.is_none() {
            return Ok(false);
        }
        tokio::time::sleep(LEASE_TIMEOUT).await;
        Ok(self.lease().await? != seen)
    }

    /// Acquires the lease if the row still equals `seen`. Returns the new epoch, or `None` if another server was
    /// faster.
    pub async fn acquire_lease(&self, seen: &Lease, holder: &str) -> Result<Option<i64>> {
        // Writes of the holder before carry the old epoch and fail from now on.
        let epoch = seen.epoch + 1;
        let statement = &change(seen.epoch)
            .value(ServerLease::Epoch, epoch)
            .value(ServerLease::Beat, 0)
            .value(ServerLease::Holder, holder)
            // A renewal since `seen` makes this match nothing.
            .and_where(Expr::col(ServerLease::Beat).eq(seen.heartbeat))
            .to_owned();
        self.write("acquire the recording lease", |tx| async move {
            if tx.execute(statement).await?.rows_affected() > 0 {
                return Ok(Some(epoch));
            }
            // An earlier attempt may have committed although its answer was lost.
            let now = load(&*tx).await?;
            let is_ours = now.epoch == epoch && now.holder.as_deref() == Some(holder);
            Ok((tx.is_retry && is_ours).then_some(epoch))
        })
        .await
    }

    /// Renews the lease. `false` if it was lost.
    pub async fn renew_lease(&self, epoch: i64) -> Result<bool> {
        let statement = &change(epoch)
            .value(ServerLease::Beat, Expr::col(ServerLease::Beat).add(1))
            .to_owned();
        self.write("renew the recording lease", |tx| async move {
            Ok(tx.execute(statement).await?.rows_affected() > 0)
        })
        .await
    }

    /// Releases the lease, so that the next server does not have to wait.
    pub async fn release_lease(&self, epoch: i64) -> Result<()> {
        let statement = &change(epoch)
            .value(ServerLease::Holder, None::<String>)
            .to_owned();
        self.write("release the recording lease", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
    }

    /// The same database, but writes fail with [`Error::LostLease`] once the lease is lost.
    #[must_use]
    pub fn with_lease(&self, epoch: i64) -> Self {
        Self {
            lease_epoch: Some(epoch),
            ..self.clone()
        }
    }
}

/// Keeps the lease from changing hands until the transaction ends. The lock is shared, so writers do not block each
/// other.
pub(crate) async fn hold(tx: &DatabaseTransaction, epoch: i64) -> Result<(), Fault> {
    let sql = "SELECT epoch FROM server_lease WHERE id = 1 LOCK IN SHARE MODE";
    let row = tx
        .query_one_raw(Statement::from_string(tx.get_database_backend(), sql))
        .await?;
    let now: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    // This server was suspended, or could not reach the database, for longer than the lease lasts.
    if now != Some(epoch) {
        return Err(Error::LostLease.into());
    }
    Ok(())
}

fn change(epoch: i64) -> UpdateStatement {
    Query::update()
        .table(ServerLease::Table)
        .and_where(Expr::col(ServerLease::Id).eq(1))
        .and_where(Expr::col(ServerLease::Epoch).eq(epoch))
        .to_owned()
}

async fn load(db: &impl ConnectionTrait) -> Result<Lease, Fault> {
    let query = Query::select()
        .columns([
            ServerLease::Id,
            ServerLease::Epoch,
            ServerLease::Beat,
            ServerLease::Holder,
        ])
        .from(ServerLease::Table)
        .and_where(Expr::col(ServerLease::Id).eq(1))
        .to_owned();
    let Some(row) = db.query_one(&query).await? else {
        let found = "no row".to_owned();
        return Err(Error::BadValue {
            table: "server_lease",
            column: "id",
            row: 1,
            found,
        }
        .into());
    };
    let record = Record::new(&row, "server_lease", "id")?;
    Ok(Lease {
        epoch: record.get("epoch")?,
        heartbeat: record.get("beat")?,
        holder: record.get("holder")?,
    })
}
