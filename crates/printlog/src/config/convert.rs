//! Converts the values of settings. `None` means that a value is not allowed.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use store::Location;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::config::{Backfill, LogFormat, value::Value};

/// Largest value of a setting in seconds.
const LONGEST: f64 = 3600.0;

/// Seconds per day.
const DAY: u64 = 24 * 3600;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Mysql,
}

pub(super) fn kind(value: &Value) -> Option<Kind> {
    match value.text()?.to_lowercase().as_str() {
        "sqlite" => Some(Kind::Sqlite),
        "mysql" | "mariadb" => Some(Kind::Mysql),
        _ => None,
    }
}

/// Applies `convert`, but also accepts an empty value as `Some(None)`.
pub(super) fn or_nothing<T>(value: &Value, convert: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_nothing() {
        Some(None)
    } else {
        convert(value).map(Some)
    }
}

pub(super) fn path(value: &Value) -> Option<PathBuf> {
    value
        .text()
        .filter(|text| !text.contains('\0'))
        .map(PathBuf::from)
}

pub(super) fn path_or_nothing(value: &Value) -> Option<Option<PathBuf>> {
    // An empty text also disables the file.
    if matches!(value, Value::Text(text) if text.is_empty()) {
        return Some(None);
    }
    or_nothing(value, path)
}

pub(super) fn whole(value: &Value, lowest: u16) -> Option<u16> {
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
pub(super) fn megabytes(value: &Value) -> Option<usize> {
    whole(value, 1).map(|megabytes| usize::from(megabytes) * 1_000_000)
}

pub(super) fn seconds(value: &Value, lowest: f64) -> Option<Duration> {
    let number = value
        .number()
        .filter(|number| (lowest..=LONGEST).contains(number))?;
    Some(Duration::from_secs_f64(number))
}

pub(super) fn switch(value: &Value) -> Option<bool> {
    if let Value::Bool(value) = value {
        return Some(*value);
    }
    match value.text()?.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

pub(super) fn days(value: &Value) -> Option<Duration> {
    let days = whole(value, 1)?;
    Some(Duration::from_secs(u64::from(days) * DAY))
}

/// Like [`days`], but 0 is allowed.
pub(super) fn days_or_none(value: &Value) -> Option<Duration> {
    let days = whole(value, 0)?;
    Some(Duration::from_secs(u64::from(days) * DAY))
}

pub(super) fn rate(value: &Value) -> Option<f64> {
    value.number().filter(|number| (0.1..=6000.0).contains(number))
}

pub(super) fn schedule(value: &Value) -> Option<Option<Duration>> {
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

pub(super) fn backfill(value: &Value) -> Option<Backfill> {
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

pub(super) fn level(value: &Value) -> Option<LevelFilter> {
    let words = ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
    let word = value.text()?.to_uppercase();
    words
        .contains(&word.as_str())
        .then(|| word.parse().ok())
        .flatten()
}

pub(super) fn log_format(value: &Value) -> Option<LogFormat> {
    match value.text()?.to_lowercase().as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

pub(super) fn host(value: &Value) -> Option<String> {
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
pub(super) fn base_path(value: &Value) -> Option<String> {
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

pub(super) fn networks(value: &Value) -> Option<Vec<IpNet>> {
    let network = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse().ok(),
    };
    value.list()?.iter().map(network).collect()
}

/// `scheme://host[:port]`, or a single `*`.
pub(super) fn origins(value: &Value) -> Option<Vec<String>> {
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

pub(super) fn currency(value: &Value) -> Option<String> {
    let text = value.text()?;
    let is_short = (1..=8).contains(&text.chars().count());
    (is_short && text.trim() == text && !text.contains(char::is_control)).then_some(text)
}

/// Origins without `*`.
pub(super) fn named_origins(value: &Value) -> Option<Vec<String>> {
    origins(value).filter(|origins| !origins.contains(&"*".to_owned()))
}
