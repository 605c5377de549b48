//! The configuration: defaults, then `config.yml`, then environment variables, each checked and each with its origin.

mod environment;
mod error;
mod file;
mod reader;
mod settings;
mod value;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use jiff::{Timestamp, tz::TimeZone};
use store::{Backup, Location, Opener, Store};
use tracing::level_filters::LevelFilter;

pub use error::{ConfigError, Problems};
pub use settings::{SETTINGS, Setting};

pub(crate) use reader::database_url;
use value::Found;

/// File that is read when none is named. It need not exist.
pub const DEFAULT_FILE: &str = "config.yml";

/// Where the secret is of those whose database is not a file.
const SECRET_FILE: &str = "./data/secret.key";

/// What was found, by section and key.
type Entries = BTreeMap<(&'static str, &'static str), Found>;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the jobs are kept.
    pub database: Location,
    /// File with the secret that encrypts keys of printers at rest. `None`: see [`secret_file`](Self::secret_file).
    pub secret_file: Option<PathBuf>,
    /// How printers are followed.
    pub moonraker: MoonrakerConfig,
    /// What slicers wrote into gcode files.
    pub details: DetailsConfig,
    /// The server.
    pub api: ApiConfig,
    /// Figures over many jobs.
    pub analytics: AnalyticsConfig,
    /// Numbers for Prometheus.
    pub metrics: MetricsConfig,
    /// Copies of the database.
    pub backup: BackupConfig,
    /// What is not kept for ever.
    pub retention: RetentionConfig,
    /// The log.
    pub logging: LoggingConfig,
}

/// How printers are followed.
#[derive(Debug, Clone, PartialEq)]
pub struct MoonrakerConfig {
    /// First pause after a lost connection.
    pub reconnect_delay: Duration,
    /// Longest pause.
    pub max_reconnect_delay: Duration,
    /// How often a quiet connection is tried.
    pub health_check_interval: Duration,
    /// Which jobs from before the first contact are imported.
    pub backfill: Backfill,
    /// File of certificates to trust besides those of the web and the system. `None` for those only.
    pub ca_file: Option<PathBuf>,
}

impl MoonrakerConfig {
    /// Lets this process trust the certificates of `ca_file`.
    ///
    /// # Errors
    /// If there is such a file, and it cannot be used.
    pub fn trust_ca_file(&self) -> Result<(), moonraker::TrustError> {
        self.ca_file.as_deref().map_or(Ok(()), moonraker::trust_ca_file)
    }
}

/// Which jobs from before the first contact are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backfill {
    /// All of them.
    All,
    /// None of them.
    Nothing,
    /// Those that started at or after this instant.
    Since(Timestamp),
}

/// Figures over many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalyticsConfig {
    /// Bytes for packed jobs, figures and file names.
    pub memory: usize,
}

/// How the details of jobs are read from their gcode files.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailsConfig {
    /// Whether they are.
    pub enabled: bool,
    /// Imported jobs a minute.
    pub rate: f64,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// Address or host name to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Where browsers reach the server: `/`, or a path without a slash at its end.
    pub base_path: String,
    /// Proxies whose word on the address of a client is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may use the API from a browser. Empty: none.
    pub cors_origins: Vec<String>,
    /// Origins whose pages may show the dashboard in a frame. Empty: none.
    pub frame_ancestors: Vec<String>,
    /// Whose days and hours are meant where nobody says.
    pub timezone: TimeZone,
}

/// Numbers for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Where they are served without a key. `None`: only at the server's own port, with one.
    pub listen: Option<SocketAddr>,
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object, for programs.
    Json,
}

/// Copies of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// Where they lie.
    pub folder: PathBuf,
    /// Pause between two that nobody asked for. `None`: none are made so.
    pub every: Option<Duration>,
    /// How many are kept.
    pub keep: u16,
}

/// For how long what statistics do not need is kept. `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// All keys and values of gcode files.
    pub raw_metadata: Option<Duration>,
    /// Images of gcode files.
    pub thumbnails: Option<Duration>,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingConfig {
    /// How much is logged.
    pub level: LevelFilter,
    /// What a line looks like.
    pub format: LogFormat,
    /// Log file of the server. `None`: no file.
    pub file: Option<PathBuf>,
}

impl Config {
    /// Opens the database. If the schema has to change, a backup is made before, and given back.
    ///
    /// # Errors
    /// As of [`Store::open_backed_up`].
    pub async fn open_store(&self, opener: Opener, now: Timestamp) -> store::Result<(Store, Option<Backup>)> {
        let (store, backup) = Store::open_backed_up(
            &self.database,
            Some(&self.secret_file()),
            &self.backup.folder,
            opener,
            now,
        )
        .await?;
        Ok((store.with_analytics_memory(self.analytics.memory), backup))
    }

    /// Where the secret is that encrypts keys of printers at rest.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        self.secret_file
            .clone()
            .or_else(|| self.database.secret_file())
            .unwrap_or_else(|| SECRET_FILE.into())
    }

    /// Reads the configuration.
    ///
    /// `file` is one that the user named, so it must exist; `None` means `config.yml`, if there is one.
    ///
    /// # Errors
    /// Names everything that is wrong, each with file and line or with its variable.
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
