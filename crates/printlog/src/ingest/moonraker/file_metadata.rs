//! Moonraker's metadata of a G-code file, as jobs store it.
//!
//! Source: `server.files.metadata`. Several materials are a JSON array in a string since 0.10, `PLA;PLA` before.

use gcode::{GcodeMetadata, MovesHint, Quantity, Tool};
use moonraker::lenient::{known_count, known_number};
use serde_json::Value;

/// What identifies a file.
pub(crate) struct FileFacts {
    /// Size in bytes.
    pub(crate) size: Option<u64>,
    /// Modification time in Unix seconds.
    pub(crate) modified: Option<i64>,
    /// New for each upload.
    pub(crate) uuid: Option<String>,
    /// Byte range of the moves in the file.
    pub(crate) moves: MovesHint,
}

impl FileFacts {
    pub(crate) fn new(metadata: &Value) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates; whole seconds are needed"
        )]
        let modified = known_number(&metadata["modified"]).map(|seconds| seconds.floor() as i64);
        Self {
            size: known_count(&metadata["size"]),
            modified,
            uuid: metadata["uuid"].as_str().map(str::to_owned),
            moves: MovesHint {
                start: known_count(&metadata["gcode_start_byte"]),
                end: known_count(&metadata["gcode_end_byte"]),
            },
        }
    }
}

/// What Moonraker's parser found in the file.
pub(crate) fn slicer_data(metadata: &Value) -> GcodeMetadata {
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
            // Of equal weights, the first tool counts.
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
    use serde_json::json;

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
}
