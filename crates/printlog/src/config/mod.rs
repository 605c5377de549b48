//! The configuration: defaults, then `config.yml`, then environment variables. Each value is validated and keeps its
//! origin.

mod convert;
mod environment;
mod error;
mod file;
mod reader;
mod settings;
pub(crate) mod time_zone;
mod value;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use store::{Backup, Location, Opener, Store};

pub use error::{ConfigError, Problems};
pub use settings::{
    AnalyticsConfig, ApiConfig, BackupConfig, DetailsConfig, LoggingConfig, MetricsConfig, MoonrakerConfig,
    RetentionConfig, Setting, settings,
};

pub(crate) use convert::database_url;
use value::Found;

/// Default configuration file. It need not exist.
pub const DEFAULT_FILE: &str = "config.yml";

/// Default secret file if the database is not a file.
const SECRET_FILE: &str = "./data/secret.key";

/// Values by section and key.
type Entries = BTreeMap<(&'static str, &'static str), Found>;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Location of the database.
    pub database: Location,
    /// File with the secret that encrypts printers' keys at rest. `None`: the default, see
    /// [`secret_file`](Self::secret_file).
    pub secret_file: Option<PathBuf>,
    /// Connections to printers.
    pub moonraker: MoonrakerConfig,
    /// Slicer data from G-code files.
    pub details: DetailsConfig,
    /// The server.
    pub api: ApiConfig,
    /// Analytics.
    pub analytics: AnalyticsConfig,
    /// Prometheus metrics.
    pub metrics: MetricsConfig,
    /// Backups of the database.
    pub backup: BackupConfig,
    /// Data with a limited lifetime.
    pub retention: RetentionConfig,
    /// The log.
    pub logging: LoggingConfig,
}

impl MoonrakerConfig {
    /// Makes this process trust the certificates of `ca_file`.
    ///
    /// # Errors
    /// If the file is set and cannot be used.
    pub fn trust_ca_file(&self) -> Result<(), moonraker::TrustError> {
        self.ca_file.as_deref().map_or(Ok(()), moonraker::trust_ca_file)
    }
}

/// Which jobs from before the first contact are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backfill {
    /// All jobs.
    All,
    /// No jobs.
    Nothing,
    /// Jobs that started at or after this instant.
    Since(Timestamp),
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for humans.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Opens the database. If the schema has to change, a backup is made first and returned.
    ///
    /// # Errors
    /// Like [`Store::open_backed_up`].
    pub async fn open_store(&self, opener: Opener, now: Timestamp) -> store::Result<(Store, Option<Backup>)> {
        let (store, backup) = Store::open_backed_up(
            &self.database,
            Some(&self.secret_file()),
            &self.backup.folder,
            opener,
            now,
        )
        .await?;
        let store = store
            .with_analytics_memory(self.analytics.memory)
            .with_currency(self.api.currency.as_deref());
        Ok((store, backup))
    }

    /// File of the secret that encrypts printers' keys at rest.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        self.secret_file
            .clone()
            .or_else(|| self.database.secret_file())
            .unwrap_or_else(|| SECRET_FILE.into())
    }

    /// Reads the configuration.
    ///
    /// `file` is a file that the user named, so it must exist; `None` means `config.yml`, which may be missing.
    ///
    /// # Errors
    /// Lists all problems, each with file and line or with its variable.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut entries = Entries::new();
        let mut problems = Problems::default();
        match file::read(
            file.unwrap_or(Path::new(DEFAULT_FILE)),
            &mut entries,
            &mut problems,
        ) {
            Err(error) if file.is_none() && file::is_missing(&error) => {}
            other => other?,
        }
        environment::read(variables, &mut entries, &mut problems);
        reader::Reader { entries, problems }.config()
    }
}
