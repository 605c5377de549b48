//! Accepted configurations, and the error messages for invalid ones.

use std::{ffi::OsString, fs, path::Path, time::Duration};

use printlog::config::{Backfill, Config, ConfigError};
use store::Location;
use tempfile::TempDir;
use tracing::level_filters::LevelFilter;

struct Sandbox {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
}

impl Sandbox {
    fn with_file(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("printlog.yml"), text).unwrap();
        Self {
            folder,
            variables: Vec::new(),
        }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(
            Some(&self.folder.path().join("printlog.yml")),
            self.variables.clone(),
        )
    }

    /// The error messages, one problem per line, without the folder of the file.
    fn problems(&self) -> Vec<String> {
        let said = format!("{:#}", anyhow::Error::new(self.load().unwrap_err()));
        let folder = format!("{}/", self.folder.path().display());
        said.lines()
            .skip(1)
            .map(|line| line.trim().replace(&folder, ""))
            .collect()
    }
}

fn problems(text: &str) -> Vec<String> {
    Sandbox::with_file(text).problems()
}

#[test]
fn an_empty_file_means_the_defaults() {
    for text in [
        "",
        "# nothing\n",
        "---\n",
        "api:\n  # port: 1\nlogging:\n",
        "{}",
        "\u{feff}# BOM\n",
    ] {
        let config = Sandbox::with_file(text).load().unwrap();
        assert_eq!(
            config.database,
            Location::Sqlite {
                path: "./data/printlog.db".into()
            }
        );
        assert_eq!(config.moonraker.reconnect_delay, Duration::from_secs(5));
        assert_eq!(config.moonraker.max_reconnect_delay, Duration::from_secs(60));
        assert_eq!(config.moonraker.health_check_interval, Duration::from_secs(30));
        assert_eq!(config.moonraker.backfill, Backfill::All);
        assert_eq!((config.api.host.as_str(), config.api.port), ("0.0.0.0", 8000));
        assert_eq!(config.api.base_path, "/");
        assert_eq!(networks(&config.api.trusted_proxies), ["127.0.0.1/32", "::1/128"]);
        assert!(config.api.cors_origins.is_empty());
        assert_eq!(config.logging.level, LevelFilter::INFO);
        assert_eq!(
            config.logging.file.as_deref(),
            Some(Path::new("./logs/printlog.log"))
        );
    }
}

fn networks(networks: &[impl ToString]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

#[test]
fn every_key_is_taken_from_the_file() {
    let text = r#"
database: {type: sqlite, path: "/var/lib/printlog/x.db"}
moonraker:
  reconnect_delay: 2.5
  max_reconnect_delay: 120
  health_check_interval: 10
  backfill: 2026-01-31
api:
  host: 127.0.0.1
  port: 0
  base_path: /print/log/
  trusted_proxies: [172.16.0.0/12, "fd00::1"]
  cors_origins: [https://farm.example, "http://localhost:5173"]
analytics:
  memory: 16
logging:
  level: debug
  file: null
"#;
    let config = Sandbox::with_file(text).load().unwrap();
    assert_eq!(config.analytics.memory, 16_000_000);
    assert_eq!(
        config.database,
        Location::Sqlite {
            path: "/var/lib/printlog/x.db".into()
        }
    );
    assert_eq!(config.moonraker.reconnect_delay, Duration::from_millis(2500));
    assert_eq!(config.moonraker.max_reconnect_delay, Duration::from_secs(120));
    assert_eq!(config.moonraker.health_check_interval, Duration::from_secs(10));
    assert_eq!(
        config.moonraker.backfill,
        Backfill::Since("2026-01-31T00:00:00Z".parse().unwrap())
    );
    assert_eq!((config.api.host.as_str(), config.api.port), ("127.0.0.1", 0));
    assert_eq!(config.api.base_path, "/print/log");
    assert_eq!(
        networks(&config.api.trusted_proxies),
        ["172.16.0.0/12", "fd00::1/128"]
    );
    assert_eq!(
        config.api.cors_origins,
        ["https://farm.example", "http://localhost:5173"]
    );
    assert_eq!(config.logging.level, LevelFilter::DEBUG);
    assert_eq!(config.logging.file, None);
}

#[test]
fn variables_go_over_the_file() {
    let config = Sandbox::with_file("api:\n  port: 1\n  host: 127.0.0.1\nlogging:\n  file: a.log\n")
        .variable("PRINTLOG_API__PORT", "9000")
        .variable(
            "PRINTLOG_API__CORS_ORIGINS",
            "https://a.example, https://b.example",
        )
        .variable("PRINTLOG_LOGGING__FILE", "")
        .variable("PRINTLOG_LOGGING__LEVEL", "WARN")
        .variable("PRINTLOG_MOONRAKER__BACKFILL", "none")
        .variable("PRINTLOG_TEST_WHATEVER__ELSE", "x")
        .variable("PRINTLOG_PORT", "tcp://10.0.0.1:80")
        .load()
        .unwrap();
    assert_eq!((config.api.host.as_str(), config.api.port), ("127.0.0.1", 9000));
    assert_eq!(
        config.api.cors_origins,
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(config.logging.file, None);
    assert_eq!(config.logging.level, LevelFilter::WARN);
    assert_eq!(config.moonraker.backfill, Backfill::Nothing);
}

#[test]
fn a_wrong_value_in_the_file_does_not_matter_if_a_variable_replaces_it() {
    let config = Sandbox::with_file("api:\n  port: eight\n")
        .variable("PRINTLOG_API__PORT", "9000")
        .load()
        .unwrap();
    assert_eq!(config.api.port, 9000);
}

fn mysql_url(database: &Location) -> &str {
    let Location::MySql { url } = database else {
        panic!("not MySQL: {database:?}")
    };
    url.as_str()
}

#[test]
fn mysql_is_given_in_parts_or_as_one_url() {
    let parts =
        "database:\n  type: mysql\n  host: db\n  user: me\n  password: 'p@ss:w/ord #1'\n  database: prints\n";
    let config = Sandbox::with_file(parts).load().unwrap();
    assert_eq!(
        mysql_url(&config.database),
        "mysql://me:p%40ss%3Aw%2Ford%20%231@db:3306/prints"
    );

    let config = Sandbox::with_file("database:\n  type: mysql\n  host: '::1'\n")
        .load()
        .unwrap();
    assert_eq!(
        mysql_url(&config.database),
        "mysql://printlog@[::1]:3306/printlog"
    );

    for url in [
        "mysql://me:secret@db:3307/prints?ssl-mode=required",
        "mariadb://me:secret@db:3307/prints?ssl-mode=required",
    ] {
        let config = Sandbox::with_file("")
            .variable("PRINTLOG_DATABASE__URL", url)
            .load()
            .unwrap();
        assert_eq!(
            mysql_url(&config.database),
            "mysql://me:secret@db:3307/prints?ssl-mode=required"
        );
    }
}

#[test]
fn a_url_in_a_variable_goes_over_the_database_of_the_file() {
    let sandbox = Sandbox::with_file("database:\n  type: mysql\n  host: db\n  password: s3cret\n");
    let config = sandbox
        .variable("PRINTLOG_DATABASE__URL", "sqlite://x.db")
        .load()
        .unwrap();
    assert_eq!(config.database, Location::Sqlite { path: "x.db".into() });

    let sandbox = Sandbox::with_file("database:\n  url: sqlite://x.db\n");
    let said = sandbox.variable("PRINTLOG_DATABASE__HOST", "db").problems();
    assert!(
        said[0].contains("`database.host` has no effect together with"),
        "{said:#?}"
    );
}

#[test]
fn sqlite_may_also_be_a_url() {
    for (url, path) in [
        ("sqlite:///var/x.db", "/var/x.db"),
        ("sqlite://data/x.db", "data/x.db"),
        ("sqlite:x.db?mode=rwc", "x.db"),
    ] {
        let config = Sandbox::with_file("")
            .variable("PRINTLOG_DATABASE__URL", url)
            .load()
            .unwrap();
        assert_eq!(config.database, Location::Sqlite { path: path.into() });
    }
}

#[test]
fn the_password_may_come_from_a_file() {
    let sandbox = Sandbox::with_file("database:\n  type: mysql\n");
    let file = sandbox.folder.path().join("password");
    fs::write(&file, "s3cret\n").unwrap();
    let config = sandbox
        .variable("PRINTLOG_DATABASE__PASSWORD_FILE", file.to_str().unwrap())
        .load()
        .unwrap();
    assert_eq!(
        mysql_url(&config.database),
        "mysql://printlog:s3cret@localhost:3306/printlog"
    );
}

#[test]
fn secrets_do_not_show() {
    for sandbox in [
        Sandbox::with_file("database:\n  type: mysql\n  password: s3cret\n"),
        Sandbox::with_file("database:\n  url: mysql://me:s3cret@db/prints?password=s3cret\n"),
    ] {
        let config = sandbox.load().unwrap();
        let shown = format!("{config:?} {}", config.database);
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("mysql://"), "{shown}");
    }
    for text in [
        "database:\n  type: mysql\n  password: [s3cret]\n",
        "database:\n  type: mysql\n  password: 53\n",
        "database:\n  url: postgres://me:s3cret@db/prints\n",
    ] {
        let said = problems(text).join("\n");
        assert!(!said.contains("s3cret") && !said.contains("53"), "{said}");
        assert!(said.contains("allowed is"), "{said}");
    }
}

/// Text of the file, start of the error message and a part of it.
const WRONG: &[(&str, &str, &[&str])] = &[
    (
        "api:\n  prot: 80\n",
        "printlog.yml:2: unknown key `prot` in `api`",
        &[
            "allowed are host, port, base_path, trusted_proxies, cors_origins",
            "Did you mean `port`?",
        ],
    ),
    (
        "\n\napi:\n  host: x\n  Port: 80\n",
        "printlog.yml:5: unknown key `Port` in `api`",
        &["Did you mean `port`?"],
    ),
    (
        "apis:\n  port: 80\n",
        "printlog.yml:1: unknown key `apis`",
        &[
            "database, moonraker, details, api, analytics, metrics, backup, retention, logging",
            "Did you mean `api`?",
        ],
    ),
    (
        "api:\n  port: eight\n",
        "printlog.yml:2: `api.port` cannot be the string \"eight\"",
        &["a whole number from 0 to 65535"],
    ),
    (
        "api:\n  port: '8000'\n",
        "printlog.yml:2: `api.port` cannot be the string \"8000\"",
        &[],
    ),
    (
        "api:\n  port: 80.5\n",
        "printlog.yml:2: `api.port` cannot be the number 80.5",
        &[],
    ),
    (
        "api:\n  port: 65536\n",
        "printlog.yml:2: `api.port` cannot be the number 65536",
        &[],
    ),
    (
        "api:\n  port:\n",
        "printlog.yml:2: `api.port` cannot be nothing",
        &[],
    ),
    (
        "api:\n  host: 5\n",
        "printlog.yml:2: `api.host` cannot be the number 5",
        &[],
    ),
    (
        "api:\n  host: [a]\n",
        "printlog.yml:2: `api.host` cannot be a list",
        &[],
    ),
    (
        "api:\n  host: {a: b}\n",
        "printlog.yml:2: `api.host` cannot be a mapping",
        &[],
    ),
    (
        "api:\n  host: ''\n",
        "printlog.yml:2: `api.host` cannot be the string \"\"",
        &[],
    ),
    (
        "api:\n  base_path: printlog\n",
        "printlog.yml:2: `api.base_path` cannot be the string \"printlog\"",
        &["a path such as /printlog"],
    ),
    (
        "api:\n  base_path: /api/v1\n",
        "printlog.yml:2: `api.base_path` cannot be the string",
        &["not /api, /assets or /health"],
    ),
    (
        "api:\n  base_path: /a/../b\n",
        "printlog.yml:2: `api.base_path` cannot be the string",
        &[],
    ),
    (
        "api:\n  trusted_proxies: [10.0.0.0/33]\n",
        "printlog.yml:2: `api.trusted_proxies` cannot be a list",
        &["addresses and networks"],
    ),
    (
        "api:\n  cors_origins: https://a.example\n",
        "printlog.yml:2: `api.cors_origins` cannot be the string",
        &["a list"],
    ),
    (
        "api:\n  cors_origins:\n    - https://a.example/path\n",
        "printlog.yml:2: `api.cors_origins` cannot be a list",
        &[],
    ),
    (
        "api: 8000\n",
        "printlog.yml:1: `api` is a section, but a number was found",
        &["host, port, base_path, trusted_proxies, cors_origins"],
    ),
    (
        "- api\n",
        "printlog.yml:1: expected sections",
        &["database, moonraker, details, api, analytics, metrics, backup, retention, logging"],
    ),
    ("hello\n", "printlog.yml:1: expected sections", &[]),
    (
        "moonraker:\n  reconnect_delay: 5s\n",
        "printlog.yml:2: `moonraker.reconnect_delay` cannot be the string \"5s\"",
        &["seconds"],
    ),
    (
        "moonraker:\n  reconnect_delay: 0\n",
        "printlog.yml:2: `moonraker.reconnect_delay` cannot be the number 0",
        &[],
    ),
    (
        "moonraker:\n  reconnect_delay: -1\n",
        "printlog.yml:2: `moonraker.reconnect_delay` cannot be the number -1",
        &[],
    ),
    (
        "moonraker:\n  reconnect_delay: .nan\n",
        "printlog.yml:2: `moonraker.reconnect_delay` cannot be the number NaN",
        &[],
    ),
    (
        "moonraker:\n  reconnect_delay: true\n",
        "printlog.yml:2: `moonraker.reconnect_delay` cannot be the boolean true",
        &[],
    ),
    (
        "moonraker:\n  reconnect_delay: 90\n",
        "printlog.yml:2: `moonraker.max_reconnect_delay` (60 s) is below",
        &[],
    ),
    (
        "moonraker:\n  backfill: some\n",
        "printlog.yml:2: `moonraker.backfill` cannot be the string \"some\"",
        &["all, none, or a date"],
    ),
    (
        "moonraker:\n  backfill: 2026-02-30\n",
        "printlog.yml:2: `moonraker.backfill` cannot be",
        &[],
    ),
    (
        "logging:\n  level: LOUD\n",
        "printlog.yml:2: `logging.level` cannot be the string \"LOUD\"",
        &["TRACE, DEBUG, INFO, WARN, ERROR or OFF"],
    ),
    (
        "logging:\n  level: 3\n",
        "printlog.yml:2: `logging.level` cannot be the number 3",
        &[],
    ),
    (
        "database:\n  type: postgres\n",
        "printlog.yml:2: `database.type` cannot be the string \"postgres\"",
        &["sqlite or mysql"],
    ),
    (
        "database:\n  type: mysql\n  host: 'a b'\n",
        "printlog.yml:3: `database.host` cannot be the string \"a b\"",
        &[],
    ),
    (
        "database:\n  url: mysql://db\n",
        "printlog.yml:2: `database.url` cannot be a string (not shown",
        &["mysql://USER:PASSWORD@HOST"],
    ),
    (
        "database:\n  type: mysql\n  url: sqlite://x.db\n",
        "printlog.yml:3: `database.url` and `database.type` name different engines",
        &[],
    ),
    (
        "database:\n  url: sqlite://x.db\n  path: y.db\n",
        "printlog.yml:3: `database.path` has no effect",
        &[],
    ),
    (
        "database:\n  type: mysql\n  password_file: /no/such/file\n",
        "printlog.yml:3: cannot read the password from /no/such/file",
        &[],
    ),
    (
        "api:\n  port: 1\n  port: 2\n",
        "printlog.yml:3: this is not YAML: duplicated key",
        &[],
    ),
    ("api:\n\tport: 1\n", "printlog.yml:2: this is not YAML:", &[]),
    ("api:\n  host: \"abc\n", "printlog.yml:", &["this is not YAML:"]),
    ("api: [1\n", "printlog.yml:", &["this is not YAML:"]),
    (
        "api: {}\n---\napi: {}\n",
        "printlog.yml:3: a second document",
        &[],
    ),
];

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, start, parts) in WRONG {
        let said = problems(text);
        assert_eq!(said.len(), 1, "{text:?} gave {said:#?}");
        assert!(said[0].starts_with(start), "{text:?} gave {said:#?}");
        for part in *parts {
            assert!(
                said[0].contains(part),
                "{text:?} gave {said:#?}, without {part:?}"
            );
        }
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    let said = Sandbox::with_file("api:\n  prot: 1\n  port: eight\nlogging:\n  level: LOUD\n")
        .variable("PRINTLOG_DATABASE__TPYE", "mysql")
        .problems();
    assert_eq!(said.len(), 4, "{said:#?}");
}

#[test]
fn wrong_variables_are_named() {
    for (name, value, expected) in [
        (
            "PRINTLOG_API__PROT",
            "1",
            "unknown key `prot` in `api`; allowed are host, port, base_path, trusted_proxies, cors_origins",
        ),
        ("PRINTLOG_APIS__PORT", "1", "unknown key `apis`"),
        ("PRINTLOG_API__PORT", "eight", "`api.port` cannot be \"eight\""),
        ("PRINTLOG_API__PORT", "", "`api.port` cannot be \"\""),
        (
            "PRINTLOG_API_PORT",
            "1",
            "it needs two underscores: PRINTLOG_API__PORT",
        ),
        (
            "PRINTLOG_DATABASE_PASSWORD_FILE",
            "x",
            "it needs two underscores: PRINTLOG_DATABASE__PASSWORD_FILE",
        ),
    ] {
        let said = Sandbox::with_file("").variable(name, value).problems();
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(
            said[0].starts_with(&format!("environment variable {name}: ")),
            "{said:#?}"
        );
        assert!(said[0].contains(expected), "{said:#?}");
    }
}

#[test]
fn a_file_that_is_not_text_is_refused_with_the_line() {
    let said = Sandbox::with_file(b"api:\n  host: \xff\n").problems();
    assert_eq!(said, ["printlog.yml:2: this is not UTF-8 text"]);
}

#[test]
fn a_named_file_must_be_readable() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing.yml"), folder.path().to_owned()] {
        let error = anyhow::Error::new(Config::load(Some(&path), []).unwrap_err());
        let said = format!("{error:#}");
        assert!(
            said.starts_with(&format!(
                "cannot read the configuration file {}: ",
                path.display()
            )),
            "{said}"
        );
    }
}
