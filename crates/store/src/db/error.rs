//! Errors of the database.

use std::time::Duration;

use domain::{LARGEST_ID, PrinterId};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, SqlxError};
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError};

use crate::db::dialect::{self, Refusal};

/// Result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or opened.
    #[error("cannot open the database {location}")]
    Open {
        /// Its location, without the password.
        location: String,
        /// Whether a retry may succeed, for example while a server is starting.
        transient: bool,
        /// Error of the driver or the file system.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server is too old or not supported.
    #[error("the database server is {found}; printlog needs MySQL 8.0 or later, or MariaDB 10.6 or later")]
    UnsupportedServer {
        /// The version that it reports.
        found: String,
    },
    /// The database has the schema of a newer printlog.
    #[error(
        "the database has the schema of a newer printlog (it has `{found}`, this one knows up to `{known}`)"
    )]
    NewerSchema {
        /// The newest migration in the database.
        found: String,
        /// The newest migration of this program.
        known: String,
    },
    /// A command must not change the schema while a server with the old schema is running.
    #[error(
        "the database {location} has the schema of an older printlog, and a server uses it{by}; a server of this version \
         upgrades it when it starts; a command does not upgrade it while a server uses it"
    )]
    Outdated {
        /// The database.
        location: String,
        /// ` (process N)`, or empty if unknown.
        by: String,
    },
    /// Another server uses the database file.
    #[error(
        "another printlog{by} uses the database {location}; stop it first, or configure another database for this one"
    )]
    InUse {
        /// The database.
        location: String,
        /// ` (process N)`, or empty if unknown.
        by: String,
    },
    /// A restore into the database was interrupted.
    #[error("the database {location} is incomplete: a restore or a move into it was interrupted; repeat it")]
    Unfinished {
        /// The database.
        location: String,
    },
    /// The target of a move already contains data.
    #[error("the database {location} is not empty; data can only be moved into an empty database")]
    NotEmpty {
        /// The database.
        location: String,
    },
    /// The copy differs from the original.
    #[error("the copy of the table {table} differs from its source: {what}")]
    CopyDiffers {
        /// The table.
        table: String,
        /// How it differs.
        what: String,
    },
    /// A table has no ids left for new rows.
    #[error(
        "the table {table} has no ids left for new rows: its last one is {last}, and the largest possible one is {LARGEST_ID}"
    )]
    IdsExhausted {
        /// The table.
        table: String,
        /// The last assigned id.
        last: i64,
    },
    /// The tables have circular references, so they cannot be filled in any order.
    #[error("the tables {0} have circular references")]
    Circle(String),
    /// A backup file cannot be read or written.
    #[error("cannot read or write {path}")]
    BackupFile {
        /// The file.
        path: String,
        /// Error of the file system.
        #[source]
        source: std::io::Error,
    },
    /// The file is a database, but it is damaged.
    #[error("{path} is damaged: {found}")]
    Damaged {
        /// The file.
        path: String,
        /// The first finding.
        found: String,
    },
    /// Another server has taken over the recording lease. Nothing was written.
    #[error("another printlog has acquired the recording lease of this database")]
    LostLease,
    /// A statement failed.
    #[error("cannot {what}")]
    Database {
        /// The attempted operation.
        what: &'static str,
        /// Whether a later retry may succeed.
        transient: bool,
        /// Error of the driver.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database did not answer in time.
    #[error("cannot {what}: the database did not answer within {limit:?}")]
    Timeout {
        /// The attempted operation.
        what: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// A stored value that no version of printlog writes.
    #[error("{table}.{column} of row {row} is invalid: {found}")]
    BadValue {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Primary key of the row.
        row: i64,
        /// Description of the invalid value.
        found: String,
    },
    /// Another printer already has this name.
    #[error("there is already a printer named `{name}`")]
    NameTaken {
        /// The requested name.
        name: String,
    },
    /// A string is too long for its column.
    #[error("the {what} is too long: at most {limit} characters fit")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Maximum number of characters.
        limit: usize,
    },
    /// A printer API key cannot be encrypted, so it is not stored.
    #[error("cannot encrypt the API key of a printer: {reason}")]
    NoSecret {
        /// Why there is no secret key.
        reason: String,
    },
    /// The printer was deleted.
    #[error("there is no printer {}", .0.0)]
    NoSuchPrinter(PrinterId),
}

impl Error {
    /// Whether a later retry may succeed without any intervention.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // The database may only have been busy.
            Self::Timeout { .. } => true,
            Self::Open { transient, .. } | Self::Database { transient, .. } => *transient,
            Self::UnsupportedServer { .. }
            | Self::NewerSchema { .. }
            | Self::Outdated { .. }
            | Self::InUse { .. }
            | Self::Unfinished { .. }
            | Self::NotEmpty { .. }
            | Self::CopyDiffers { .. }
            | Self::IdsExhausted { .. }
            | Self::Circle(_)
            | Self::BackupFile { .. }
            | Self::Damaged { .. }
            | Self::LostLease
            | Self::BadValue { .. }
            | Self::NameTaken { .. }
            | Self::TooLong { .. }
            | Self::NoSecret { .. }
            | Self::NoSuchPrinter(_) => false,
        }
    }

    /// Why the database refuses writes. `None` if the error has another reason.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            // Only these come from the database. The others are decisions of printlog.
            Self::Open { source, .. } | Self::Database { source, .. } => dialect::refusal(&**source),
            _ => None,
        }
    }

    /// Whether the content of the database is wrong, as opposed to the disk, permissions or a temporary condition.
    pub(crate) fn is_about_content(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::NewerSchema { .. }
            | Self::Unfinished { .. }
            | Self::BadValue { .. } => true,
            Self::Open { source, .. } | Self::Database { source, .. } => {
                dialect::is_about_content_in_sqlite(dialect::sqlite_code(&**source))
            }
            _ => false,
        }
    }

    /// Whether SQLite's file is damaged. Only a backup helps then.
    #[must_use]
    pub fn is_of_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Open { source, .. } | Self::Database { source, .. } => {
                dialect::is_damage_in_sqlite(dialect::sqlite_code(&**source))
            }
            _ => false,
        }
    }
}

/// An error inside an operation, before the name of the operation is added.
#[derive(Debug)]
pub(crate) enum Fault {
    /// From the driver.
    Driver(DbErr),
    /// From SQLite directly, without sqlx.
    Sqlite(rusqlite::Error),
    /// From printlog.
    Store(Error),
}

impl From<DbErr> for Fault {
    fn from(cause: DbErr) -> Self {
        Self::Driver(cause)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sqlite(cause)
    }
}

impl From<Error> for Fault {
    fn from(cause: Error) -> Self {
        Self::Store(cause)
    }
}

impl Fault {
    /// Converts the fault to the error of the operation `what`.
    pub(crate) fn into_error(self, what: &'static str) -> Error {
        match self {
            Self::Driver(cause) => {
                let transient = is_transient(&cause);
                Error::Database {
                    what,
                    transient,
                    source: plain(cause),
                }
            }
            Self::Sqlite(cause) => Error::Database {
                what,
                transient: dialect::is_transient_in_sqlite(
                    cause.sqlite_error().map(|error| error.extended_code),
                ),
                source: Box::new(cause),
            },
            Self::Store(error) => error,
        }
    }

    /// Whether the connection is stale: it refuses writes that a new one may accept.
    pub(crate) fn is_of_stale_connection(&self) -> bool {
        matches!(self, Self::Driver(cause) if database_error(cause).is_some_and(dialect::is_of_stale_connection))
    }

    /// Whether a unique constraint rejected a value.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Driver(cause) if matches!(cause.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))))
    }
}

fn is_transient(cause: &DbErr) -> bool {
    match cause {
        // All connections were in use. A closed pool, in contrast, stays closed.
        DbErr::ConnectionAcquire(reason) => *reason == ConnAcquireErr::Timeout,
        cause => driver_error(cause).is_some_and(|cause| match cause {
            // The server is restarting, or the network was interrupted.
            SqlxError::Io(_) | SqlxError::PoolTimedOut | SqlxError::WorkerCrashed => true,
            SqlxError::Database(cause) => dialect::is_transient(&**cause),
            _ => false,
        }),
    }
}

fn driver_error(cause: &DbErr) -> Option<&SqlxError> {
    match cause {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => Some(&**cause),
        _ => None,
    }
}

fn database_error(cause: &DbErr) -> Option<&dyn DatabaseError> {
    match driver_error(cause)? {
        SqlxError::Database(cause) => Some(&**cause),
        _ => None,
    }
}

/// Error number of MySQL or MariaDB. `None` for any other error.
pub(crate) fn server_error_number(cause: &DbErr) -> Option<u16> {
    let error = database_error(cause)?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// The original error of the database or the driver. The wrappers of SeaORM and sqlx only repeat its text.
pub(crate) fn plain(cause: DbErr) -> Box<dyn std::error::Error + Send + Sync> {
    match cause {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => match std::sync::Arc::try_unwrap(cause) {
            Ok(SqlxError::Database(cause)) => cause.into_error(),
            Ok(cause) => Box::new(cause),
            // Another clone of the error is in use; its text is the same.
            Err(shared) => Box::new(shared),
        },
        other => Box::new(other),
    }
}
