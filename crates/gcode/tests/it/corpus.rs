//! The slicer corpus beside the checkout, read in place, and the rules for comparing with its truth.

use std::fs;
use std::path::{Path, PathBuf};

use gcode::Parsed;
use serde_json::{Map, Value};

/// The schema fields of `expected/*.json`, which are names of the serialised details.
pub(crate) const FIELDS: [&str; 24] = [
    "slicer",
    "slicer_version",
    "layer_height",
    "first_layer_height",
    "nozzle_temp",
    "nozzle_temp_first_layer",
    "bed_temp",
    "bed_temp_first_layer",
    "print_speed",
    "infill_percentage",
    "infill_pattern",
    "support_enabled",
    "support_type",
    "filament_type",
    "filament_brand",
    "filament_color",
    "estimated_time",
    "estimated_filament",
    "filament_used_mm",
    "filament_cost",
    "layer_count",
    "object_height",
    "nozzle_diameter",
    "printer_model",
];

/// One file of the corpus.
pub(crate) struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
    pub expected: Value,
    /// What Moonraker returned: for the original file where there is one, else for the stored one.
    pub moonraker: Value,
}

/// How a value compares with the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Stated, and the value or an alternative was found.
    Right,
    /// Stated, and something else was found.
    Wrong,
    /// Stated, and nothing was found.
    Blind,
    /// Not stated, and nothing or an accepted derived value was found.
    Silent,
    /// Not stated, and a value was found.
    Invented,
}

impl Verdict {
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Right | Self::Silent)
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/gcode")
}

/// All samples in order of their names; `None` when the corpus is absent.
pub(crate) fn samples() -> Option<Vec<Sample>> {
    let folder = folder();
    let mut names: Vec<String> = fs::read_dir(folder.join("expected"))
        .ok()?
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .into_string()
                .ok()?
                .strip_suffix(".json")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    let json = |kind: &str, name: &str| {
        let text = fs::read_to_string(folder.join(kind).join(format!("{name}.json"))).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    };
    let samples = names.into_iter().map(|name| {
        let answers: Value = json("moonraker", &name);
        let moonraker = match &answers["on_original_file"] {
            Value::Object(_) => answers["on_original_file"].clone(),
            _ => answers["on_stored_file"].clone(),
        };
        Sample {
            bytes: fs::read(folder.join("files").join(&name)).expect("a file of the corpus"),
            expected: json("expected", &name),
            moonraker,
            name,
        }
    });
    Some(samples.collect())
}

/// The details as they are serialised.
pub(crate) fn details(parsed: &Parsed) -> Map<String, Value> {
    match serde_json::to_value(&parsed.metadata) {
        Ok(Value::Object(details)) => details,
        _ => Map::new(),
    }
}

impl Sample {
    /// Compares one field with the truth.
    pub(crate) fn verdict(&self, field: &str, actual: &Value) -> Verdict {
        let truth = &self.expected["fields"][field];
        let alternatives = self.expected["alternatives"][field].as_array();
        let accepted = equal(truth, actual)
            || alternatives.is_some_and(|list| list.iter().any(|alternative| equal(alternative, actual)));
        match (accepted, truth.is_null(), actual.is_null()) {
            (true, false, _) => Verdict::Right,
            (true, true, _) => Verdict::Silent,
            (false, true, _) => Verdict::Invented,
            (false, false, true) => Verdict::Blind,
            (false, false, false) => Verdict::Wrong,
        }
    }

    /// Moonraker's answer for one of our fields; `None` for fields that it does not have.
    pub(crate) fn moonraker_value(&self, field: &str) -> Option<Value> {
        let key = match field {
            "slicer" | "slicer_version" | "layer_height" | "first_layer_height" | "estimated_time"
            | "layer_count" | "object_height" | "nozzle_diameter" | "printer_model" => field,
            "nozzle_temp_first_layer" => "first_layer_extr_temp",
            "bed_temp_first_layer" => "first_layer_bed_temp",
            "estimated_filament" => "filament_weight_total",
            "filament_used_mm" => "filament_total",
            "filament_type" => return Some(self.first_of_list("filament_type")),
            _ => return None,
        };
        let value = self.moonraker[key].clone();
        let unknown = field == "slicer" && value == "Unknown";
        Some(if unknown { Value::Null } else { value })
    }

    /// Moonraker answers with the text of a JSON list; it is right when it lists the main material.
    fn first_of_list(&self, key: &str) -> Value {
        let Some(text) = self.moonraker[key].as_str() else {
            return Value::Null;
        };
        let list: Vec<String> =
            serde_json::from_str(text).unwrap_or_else(|_| text.split(';').map(str::to_owned).collect());
        let truth = self.expected["fields"]["filament_type"].as_str();
        let main = list
            .iter()
            .find(|member| Some(member.as_str()) == truth)
            .or(list.first());
        main.cloned().map_or(Value::Null, Value::from)
    }

    pub(crate) fn is_robustness_only(&self) -> bool {
        self.expected["robustness_only"] == true
    }

    pub(crate) fn family(&self) -> &str {
        self.expected["family"].as_str().unwrap_or("none")
    }
}

fn equal(expected: &Value, actual: &Value) -> bool {
    match (expected.as_f64(), actual.as_f64()) {
        (Some(expected), Some(actual)) => (expected - actual).abs() <= 1e-6 * expected.abs().max(1.0),
        _ => expected == actual,
    }
}
