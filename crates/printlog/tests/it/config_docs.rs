//! `docs/configuration.md` and `config.example.yml` match the code.
//!
//! Both are generated from the table of settings: `PRINTLOG_TEST_UPDATE=1 cargo test -p printlog config_docs`
//! regenerates them.

use std::{fmt::Write as _, fs, path::PathBuf};

use printlog::config::{Config, settings};

const BEGIN: &str = "<!-- reference: written by the tests from the code -->\n";
const END: &str = "<!-- end of reference -->\n";

fn in_project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Checks that the file has the expected content, or writes it if `PRINTLOG_TEST_UPDATE` is set.
pub(crate) fn assert_current(path: &str, expected: &str) {
    let file = in_project(path);
    if std::env::var_os("PRINTLOG_TEST_UPDATE").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is stale; PRINTLOG_TEST_UPDATE=1 writes it again"
    );
}

fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = settings().map(|setting| setting.section).collect();
    sections.dedup();
    sections
}

#[test]
fn the_reference_names_every_setting() {
    let mut reference = String::new();
    for section in sections() {
        writeln!(reference, "### `{section}`\n").unwrap();
        writeln!(
            reference,
            "| key | default | allowed | what it does | variable |\n| --- | --- | --- | --- | --- |"
        )
        .unwrap();
        for setting in settings().filter(|setting| setting.section == section) {
            writeln!(
                reference,
                "| `{}` | `{}` | {} | {} | `{}` |",
                setting.key,
                setting.default,
                setting.allowed,
                setting.about,
                setting.variable()
            )
            .unwrap();
        }
        reference.push('\n');
    }
    let page = fs::read_to_string(in_project("docs/configuration.md")).unwrap();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has a place for the reference");
    let (_, after) = rest.split_once(END).expect("the reference has an end");
    assert_current(
        "docs/configuration.md",
        &format!("{before}{BEGIN}\n{reference}{END}{after}"),
    );
}

#[test]
fn the_example_shows_every_setting_with_its_default() {
    let mut example = String::from(
        "# printlog's configuration. Copy this file to config.yml and change what you need; omitted keys keep the\n\
         # default shown here. Each key can also be given as an environment variable, such as PRINTLOG_API__PORT=8000.\n\
         # See docs/configuration.md.\n",
    );
    for section in sections() {
        writeln!(example, "\n{section}:").unwrap();
        for (index, setting) in settings()
            .filter(|setting| setting.section == section)
            .enumerate()
        {
            if index > 0 {
                example.push('\n');
            }
            for line in wrapped(&format!("{} Allowed: {}.", setting.about, setting.allowed)) {
                writeln!(example, "  # {line}").unwrap();
            }
            writeln!(example, "  {}: {}", setting.key, setting.default).unwrap();
        }
    }
    assert_current("config.example.yml", &example);
}

#[test]
fn the_example_means_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yml");
    fs::write(&path, "").unwrap();
    let defaults = Config::load(Some(&path), []).unwrap();
    assert_eq!(
        Config::load(Some(&in_project("config.example.yml")), []).unwrap(),
        defaults
    );
}

#[test]
fn the_example_can_be_copied_and_given_another_database() {
    let url = "mysql://me@db/prints";
    let variables = [("PRINTLOG_DATABASE__URL".into(), url.into())];
    let config = Config::load(Some(&in_project("config.example.yml")), variables).unwrap();
    assert_eq!(
        config.database,
        store::Location::MySql {
            url: url.parse().unwrap()
        }
    );
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.len() + word.len() > 105 {
            lines.push(word.to_owned());
        } else {
            *line = format!("{line} {word}").trim_start().to_owned();
        }
    }
    lines
}
