//! All settings: name, type, default, allowed values, description, and how a value is converted. Each is defined here
//! only: the structs of the configuration, the reader, the error messages, `docs/configuration.md` and
//! `config.example.yml` follow from it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use jiff::tz::TimeZone;
use tracing::level_filters::LevelFilter;

use crate::config::{
    Backfill, LogFormat,
    convert::{
        backfill, base_path, currency, days, days_or_none, level, log_format, megabytes, named_origins,
        networks, or_nothing, origins, path_or_nothing, rate, schedule, seconds, switch, whole,
    },
    reader::Reader,
    time_zone,
    value::Value,
};

/// One key of the configuration.
#[derive(Debug)]
pub struct Setting {
    /// Section of `config.yml`.
    pub section: &'static str,
    /// Key within the section.
    pub key: &'static str,
    /// Default, as written in `config.yml`.
    pub default: &'static str,
    /// Allowed values, as a phrase that follows "allowed is".
    pub allowed: &'static str,
    /// Description.
    pub about: &'static str,
    /// Whether the value is secret and must not be shown.
    pub secret: bool,
}

impl Setting {
    /// Name of the environment variable that overrides it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "PRINTLOG_{}__{}",
            self.section.to_uppercase(),
            self.key.to_uppercase()
        )
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

const fn setting(
    section: &'static str,
    key: &'static str,
    default: &'static str,
    allowed: &'static str,
    about: &'static str,
) -> Setting {
    Setting {
        section,
        key,
        default,
        allowed,
        about,
        secret: false,
    }
}

/// Defines the settings of sections: a struct for each, its entries in the list of settings, and how it is read.
macro_rules! sections {
    ($(
        $(#[$meta:meta])*
        $section:ident: $struct:ident {$(
            $(#[$field_meta:meta])*
            $key:ident: $type:ty = $convert:expr, $default:literal, $allowed:literal, $about:literal;
        )*}
    )*) => {$(
        $(#[$meta])*
        pub struct $struct {
            $(#[doc = $about] $(#[$field_meta])* pub $key: $type,)*
        }

        impl $struct {
            const SETTINGS: &[Setting] = &[
                $(setting(stringify!($section), stringify!($key), $default, $allowed, $about)),*
            ];

            pub(super) fn read(reader: &mut Reader) -> Self {
                Self {
                    $($key: reader.get(stringify!($section), stringify!($key), $convert)),*
                }
            }
        }
    )*};
}

sections! {
    /// Connections to printers.
    #[derive(Debug, Clone, PartialEq)]
    moonraker: MoonrakerConfig {
        reconnect_delay: Duration = |value| seconds(value, 0.1), "5",
            "a number of seconds from 0.1 to 3600",
            "Pause before printlog reconnects to a printer, in seconds. The following pauses are 2, 6 and \
             12 times as long.";
        max_reconnect_delay: Duration = |value| seconds(value, 0.1), "60",
            "a number of seconds from 0.1 to 3600, not below reconnect_delay",
            "Longest pause between two connection attempts, in seconds.";
        health_check_interval: Duration = |value| seconds(value, 1.0), "30",
            "a number of seconds from 1 to 3600",
            "Interval between health checks of an idle connection, in seconds.";
        backfill: Backfill = backfill, "all",
            "all, none, or a date such as 2026-01-31",
            "Which earlier jobs are imported from the history of a new printer: all of them, none, or those \
             that started on or after a date (UTC).";
        ca_file: Option<PathBuf> = path_or_nothing, "null",
            "the path of a file, or null for none",
            "PEM file of certificates to trust for printers behind https, in addition to public and system \
             authorities: the certificate of a private authority, or a printer's self-signed certificate. \
             Applies to the connection and to downloads of G-code files.";
    }

    /// Slicer data from G-code files.
    #[derive(Debug, Clone, PartialEq)]
    details: DetailsConfig {
        enabled: bool = switch, "true",
            "true or false",
            "Whether slicer settings and images are read from the G-code files of jobs.";
        rate: f64 = rate, "60",
            "a number from 0.1 to 6000",
            "Number of imported jobs per minute whose files are read, to limit the load on printers. Jobs \
             that start while printlog runs do not wait.";
    }

    /// The server.
    #[derive(Debug, Clone, PartialEq, Eq)]
    api: ApiConfig {
        host: String = Value::text, "0.0.0.0",
            "an address or a host name of this machine",
            "Address on which the server listens. 127.0.0.1 makes it reachable from this machine only.";
        port: u16 = |value| whole(value, 0), "8000",
            "a whole number from 0 to 65535; 0 lets the system choose",
            "Port of the server.";
        ///
        /// Without a trailing slash, except for `/`.
        base_path: String = base_path, "/",
            "a path such as /printlog, but not /api, /assets or /health",
            "Path under which browsers reach the server if a proxy also serves other applications. The \
             proxy may strip the path or keep it.";
        trusted_proxies: Vec<IpNet> = networks, "[\"127.0.0.1\", \"::1\"]",
            "a list of addresses and networks such as [\"172.16.0.0/12\"]",
            "Proxies whose X-Forwarded-For is trusted. Failed sign-ins and connections are limited per \
             client address; a proxy that is not listed here counts as one client, with at most 256 \
             connections.";
        cors_origins: Vec<String> = origins, "[]",
            "a list of origins such as [\"https://farm.example\"], or [\"*\"] for any",
            "Origins whose web pages may use the API from a browser. Empty: none.";
        frame_ancestors: Vec<String> = named_origins, "[]",
            "a list of origins such as [\"http://homeassistant.local:8123\"]",
            "Origins whose web pages may show the dashboard in a frame, such as Home Assistant. Empty: \
             none. docs/proxy.md describes the requirements.";
        timezone: TimeZone = |value| time_zone::named(&value.text()?), "UTC",
            "an IANA name of a time zone such as Europe/Berlin",
            "Default time zone for analytics; a request can override it with `tz`.";
        currency: Option<String> = |value| or_nothing(value, currency), "null",
            "a string of 1 to 8 characters such as EUR, or null for none",
            "Currency of the costs of files that name none. If it is set here, users cannot change it in the dashboard. A file that \
             names a currency keeps it.";
    }

    /// Analytics.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    analytics: AnalyticsConfig {
        ///
        /// Here in bytes.
        memory: usize = megabytes, "64",
            "a whole number of MB from 1 to 65535",
            "Memory for packed jobs, figures and file names, in MB. Data that does not fit is read from the \
             database when needed, which is slower: 64 MB hold about a million jobs.";
    }

    /// Prometheus metrics.
    #[derive(Debug, Clone, PartialEq, Eq)]
    metrics: MetricsConfig {
        listen: Option<SocketAddr> = |value| or_nothing(value, |value| value.text()?.parse().ok()), "null",
            "an address with a port such as \"127.0.0.1:9101\", or null for none",
            "Address on which /metrics is also served without a key, for Prometheus. Make sure that only \
             Prometheus can reach it.";
    }

    /// Backups of the database.
    #[derive(Debug, Clone, PartialEq, Eq)]
    backup: BackupConfig {
        folder: PathBuf = |value| Some(path_or_nothing(value)?.unwrap_or_default()), "null",
            "the path of a folder, or null for `backups` next to the SQLite file (./data/backups with \
             MySQL)",
            "Folder for backups: scheduled ones, those of `printlog backup`, and those made before an \
             upgrade changes the tables.";
        schedule: Option<Duration> = schedule, "daily",
            "off, hourly, daily or weekly",
            "Interval of automatic backups.";
        keep: u16 = |value| whole(value, 1), "7",
            "a whole number from 1 to 65535",
            "Number of automatic backups to keep. Backups made before an upgrade or a restore are not \
             counted and are kept.";
    }

    /// Data with a limited lifetime.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    retention: RetentionConfig {
        raw_metadata: Option<Duration> = |value| or_nothing(value, days), "null",
            "a whole number of days from 1 to 65535, or null for forever",
            "How long the raw keys and values of G-code files are kept. Data in lists and statistics is \
             kept forever.";
        thumbnails: Option<Duration> = |value| or_nothing(value, days), "null",
            "a whole number of days from 1 to 65535, or null for forever",
            "How long the images of G-code files are kept.";
        deleted_jobs: Duration = days_or_none, "30",
            "a whole number of days from 0 to 65535",
            "How long deleted jobs can be restored. 0: they are deleted at once.";
    }

    /// The log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    logging: LoggingConfig {
        level: LevelFilter = level, "INFO",
            "TRACE, DEBUG, INFO, WARN, ERROR or OFF",
            "Log level.";
        format: LogFormat = log_format, "text",
            "text or json",
            "Format of the log on the terminal and in the file: text, or one JSON object per line.";
        file: Option<PathBuf> = path_or_nothing, "./logs/printlog.log",
            "the path of a file, or null for no file",
            "Log file of the server, in addition to the terminal. At 10 MiB or after a week it is renamed \
             to printlog.log.1 and a new file is started; the last five are kept, for 30 days.";
    }
}

/// The section `database`, which becomes a [`Location`](store::Location) and the path of the secret.
const DATABASE: &[Setting] = &[
    setting(
        "database",
        "type",
        "sqlite",
        "sqlite or mysql (also for MariaDB)",
        "Database engine. SQLite needs no server; MySQL 8 or later and MariaDB 10.6 or later are also \
         supported.",
    ),
    setting(
        "database",
        "path",
        "./data/printlog.db",
        "the path of a file",
        "SQLite file. Its folder is created if it does not exist. Only for type sqlite.",
    ),
    setting(
        "database",
        "host",
        "localhost",
        "a host name or an address",
        "Host of the MySQL server. Only for type mysql.",
    ),
    setting(
        "database",
        "port",
        "3306",
        "a whole number from 1 to 65535",
        "Port of the MySQL server. Only for type mysql.",
    ),
    setting(
        "database",
        "user",
        "printlog",
        "a string",
        "User of the MySQL server. Only for type mysql.",
    ),
    setting(
        "database",
        "password",
        "null",
        "a string (in quotes if it looks like a number), or null for none",
        "Password of the user. Only for type mysql.",
    )
    .secret(),
    setting(
        "database",
        "password_file",
        "null",
        "the path of a file, or null for none",
        "File to read the password from, such as a Docker secret. Only for type mysql.",
    ),
    setting(
        "database",
        "database",
        "printlog",
        "a string",
        "Schema on the MySQL server; created if the user has the right to do so. Only for type mysql.",
    ),
    setting(
        "database",
        "url",
        "null",
        "sqlite://PATH, mysql://USER:PASSWORD@HOST:PORT/DATABASE, or null for none",
        "Replaces all of the above. Special characters in the password must be percent-encoded; \
         `?ssl-mode=required` makes MySQL use TLS.",
    )
    .secret(),
    setting(
        "database",
        "secret_file",
        "null",
        "the path of a file, or null for secret.key next to the SQLite file (./data/secret.key with MySQL)",
        "File with the secret that encrypts the API keys of printers in the database. Created at the first \
         start, readable by its owner only. Back it up separately from the database: without it, those keys \
         must be entered again.",
    ),
];

/// All sections, in the order of the example file.
const SECTIONS: [&[Setting]; 9] = [
    DATABASE,
    MoonrakerConfig::SETTINGS,
    DetailsConfig::SETTINGS,
    ApiConfig::SETTINGS,
    AnalyticsConfig::SETTINGS,
    MetricsConfig::SETTINGS,
    BackupConfig::SETTINGS,
    RetentionConfig::SETTINGS,
    LoggingConfig::SETTINGS,
];

/// All settings, in the order of the example file, grouped by section.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.into_iter().flatten()
}

/// Names of the sections, in order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut names: Vec<_> = settings().map(|setting| setting.section).collect();
    names.dedup();
    names
}

/// Names of the keys of a section, in order.
pub(super) fn keys(section: &str) -> Vec<&'static str> {
    settings()
        .filter(|setting| setting.section == section)
        .map(|setting| setting.key)
        .collect()
}

pub(super) fn find(section: &str, key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.section == section && setting.key == key)
}
