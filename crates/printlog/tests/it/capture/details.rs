//! Details of jobs from files on real Moonrakers.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testbed::{GcodeFile, Printer};

use super::{
    Scene,
    logger::{Logger, wait_for},
};

async fn details_are(logger: &Logger, printer: i64, count: usize, status: &str) -> Vec<Value> {
    logger
        .wait_for_jobs(printer, |jobs| {
            jobs.len() >= count && jobs.iter().all(|job| job["details_status"] == status)
        })
        .await
}

/// A real file with four materials, or one of the project's fixtures if the corpus is missing.
fn four_materials() -> (Vec<u8>, Vec<&'static str>) {
    let corpus: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/gcode/files/orca_2.3.1-dev_qidi-q1pro_4fil.gcode");
    match std::fs::read(&corpus) {
        // Sets the print time for the stand-in Klippy; appended after the slicer's content.
        Ok(mut bytes) => {
            bytes.extend(b"\n; testbed: seconds=8 heating=1 filament=420 layers=5\n");
            (bytes, Vec::new())
        }
        Err(_) => {
            eprintln!("not there: the slicer corpus; a file of our own takes its place");
            let file = GcodeFile::new(8.0)
                .heating(1.0)
                .material("PLA;PETG;ABS;TPU")
                .thumbnail();
            (file.bytes(), vec!["PLA", "PETG", "ABS", "TPU"])
        }
    }
}

#[tokio::test]
async fn a_file_of_four_materials_that_is_deleted_in_mid_print() {
    let scene = Scene::set().await;
    let (bytes, types) = four_materials();
    let path = "Kunden Müller/Test #1 100%.gcode";
    scene
        .printer
        .moonraker
        .upload(path, &bytes, false)
        .await
        .expect("an upload");
    scene.printer.moonraker.start_print(path).await.expect("a print");
    let job = details_are(&scene.logger, scene.id, 1, "done").await[0].clone();
    assert_eq!(job["status"], "printing", "details come while it prints");
    std::fs::remove_file(scene.printer.moonraker.gcodes().join(path)).expect("the file is deleted");
    scene.printer.klippy.wait_for_end().await.expect("an end");

    let job = scene.logger.wait_for_ended(scene.id, 1).await[0].clone();
    assert_eq!(job["details_status"], "done");
    let details = &job["details"];
    assert_eq!(details["source"], "file");
    assert_eq!(details["slicer"], "OrcaSlicer");
    assert!(details["infill_pattern"].is_string(), "{details:#}");
    assert!(details["layer_height"].is_number(), "{details:#}");
    assert!(details["filament_used_g"].is_number(), "{details:#}");
    assert_eq!(details["tools"].as_array().expect("tools").len(), 4);
    for (tool, material) in details["tools"].as_array().expect("tools").iter().zip(types) {
        assert_eq!(tool["filament_type"], material);
    }
    assert_eq!(details["raw_metadata"], Value::Null);
    let id = job["id"].as_i64().expect("an id");
    let raw = scene
        .logger
        .get(&format!("/api/jobs/{id}/details?raw=true"))
        .await;
    assert!(raw["raw_metadata"].is_object());
    let material = details["filament_type"].as_str().expect("a material");
    let list = scene
        .logger
        .get(&format!("/api/jobs?filament_type={material}"))
        .await;
    assert_eq!(list["total"], 1);
    let images = details["thumbnails"].as_array().expect("images");
    assert!(!images.is_empty());
    let image = scene
        .logger
        .bytes(&format!("/api/jobs/{id}/thumbnail?size=32"))
        .await;
    assert!(image.starts_with(b"\x89PNG"), "the image is shown");
}

#[tokio::test]
async fn the_same_file_is_fetched_once_and_odd_names_are_fetched() {
    let scene = Scene::set().await;
    let file = GcodeFile::new(0.5).thumbnail();
    let names = ["a b/ü #1%20.gcode", "100%.gcode", "a?b+c&d.gcode"];
    for name in names {
        scene.printer.print_to_end(name, &file).await.expect("a print");
    }
    scene
        .printer
        .moonraker
        .start_print(names[1])
        .await
        .expect("a reprint");
    scene.printer.klippy.wait_for_end().await.expect("an end");
    let jobs = details_are(&scene.logger, scene.id, 4, "done").await;
    for job in &jobs {
        assert_eq!(job["details"]["slicer"], "OrcaSlicer", "{job:#}");
    }
    let files = scene.logger.count_rows("gcode_files").await;
    assert_eq!(files, 3, "one row a file, not one a print");
    assert_eq!(scene.logger.count_rows("thumbnails").await, 1, "one row an image");
}

/// The URL parser drops tabs, and the name without the tab belongs to another file.
#[tokio::test]
async fn a_tab_in_a_file_name_is_part_of_the_name() {
    let scene = Scene::set().await;
    let gcodes = scene.printer.moonraker.gcodes();
    let name = "c\td.gcode";
    let printed = GcodeFile::new(0.5).material("PETG").bytes();
    std::fs::write(gcodes.join(name), printed).expect("a file");
    std::fs::write(gcodes.join("cd.gcode"), GcodeFile::new(0.5).bytes()).expect("a file");
    scene.printer.moonraker.start_print(name).await.expect("a print");
    scene.printer.klippy.wait_for_end().await.expect("an end");
    let jobs = details_are(&scene.logger, scene.id, 1, "done").await;
    assert_eq!(jobs[0]["filename"], name);
    assert_eq!(jobs[0]["details"]["source"], "file");
    assert_eq!(jobs[0]["details"]["filament_type"], "PETG");
}

#[tokio::test]
async fn a_printer_that_is_off_is_asked_again_when_it_is_back() {
    let mut printer = Printer::start().await.expect("a Moonraker");
    printer
        .print_to_end("cube.gcode", &GcodeFile::new(1.0))
        .await
        .expect("a print");
    let mut logger = Logger::start_with(&[("PRINTLOG_DETAILS__ENABLED", "false")]).await;
    let id = logger.add_printer("Voron", &printer.moonraker.url(), None).await;
    let jobs = logger.wait_for_ended(id, 1).await;
    assert_eq!(jobs[0]["details_status"], "pending");
    logger.kill().await;
    printer.moonraker.kill().await.expect("Moonraker is killed");
    logger.variables.clear();
    logger.start_again().await;
    let jobs = details_are(&logger, id, 1, "partial").await;
    assert_eq!(jobs[0]["details"]["source"], "moonraker");
    assert_eq!(jobs[0]["details"]["filament_type"], "PLA");
    assert_eq!(jobs[0]["details"]["infill_pattern"], Value::Null);
    assert_eq!(jobs[0]["details_reason"], "the printer is off");
    assert_eq!(jobs[0]["details_reason_key"], "printer_off");
    assert_eq!(logger.get("/health").await["details"]["partial"], json!(1));

    printer
        .moonraker
        .start_again()
        .await
        .expect("Moonraker starts again");
    let jobs = details_are(&logger, id, 1, "done").await;
    assert_eq!(jobs[0]["details"]["source"], "file");
    assert_eq!(jobs[0]["details"]["infill_pattern"], "gyroid");
    assert_eq!(jobs[0]["details_reason"], Value::Null);
    wait_for("the row of before to be gone", async || {
        (logger.count_rows("gcode_files").await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_was_away_is_read_when_it_is_back() {
    let printer = Printer::start().await.expect("a Moonraker");
    printer
        .print_to_end("cube.gcode", &GcodeFile::new(1.0))
        .await
        .expect("a print");
    let (here, away) = (
        printer.moonraker.gcodes().join("cube.gcode"),
        printer.moonraker.gcodes().join("cube.away"),
    );
    std::fs::rename(&here, &away).expect("the file is moved away");
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &printer.moonraker.url(), None).await;
    let jobs = logger
        .wait_for_jobs(id, |jobs| {
            jobs.iter().any(|job| job["details_reason"].is_string())
        })
        .await;
    assert_eq!(jobs[0]["status"], "completed", "the job itself is complete");
    assert_eq!(jobs[0]["details_reason"], "the printer has no file `cube.gcode`");
    assert_eq!(jobs[0]["details_reason_key"], "file_missing");
    let known = jobs[0]["details_status"].as_str().expect("a status");
    // Moonraker deletes the metadata of a removed file after an unspecified time.
    assert!(["partial", "pending"].contains(&known), "{known}");
    std::fs::rename(&away, &here).expect("the file is moved back");
    let jobs = details_are(&logger, id, 1, "done").await;
    assert_eq!(jobs[0]["details"]["source"], "file");
    assert_eq!(jobs[0]["details_reason"], Value::Null);

    std::fs::remove_file(&here).expect("the file is deleted");
    logger
        .post(&format!("/api/jobs/{}/details/refresh", jobs[0]["id"]))
        .await;
    let jobs = logger
        .wait_for_jobs(id, |jobs| jobs[0]["details_reason"].is_string())
        .await;
    assert_eq!(jobs[0]["details_status"], "done", "what was read stays");
    assert_eq!(jobs[0]["details"]["source"], "file");
}
