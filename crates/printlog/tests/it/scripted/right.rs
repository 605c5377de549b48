//! Calls that Moonrakers refuse and frames that they garble, without the loss of a print.

use domain::{JobStatus, Source};
use serde_json::json;

use super::{
    Scene,
    frames::{history_change, row, stats},
};

/// A print of 7.8 s, reported by `print_stats` only, with `disturbance` during the print.
fn print_with(disturbance: &str) -> String {
    stats(
        0.5,
        &json!({ "state": "printing", "filename": "bracket.gcode", "total_duration": 0.3 }),
    ) + &stats(3.0, &json!({ "total_duration": 2.8, "print_duration": 2.0 }))
        + disturbance
        + &stats(
            7.0,
            &json!({ "total_duration": 6.8, "print_duration": 6.0, "filament_used": 55.0 }),
        )
        + &stats(8.0, &json!({ "state": "complete", "total_duration": 7.8 }))
}

async fn is_one_completed_job(script: &str) {
    let scene = Scene::set().await;
    let printer = scene.play(script).await;
    let [jobs] = scene.end([&printer]).await;
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    let job = &jobs[0];
    assert_eq!(job.status, JobStatus::Completed, "{job:#?}");
    assert_eq!(job.filename.as_deref(), Some("bracket.gcode"));
    assert_eq!(job.figures.total_duration, Some(7.8));
    assert_eq!(job.end_source, Some(Source::PrintStats));
}

#[tokio::test]
async fn a_print_that_only_print_stats_tells_of() {
    is_one_completed_job(&print_with("")).await;
}

#[tokio::test]
async fn a_state_of_klippy_that_is_null_or_unheard_of() {
    for word in [json!(null), json!("busy"), json!(""), json!(5)] {
        let odd = json!({ "at": 4, "status": { "webhooks": { "state": word } } }).to_string() + "\n";
        let ready = json!({ "at": 6.5, "status": { "webhooks": { "state": "ready" } } }).to_string() + "\n";
        is_one_completed_job(&print_with(&(odd + &ready))).await;
    }
}

#[tokio::test]
async fn a_host_that_does_not_tell_the_time() {
    let refused = r#"{"at": -1, "error": {"machine.proc_stats": [-32601, "Method not found"]}}"#;
    is_one_completed_job(&format!("{refused}\n{}", print_with(""))).await;
}

#[tokio::test]
async fn a_moonraker_without_a_history_or_a_list_of_objects() {
    for refused in [
        r#"{"server.history.*": [-32601, "Method not found"]}"#,
        r#"{"server.history.*": [500, "database disk image is malformed"]}"#,
        r#"{"printer.objects.list": [-32601, "Method not found"]}"#,
        r#"{"server.files.*": [404, "Not Found"]}"#,
    ] {
        let refused = format!("{{\"at\": -1, \"error\": {refused}}}\n");
        is_one_completed_job(&(refused + &print_with(""))).await;
    }
}

/// Prints that are missing from the history, each followed by a lost connection.
async fn prints_between_cuts(files: [&str; 3]) {
    let old = row("000001", "old.gcode", "completed", -9000.0, Some(-8000.0), 1000.0);
    let mut script = history_change(-1.0, "list", &json!([old]));
    for (index, file) in files.iter().enumerate() {
        let start = index as f64 * 9.0 + 0.5;
        script += &stats(
            start,
            &json!({ "state": "printing", "filename": file, "total_duration": 0.3, "print_duration": 0.0 }),
        );
        script += &stats(
            start + 2.5,
            &json!({ "total_duration": 2.8, "print_duration": 2.0 }),
        );
        script += &stats(
            start + 4.0,
            &json!({ "state": "complete", "total_duration": 4.3, "print_duration": 3.5 }),
        );
        script += &(json!({ "at": start + 5.0, "drop": true }).to_string() + "\n");
        script += &stats(
            start + 8.0,
            &json!({ "state": "standby", "filename": "", "total_duration": 0.0, "print_duration": 0.0 }),
        );
    }
    let scene = Scene::set().await;
    let printer = scene.play(&script).await;
    let [jobs] = scene.end([&printer]).await;
    let seen: Vec<_> = jobs
        .iter()
        .map(|job| {
            (
                job.filename.as_deref().unwrap(),
                job.status,
                job.figures.total_duration,
            )
        })
        .collect();
    let printed = files.map(|file| (file, JobStatus::Completed, Some(4.3)));
    assert_eq!(seen[0], ("old.gcode", JobStatus::Completed, Some(1000.0)));
    assert_eq!(seen[1..], printed);
}

#[tokio::test]
async fn prints_of_many_files_between_cuts() {
    prints_between_cuts(["a.gcode", "b.gcode", "c.gcode"]).await;
}

#[tokio::test]
async fn prints_of_one_file_between_cuts() {
    prints_between_cuts(["a.gcode", "a.gcode", "a.gcode"]).await;
}

#[tokio::test]
async fn a_file_that_is_there_gives_the_job_its_details() {
    let file = json!({ "at": -1, "file": { "bracket.gcode": "; layer_height = 0.2\nG28\n" } }).to_string();
    let scene = Scene::set().await;
    let started = stats(
        0.5,
        &json!({ "state": "printing", "filename": "bracket.gcode", "total_duration": 0.3 }),
    );
    let printer = scene.play(&format!("{file}\n{started}")).await;
    scene.pass(5.0);
    let jobs = scene
        .wait_for_jobs(&printer, |jobs| {
            jobs.len() == 1 && jobs[0]["details_status"] == "done"
        })
        .await;
    assert_eq!(jobs[0]["details"]["layer_height"], 0.2, "{:#}", jobs[0]);
    scene
        .play_on(
            &printer,
            &stats(30.0, &json!({ "state": "complete", "total_duration": 29.0 })),
        )
        .await;
    assert_eq!(printer.moonraker.files_asked_for(), ["bracket.gcode"]);
    assert_eq!(scene.warnings("bracket.gcode"), 0);
    let [jobs] = scene.end([&printer]).await;
    assert_eq!(jobs[0].status, JobStatus::Completed);
}
