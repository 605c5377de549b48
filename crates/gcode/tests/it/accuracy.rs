//! Compares all fields of all corpus files with the known truth.

use serde_json::Value;

use crate::corpus::{self, FIELDS, Sample, Verdict};

/// The samples of the corpus, or a clear message that it is absent.
pub(crate) fn samples() -> Vec<Sample> {
    corpus::samples().unwrap_or_else(|| {
        println!("SKIPPED: no slicer corpus at {}", corpus::folder().display());
        Vec::new()
    })
}

/// Values that the files have but the truth does not.
///
/// Slic3r 1.3.0 prints `filament used = 6.4g`; SuperSlicer's `perimeter_speed = 60%` refers to `default_speed`.
const STATED_BUT_NOT_IN_THE_TRUTH: [(&str, &str, f64); 2] = [
    ("slic3r_1.3.0_deb_cube.gcode", "estimated_filament", 6.4),
    ("superslicer_2.4_trident_voron_cube.gcode", "print_speed", 33.0),
];

fn is_stated(sample: &Sample, field: &str, actual: &Value) -> bool {
    STATED_BUT_NOT_IN_THE_TRUTH.iter().any(|(name, stated, value)| {
        *name == sample.name && *stated == field && actual.as_f64() == Some(*value)
    })
}

#[test]
fn every_field_of_every_file_is_right() {
    let mut misses = Vec::new();
    let mut values = 0;
    for sample in samples().iter().filter(|sample| !sample.is_robustness_only()) {
        let parsed = gcode::parse(&sample.bytes, b"", None);
        let details = corpus::details(&parsed);
        for field in FIELDS {
            let actual = &details[field];
            values += 1;
            let verdict = sample.verdict(field, actual);
            if !verdict.is_good() && !is_stated(sample, field, actual) {
                let truth = &sample.expected["fields"][field];
                misses.push(format!(
                    "{}: {field}: {verdict:?}: {actual}, truth {truth}",
                    sample.name
                ));
            }
        }
    }
    assert!(
        misses.is_empty(),
        "{} of {values} values differ:\n{}",
        misses.len(),
        misses.join("\n")
    );
}

#[test]
fn printlog_is_right_wherever_moonraker_is() {
    let mut misses = Vec::new();
    for sample in samples() {
        let details = corpus::details(&gcode::parse(&sample.bytes, b"", None));
        for field in FIELDS {
            if sample.moonraker_verdict(field) == Some(Verdict::Right)
                && !sample.verdict(field, &details[field]).is_good()
            {
                misses.push(format!("{}: {field}", sample.name));
            }
        }
    }
    assert!(
        misses.is_empty(),
        "Moonraker is right and we are not:\n{}",
        misses.join("\n")
    );
}
