//! The estimated end of a print.

use serde_json::{Value, json};

use super::{
    Scene,
    frames::{history_change, row, stats},
};

#[tokio::test]
async fn an_eta_is_never_in_the_past() {
    let scene = Scene::set().await;
    let mut started = row("000001", "a.gcode", "in_progress", 0.5, None, 0.2);
    started["metadata"] = json!({ "estimated_time": 100.0 });
    let mut script = stats(
        0.5,
        &json!({ "state": "printing", "filename": "a.gcode", "total_duration": 0.3, "print_duration": 0.1 }),
    );
    script += &history_change(0.55, "added", &started);
    script += &stats(11.0, &json!({ "total_duration": 10.5, "print_duration": 10.0 }));
    let printer = scene.play(&script).await;
    scene.pass(2.0);
    scene
        .play_on(
            &printer,
            "{\"at\": 14, \"status\": {\"extruder\": {\"temperature\": 200}}}",
        )
        .await;
    let eta = scene.status(&printer).await["job"]["eta"].clone();
    let eta: jiff::Timestamp = eta.as_str().unwrap().parse().unwrap();
    let left = eta.duration_since(scene.now()).as_secs();
    assert!((60..=90).contains(&left), "{left}");
    // No frame arrives for longer than the estimated print time.
    scene.pass(200.0);
    assert_eq!(scene.status(&printer).await["job"]["eta"], Value::Null);
    // The print takes longer than the slicer's estimate.
    scene
        .play_on(
            &printer,
            &stats(
                300.0,
                &json!({ "total_duration": 299.0, "print_duration": 290.0 }),
            ),
        )
        .await;
    scene.pass(2.0);
    scene
        .play_on(
            &printer,
            "{\"at\": 303, \"status\": {\"extruder\": {\"temperature\": 201}}}",
        )
        .await;
    let job = scene.status(&printer).await["job"].clone();
    assert_eq!(job["print_duration"], 290.0, "{job:#}");
    assert_eq!(job["eta"], Value::Null);
}
