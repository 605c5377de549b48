//! The dashboard has a text in every language for each message of the server.

use std::{fs, path::Path, sync::LazyLock};

use serde_json::Value;

const LANGUAGES: [&str; 2] = ["en", "de"];

static CATALOGUES: LazyLock<[(&str, Value); 2]> = LazyLock::new(|| {
    LANGUAGES.map(|language| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../ui/src/locales")
            .join(language)
            .with_extension("json");
        let text = fs::read_to_string(path).unwrap();
        (language, serde_json::from_str(&text).unwrap())
    })
});

/// The text of a message in each language.
fn texts(group: &str, code: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    CATALOGUES.iter().map(move |(language, catalogue)| {
        let group = group.split('.').fold(catalogue, |found, name| &found[name]);
        let text = group[code].as_str();
        (
            *language,
            text.unwrap_or_else(|| panic!("{language}.json has no text for {code}")),
        )
    })
}

/// Checks that a message of the server has a text in each language, and every value that the text names.
#[track_caller]
pub(crate) fn assert_translated(group: &str, message: &Value) {
    let code = message["code"].as_str().unwrap();
    for (language, text) in texts(group, code) {
        for named in text.split('{').skip(1) {
            let name = named.split('}').next().unwrap();
            assert!(
                !message["params"][name].is_null(),
                "{language}: {code} has no {name}: {message}"
            );
        }
    }
}

#[test]
fn every_code_has_a_text_in_each_language() {
    let document = serde_json::to_value(printlog::api::document()).unwrap();
    for (schema, group) in [
        ("ProblemCode", "errors"),
        ("InvalidCode", "fieldErrors"),
        ("TroubleCode", "health.troubles"),
        ("BuiltInReason", "reasons.builtIn"),
        ("ConnectionTroubleCode", "connection"),
        ("DetailsReason", "details.reasons"),
        ("DatabaseTrouble", "printer.database"),
        ("Capability", "limitations"),
        ("UnchangedJobCode", "unchanged"),
    ] {
        let codes = document["components"]["schemas"][schema]["enum"]
            .as_array()
            .unwrap();
        assert!(codes.len() > 1, "{schema}");
        for code in codes {
            assert!(texts(group, code.as_str().unwrap()).all(|(_, text)| !text.is_empty()));
        }
    }
}

#[test]
fn built_in_reasons_read_in_english_as_they_are_stored() {
    for reason in domain::BuiltInReason::ALL {
        let (_, english) = texts("reasons.builtIn", reason.as_str()).next().unwrap();
        assert_eq!(english, reason.text());
    }
}
