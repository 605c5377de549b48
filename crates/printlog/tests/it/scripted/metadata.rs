//! Moonraker's metadata of deleted files: its values are checked for plausibility like those of slicer files.

use serde_json::{Value, json};

use super::{Scene, frames::row};

/// A printer's history: for each metadata, one completed job of 20 m of filament.
fn history(metadata: &[Value]) -> String {
    let rows: Vec<Value> = metadata
        .iter()
        .enumerate()
        .map(|(index, metadata)| {
            let start = -9000.0 + 1000.0 * index as f64;
            let id = format!("{:06}", index + 1);
            let mut row = row(
                &id,
                &format!("part{index}.gcode"),
                "completed",
                start,
                Some(start + 900.0),
                900.0,
            );
            row["filament_used"] = json!(20_000.0);
            row["metadata"] = metadata.clone();
            row
        })
        .collect();
    json!({ "at": -1, "list": rows }).to_string() + "\n"
}

/// The jobs of these files, after their details were added.
async fn jobs(scene: &Scene, metadata: &[Value]) -> Vec<Value> {
    let printer = scene.play(&history(metadata)).await;
    scene
        .wait_for_jobs(&printer, |jobs| {
            jobs.len() == metadata.len() && jobs.iter().all(|job| job["details"].is_object())
        })
        .await
}

#[tokio::test]
async fn a_weight_per_metre_that_cannot_be_is_estimated_by_the_material() {
    let scene = Scene::set().await;
    let jobs = jobs(
        &scene,
        &[
            json!({"filament_type": "PLA", "filament_total": 10_000.0, "filament_weight_total": 58.8}),
            json!({"filament_type": "PETG", "filament_total": 10_000.0, "filament_weight_total": 3.0}),
            json!({"filament_type": "PLA", "filament_total": 10_000.0, "filament_weight_total": 29.8}),
            json!({"filament_total": 10_000.0, "filament_weight_total": 5_000.0}),
        ],
    )
    .await;
    let weights: Vec<_> = jobs
        .iter()
        .map(|job| {
            let details = &job["details"];
            (
                details["filament_used_g"].as_f64().map(f64::round),
                details["filament_used_g_source"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        weights,
        [
            (Some(60.0), Some("usual_density")),
            (Some(61.0), Some("usual_density")),
            (Some(60.0), Some("slicer_ratio")),
            (None, None),
        ]
    );
    let summary = scene.app.get("/api/analytics/summary").await.expect(200).json();
    let estimated = find(&summary, "filament_g_estimated")
        .and_then(Value::as_f64)
        .unwrap();
    assert!((120.0..121.5).contains(&estimated), "{summary}");
}

/// The first value with this name, at any depth.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields
            .get(name)
            .filter(|value| !value.is_null())
            .or_else(|| fields.values().find_map(|value| find(value, name))),
        _ => None,
    }
}

#[tokio::test]
async fn numbers_are_read_as_a_whole_and_within_their_range() {
    let scene = Scene::set().await;
    let layers = |layer_count: u32, object_height: f64, layer_height: f64| json!({"slicer": "x", "layer_count": layer_count, "object_height": object_height, "layer_height": layer_height});
    let text = json!({
        "slicer": "Example", "estimated_time": "990", "filament_total": "3600.5", "layer_count": "192",
        "object_height": "48.0", "layer_height": "0.25", "filament_type": "PLA",
    });
    let garbage = json!({
        "slicer": "Example", "estimated_time": "1e999", "filament_total": "5mm or so", "layer_count": -4,
        "object_height": 1e9, "layer_height": "0,28", "first_layer_height": -0.2, "nozzle_diameter": "0x10",
        "first_layer_extr_temp": 1e5, "first_layer_bed_temp": 9999,
    });
    let jobs = jobs(
        &scene,
        &[
            text,
            garbage,
            layers(300, 5.0, 0.2),
            layers(401, 5.0, 0.24),
            layers(300, 60.0, 0.2),
        ],
    )
    .await;
    let details: Vec<&Value> = jobs.iter().map(|job| &job["details"]).collect();
    for (field, value) in [
        ("estimated_time", json!(990)),
        ("filament_used_mm", json!(3600.5)),
        ("layer_count", json!(192)),
        ("object_height", json!(48.0)),
        ("layer_height", json!(0.25)),
    ] {
        assert_eq!(details[0][field].as_f64(), value.as_f64(), "{field}");
    }
    for field in [
        "estimated_time",
        "filament_used_mm",
        "layer_count",
        "object_height",
        "layer_height",
        "first_layer_height",
        "nozzle_diameter",
        "nozzle_temp_first_layer",
        "bed_temp_first_layer",
    ] {
        assert_eq!(details[1][field], Value::Null, "{field}");
    }
    let heights: Vec<_> = details[2..]
        .iter()
        .map(|details| details["object_height"].as_f64())
        .collect();
    assert_eq!(heights, [None, None, Some(60.0)]);
}
