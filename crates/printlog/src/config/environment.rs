//! Reads `PRINTLOG_<SECTION>__<KEY>` variables.

use std::ffi::OsString;

use crate::config::{
    Entries,
    error::Problems,
    file::unknown,
    settings::{self, Setting, settings},
    value::{Found, Origin, Value},
};

const PREFIX: &str = "PRINTLOG_";
/// Variables with this prefix are read by the tests only.
const TEST_PREFIX: &str = "PRINTLOG_TEST_";

/// Adds the values of the variables to `entries`, replacing existing ones.
///
/// Other variables that start with `PRINTLOG_` are ignored: Kubernetes sets some for a service of that name.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    entries: &mut Entries,
    problems: &mut Problems,
) {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX))
        .collect();
    ours.sort();
    for (name, value) in ours {
        let origin = Origin::Environment(name.clone());
        let Some((section, key)) = name[PREFIX.len()..].split_once("__") else {
            if let Some(meant) = one_underscore(&name) {
                problems.add(
                    &origin,
                    format_args!("not a setting; it needs two underscores: {meant}"),
                );
            }
            continue;
        };
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        if settings::keys(&section).is_empty() {
            problems.add(
                &origin,
                unknown(&section, "printlog's configuration", &settings::sections()),
            );
            continue;
        }
        let Some(setting) = settings::find(&section, &key) else {
            problems.add(
                &origin,
                unknown(&key, &format!("`{section}`"), &settings::keys(&section)),
            );
            continue;
        };
        match value.into_string() {
            Ok(value) => {
                let found = Found {
                    value: Value::Raw(value),
                    origin,
                };
                entries.insert((setting.section, setting.key), found);
            }
            Err(_) => problems.add(&origin, "the value is not UTF-8 text"),
        }
    }
}

/// The variable that was meant by a name with one underscore instead of two.
fn one_underscore(name: &str) -> Option<String> {
    settings()
        .map(Setting::variable)
        .find(|variable| variable.replace("__", "_") == name)
}
