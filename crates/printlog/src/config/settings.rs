//! All settings: name, default, allowed values, description. Used by the loader, by the error messages and by the
//! test that keeps `docs/configuration.md` and `config.example.yml` up to date.

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

/// All settings, in the order of the example file, grouped by section.
pub const SETTINGS: &[Setting] = &[
    setting(
        "database",
        "type",
        "sqlite",
        "sqlite or mysql (also for MariaDB)",
        "The engine. SQLite needs nothing else; MySQL 8 or later and MariaDB 10.6 or later also work.",
    ),
    setting(
        "database",
        "path",
        "./data/printlog.db",
        "the path of a file",
        "The SQLite file. Its folder is created when missing. Only for type sqlite.",
    ),
    setting(
        "database",
        "host",
        "localhost",
        "a host name or an address",
        "MySQL's host. Only for type mysql.",
    ),
    setting(
        "database",
        "port",
        "3306",
        "a whole number from 1 to 65535",
        "MySQL's port. Only for type mysql.",
    ),
    setting(
        "database",
        "user",
        "printlog",
        "a text",
        "The account at MySQL. Only for type mysql.",
    ),
    setting(
        "database",
        "password",
        "null",
        "a text (in quotes if it looks like a number), or null for none",
        "The account's password. Only for type mysql.",
    )
    .secret(),
    setting(
        "database",
        "password_file",
        "null",
        "the path of a file, or null for none",
        "Reads the password from this file instead, such as a Docker secret. Only for type mysql.",
    ),
    setting(
        "database",
        "database",
        "printlog",
        "a text",
        "The schema at MySQL; made if the account may do that. Only for type mysql.",
    ),
    setting(
        "database",
        "url",
        "null",
        "sqlite://PATH, mysql://USER:PASSWORD@HOST:PORT/DATABASE, or null for none",
        "All of the above in one, instead of them. Special characters in the password are percent-encoded; \
         `?ssl-mode=required` asks MySQL for TLS.",
    )
    .secret(),
    setting(
        "database",
        "secret_file",
        "null",
        "the path of a file, or null for secret.key beside the SQLite file, with MySQL ./data/secret.key",
        "File with the secret that encrypts the API keys of printers in the database. Made at the first start, for its \
         owner only. Back it up apart from the database: without it those keys must be entered anew.",
    ),
    setting(
        "moonraker",
        "reconnect_delay",
        "5",
        "a number of seconds from 0.1 to 3600",
        "Pause before a lost printer is tried again, in seconds. The next pauses are 2, 6 and 12 times as long.",
    ),
    setting(
        "moonraker",
        "max_reconnect_delay",
        "60",
        "a number of seconds from 0.1 to 3600, not below reconnect_delay",
        "Longest pause between two attempts, in seconds.",
    ),
    setting(
        "moonraker",
        "health_check_interval",
        "30",
        "a number of seconds from 1 to 3600",
        "How often a connection on which nothing is heard is tried, in seconds.",
    ),
    setting(
        "moonraker",
        "backfill",
        "all",
        "all, none, or a date such as 2026-01-31",
        "Which jobs from before the first contact are imported from a printer's own history: all of them, none, \
         or those that started on or after a date (UTC).",
    ),
    setting(
        "moonraker",
        "ca_file",
        "null",
        "a path, or null",
        "A PEM file of certificates to trust besides those of the web's and the system's authorities, for printers behind \
         https: the certificate of a private authority, or that of a printer that has signed its own. It holds for the \
         connection and for the G-code files.",
    ),
    setting(
        "details",
        "enabled",
        "true",
        "true or false",
        "Whether the slicer's settings and images are read from the gcode files of jobs.",
    ),
    setting(
        "details",
        "rate",
        "60",
        "a number from 0.1 to 6000",
        "How many imported jobs a minute get them, so that printers are not disturbed. Jobs that start now do not wait.",
    ),
    setting(
        "api",
        "host",
        "0.0.0.0",
        "an address or a host name of this machine",
        "Where the server listens. 127.0.0.1 makes it reachable from this machine only.",
    ),
    setting(
        "api",
        "port",
        "8000",
        "a whole number from 0 to 65535; 0 lets the system choose",
        "Port of the server.",
    ),
    setting(
        "api",
        "base_path",
        "/",
        "a path such as /printlog, not of /api, /assets or /health",
        "Path under which browsers reach the server, if a proxy serves it beside other things. The proxy may take the \
         path off or leave it in.",
    ),
    setting(
        "api",
        "trusted_proxies",
        "[\"127.0.0.1\", \"::1\"]",
        "a list of addresses and networks such as [\"172.16.0.0/12\"]",
        "Proxies whose X-Forwarded-For is believed. Failed sign-ins and connections are limited by the address of the \
         client; a proxy that is not named here is one client, which has 256 connections at most.",
    ),
    setting(
        "api",
        "cors_origins",
        "[]",
        "a list of origins such as [\"https://farm.example\"], or [\"*\"] for any",
        "Web pages of these origins may use the API from a browser. Empty: none may.",
    ),
    setting(
        "api",
        "frame_ancestors",
        "[]",
        "a list of origins such as [\"http://homeassistant.local:8123\"]",
        "Web pages of these origins may show the dashboard in a frame, such as Home Assistant's. Empty: none may. \
         docs/proxy.md says what that takes.",
    ),
    setting(
        "api",
        "timezone",
        "UTC",
        "an IANA name of a time zone such as Europe/Berlin",
        "Whose days, weeks and hours the analytics count in, where a request does not say with `tz`.",
    ),
    setting(
        "api",
        "currency",
        "null",
        "a text of 1 to 8 characters such as EUR, or null for none",
        "Currency of the costs of files that name none. A file that names a currency keeps it.",
    ),
    setting(
        "analytics",
        "memory",
        "64",
        "a whole number of MB from 1 to 65535",
        "Memory for packed jobs, figures and file names, in MB. What does not fit is read from the database when it is \
         needed, which is slower: 64 MB hold about a million jobs.",
    ),
    setting(
        "metrics",
        "listen",
        "null",
        "an address with a port such as \"127.0.0.1:9101\", or null for none",
        "Where /metrics is also served without a key, for Prometheus. Mind who reaches it.",
    ),
    setting(
        "backup",
        "folder",
        "null",
        "the path of a folder, or null for `backups` beside the SQLite file, which is ./data/backups for MySQL",
        "Where backups lie: those of the schedule, those of `printlog backup`, and the one that is made before a newer \
         printlog changes the tables.",
    ),
    setting(
        "backup",
        "schedule",
        "daily",
        "off, hourly, daily or weekly",
        "How often the server backs its database up by itself.",
    ),
    setting(
        "backup",
        "keep",
        "7",
        "a whole number from 1 to 65535",
        "How many of these backups are kept. Those made before an upgrade or a restore are not counted and stay.",
    ),
    setting(
        "retention",
        "raw_metadata",
        "null",
        "a whole number of days from 1 to 65535, or null for ever",
        "How long all the keys and values of gcode files are kept. What lists and statistics show is kept for ever.",
    ),
    setting(
        "retention",
        "thumbnails",
        "null",
        "a whole number of days from 1 to 65535, or null for ever",
        "How long the images of gcode files are kept.",
    ),
    setting(
        "logging",
        "level",
        "INFO",
        "TRACE, DEBUG, INFO, WARN, ERROR or OFF",
        "How much is logged.",
    ),
    setting(
        "logging",
        "format",
        "text",
        "text or json",
        "Lines for people, or one JSON object a line, on the terminal and in the file.",
    ),
    setting(
        "logging",
        "file",
        "./logs/printlog.log",
        "the path of a file, or null for no file",
        "Log file of the server, beside the log on the terminal. At 10 MiB or after a week it is renamed to \
         printlog.log.1 and begun anew; the last five are kept, for 30 days.",
    ),
];

/// Names of the sections, in order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.section).collect();
    names.dedup();
    names
}

/// Names of the keys of a section, in order.
pub(super) fn keys(section: &str) -> Vec<&'static str> {
    SETTINGS
        .iter()
        .filter(|setting| setting.section == section)
        .map(|setting| setting.key)
        .collect()
}

pub(super) fn find(section: &str, key: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.section == section && setting.key == key)
}
