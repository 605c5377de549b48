//! The configuration: defaults, then `config.yml`, then environment variables. Each value is validated and keeps its
//! origin.

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

/// Connections to printers.
#[derive(Debug, Clone, PartialEq)]
pub struct MoonrakerConfig {
    /// First pause after a lost connection.
    pub reconnect_delay: Duration,
    /// Longest pause after a lost connection.
    pub max_reconnect_delay: Duration,
    /// How often an idle connection is checked.
    pub health_check_interval: Duration,
    /// Which jobs from before the first contact are imported.
    pub backfill: Backfill,
    /// File of certificates to trust in addition to those of the web and the system. `None` for those only.
    pub ca_file: Option<PathBuf>,
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

/// Analytics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalyticsConfig {
    /// Memory limit in bytes for packed jobs, figures and file names.
    pub memory: usize,
}

/// Reading job details from G-code files.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailsConfig {
    /// Whether details are read.
    pub enabled: bool,
    /// Imported jobs per minute.
    pub rate: f64,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// Address or host name to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Path under which browsers reach the server: `/`, or a path without a trailing slash.
    pub base_path: String,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may use the API from a browser. Empty: none.
    pub cors_origins: Vec<String>,
    /// Origins whose pages may show the dashboard in a frame. Empty: none.
    pub frame_ancestors: Vec<String>,
    /// Default time zone for days and hours; a request can override it.
    pub timezone: TimeZone,
    /// Currency of the costs of files that name none.
    pub currency: Option<String>,
}

/// Prometheus metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Address of a separate port that serves metrics without a key. `None`: only the server's own port, with a key.
    pub listen: Option<SocketAddr>,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for humans.
    Text,
    /// One JSON object per line.
    Json,
}

/// Backups of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// Folder of the backups.
    pub folder: PathBuf,
    /// Interval between automatic backups. `None`: no automatic backups.
    pub every: Option<Duration>,
    /// Number of backups to keep.
    pub keep: u16,
}

/// How long data that statistics do not need is kept. `None`: forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// All keys and values of G-code files.
    pub raw_metadata: Option<Duration>,
    /// Images of G-code files.
    pub thumbnails: Option<Duration>,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingConfig {
    /// Log level.
    pub level: LevelFilter,
    /// Format of log lines.
    pub format: LogFormat,
    /// Log file of the server. `None`: no file.
    pub file: Option<PathBuf>,
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
