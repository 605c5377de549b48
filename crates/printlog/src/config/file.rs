//! Reads `config.yml` into individual values, each with its line.

use std::{fs, io, path::Path};

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use crate::config::{
    Entries,
    error::{ConfigError, Problems},
    settings,
    value::{Found, Origin, Value},
};

/// Adds the values of the file to `entries`.
pub(super) fn read(path: &Path, entries: &mut Entries, problems: &mut Problems) -> Result<(), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let bytes = fs::read(path).map_err(unreadable)?;
    let text = match str::from_utf8(&bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(cause) => {
            let line = 1 + bytes[..cause.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            problems.add(
                &Origin::File {
                    path: path.to_owned(),
                    line,
                },
                "this is not UTF-8 text",
            );
            return Ok(());
        }
    };
    File {
        path,
        entries,
        problems,
    }
    .read(text);
    Ok(())
}

/// Whether the file simply does not exist.
pub(super) fn is_missing(error: &ConfigError) -> bool {
    matches!(error, ConfigError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

struct File<'a> {
    path: &'a Path,
    entries: &'a mut Entries,
    problems: &'a mut Problems,
}

impl File<'_> {
    fn read(mut self, text: &str) {
        let documents = match MarkedYaml::load_from_str(text) {
            Ok(documents) => documents,
            Err(cause) => {
                let origin = self.at(cause.marker().line());
                return self
                    .problems
                    .add(&origin, format_args!("this is not YAML: {}", cause.info()));
            }
        };
        if let Some(second) = documents.get(1) {
            self.complain(second, "a second document (after `---`); only one is allowed");
        }
        let Some(document) = documents.first() else { return };
        match &document.data {
            YamlData::Value(Scalar::Null) => {}
            YamlData::Mapping(sections) => {
                for (name, section) in sections {
                    self.read_section(name, section);
                }
            }
            _ => self.complain(
                document,
                format_args!("expected sections: {}", listed(&settings::sections())),
            ),
        }
    }

    fn read_section(&mut self, name: &MarkedYaml<'_>, section: &MarkedYaml<'_>) {
        let sections = settings::sections();
        let section_name = written(name);
        let Some(known) = sections.iter().find(|known| **known == section_name) else {
            return self.complain(
                name,
                unknown(&section_name, "printlog's configuration", &sections),
            );
        };
        match &section.data {
            // All keys of the section are commented out.
            YamlData::Value(Scalar::Null) => {}
            YamlData::Mapping(keys) => {
                for (key, value) in keys {
                    self.read_key(known, key, value);
                }
            }
            _ => self.complain(
                section,
                format_args!(
                    "`{known}` is a section, but {} was found; its keys are {}",
                    converted(section).describe(true),
                    listed(&settings::keys(known))
                ),
            ),
        }
    }

    fn read_key(&mut self, section: &str, key: &MarkedYaml<'_>, value: &MarkedYaml<'_>) {
        let key_name = written(key);
        let Some(setting) = settings::find(section, &key_name) else {
            return self.complain(
                key,
                unknown(&key_name, &format!("`{section}`"), &settings::keys(section)),
            );
        };
        // A value may begin on a later line than its key; report the line of the key, where users look.
        let origin = self.at(key.span.start.line());
        self.entries.insert(
            (setting.section, setting.key),
            Found {
                value: converted(value),
                origin,
            },
        );
    }

    fn complain(&mut self, node: &MarkedYaml<'_>, text: impl std::fmt::Display) {
        let origin = self.at(node.span.start.line());
        self.problems.add(&origin, text);
    }

    fn at(&self, line: usize) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line,
        }
    }
}

/// Error text for an unknown key.
pub(super) fn unknown(name: &str, place: &str, allowed: &[&str]) -> String {
    let mut text = format!(
        "unknown key `{}` in {place}; allowed are {}",
        name.escape_debug(),
        listed(allowed)
    );
    let near = allowed.iter().map(|known| (slips(name, known), known)).min();
    if let Some((0..=2, near)) = near {
        text.push_str(&format!(". Did you mean `{near}`?"));
    }
    text
}

fn listed(names: &[&str]) -> String {
    names.join(", ")
}

/// Edit distance between two names, ignoring case and punctuation.
fn slips(name: &str, known: &str) -> usize {
    let plain = |text: &str| -> String {
        text.to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .collect()
    };
    strsim::levenshtein(&plain(name), &plain(known))
}

/// A key as text.
fn written(node: &MarkedYaml<'_>) -> String {
    match converted(node) {
        Value::Text(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Nothing => "null".to_owned(),
        other => other.describe(false),
    }
}

fn converted(node: &MarkedYaml<'_>) -> Value {
    match &node.data {
        YamlData::Value(Scalar::Null) => Value::Nothing,
        YamlData::Value(Scalar::Boolean(value)) => Value::Bool(*value),
        #[expect(clippy::cast_precision_loss, reason = "no setting is that large")]
        YamlData::Value(Scalar::Integer(value)) => Value::Number(*value as f64),
        YamlData::Value(Scalar::FloatingPoint(value)) => Value::Number(value.into_inner()),
        YamlData::Value(Scalar::String(text)) => Value::Text(text.clone().into_owned()),
        YamlData::Sequence(items) => Value::List(items.iter().map(converted).collect()),
        YamlData::Representation(text, ..) => Value::Text(text.clone().into_owned()),
        YamlData::Tagged(_, inner) => converted(inner),
        YamlData::Mapping(_) | YamlData::Alias(_) | YamlData::BadValue => Value::Mapping,
    }
}
