//! Short reads from SQLite, on separate connections and on the caller's thread.
//!
//! sqlx passes each statement to another thread and copies each value twice, which takes several times as long as an
//! index lookup. Reads on these connections must touch few pages, and they never block a thread to wait for a lock.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, ToSql, config::DbConfig, params_from_iter, types::ToSqlOutput};
use sea_orm::{
    ConnAcquireErr, DbErr,
    sea_query::{SelectStatement, SqliteQueryBuilder, Value},
};

use crate::db::{
    error::Fault,
    record::{Record, SqliteRow},
    sqlite::Journal,
};

/// Connections for short reads. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct FastPool {
    path: Arc<Path>,
    journal: Journal,
    /// `None` after the pool is closed.
    idle: Arc<Mutex<Option<Vec<Connection>>>>,
}

/// A connection for the queries of one request, in one transaction: the rows do not change between them.
pub(crate) struct FastConnection {
    /// `None` only during drop. The mutex is never contended; it is needed for futures that move between threads.
    connection: Mutex<Option<Connection>>,
    pool: FastPool,
}

/// Idle connections that are kept: as many as there are reading threads on small machines.
const KEPT: usize = 4;
/// Prepared statements that each connection keeps.
const STATEMENTS: usize = 48;

impl FastPool {
    /// A pool for the database in this file. Connections are opened on demand.
    pub(crate) fn new(path: PathBuf, journal: Journal) -> Self {
        Self {
            path: path.into(),
            journal,
            idle: Arc::new(Mutex::new(Some(Vec::new()))),
        }
    }

    pub(crate) fn take(&self) -> Result<FastConnection, Fault> {
        let idle = match &mut *self.idle() {
            Some(idle) => idle.pop(),
            None => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed).into()),
        };
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(FastConnection {
            connection: Mutex::new(Some(connection)),
            pool: self.clone(),
        })
    }

    pub(crate) fn close(&self) {
        *self.idle() = None;
    }

    fn open(&self) -> Result<Connection, rusqlite::Error> {
        let mode = match self.journal {
            Journal::Wal => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Journal::Rollback => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let connection = Connection::open_with_flags(&self.path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.pragma_update(None, "query_only", true)?;
        // The caller retries later and yields the thread meanwhile.
        connection.busy_timeout(Duration::ZERO)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Without this, a statement with a LIMIT is planned again for each new limit.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // In KiB.
        connection.pragma_update(None, "cache_size", -1000)?;
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FastConnection {
    /// All rows of `query`, as [`ReadConnection::rows`](crate::read::ReadConnection::rows).
    pub(crate) fn rows<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        mut read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &*connection else {
            return Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed).into());
        };
        let (sql, values) = query.build(SqliteQueryBuilder);
        let mut statement = connection.prepare_cached(&sql)?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = statement.query(params_from_iter(values.iter().map(Bound)))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let row = SqliteRow::new(row, &columns)?;
            all.push(read(&Record::of_sqlite(row, table, key)?)?);
        }
        Ok(all)
    }
}

impl Drop for FastConnection {
    fn drop(&mut self) {
        let own = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        // A connection that is not kept is closed at the end of the scope, after the mutex is released.
        let mut spare = own.take().filter(|own| end(own).is_ok());
        if let Some(idle) = &mut *self.pool.idle()
            // Each keeps a cache of pages, so those of a burst of requests are closed again.
            && idle.len() < KEPT
        {
            idle.extend(spare.take());
        }
    }
}

fn end(connection: &Connection) -> rusqlite::Result<usize> {
    connection.prepare_cached("COMMIT")?.execute([])
}

/// A bound value of a statement.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Value::Bool(value) => value.to_sql(),
            Value::Int(value) => value.to_sql(),
            Value::BigInt(value) => value.to_sql(),
            Value::Unsigned(value) => value.to_sql(),
            // Only LIMIT uses this type, and no limit exceeds an i64.
            Value::BigUnsigned(Some(value)) => Ok(i64::try_from(*value).unwrap_or(i64::MAX).into()),
            Value::Double(value) => value.to_sql(),
            Value::String(value) => value.to_sql(),
            Value::Bytes(value) => value.to_sql(),
            other => Err(rusqlite::Error::ToSqlConversionFailure(
                format!("no statement of ours has {other:?}").into(),
            )),
        }
    }
}
