//! The slicer corpus next to the checkout, read in place, and the rules for comparing with its truth.

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
    /// Moonraker's metadata: for the original file if it exists, else for the stored one.
    pub moonraker: Value,
}

/// How a value compares with the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The truth has a value, and it or an accepted alternative was found.
    Right,
    /// The truth has a value, and another one was found.
    Wrong,
    /// The truth has a value, and none was found.
    Blind,
    /// The truth has no value, and none or an accepted derived value was found.
    Silent,
    /// The truth has no value, and one was found.
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

/// All samples in order of their names. `None` if the corpus is absent.
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
    let samples = names.into_iter().map(|name| Sample {
        bytes: fs::read(folder.join("files").join(&name)).expect("a file of the corpus"),
        expected: json("expected", &name),
        moonraker: json("moonraker", &name)["verdict_on_original_or_stored"].clone(),
        name,
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

    /// How Moonraker's value compares, as the corpus judges it. `None` for fields that Moonraker does not have.
    pub(crate) fn moonraker_verdict(&self, field: &str) -> Option<Verdict> {
        let key = match field {
            "nozzle_temp_first_layer" => "first_layer_extr_temp",
            "bed_temp_first_layer" => "first_layer_bed_temp",
            "estimated_filament" => "filament_weight_total",
            "filament_used_mm" => "filament_total",
            "filament_color" => "filament_colors",
            field => field,
        };
        let stated = !self.expected["fields"][field].is_null();
        Some(match (self.moonraker[key].as_str()?, stated) {
            ("agree", true) => Verdict::Right,
            ("wrong", true) => Verdict::Wrong,
            ("blind", true) => Verdict::Blind,
            // Correct derived values earn nothing; wrong ones count as invented.
            ("wrong" | "extra", false) => Verdict::Invented,
            _ => Verdict::Silent,
        })
    }

    pub(crate) fn is_robustness_only(&self) -> bool {
        self.expected["robustness_only"] == true
    }
}

fn equal(expected: &Value, actual: &Value) -> bool {
    match (expected.as_f64(), actual.as_f64()) {
        (Some(expected), Some(actual)) => (expected - actual).abs() <= 1e-6 * expected.abs().max(1.0),
        _ => expected == actual,
    }
}
