//! Opening and closing the database.

use sea_orm::DatabaseConnection;

use crate::{Engine, Location, Result};

/// The database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    pub(crate) engine: Engine,
}

/// What the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// The engine.
    pub engine: Engine,
    /// Version of the engine, in its own words.
    pub version: String,
    /// Name of the newest migration that has run.
    pub schema_version: String,
    /// Bytes that it takes on the disk. `None` if the server does not tell.
    pub size_bytes: Option<u64>,
}

impl Store {
    /// Opens the database, makes it if it is a file that does not exist, and brings it to this program's schema.
    ///
    /// # Errors
    /// [`Error::Open`](crate::Error::Open), [`Error::UnsupportedServer`](crate::Error::UnsupportedServer),
    /// [`Error::NewerSchema`](crate::Error::NewerSchema), or a migration that failed.
    pub async fn open(location: &Location) -> Result<Self> {
        let _ = location;
        todo!()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        todo!()
    }

    /// What the database is.
    pub async fn info(&self) -> Result<DatabaseInfo> {
        todo!()
    }

    /// Closes all connections, also those of clones. SQLite's log is merged into the file.
    pub async fn close(&self) -> Result<()> {
        todo!()
    }
}
