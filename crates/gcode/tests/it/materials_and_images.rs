//! Per-tool values and thumbnails of the corpus.

use gcode::Tool;
use serde_json::Value;

use crate::accuracy::samples;

fn value(tool: &Tool, key: &str) -> Option<Value> {
    let number = |value: Option<f64>| value.map_or(Value::Null, Value::from);
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::from);
    Some(match key {
        "filament_type" => text(&tool.filament_type),
        "filament_brand" => text(&tool.filament_brand),
        "filament_color" => text(&tool.filament_color),
        "nozzle_temp" => number(tool.nozzle_temp),
        "nozzle_temp_first_layer" => number(tool.nozzle_temp_first_layer),
        "bed_temp" => number(tool.bed_temp),
        "filament_used_mm" => number(tool.used_mm),
        "filament_used_cm3" => number(tool.used_cm3),
        "filament_used_g" => number(tool.used_g),
        "filament_cost" => number(tool.cost),
        _ => return None,
    })
}

fn same(truth: &Value, actual: &Value) -> bool {
    match (truth.as_f64(), actual.as_f64()) {
        (Some(truth), Some(actual)) => (truth - actual).abs() < 1e-6,
        // Placeholders, and weights of zero without a density, are unknown.
        (Some(0.0), None) => actual.is_null(),
        _ => truth == actual || truth.as_str().is_some_and(|text| text.starts_with('(')) && actual.is_null(),
    }
}

#[test]
fn every_tool_is_right() {
    let mut misses = Vec::new();
    for sample in samples().iter().filter(|sample| !sample.is_robustness_only()) {
        let metadata = gcode::parse(&sample.bytes, b"", None).metadata;
        let Some(lists) = sample.expected["per_extruder"].as_object() else {
            continue;
        };
        for (key, list) in lists {
            let Some(list) = list.as_array() else { continue };
            // Slic3r 1.2 prints one volume for all extruders.
            if key == "filament_used_cm3"
                && Some(list.len()) < lists["filament_used_mm"].as_array().map(Vec::len)
            {
                continue;
            }
            for (index, truth) in list.iter().enumerate() {
                let tool = metadata.tools.iter().find(|tool| tool.index == index);
                let actual = tool.map_or(Some(Value::Null), |tool| value(tool, key));
                if let Some(actual) = actual.filter(|actual| !same(truth, actual)) {
                    misses.push(format!(
                        "{}: tool {index} {key}: {actual}, truth {truth}",
                        sample.name
                    ));
                }
            }
        }
    }
    assert!(
        misses.is_empty(),
        "{} differ:\n{}",
        misses.len(),
        misses.join("\n")
    );
}

#[test]
fn every_thumbnail_is_found() {
    let mut misses = Vec::new();
    for sample in samples() {
        let thumbnails = gcode::parse(&sample.bytes, b"", None).metadata.thumbnails;
        let found: Vec<Value> = thumbnails
            .iter()
            .map(|image| serde_json::json!([image.width, image.height, image.format, image.data.len()]))
            .collect();
        for truth in sample.expected["thumbnails"].as_array().into_iter().flatten() {
            let member = truth["container_member"].as_str().unwrap_or_default();
            // If there are several plates, only the images of the first are read.
            let other_plate = member.contains("_2");
            let wanted =
                serde_json::json!([truth["width"], truth["height"], truth["format"], truth["bytes"]]);
            if !other_plate && !found.contains(&wanted) {
                misses.push(format!("{}: {wanted} {member}", sample.name));
            }
        }
    }
    assert!(
        misses.is_empty(),
        "{} missing:\n{}",
        misses.len(),
        misses.join("\n")
    );
}
