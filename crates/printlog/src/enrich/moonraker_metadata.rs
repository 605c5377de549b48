//! What Moonraker itself knew of a file, for when the file cannot be read.
//!
//! Source: `server.files.metadata`. Several materials are a JSON array in a string since 0.10, `PLA;PLA` before.

use domain::JobId;
use gcode::{GcodeMetadata, Tool};
use serde_json::{Value, json};
use store::{DetailsSource, NewGcodeFile};

use super::stored_file::add_weight;

/// What the metadata of a job says. `None` if it says nothing.
pub(super) fn file(id: JobId, metadata: &Value) -> Option<NewGcodeFile> {
    let gcode = read(metadata);
    if gcode
        == (GcodeMetadata {
            tools: gcode.tools.clone(),
            ..GcodeMetadata::default()
        })
        && gcode.tools.is_empty()
    {
        return None;
    }
    let mut stored = json!({"details": gcode, "tools": gcode.tools, "warnings": []});
    add_weight(&mut stored, &gcode);
    Some(NewGcodeFile {
        // Not of a file that was read: it belongs to this job only.
        file_key: format!("moonraker:{}", id.0),
        content_hash: None,
        source: DetailsSource::Moonraker,
        metadata: stored,
        raw: Some(metadata.clone()),
        thumbnails: Vec::new(),
    })
}

fn read(metadata: &Value) -> GcodeMetadata {
    let number = |name: &str| metadata[name].as_f64().filter(|number| number.is_finite());
    let positive = |name: &str| number(name).filter(|number| *number > 0.0);
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
        reason = "positive, and saturates"
    )]
    GcodeMetadata {
        slicer: text("slicer"),
        slicer_version: text("slicer_version"),
        printer_model: text("printer_model"),
        layer_height: positive("layer_height"),
        first_layer_height: positive("first_layer_height"),
        nozzle_diameter: positive("nozzle_diameter"),
        nozzle_temp_first_layer: positive("first_layer_extr_temp"),
        bed_temp_first_layer: number("first_layer_bed_temp"),
        chamber_temp: positive("chamber_temp"),
        filament_type: main.filament_type,
        filament_name: main.filament_name,
        filament_color: main.filament_color,
        estimated_time: positive("estimated_time").map(|seconds| seconds.round() as u64),
        estimated_filament: positive("filament_weight_total"),
        filament_used_mm: positive("filament_total"),
        layer_count: positive("layer_count").map(|count| count as u32),
        object_height: positive("object_height"),
        tools,
        ..GcodeMetadata::default()
    }
}

fn tools(metadata: &Value) -> Vec<Tool> {
    let types = list(&metadata["filament_type"]);
    let names = list(&metadata["filament_name"]);
    let colours = list(&metadata["filament_colors"]);
    let weights: Vec<Option<f64>> = metadata["filament_weights"]
        .as_array()
        .map(|weights| weights.iter().map(Value::as_f64).collect())
        .unwrap_or_default();
    let count = types.len().max(names.len()).max(colours.len());
    let at = |values: &[String], index: usize| values.get(index).filter(|value| !value.is_empty()).cloned();
    let referenced: Option<Vec<u64>> = metadata["referenced_tools"]
        .as_array()
        .map(|tools| tools.iter().filter_map(Value::as_u64).collect());
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

/// An array, a string that contains one, `a;b`, or a plain text.
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

    #[test]
    fn what_moonraker_knows_of_every_file_is_nothing() {
        assert_eq!(
            file(JobId(1), &json!({"size": 5, "modified": 1.0, "uuid": "x"})),
            None
        );
    }
}
