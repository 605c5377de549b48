//! What can go wrong with the database.

use std::time::Duration;

use domain::{LARGEST_ID, PrinterId};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, SqlxError};
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError};

use crate::dialect::{self, Refusal};

/// Result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or opened.
    #[error("cannot open the database {location}")]
    Open {
        /// Where it was looked for, without password.
        location: String,
        /// Whether it may be there later, as a server that is still starting.
        transient: bool,
        /// What the driver or the file system says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A server that is too old or something else.
    #[error("the database server is {found}; printlog needs MySQL 8.0 or later, or MariaDB 10.6 or later")]
    UnsupportedServer {
        /// What it calls itself.
        found: String,
    },
    /// A newer printlog has been here.
    #[error("the database was made by a newer printlog (it has `{found}`, this one knows up to `{known}`)")]
    NewerSchema {
        /// The newest migration in the database.
        found: String,
        /// The newest migration of this program.
        known: String,
    },
    /// A command may not change the schema under a server that knows the old one.
    #[error(
        "the database {location} is of an older printlog, and a server works with it{by}; a server of this version would \
         bring it up to date, a command does not do so under a running one"
    )]
    Outdated {
        /// The database.
        location: String,
        /// ` (process N)`, or nothing if it did not say.
        by: String,
    },
    /// Another server has the database file.
    #[error(
        "another printlog{by} works with the database {location}; end it first, or give this one a database of its own"
    )]
    InUse {
        /// The database.
        location: String,
        /// ` (process N)`, or nothing if it did not say.
        by: String,
    },
    /// A restore into the database was cut off.
    #[error("the database {location} is incomplete: a restore or a move into it was cut off; do it again")]
    Unfinished {
        /// The database.
        location: String,
    },
    /// The target of a move has data already.
    #[error("the database {location} is not empty; data is moved into an empty one only")]
    NotEmpty {
        /// The database.
        location: String,
    },
    /// What was copied is not what there was.
    #[error("the copy of the table {table} is not as it should be: {what}")]
    CopyDiffers {
        /// The table.
        table: String,
        /// How it differs.
        what: String,
    },
    /// A table has no room for more rows.
    #[error(
        "the table {table} has given out the id {last}; the largest one is {LARGEST_ID}: no row could be added to it"
    )]
    IdsExhausted {
        /// The table.
        table: String,
        /// The last id.
        last: i64,
    },
    /// No order in which the tables could be filled.
    #[error("the tables {0} refer to each other in a circle")]
    Circle(String),
    /// A file of a backup cannot be read or written.
    #[error("cannot read or write {path}")]
    BackupFile {
        /// The file.
        path: String,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
    /// A file is a database, but not a sound one.
    #[error("{path} is damaged: {found}")]
    Damaged {
        /// The file.
        path: String,
        /// What was found first.
        found: String,
    },
    /// Another server has taken its turn at recording; nothing was written.
    #[error("another printlog records into this database now")]
    LostTurn,
    /// A statement failed.
    #[error("cannot {what}")]
    Database {
        /// What was tried.
        what: &'static str,
        /// Whether trying again later may help.
        transient: bool,
        /// What the driver says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database took too long.
    #[error("cannot {what}: the database did not answer within {limit:?}")]
    Timeout {
        /// What was tried.
        what: &'static str,
        /// For how long.
        limit: Duration,
    },
    /// A value that no version of printlog writes.
    #[error("{table}.{column} of row {row} holds {found}")]
    BadValue {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Primary key of the row.
        row: i64,
        /// What is wrong with the value.
        found: String,
    },
    /// Two printers cannot have one name.
    #[error("there is already a printer called `{name}`")]
    NameTaken {
        /// The name that was asked for.
        name: String,
    },
    /// A text does not fit its column.
    #[error("the {what} is too long: at most {limit} characters fit")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// How many characters fit.
        limit: usize,
    },
    /// A key of a printer cannot be encrypted, and is not stored as it is.
    #[error("cannot encrypt the API key of a printer: {reason}")]
    NoSecret {
        /// Why there is no secret.
        reason: String,
    },
    /// The printer has been deleted.
    #[error("there is no printer {}", .0.0)]
    NoSuchPrinter(PrinterId),
}

impl Error {
    /// Whether trying the same again later may help, with nobody doing anything about it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
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
            | Self::LostTurn
            | Self::BadValue { .. }
            | Self::NameTaken { .. }
            | Self::TooLong { .. }
            | Self::NoSecret { .. }
            | Self::NoSuchPrinter(_) => false,
        }
    }

    /// Why the database refuses what is written to it. `None` if it does not refuse it.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Open { source, .. } | Self::Database { source, .. } => dialect::refusal(&**source),
            _ => None,
        }
    }

    /// Whether it is what the database holds that is wrong, and not the disk, the rights or the moment.
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

    /// Whether SQLite's file is damaged. Nothing but a backup helps then.
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

/// What goes wrong inside an operation, before it is said what the operation was.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The driver's word.
    Driver(DbErr),
    /// The word of SQLite, where it is asked without a driver between.
    Sqlite(rusqlite::Error),
    /// Ours.
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
    /// The error of the operation that was to do `what`.
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

    /// Whether the connection takes no writes, while a new one may.
    pub(crate) fn is_of_misled_connection(&self) -> bool {
        matches!(self, Self::Driver(cause) if database_error(cause).is_some_and(dialect::is_of_misled_connection))
    }

    /// Whether a unique column refused a value.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Driver(cause) if matches!(cause.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))))
    }
}

fn is_transient(cause: &DbErr) -> bool {
    match cause {
        DbErr::ConnectionAcquire(reason) => *reason == ConnAcquireErr::Timeout,
        cause => driver_error(cause).is_some_and(|cause| match cause {
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

/// MySQL's or MariaDB's number of an error. `None` if it is another kind of error.
pub(crate) fn server_error_number(cause: &DbErr) -> Option<u16> {
    let error = database_error(cause)?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// The database's or the driver's own error: what SeaORM and sqlx wrap it in only repeats its text.
pub(crate) fn plain(cause: DbErr) -> Box<dyn std::error::Error + Send + Sync> {
    match cause {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => match std::sync::Arc::try_unwrap(cause) {
            Ok(SqlxError::Database(cause)) => cause.into_error(),
            Ok(cause) => Box::new(cause),
            Err(shared) => Box::new(shared),
        },
        other => Box::new(other),
    }
}
