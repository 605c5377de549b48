//! Converts individual values into the configuration, and reports invalid ones.

use std::{fs, net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use store::Location;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::config::{
    AnalyticsConfig, ApiConfig, Backfill, BackupConfig, Config, DetailsConfig, Entries, LogFormat,
    LoggingConfig, MetricsConfig, MoonrakerConfig, RetentionConfig,
    error::{ConfigError, Problems},
    settings, time_zone,
    value::{Found, Origin, Value},
};

/// Largest value of a setting in seconds.
const LONGEST: f64 = 3600.0;

/// Seconds per day.
const DAY: u64 = 24 * 3600;

pub(super) struct Reader {
    pub(super) entries: Entries,
    pub(super) problems: Problems,
}

impl Reader {
    pub(super) fn config(mut self) -> Result<Config, ConfigError> {
        let database = self.database();
        let config = Config {
            backup: BackupConfig {
                folder: self
                    .get("backup", "folder", path_or_nothing)
                    .unwrap_or_else(|| backups_of(&database)),
                every: self.get("backup", "schedule", schedule),
                keep: self.get("backup", "keep", |value| whole(value, 1)),
            },
            retention: RetentionConfig {
                raw_metadata: self.get("retention", "raw_metadata", |value| or_nothing(value, days)),
                thumbnails: self.get("retention", "thumbnails", |value| or_nothing(value, days)),
            },
            database,
            secret_file: self.get("database", "secret_file", path_or_nothing),
            moonraker: self.moonraker(),
            details: DetailsConfig {
                enabled: self.get("details", "enabled", switch),
                rate: self.get("details", "rate", |value| {
                    value.number().filter(|number| (0.1..=6000.0).contains(number))
                }),
            },
            api: ApiConfig {
                host: self.get("api", "host", Value::text),
                port: self.get("api", "port", |value| whole(value, 0)),
                base_path: self.get("api", "base_path", base_path),
                trusted_proxies: self.get("api", "trusted_proxies", networks),
                cors_origins: self.get("api", "cors_origins", origins),
                frame_ancestors: self.get("api", "frame_ancestors", |value| {
                    origins(value).filter(|origins| !origins.contains(&"*".to_owned()))
                }),
                timezone: self.get("api", "timezone", |value| time_zone::named(&value.text()?)),
                currency: self.get("api", "currency", |value| or_nothing(value, currency)),
            },
            analytics: AnalyticsConfig {
                memory: self.get("analytics", "memory", megabytes),
            },
            metrics: MetricsConfig {
                listen: self.get("metrics", "listen", |value| {
                    or_nothing(value, |value| value.text()?.parse().ok())
                }),
            },
            logging: LoggingConfig {
                level: self.get("logging", "level", level),
                format: self.get("logging", "format", log_format),
                file: self.get("logging", "file", path_or_nothing),
            },
        };
        self.problems.or(config)
    }

    fn moonraker(&mut self) -> MoonrakerConfig {
        let reconnect_delay = self.get("moonraker", "reconnect_delay", |value| seconds(value, 0.1));
        let max_reconnect_delay = self.get("moonraker", "max_reconnect_delay", |value| seconds(value, 0.1));
        if max_reconnect_delay < reconnect_delay {
            let origins = [
                self.origin("moonraker", "max_reconnect_delay"),
                self.origin("moonraker", "reconnect_delay"),
            ];
            let origin = origins
                .into_iter()
                .find(|origin| *origin != Origin::Default)
                .unwrap_or(Origin::Default);
            self.problems.add(
                &origin,
                format_args!(
                    "`moonraker.max_reconnect_delay` ({} s) is below `moonraker.reconnect_delay` ({} s)",
                    max_reconnect_delay.as_secs_f64(),
                    reconnect_delay.as_secs_f64()
                ),
            );
        }
        MoonrakerConfig {
            reconnect_delay,
            max_reconnect_delay,
            health_check_interval: self
                .get("moonraker", "health_check_interval", |value| seconds(value, 1.0)),
            backfill: self.get("moonraker", "backfill", backfill),
            ca_file: self.get("moonraker", "ca_file", path_or_nothing),
        }
    }

    fn database(&mut self) -> Location {
        let kind = self.get("database", "type", kind);
        let from_url = self.get("database", "url", |value| {
            or_nothing(value, |value| database_url(&value.text()?))
        });
        let from_parts = match kind {
            Kind::Sqlite => Location::Sqlite {
                path: self.get("database", "path", path),
            },
            Kind::Mysql => self.mysql(),
        };
        let Some(from_url) = from_url else {
            return from_parts;
        };
        let kind_of_url = if matches!(from_url, Location::Sqlite { .. }) {
            Kind::Sqlite
        } else {
            Kind::Mysql
        };
        if self.contradicts_url("type") && kind != kind_of_url {
            let origin = self.origin("database", "url");
            self.problems.add(
                &origin,
                "`database.url` and `database.type` name different engines; remove one of them",
            );
        }
        for key in [
            "path",
            "host",
            "port",
            "user",
            "password",
            "password_file",
            "database",
        ] {
            if self.contradicts_url(key) {
                let origin = self.origin("database", key);
                let text = format!(
                    "`database.{key}` has no effect together with `database.url`; remove one of them"
                );
                self.problems.add(&origin, text);
            }
        }
        from_url
    }

    fn mysql(&mut self) -> Location {
        let host = self.get("database", "host", host);
        let port = self.get("database", "port", |value| whole(value, 1));
        let user = self.get("database", "user", Value::text);
        let password = self.password();
        let database = self.get("database", "database", Value::text);
        Location::mysql(&host, port, &user, password.as_deref(), &database)
    }

    fn password(&mut self) -> Option<String> {
        let password = self.get("database", "password", |value| or_nothing(value, Value::text));
        let file: Option<PathBuf> = self.get("database", "password_file", path_or_nothing);
        let Some(file) = file else { return password };
        let origin = self.origin("database", "password_file");
        if password.is_some() {
            self.problems.add(
                &origin,
                "`database.password` and `database.password_file` exclude each other; remove one of them",
            );
        }
        match fs::read_to_string(&file) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(cause) => {
                self.problems.add(
                    &origin,
                    format_args!("cannot read the password from {}: {cause}", file.display()),
                );
                None
            }
        }
    }

    /// The value of a setting: as found if `convert` accepts it, else its default, and the invalid value is reported.
    fn get<T>(&mut self, section: &str, key: &str, convert: impl Fn(&Value) -> Option<T>) -> T {
        let setting = settings::find(section, key).expect("only settings of the table are read");
        if let Some(Found { value, origin }) = self.entries.get(&(setting.section, setting.key)) {
            if let Some(converted) = convert(value) {
                return converted;
            }
            self.problems.add(
                origin,
                format_args!(
                    "`{section}.{key}` cannot be {}; allowed is {}",
                    value.describe(setting.secret),
                    setting.allowed
                ),
            );
        }
        convert(&Value::Raw(setting.default.to_owned())).expect("the defaults of the table are right")
    }

    /// Whether the setting was changed in addition to `database.url`. A URL in a variable overrides everything in the
    /// file.
    fn contradicts_url(&self, key: &'static str) -> bool {
        let is_variable = |key| matches!(self.origin("database", key), Origin::Environment(_));
        self.is_changed("database", key) && (is_variable(key) || !is_variable("url"))
    }

    /// Whether the setting was changed. A copy of the example file sets every key, but changes few of them.
    fn is_changed(&self, section: &'static str, key: &'static str) -> bool {
        let default = settings::find(section, key).map(|setting| setting.default);
        self.entries
            .get(&(section, key))
            .is_some_and(|found| !found.value.is_nothing() && found.value.written().as_deref() != default)
    }

    fn origin(&self, section: &'static str, key: &'static str) -> Origin {
        self.entries
            .get(&(section, key))
            .map_or(Origin::Default, |found| found.origin.clone())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Mysql,
}

fn kind(value: &Value) -> Option<Kind> {
    match value.text()?.to_lowercase().as_str() {
        "sqlite" => Some(Kind::Sqlite),
        "mysql" | "mariadb" => Some(Kind::Mysql),
        _ => None,
    }
}

/// Applies `convert`, but also accepts an empty value as `Some(None)`.
fn currency(value: &Value) -> Option<String> {
    let text = value.text()?;
    let is_short = (1..=8).contains(&text.chars().count());
    (is_short && text.trim() == text && !text.contains(char::is_control)).then_some(text)
}

fn or_nothing<T>(value: &Value, convert: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_nothing() {
        Some(None)
    } else {
        convert(value).map(Some)
    }
}

fn path(value: &Value) -> Option<PathBuf> {
    value
        .text()
        .filter(|text| !text.contains('\0'))
        .map(PathBuf::from)
}

fn path_or_nothing(value: &Value) -> Option<Option<PathBuf>> {
    // An empty text also disables the file.
    if matches!(value, Value::Text(text) if text.is_empty()) {
        return Some(None);
    }
    or_nothing(value, path)
}

fn whole(value: &Value, lowest: u16) -> Option<u16> {
    let number = value.number()?;
    let whole = (f64::from(lowest)..=f64::from(u16::MAX)).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    whole.then_some(number as u16)
}

/// Parses megabytes into bytes.
fn megabytes(value: &Value) -> Option<usize> {
    whole(value, 1).map(|megabytes| usize::from(megabytes) * 1_000_000)
}

fn seconds(value: &Value, lowest: f64) -> Option<Duration> {
    let number = value
        .number()
        .filter(|number| (lowest..=LONGEST).contains(number))?;
    Some(Duration::from_secs_f64(number))
}

fn switch(value: &Value) -> Option<bool> {
    if let Value::Bool(value) = value {
        return Some(*value);
    }
    match value.text()?.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn days(value: &Value) -> Option<Duration> {
    let days = whole(value, 1)?;
    Some(Duration::from_secs(u64::from(days) * DAY))
}

fn schedule(value: &Value) -> Option<Option<Duration>> {
    let seconds = match value {
        // Some YAML dialects read `off` as a boolean.
        Value::Bool(false) => return Some(None),
        _ => match value.text()?.as_str() {
            "off" => return Some(None),
            "hourly" => 3600,
            "daily" => DAY,
            "weekly" => 7 * DAY,
            _ => return None,
        },
    };
    Some(Some(Duration::from_secs(seconds)))
}

fn backups_of(database: &Location) -> PathBuf {
    match database {
        Location::Sqlite { path } => path.with_file_name("backups"),
        Location::MySql { .. } => "./data/backups".into(),
    }
}

fn backfill(value: &Value) -> Option<Backfill> {
    let text = value.text()?;
    match text.as_str() {
        "all" => return Some(Backfill::All),
        "none" => return Some(Backfill::Nothing),
        _ => {}
    }
    let instant = match text.parse::<Date>() {
        Ok(date) if text.len() <= "2026-01-31".len() => date.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        _ => text.parse::<Timestamp>().ok()?,
    };
    Some(Backfill::Since(instant))
}

fn level(value: &Value) -> Option<LevelFilter> {
    let words = ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
    let word = value.text()?.to_uppercase();
    words
        .contains(&word.as_str())
        .then(|| word.parse().ok())
        .flatten()
}

fn log_format(value: &Value) -> Option<LogFormat> {
    match value.text()?.to_lowercase().as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn host(value: &Value) -> Option<String> {
    let text = value.text()?;
    // A URL has brackets around an IPv6 address.
    let host = match text.contains(':') && !text.starts_with('[') {
        true => format!("[{text}]"),
        false => text.clone(),
    };
    url::Host::parse(&host).is_ok().then_some(text)
}

/// The database that a URL names. `None` if it is no database URL.
pub(crate) fn database_url(text: &str) -> Option<Location> {
    if let Some(rest) = text.strip_prefix("sqlite:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        return (!path.is_empty()).then(|| Location::Sqlite { path: path.into() });
    }
    let mysql = text.replacen("mariadb://", "mysql://", 1);
    let url: Url = mysql.parse().ok()?;
    let complete = url.scheme() == "mysql" && url.has_host() && url.path().len() > 1;
    complete.then_some(Location::MySql { url })
}

/// A path without a trailing slash. The server's own top-level paths are refused: they would be indistinguishable
/// from a base path.
fn base_path(value: &Value) -> Option<String> {
    let text = value.text()?;
    let path = text.strip_prefix('/')?.trim_end_matches('/');
    if path.is_empty() {
        return Some("/".to_owned());
    }
    let is_plain = |segment: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
    };
    let first = path.split('/').next().unwrap_or_default();
    (path.split('/').all(is_plain) && !["api", "assets", "health"].contains(&first))
        .then(|| format!("/{path}"))
}

fn networks(value: &Value) -> Option<Vec<IpNet>> {
    let network = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse().ok(),
    };
    value.list()?.iter().map(network).collect()
}

/// `scheme://host[:port]`, or a single `*`.
fn origins(value: &Value) -> Option<Vec<String>> {
    let origins = value.list()?;
    let right = |origin: &String| {
        origin == "*"
            || origin
                .parse::<Url>()
                .is_ok_and(|url| url.origin().ascii_serialization() == *origin)
    };
    (origins.iter().all(right) && (origins.len() < 2 || !origins.contains(&"*".to_owned())))
        .then_some(origins)
}
