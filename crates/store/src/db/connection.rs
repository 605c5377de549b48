//! Opened connections of any engine, and the errors of opening them.

use std::{error::Error as StdError, time::Duration};

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

use super::{dialect::Engine, error::Fault, location::Location, sqlite::Journal, sqlite_fast_path::FastPool};
use crate::Error;

/// Connections to a database.
pub(crate) struct Opened {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    pub(crate) fast_path: Option<FastPool>,
    pub(crate) engine: Engine,
    pub(crate) journal: Option<Journal>,
}

/// How long a caller waits for a connection. SQLite's only writer may be busy with a long operation.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(30);

pub(crate) fn open_error(
    location: &Location,
    transient: bool,
    source: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    Error::Open {
        location: location.to_string(),
        transient,
        source: source.into(),
    }
}

pub(crate) fn open_fault(location: &Location, cause: sqlx::Error) -> Error {
    match Fault::from(driver(cause)).into_error("open the database") {
        Error::Database {
            transient, source, ..
        } => open_error(location, transient, source),
        other => other,
    }
}

fn driver(cause: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(cause.into()))
}
