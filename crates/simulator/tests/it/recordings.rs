//! Replays recorded sessions and compares the client's view line by line.

use std::{fs, path::Path};

use serde_json::{Value, json};
use simulator::{PrintPlan, PrinterConfig, SimPrinter, Version};

use crate::{digest, observer::Observer};

/// The digest lines of a recording, starting after a note.
fn recorded(file: &str, from_note: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../moonraker/test_data/transcripts")
        .join(file);
    let text = fs::read_to_string(&path).unwrap();
    let mut begun = false;
    let mut lists = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        begun |= line["note"].as_str().is_some_and(|note| note.contains(from_note));
        let frame = || serde_json::from_str::<Value>(line["raw"].as_str().unwrap()).unwrap();
        match line["dir"].as_str().unwrap() {
            "send" => {
                let request = frame();
                if request["method"] == "server.history.list" {
                    lists.push((line["conn"].clone(), request["id"].clone()));
                }
            }
            "recv" if begun => {
                let frame = frame();
                found.extend(digest::line(&frame));
                let answered = (line["conn"].clone(), frame["id"].clone());
                if lists.contains(&answered) && frame.get("result").is_some() {
                    found.push(digest::list(&frame["result"]));
                }
            }
            "close" if begun => found.push(format!("closed {}", line["code"])),
            _ => {}
        }
    }
    // The recorder closes its own connection at the end.
    assert_eq!(found.pop().as_deref(), Some("closed 1000"));
    found
}

fn config(version: Version) -> PrinterConfig {
    PrinterConfig {
        version,
        time_scale: 20.0,
        updates_per_second: 80.0,
        seed: 7,
        ..PrinterConfig::default()
    }
}

struct Scene {
    printer: SimPrinter,
    observer: Observer,
}

impl Scene {
    async fn of(version: Version) -> Self {
        let printer = SimPrinter::start(config(version), 0).await.unwrap();
        let observer = Observer::watching(&printer.url()).await;
        Self { printer, observer }
    }

    fn start(&self, file: &str, seconds: f64) {
        self.printer
            .start_print(
                file,
                PrintPlan {
                    filament: 0.0,
                    ..PrintPlan::lasting(seconds)
                },
            )
            .unwrap();
    }

    async fn print(&mut self, file: &str, seconds: f64) {
        self.start(file, seconds);
        self.observer.until("history finished").await;
    }

    /// Compares the digest with a recording, after waiting for outstanding frames.
    async fn compare_with(mut self, file: &str, from_note: &str) {
        self.observer.list().await;
        similar(&self.observer.digest, &recorded(file, from_note), file);
    }
}

fn similar(simulated: &[String], recorded: &[String], file: &str) {
    // Of the history lists, only the last one is compared; those during a print are left out.
    let essential = |lines: &[String]| -> Vec<String> {
        let last = lines.len() - 1;
        let keep = |(place, line): (usize, &String)| {
            (place == last || !line.starts_with("list")).then(|| line.clone())
        };
        lines.iter().enumerate().filter_map(keep).collect()
    };
    let (simulated, recorded) = (essential(simulated), essential(recorded));
    assert_eq!(
        simulated, recorded,
        "\n{file}\nsimulated {simulated:#?}\nrecorded {recorded:#?}"
    );
}

const ALL: [(Version, &str); 4] = [
    (Version::V0_8, "v0.8.0/"),
    (Version::V0_9, "v0.9.3/"),
    (Version::V0_10, "v0.10.0/"),
    (Version::V0_11, ""),
];

#[tokio::test]
async fn complete() {
    for (version, folder) in ALL {
        let mut scene = Scene::of(version).await;
        scene.print("bracket.gcode", 9.7).await;
        scene.printer.reset_file().unwrap();
        scene.observer.until("status").await;
        scene
            .compare_with(&format!("{folder}complete.jsonl"), "printer.print.start")
            .await;
    }
}

#[tokio::test]
async fn pause_and_resume() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("vase.gcode", 9.0);
    scene.observer.until("history added").await;
    scene.printer.pause().unwrap();
    scene.observer.until("status").await;
    scene.printer.wait(3.0).await;
    scene.printer.resume().unwrap();
    scene.observer.until("history finished").await;
    let truth = scene.printer.truth();
    assert_eq!((truth.len(), truth[0].pauses), (1, 1));
    scene
        .compare_with("pause-resume.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn cancel() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("gear.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(6.0).await;
    scene.printer.cancel().unwrap();
    scene.observer.until("history finished").await;
    scene.compare_with("cancel.jsonl", "printer.print.start").await;
}

#[tokio::test]
async fn cancel_while_paused() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("gear.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(2.0).await;
    scene.printer.pause().unwrap();
    scene.observer.until("status").await;
    scene.printer.cancel().unwrap();
    scene.observer.until("history finished").await;
    scene
        .compare_with("cancel-while-paused.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn reset_file_in_mid_print() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("gear.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(1.5).await;
    scene.printer.pause().unwrap();
    scene.observer.until("status").await;
    scene.printer.reset_file().unwrap();
    scene.observer.until("history finished").await;
    scene
        .compare_with("reset-file-midprint.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn error() {
    let message = "Extrude only move too long (9999.000mm vs 500.000mm)\nSee the 'max_extrude_only_distance' config option for details";
    for (version, folder) in [(Version::V0_8, "v0.8.0/"), (Version::V0_11, "")] {
        let mut scene = Scene::of(version).await;
        let plan = PrintPlan {
            error: Some((8.5, message.to_owned())),
            ..PrintPlan::lasting(30.0)
        };
        scene.printer.start_print("broken.gcode", plan).unwrap();
        scene.observer.until("history finished").await;
        scene
            .compare_with(&format!("{folder}error.jsonl"), "printer.print.start")
            .await;
    }
}

#[tokio::test]
async fn emergency_stop_and_firmware_restart() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("tower.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(7.0).await;
    scene.printer.emergency_stop();
    scene.observer.until("history finished").await;
    scene.observer.until("status").await;
    scene.printer.firmware_restart();
    scene.observer.until("klippy_ready").await;
    scene
        .compare_with("klippy-shutdown.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn klippy_killed_and_started() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("tower.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(2.0).await;
    scene.printer.kill_klippy();
    scene.observer.until("history finished").await;
    let refusal = scene.observer.call("printer.info", json!({})).await.unwrap_err();
    assert_eq!(refusal, (503, "Klippy Host not connected".to_owned()));
    scene.printer.start_klippy();
    scene.observer.until("klippy_ready").await;
    scene
        .compare_with("klippy-disconnect.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn klippy_restarted() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("tower.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(5.0).await;
    scene.printer.firmware_restart();
    scene.observer.until("klippy_ready").await;
    scene
        .compare_with("klippy-restart.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn moonraker_stopped_and_started() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("box.gcode", 14.0);
    scene.observer.until("history added").await;
    scene.printer.wait(3.0).await;
    scene.printer.stop_moonraker();
    scene.observer.closed().await;
    scene.printer.hold();
    scene.printer.start_moonraker();
    scene.observer.watching_again(&scene.printer).await;
    scene.observer.until("status").await;
    let truth = scene.printer.truth();
    assert_eq!(
        (truth.len(), truth[0].job_ids.as_slice()),
        (1, ["000001".to_owned()].as_slice())
    );
    scene
        .compare_with("moonraker-restart.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn moonraker_killed_and_started() {
    for (version, folder) in ALL {
        let mut scene = Scene::of(version).await;
        scene.start("box.gcode", 14.0);
        scene.observer.until("history added").await;
        scene.printer.wait(3.0).await;
        scene.printer.kill_moonraker();
        scene.observer.closed().await;
        scene.printer.hold();
        scene.printer.start_moonraker();
        scene.observer.watching_again(&scene.printer).await;
        scene.observer.until("status").await;
        scene
            .compare_with(&format!("{folder}moonraker-kill.jsonl"), "printer.print.start")
            .await;
    }
}

#[tokio::test]
async fn client_away_across_the_end() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("clip.gcode", 4.7);
    scene.observer.until("history added").await;
    let mut digest = std::mem::take(&mut scene.observer.digest);
    digest.push("closed 1000".to_owned());
    scene
        .printer
        .wait_until(|view| view.print == Some("complete") && !view.job)
        .await;
    let mut again = Observer::watching(&scene.printer.url()).await;
    again.list().await;
    digest.extend(again.digest);
    similar(
        &digest,
        &recorded("client-offline.jsonl", "printer.print.start"),
        "client-offline.jsonl",
    );
}

#[tokio::test]
async fn reprint() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.print("cube.gcode", 1.9).await;
    scene.print("cube.gcode", 3.1).await;
    scene.compare_with("reprint.jsonl", "printer.print.start").await;
}

#[tokio::test]
async fn a_new_print_takes_the_place_of_a_paused_one() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("one.gcode", 60.0);
    scene.observer.until("history added").await;
    scene.printer.wait(1.7).await;
    scene.printer.pause().unwrap();
    scene.observer.until("status").await;
    // The paused print ends first.
    scene.print("two.gcode", 3.9).await;
    scene.observer.until("history finished").await;
    scene
        .compare_with("new-print-while-paused.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn prints_replaced_within_an_update_become_one_job() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("a.gcode", 60.0);
    scene.observer.until("history added").await;
    for _ in 0..2 {
        scene.printer.wait(2.5).await;
        scene
            .printer
            .replace_at_once(
                "a.gcode",
                PrintPlan {
                    filament: 0.0,
                    ..PrintPlan::lasting(60.0)
                },
            )
            .unwrap();
    }
    scene.printer.wait(2.4).await;
    scene.printer.cancel().unwrap();
    scene.observer.until("history finished").await;
    let totals = total_durations(&scene.observer.frames);
    assert_eq!(
        totals.windows(2).filter(|pair| pair[1] < pair[0]).count(),
        2,
        "{totals:?}"
    );
    assert_eq!(scene.printer.truth().len(), 3);
    scene
        .compare_with("restart-print-at-once.jsonl", "printer.print.start")
        .await;
}

fn total_durations(frames: &[Value]) -> Vec<f64> {
    let total = |frame: &Value| {
        frame["params"][0]
            .get("print_stats")?
            .get("total_duration")?
            .as_f64()
    };
    frames
        .iter()
        .filter(|frame| frame["method"] == "notify_status_update")
        .filter_map(total)
        .collect()
}

#[tokio::test]
async fn a_print_right_after_ready_is_missed() {
    for (version, folder) in [(Version::V0_10, "v0.10.0/"), (Version::V0_11, "")] {
        let mut scene = Scene::of(version).await;
        scene.printer.restart_into_print(
            "early.gcode",
            PrintPlan {
                filament: 0.0,
                ..PrintPlan::lasting(4.7)
            },
        );
        scene.observer.until("klippy_ready").await;
        scene.observer.watch().await;
        scene.observer.until("history finished").await;
        let file = format!("{folder}start-at-ready.jsonl");
        let mut expected = recorded(&file, "printer.restart");
        // The recorder connected while Moonraker was starting and may have received that readiness first.
        expected.drain(
            ..expected
                .iter()
                .position(|line| line == "klippy_disconnected")
                .unwrap(),
        );
        // The simulator does not play the front end that started the print.
        let expected: Vec<String> = expected
            .into_iter()
            .map(|line| line.replace("_TRUSTED_USER_", "No User"))
            .collect();
        scene.observer.list().await;
        similar(&scene.observer.digest, &expected, &file);
    }
}

#[tokio::test]
async fn a_print_right_after_ready_is_recorded_by_older_versions() {
    let mut scene = Scene::of(Version::V0_9).await;
    scene
        .printer
        .restart_into_print("early.gcode", PrintPlan::lasting(4.7));
    scene.observer.until("history added 000001 \"early.gcode\"").await;
    scene.observer.until("history finished").await;
}

#[tokio::test]
async fn jobs_deleted() {
    for (version, folder) in ALL {
        let mut scene = Scene::of(version).await;
        for seconds in [1.9, 3.4, 3.5] {
            scene.print("cube.gcode", seconds).await;
        }
        let (first, last) = if version == Version::V0_8 {
            ("000000", "000002")
        } else {
            ("000001", "000003")
        };
        for id in [first, last] {
            let deleted = scene
                .observer
                .call("server.history.delete_job", json!({ "uid": id }))
                .await
                .unwrap();
            assert_eq!(deleted, json!({ "deleted_jobs": [id] }));
        }
        let refusal = scene
            .observer
            .call("server.history.delete_job", json!({ "uid": last }))
            .await
            .unwrap_err();
        assert_eq!(refusal, (-32601, format!("Invalid job uid: {last}")));
        scene.print("cube.gcode", 3.2).await;
        scene.start("cube.gcode", 3.8);
        scene.observer.until("history added 000004").await;
        scene
            .observer
            .call("server.history.delete_job", json!({ "uid": "000004" }))
            .await
            .unwrap();
        scene.observer.until("history finished 000004").await;
        scene.observer.list().await;
        let file = format!("{folder}job-deleted.jsonl");
        let mut expected = recorded(&file, "printer.print.start");
        // The list after all jobs were deleted.
        assert_eq!(expected.pop().as_deref(), Some("list 0 []"));
        similar(&scene.observer.digest, &expected, &file);
        let deleted = scene
            .observer
            .call("server.history.delete_job", json!({ "all": true }))
            .await
            .unwrap();
        assert_eq!(
            deleted["deleted_jobs"].as_array().unwrap().len(),
            if version == Version::V0_8 { 2 } else { 3 }
        );
        assert!(scene.printer.history().is_empty());
    }
}

#[tokio::test]
async fn database_wiped() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.print("cube.gcode", 1.9).await;
    scene.printer.stop_moonraker();
    scene.observer.closed().await;
    scene.printer.wipe_history();
    scene.printer.hold();
    scene.printer.start_moonraker();
    let seen = scene.observer.digest.len();
    scene.observer.watching_again(&scene.printer).await;
    // On a busy machine, it arrives before the answer to the subscription.
    scene.observer.until_after(seen, "klippy_ready").await;
    scene.observer.second_of_updates().await;
    scene.print("other.gcode", 1.9).await;
    scene
        .compare_with("database-wiped.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn started_at_the_console() {
    let mut scene = Scene::of(Version::V0_11).await;
    let plan = PrintPlan {
        filament: 0.0,
        ..PrintPlan::lasting(1.9)
    };
    scene
        .printer
        .start_print_from_console("console.gcode", plan)
        .unwrap();
    scene.observer.until("history finished").await;
    scene
        .compare_with("console-start.jsonl", "SDCARD_PRINT_FILE")
        .await;
}

#[tokio::test]
async fn clock_set_in_mid_print() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.printer.set_clock_offset(-7200.0);
    scene.start("clock.gcode", 3.5);
    scene.observer.until("history added").await;
    scene.printer.set_clock_offset(0.0);
    scene.observer.until("history finished").await;
    scene.start("clock.gcode", 3.1);
    scene.observer.until("history added").await;
    scene.printer.set_clock_offset(-3600.0);
    scene.observer.until("history finished").await;
    scene
        .compare_with("clock-jump.jsonl", "printer.print.start")
        .await;
}

#[tokio::test]
async fn file_deleted_in_mid_print() {
    let mut scene = Scene::of(Version::V0_11).await;
    scene.start("gone.gcode", 5.9);
    scene.observer.until("history added").await;
    assert!(scene.printer.remove_file("gone.gcode"));
    scene.observer.until("history finished").await;
    let expected = recorded("file-deleted.jsonl", "printer.print.start");
    let place = expected
        .iter()
        .position(|line| line.starts_with("history finished"))
        .unwrap();
    similar(&scene.observer.digest, &expected[..=place], "file-deleted.jsonl");
    let refusal = scene
        .observer
        .call("server.files.metadata", json!({ "filename": "gone.gcode" }))
        .await;
    assert_eq!(
        refusal.unwrap_err(),
        (-32601, "Metadata not available for <gone.gcode>".to_owned())
    );
}
