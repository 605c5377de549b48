//! Differences between the engines, except for opening a database.

use std::fmt;

use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement, sea_query::SelectStatement};
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError, sqlite::SqliteError};

use strum_macros::{IntoStaticStr, VariantArray};

use crate::db::error::Fault;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Engine {
    /// SQLite, in this process.
    Sqlite,
    /// MySQL 8.0 or later.
    MySql,
    /// MariaDB 10.6 or later.
    MariaDb,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// Error numbers of MySQL and MariaDB that a retry can resolve, some of them only on a new connection.
const TRANSIENT: [u16; 13] = [
    1205, // lock wait timeout
    1020, // the row has changed since the snapshot (MariaDB with innodb_snapshot_isolation)
    1412, // the definition of the table has changed since the snapshot
    1213, // deadlock; conflict between the nodes of a cluster
    3101, // conflict in Group Replication, at COMMIT
    1180, // the same, in other words
    1047, // the node is not in the primary part of the cluster
    1290, // read only: no longer the primary
    2006, // server has gone away
    2013, // lost connection
    1053, // server shutdown in progress
    1040, // too many connections
    1927, // connection was killed
];

/// The transient errors that a connection to another server would not return.
const WRONG_SERVER: [u16; 3] = [1047, 1290, 1053];

/// Whether a retry of the failed statement may succeed.
pub(crate) fn is_transient(error: &dyn DatabaseError) -> bool {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return TRANSIENT.contains(&error.number());
    }
    if error.try_downcast_ref::<SqliteError>().is_some() {
        return is_transient_in_sqlite(error.code().and_then(|code| code.parse().ok()));
    }
    false
}

/// Like [`is_transient`], from SQLite's extended code. The low byte is the primary code: 5 busy, 6 locked.
pub(crate) fn is_transient_in_sqlite(code: Option<i32>) -> bool {
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// Whether SQLite reports a damaged file: 11 corrupt, 26 not a database.
pub(crate) fn is_damage_in_sqlite(code: Option<i32>) -> bool {
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// Why a database refuses writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its disk is full.
    DiskFull,
    /// It is read-only.
    ReadOnly,
    /// Its disk returns errors.
    DiskFails,
}

/// Why nothing can be written, if the error means that. `None` for any other error.
pub(crate) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    if let Some(code) = sqlite_code(error) {
        return match code & 0xff {
            13 => Some(Refusal::DiskFull),
            8 => Some(Refusal::ReadOnly),
            10 | 14 => Some(Refusal::DiskFails),
            _ => None,
        };
    }
    match error.downcast_ref::<MySqlDatabaseError>()?.number() {
        1021 | 1114 => Some(Refusal::DiskFull),
        1036 | 1290 | 1836 => Some(Refusal::ReadOnly),
        1026 => Some(Refusal::DiskFails),
        _ => None,
    }
}

/// Whether the error concerns the content of SQLite's file: damage, or tables that do not match a statement (1). All
/// other errors (a full disk, a disk error, missing rights, a lock) say nothing about the file.
pub(crate) fn is_about_content_in_sqlite(code: Option<i32>) -> bool {
    is_damage_in_sqlite(code) || code == Some(1)
}

/// Whether SQLite has no right to write its file or to create its files next to it: 3 permission, 8 read-only, 14
/// cannot open, 23 not authorised.
pub(crate) fn refuses_writes_in_sqlite(code: Option<i32>) -> bool {
    code.is_some_and(|code| matches!(code & 0xff, 3 | 8 | 14 | 23))
}

/// Whether SQLite reports that it cannot share memory with other processes, which a WAL requires: the file system
/// cannot map files (SQLITE_IOERR_SHMMAP) or cannot lock them (SQLITE_IOERR_SHMLOCK).
pub(crate) fn lacks_shared_memory(code: Option<i32>) -> bool {
    matches!(code, Some(5386 | 5130))
}

/// SQLite's extended error code, from either driver.
pub(crate) fn sqlite_code(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    if let Some(error) = error.downcast_ref::<rusqlite::Error>() {
        return error.sqlite_error().map(|error| error.extended_code);
    }
    error.downcast_ref::<SqliteError>()?.code()?.parse().ok()
}

/// Whether a connection is stale: it refuses writes or everything, and a new one may not. Either it leads to the wrong
/// node of a cluster, or SQLite's file was read-only when it was opened (8).
pub(crate) fn is_of_stale_connection(error: &dyn DatabaseError) -> bool {
    if let Some(error) = error.try_downcast_ref::<SqliteError>() {
        return sqlite_code(error).is_some_and(|code| code & 0xff == 8);
    }
    let error = error.try_downcast_ref::<MySqlDatabaseError>();
    error.is_some_and(|error| WRONG_SERVER.contains(&error.number()))
}

/// Whether the server reports that the database does not exist.
pub(crate) fn is_unknown_database(error: &dyn DatabaseError) -> bool {
    error
        .try_downcast_ref::<MySqlDatabaseError>()
        .is_some_and(|error| error.number() == 1049)
}

impl Engine {
    /// Name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Version as the engine reports it, and size on disk in bytes.
    pub(crate) async fn describe(self, db: &DatabaseConnection) -> Result<(String, Option<u64>), Fault> {
        let query = match self {
            Self::Sqlite => {
                "SELECT sqlite_version() AS version, page_count * page_size AS size \
                 FROM pragma_page_count(), pragma_page_size()"
            }
            Self::MySql | Self::MariaDb => {
                "SELECT version() AS version, CAST(SUM(data_length + index_length) AS SIGNED) AS size \
                 FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
        };
        let row = db
            .query_one_raw(Statement::from_string(db.get_database_backend(), query))
            .await?;
        let Some(row) = row else {
            return Ok((String::new(), None));
        };
        let size: Option<i64> = row.try_get("", "size")?;
        Ok((
            row.try_get("", "version")?,
            size.and_then(|size| size.try_into().ok()),
        ))
    }

    /// The query plan, one line per table.
    pub(crate) async fn explain(
        self,
        db: &DatabaseConnection,
        query: &SelectStatement,
    ) -> Result<Vec<String>, Fault> {
        let query = db.get_database_backend().build(query);
        // A MySQL server can be configured to answer in another format.
        let (verb, columns): (_, &[_]) = match self {
            Self::Sqlite => ("EXPLAIN QUERY PLAN", &["detail"]),
            Self::MySql => ("EXPLAIN FORMAT=TRADITIONAL", &["table", "type", "key", "Extra"]),
            Self::MariaDb => ("EXPLAIN", &["table", "type", "key", "Extra"]),
        };
        let statement = Statement::from_string(db.get_database_backend(), format!("{verb} {query}"));
        let rows = db.query_all_raw(statement).await?;
        let line = |row: &QueryResult| {
            let words = columns
                .iter()
                .map(|column| row.try_get::<Option<String>>("", column));
            let words: Vec<_> = words.collect::<Result<_, _>>()?;
            Ok(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
        };
        rows.iter().map(line).collect()
    }
}
