//! Rows of queries, read in one way from wherever they come: over SeaORM on any engine, or straight from SQLite.

use sea_orm::{ConnectionTrait, DatabaseConnection, sea_query::SelectStatement};

use crate::{error::Fault, quick::QuickConnection, record::Record};

/// Something that answers queries.
pub(crate) trait Ask {
    /// All rows of `query`, which is about `table` with the primary key `key`, as `read` has them.
    async fn rows<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault>;

    /// The first of them.
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

impl<C: ConnectionTrait> Ask for C {
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

/// What answers quick questions.
pub(crate) enum Quick {
    /// On the thread of whoever asks.
    Sqlite(QuickConnection),
    /// As all others.
    Other(DatabaseConnection),
}

impl Ask for Quick {
    async fn rows<T>(
        &self,
        query: &SelectStatement,
        table: &'static str,
        key: &'static str,
        read: impl FnMut(&Record<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        match self {
            Self::Sqlite(connection) => connection.rows(query, table, key, read),
            Self::Other(db) => db.rows(query, table, key, read).await,
        }
    }
}
