//! Reads rows of queries in the same way through SeaORM (any engine) and directly from SQLite.

use sea_orm::{ConnectionTrait, DatabaseConnection, sea_query::SelectStatement};

use crate::db::{error::Fault, record::Record, sqlite_fast_path::FastConnection};

/// A connection that runs queries.
pub(crate) trait ReadConnection {
    /// Reads all rows of `query` with `read`. The query is on `table` with the primary key `key`.
    async fn rows<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault>;

    /// Reads the first row.
    async fn row<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        Ok(self.rows(query, table, key, read).await?.into_iter().next())
    }
}

impl<C: ConnectionTrait> ReadConnection for C {
    async fn rows<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        mut read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let rows = self.query_all(query).await?;
        rows.iter()
            .map(|row| read(&Record::new(row, table, key)?))
            .collect()
    }
}

/// A connection for short reads.
pub(crate) enum ShortRead {
    /// Runs on the caller's thread.
    Sqlite(FastConnection),
    /// Runs like all other reads.
    Other(DatabaseConnection),
}

impl ReadConnection for ShortRead {
    async fn rows<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        match self {
            // Does not wait: these reads are short, and passing them to another thread would take longer.
            Self::Sqlite(connection) => connection.rows(query, table, key, read),
            Self::Other(db) => db.rows(query, table, key, read).await,
        }
    }
}
