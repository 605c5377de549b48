//! Details from Moonraker's own metadata, used when the file cannot be read.
//!
//! Source: `server.files.metadata`. Several materials are a JSON array in a string since 0.10, `PLA;PLA` before.

use domain::JobId;
use gcode::{GcodeMetadata, Quantity, Tool};
use moonraker::lenient::known_number;
use serde_json::{Value, json};
use store::{DetailsSource, NewGcodeFile};

use crate::details::stored_file::add_weight;

/// The details contained in a job's metadata. `None` if there are none.
pub(super) fn file(id: JobId, metadata: &Value) -> Option<NewGcodeFile> {
    let mut gcode = read(metadata);
    let warnings = gcode.drop_impossible();
    if gcode
        == (GcodeMetadata {
            tools: gcode.tools.clone(),
            ..GcodeMetadata::default()
        })
        && gcode.tools.is_empty()
    {
        return None;
    }
    let mut stored = json!({"details": gcode, "tools": gcode.tools, "warnings": warnings});
    add_weight(&mut stored, &gcode);
    Some(NewGcodeFile {
        // The key makes the details specific to this job: they do not come from a file that other jobs can share.
        file_key: format!("moonraker:{}", id.0),
        content_hash: None,
        source: DetailsSource::Moonraker,
        metadata: stored,
        raw: Some(metadata.clone()),
        thumbnails: Vec::new(),
    })
}

fn read(metadata: &Value) -> GcodeMetadata {
    let number = |name: &str, quantity: Quantity| number(&metadata[name], quantity);
    // For these fields 0 means unknown.
    let positive = |name: &str, quantity: Quantity| number(name, quantity).filter(|number| *number > 0.0);
    let text = |name: &str| {
        metadata[name]
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty() && *text != "Unknown")
            .map(str::to_owned)
    };
    let tools = tools(metadata);
    let heaviest = tools
        .iter()
        .enumerate()
        .filter_map(|(index, tool)| Some((index, tool.used_g?)))
        .fold(None, |best: Option<(usize, f64)>, this| match best {
            Some(best) if best.1 >= this.1 => Some(best),
            _ => Some(this),
        })
        .map_or(0, |(index, _)| index);
    let main = tools.get(heaviest).cloned().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in the range of the quantity"
    )]
    GcodeMetadata {
        slicer: text("slicer"),
        slicer_version: text("slicer_version"),
        printer_model: text("printer_model"),
        layer_height: number("layer_height", Quantity::LayerHeight),
        first_layer_height: number("first_layer_height", Quantity::LayerHeight),
        nozzle_diameter: number("nozzle_diameter", Quantity::NozzleDiameter),
        nozzle_temp_first_layer: positive("first_layer_extr_temp", Quantity::NozzleTemp),
        bed_temp_first_layer: number("first_layer_bed_temp", Quantity::BedTemp),
        chamber_temp: number("chamber_temp", Quantity::ChamberTemp),
        filament_type: main.filament_type,
        filament_name: main.filament_name,
        filament_color: main.filament_color,
        estimated_time: positive("estimated_time", Quantity::Duration).map(|seconds| seconds.round() as u64),
        estimated_filament: positive("filament_weight_total", Quantity::Weight),
        filament_used_mm: positive("filament_total", Quantity::Length),
        layer_count: number("layer_count", Quantity::Layers)
            .filter(|count| count.fract() == 0.0)
            .map(|count| count as u32),
        object_height: positive("object_height", Quantity::ObjectHeight),
        tools,
        ..GcodeMetadata::default()
    }
}

/// A number, or text that contains one, within the valid range of its quantity.
fn number(value: &Value, quantity: Quantity) -> Option<f64> {
    quantity.accept(known_number(value)?)
}

fn tools(metadata: &Value) -> Vec<Tool> {
    let types = list(&metadata["filament_type"]);
    let names = list(&metadata["filament_name"]);
    let colours = list(&metadata["filament_colors"]);
    let weights: Vec<Option<f64>> = metadata["filament_weights"]
        .as_array()
        .map(|weights| {
            weights
                .iter()
                .map(|weight| number(weight, Quantity::Weight))
                .collect()
        })
        .unwrap_or_default();
    let count = types.len().max(names.len()).max(colours.len());
    let at = |values: &[String], index: usize| values.get(index).filter(|value| !value.is_empty()).cloned();
    let referenced: Option<Vec<u64>> = metadata["referenced_tools"]
        .as_array()
        .and_then(|tools| tools.iter().map(index).collect());
    (0..count)
        .map(|index| Tool {
            index,
            used: referenced.as_ref().map(|tools| tools.contains(&(index as u64))),
            filament_type: at(&types, index),
            filament_name: at(&names, index),
            filament_color: at(&colours, index),
            used_g: weights.get(index).copied().flatten(),
            ..Tool::default()
        })
        .collect()
}

/// Index of a tool, from 0. A list with any other value does not identify the tools.
fn index(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64(),
    }
}

/// Reads an array, a string that contains a JSON array, `a;b`, or plain text.
fn list(value: &Value) -> Vec<String> {
    let clean = |text: &str| text.trim().trim_matches('"').trim().to_owned();
    let array = |values: &[Value]| {
        values
            .iter()
            .map(|value| clean(value.as_str().unwrap_or_default()))
            .collect()
    };
    match value {
        Value::Array(values) => array(values),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Array(values)) => array(&values),
            _ if text.trim().is_empty() => Vec::new(),
            _ => text.split(';').map(clean).collect(),
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_list_is_read() {
        assert_eq!(list(&json!("[\"PLA\", \"PETG\"]")), ["PLA", "PETG"]);
        assert_eq!(list(&json!("PLA;PETG")), ["PLA", "PETG"]);
        assert_eq!(
            list(&json!("\"Generic PLA\";\"Generic PETG\"")),
            ["Generic PLA", "Generic PETG"]
        );
        assert_eq!(list(&json!("PLA")), ["PLA"]);
        assert!(list(&json!("")).is_empty());
    }

    #[test]
    fn the_heaviest_material_is_the_main_one() {
        let metadata = json!({
            "filament_type": "[\"PLA\", \"PETG\"]", "filament_weights": [1.0, 7.5],
            "filament_weight_total": 8.5, "filament_total": 2800.0, "estimated_time": 60
        });
        let file = file(JobId(1), &metadata).unwrap();
        assert_eq!(file.job_details().filament_type.as_deref(), Some("PETG"));
        assert_eq!(file.job_details().estimated_filament, Some(8.5));
        assert_eq!(file.metadata["weight_source"], "slicer_ratio");
    }

    fn details(metadata: &Value) -> Value {
        file(JobId(1), metadata).map_or(Value::Null, |file| file.metadata["details"].clone())
    }

    #[test]
    fn numbers_as_text_are_numbers() {
        let details = details(&json!({
            "estimated_time": "990", "filament_total": "3600.5", "layer_count": "192", "object_height": " 48.0 ",
            "layer_height": "0.25", "filament_type": "PLA"
        }));
        assert_eq!(details["estimated_time"], 990);
        assert_eq!(details["filament_used_mm"], 3600.5);
        assert_eq!(details["layer_count"], 192);
        assert_eq!(details["object_height"], 48.0);
        assert_eq!(details["layer_height"], 0.25);
        let metadata = json!({
            "filament_type": "PLA;PETG", "filament_weights": ["1.0", "7.5"], "referenced_tools": ["0", "1"]
        });
        let file = file(JobId(1), &metadata).unwrap();
        assert_eq!(file.metadata["details"]["filament_type"], "PETG");
        for (index, grams) in [(0, 1.0), (1, 7.5)] {
            assert_eq!(file.metadata["tools"][index]["used"], true);
            assert_eq!(file.metadata["tools"][index]["used_g"], grams);
        }
    }

    #[test]
    fn what_is_no_number_or_cannot_be_is_null() {
        let impossible = [
            json!("0x10"),
            json!("1e999"),
            json!("5mm or so"),
            json!("0,28"),
            json!("nan"),
            json!(""),
            json!(-0.2),
            json!(1e30),
            json!(true),
            json!([1]),
            json!({}),
            json!(null),
        ];
        for value in impossible {
            let details = details(&json!({
                "slicer": "x", "layer_height": value, "first_layer_height": value, "nozzle_diameter": value,
                "first_layer_extr_temp": value, "first_layer_bed_temp": value, "chamber_temp": value,
                "estimated_time": value, "filament_weight_total": value, "filament_total": value,
                "layer_count": value, "object_height": value, "filament_weights": [value], "filament_type": "PLA"
            }));
            for (field, read) in details.as_object().unwrap() {
                if !["slicer", "filament_type", "speeds", "objects"].contains(&field.as_str()) {
                    assert!(read.is_null(), "{field} of {value}: {read}");
                }
            }
        }
    }

    #[test]
    fn a_height_that_the_layers_cannot_have_is_null() {
        let height = |height: f64, layers: u32, layer: f64| {
            details(&json!({"layer_count": layers, "object_height": height, "layer_height": layer}))["object_height"].clone()
        };
        assert_eq!(height(5.0, 300, 0.2), Value::Null);
        assert_eq!(height(5.0, 401, 0.24), Value::Null);
        assert_eq!(height(250.0, 1, 0.2), Value::Null);
        assert_eq!(height(60.0, 300, 0.2), 60.0);
    }

    #[test]
    fn an_impossible_weight_per_metre_is_replaced_by_the_usual_one() {
        let metadata =
            json!({"filament_type": "PLA", "filament_total": 10_000.0, "filament_weight_total": 58.8});
        let file = file(JobId(1), &metadata).unwrap();
        assert_eq!(file.metadata["weight_source"], "usual_density");
        let grams = file.metadata["grams_per_mm"].as_f64().unwrap() * 20_000.0;
        assert!((grams - 59.65).abs() < 0.1, "{grams}");
    }

    #[test]
    fn what_moonraker_knows_of_every_file_is_nothing() {
        assert_eq!(
            file(JobId(1), &json!({"size": 5, "modified": 1.0, "uuid": "x"})),
            None
        );
    }
}
