//! Reads the configuration from the values of files and variables, and reports invalid ones.

use std::{fs, path::PathBuf};

use store::Location;

use crate::config::{
    AnalyticsConfig, ApiConfig, BackupConfig, Config, DetailsConfig, Entries, LoggingConfig, MetricsConfig,
    MoonrakerConfig, RetentionConfig,
    convert::{Kind, database_url, host, kind, or_nothing, path, path_or_nothing, whole},
    error::{ConfigError, Problems},
    settings,
    value::{Found, Origin, Value},
};

pub(super) struct Reader {
    pub(super) entries: Entries,
    pub(super) problems: Problems,
}

impl Reader {
    pub(super) fn config(mut self) -> Result<Config, ConfigError> {
        let database = self.database();
        let secret_file = self.get("database", "secret_file", path_or_nothing);
        let mut config = Config {
            secret_file,
            moonraker: MoonrakerConfig::read(&mut self),
            details: DetailsConfig::read(&mut self),
            api: ApiConfig::read(&mut self),
            analytics: AnalyticsConfig::read(&mut self),
            metrics: MetricsConfig::read(&mut self),
            backup: BackupConfig::read(&mut self),
            retention: RetentionConfig::read(&mut self),
            logging: LoggingConfig::read(&mut self),
            database,
        };
        // The default depends on the database.
        if config.backup.folder.as_os_str().is_empty() {
            config.backup.folder = backups_of(&config.database);
        }
        self.check_delays(&config.moonraker);
        self.problems.or(config)
    }

    fn check_delays(&mut self, moonraker: &MoonrakerConfig) {
        let (first, longest) = (moonraker.reconnect_delay, moonraker.max_reconnect_delay);
        if longest >= first {
            return;
        }
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
                longest.as_secs_f64(),
                first.as_secs_f64()
            ),
        );
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
    pub(super) fn get<T>(&mut self, section: &str, key: &str, convert: impl Fn(&Value) -> Option<T>) -> T {
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

fn backups_of(database: &Location) -> PathBuf {
    match database {
        Location::Sqlite { path } => path.with_file_name("backups"),
        Location::MySql { .. } => "./data/backups".into(),
    }
}
