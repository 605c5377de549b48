//! Details from the printer's own metadata of a file, used when the file cannot be read.

use domain::JobId;
use gcode::{GcodeMetadata, Parsed, StoredMetadata};
use serde_json::{Value, json};
use store::{DetailsSource, NewGcodeFile};

use crate::ingest::moonraker::file_metadata;

/// The details contained in a job's metadata. `None` if there are none.
pub(super) fn file(id: JobId, metadata: &Value) -> Option<NewGcodeFile> {
    let mut gcode = file_metadata::slicer_data(metadata);
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
    let stored = StoredMetadata::new(Parsed {
        metadata: gcode,
        warnings,
    });
    Some(NewGcodeFile {
        // The key makes the details specific to this job: they do not come from a file that other jobs can share.
        file_key: format!("moonraker:{}", id.0),
        content_hash: None,
        source: DetailsSource::Moonraker,
        metadata: json!(stored),
        raw: Some(metadata.clone()),
        thumbnails: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_moonraker_reports_of_every_file_is_no_detail() {
        assert_eq!(
            file(JobId(1), &json!({"size": 5, "modified": 1.0, "uuid": "x"})),
            None
        );
    }
}
