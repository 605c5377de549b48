//! How real Moonrakers record the prints of the stand-in Klippy.
//!
//! Their records match those of prints of the real Klippy, which shows that the stand-in is accurate enough for
//! tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use serde_json::Value;
use testbed::{GcodeFile, Outcome, PrintRecord, Printer, Setup};

/// Moonraker notices events one status update late, or later on a busy machine (seconds).
const LATE: f64 = 5.0;
/// `print_stats` itself reports when a print completed or failed; only rounding differs (seconds).
const EXACT: f64 = 0.001;

fn number(job: &Value, field: &str) -> f64 {
    job[field]
        .as_f64()
        .unwrap_or_else(|| panic!("{field} is no number in {job:#}"))
}

#[track_caller]
fn assert_near(what: &str, found: f64, truth: f64, tolerance: f64) {
    assert!(
        (found - truth).abs() <= tolerance,
        "{what} is {found}, but in truth {truth}"
    );
}

/// Checks the values that every ended job must have.
#[track_caller]
fn assert_told_truly(job: &Value, truth: &PrintRecord) {
    assert_eq!(job["filename"], truth.filename.as_str());
    assert_near("start_time", number(job, "start_time"), truth.started, LATE);
    assert_near("end_time", number(job, "end_time"), truth.ended.unwrap(), LATE);
    assert_near(
        "total_duration",
        number(job, "total_duration"),
        truth.total_duration,
        0.5,
    );
    assert_near(
        "print_duration",
        number(job, "print_duration"),
        truth.print_duration,
        0.5,
    );
}

#[tokio::test]
async fn complete_print_is_completed_with_klippys_own_figures() {
    let printer = Printer::start().await.unwrap();
    let file = GcodeFile::new(1.5).heating(0.6).filament(300.0).thumbnail();
    let truth = printer.print_to_end("kästen/box #1.gcode", &file).await.unwrap();
    assert_eq!(truth.outcome, Some(Outcome::Completed));
    assert_near("total_duration", truth.total_duration, 2.1, EXACT);
    assert_near("filament_used", truth.filament_used, 300.0, EXACT);

    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_eq!(jobs.len(), 1);
    let job = &jobs[0];
    assert_eq!(job["job_id"], "000001");
    assert_eq!(job["status"], "completed");
    assert_eq!(job["user"], "_TRUSTED_USER_");
    assert_told_truly(job, &truth);
    // The filament since the last status update is missing, as with the real Klippy.
    let used = number(job, "filament_used");
    assert!(used > 0.0 && used <= 300.0, "{used} mm used");

    let metadata = &job["metadata"];
    assert_eq!(metadata["slicer"], "OrcaSlicer");
    assert_eq!(metadata["slicer_version"], "2.3.1");
    assert_eq!(metadata["filament_type"], "PLA");
    assert_eq!(number(metadata, "estimated_time"), 2.0);
    assert_eq!(number(metadata, "layer_count"), 5.0);
    assert_eq!(number(metadata, "object_height"), 1.0);
    assert_eq!(number(metadata, "filament_total"), 300.0);
    assert_eq!(metadata["thumbnails"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn pause_counts_in_total_duration_only() {
    let printer = Printer::start().await.unwrap();
    printer.print("vase.gcode", &GcodeFile::new(2.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.3).await.unwrap();
    printer.moonraker.pause().await.unwrap();
    let paused = printer
        .klippy
        .wait_until(|now| now.state == "paused")
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(printer.klippy.snapshot().progress, paused.progress);
    printer.moonraker.resume().await.unwrap();

    let truth = printer.klippy.wait_for_end().await.unwrap();
    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_eq!(jobs[0]["status"], "completed");
    assert_told_truly(&jobs[0], &truth);
    assert_near("print_duration", truth.print_duration, 2.0, EXACT);
    assert!(truth.total_duration > 3.0);
}

#[tokio::test]
async fn cancelled_print_keeps_what_it_used() {
    let printer = Printer::start().await.unwrap();
    printer
        .print("gear.gcode", &GcodeFile::new(30.0).filament(3_000.0))
        .await
        .unwrap();
    printer.klippy.wait_for_progress(0.03).await.unwrap();
    printer.moonraker.cancel().await.unwrap();
    let truth = printer.klippy.wait_for_end().await.unwrap();
    assert_eq!(truth.outcome, Some(Outcome::Cancelled));
    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_eq!(jobs[0]["status"], "cancelled");
    assert_told_truly(&jobs[0], &truth);
    assert_near(
        "filament_used",
        number(&jobs[0], "filament_used"),
        truth.filament_used,
        500.0,
    );
}

#[tokio::test]
async fn refused_line_is_an_error() {
    let printer = Printer::start().await.unwrap();
    let message = "Extrude only move too long (9999.000mm vs 500.000mm)\nSee the 'max_extrude_only_distance' config option for details";
    printer.klippy.fail_print_at(0.5, message).await;
    let truth = printer
        .print_to_end("broken.gcode", &GcodeFile::new(2.0))
        .await
        .unwrap();
    assert_eq!(truth.outcome, Some(Outcome::Error(message.to_owned())));
    assert_near("print_duration", truth.print_duration, 1.0, EXACT);
    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_eq!(jobs[0]["status"], "error");
    assert_told_truly(&jobs[0], &truth);
}

#[tokio::test]
async fn emergency_stop_is_klippy_shutdown_and_a_restart_leads_out_of_it() {
    let printer = Printer::start().await.unwrap();
    printer.print("tower.gcode", &GcodeFile::new(60.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.01).await.unwrap();
    printer.moonraker.emergency_stop().await.unwrap();
    let truth = printer.klippy.wait_for_end().await.unwrap();
    assert_eq!(
        truth.outcome,
        Some(Outcome::Shutdown("Shutdown due to webhooks request".to_owned()))
    );
    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_eq!(jobs[0]["status"], "klippy_shutdown");
    assert_told_truly(&jobs[0], &truth);
    // `print_stats` does not report the shutdown: its state is "paused" and its durations increase.
    printer
        .klippy
        .wait_until(|now| now.state == "paused" && now.host_state == "shutdown")
        .await
        .unwrap();

    printer.moonraker.firmware_restart().await.unwrap();
    printer
        .klippy
        .wait_until(|now| now.host_state == "ready" && now.state == "standby")
        .await
        .unwrap();
    printer.wait_until_ready().await.unwrap();
}

#[tokio::test]
async fn lost_microcontroller_is_klippy_shutdown() {
    let printer = Printer::start().await.unwrap();
    printer.klippy.lose_mcu_at(0.5).await;
    let truth = printer
        .print_to_end("tower.gcode", &GcodeFile::new(2.0))
        .await
        .unwrap();
    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_eq!(jobs[0]["status"], "klippy_shutdown");
    assert_told_truly(&jobs[0], &truth);
}

#[tokio::test]
async fn klippy_that_dies_or_restarts_is_klippy_disconnect() {
    let printer = Printer::start().await.unwrap();
    printer.print("a.gcode", &GcodeFile::new(60.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.01).await.unwrap();
    printer.klippy.kill().await;
    printer.moonraker.wait_for_klippy("disconnected").await.unwrap();
    printer.klippy.boot(testbed::Boot::Ready).await.unwrap();
    printer.wait_until_ready().await.unwrap();

    printer.print("b.gcode", &GcodeFile::new(60.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.01).await.unwrap();
    printer.moonraker.firmware_restart().await.unwrap();
    let jobs = printer.moonraker.wait_for_ended_jobs(2).await.unwrap();
    for (job, truth) in jobs.iter().zip(printer.klippy.prints()) {
        assert_eq!(truth.outcome, Some(Outcome::KlippyGone));
        assert_eq!(job["status"], "klippy_disconnect");
        assert_told_truly(job, &truth);
    }
}

#[tokio::test]
async fn klippy_that_is_not_ready_shows() {
    let printer = Printer::start().await.unwrap();
    printer
        .klippy
        .boot(testbed::Boot::Error(
            "Section 'x' is not a valid config section".to_owned(),
        ))
        .await
        .unwrap();
    printer.moonraker.wait_for_klippy("error").await.unwrap();
    assert!(printer.print("a.gcode", &GcodeFile::new(1.0)).await.is_err());
    printer.klippy.boot(testbed::Boot::ReadyAfter(1.0)).await.unwrap();
    printer.moonraker.wait_for_klippy("startup").await.unwrap();
    printer.wait_until_ready().await.unwrap();
    printer.print("a.gcode", &GcodeFile::new(0.5)).await.unwrap();
    assert_eq!(
        printer.moonraker.wait_for_ended_jobs(1).await.unwrap()[0]["status"],
        "completed"
    );
}

#[tokio::test]
async fn killed_moonraker_leaves_its_job_interrupted_while_klippy_prints_on() {
    let mut printer = Printer::start().await.unwrap();
    printer.print("long.gcode", &GcodeFile::new(4.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.2).await.unwrap();
    printer.moonraker.kill().await.unwrap();
    printer.moonraker.start_again().await.unwrap();
    printer.wait_until_ready().await.unwrap();
    let truth = printer.klippy.wait_for_end().await.unwrap();
    assert_eq!(truth.outcome, Some(Outcome::Completed));

    // The start of a new print shows that Moonraker has finished the previous one.
    printer.print("next.gcode", &GcodeFile::new(0.5)).await.unwrap();
    let jobs = printer.moonraker.wait_for_ended_jobs(2).await.unwrap();
    assert_eq!(jobs.len(), 2);
    assert_eq!(
        (&jobs[0]["job_id"], &jobs[0]["status"]),
        (&"000001".into(), &"interrupted".into())
    );
    assert_eq!(jobs[0]["end_time"], Value::Null);
    assert!(
        number(&jobs[0], "total_duration") < truth.total_duration / 2.0,
        "as at the start: {}",
        jobs[0]
    );
    assert_eq!(
        (&jobs[1]["filename"], &jobs[1]["status"]),
        (&"next.gcode".into(), &"completed".into())
    );
}

#[tokio::test]
async fn stopped_moonraker_says_server_exit() {
    let mut printer = Printer::start().await.unwrap();
    printer.print("long.gcode", &GcodeFile::new(60.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.01).await.unwrap();
    printer.moonraker.stop().await.unwrap();
    printer.moonraker.start_again().await.unwrap();
    let jobs = printer.moonraker.history().await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["status"], "server_exit");
    assert_eq!(printer.klippy.snapshot().state, "printing");
}

#[tokio::test]
async fn new_print_replaces_a_paused_one() {
    let printer = Printer::start().await.unwrap();
    printer.print("one.gcode", &GcodeFile::new(60.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.01).await.unwrap();
    printer.moonraker.pause().await.unwrap();
    printer.klippy.wait_until_reported().await.unwrap();
    printer.print("two.gcode", &GcodeFile::new(0.8)).await.unwrap();
    let jobs = printer.moonraker.wait_for_ended_jobs(2).await.unwrap();
    assert_eq!(
        (&jobs[0]["filename"], &jobs[0]["status"]),
        (&"one.gcode".into(), &"cancelled".into())
    );
    assert_eq!(
        (&jobs[1]["filename"], &jobs[1]["status"]),
        (&"two.gcode".into(), &"completed".into())
    );
    assert_eq!(jobs[1]["user"], "No User");
    let outcomes: Vec<_> = printer
        .klippy
        .prints()
        .into_iter()
        .map(|print| print.outcome.unwrap())
        .collect();
    assert_eq!(outcomes, [Outcome::Cancelled, Outcome::Completed]);
}

#[tokio::test]
async fn job_ids_start_anew_after_the_history_is_gone() {
    let mut printer = Printer::start().await.unwrap();
    for wipe in [false, true] {
        printer.print("cube.gcode", &GcodeFile::new(0.8)).await.unwrap();
        printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
        printer.moonraker.start_print("cube.gcode").await.unwrap();
        let jobs = printer.moonraker.wait_for_ended_jobs(2).await.unwrap();
        assert_eq!(
            (&jobs[0]["job_id"], &jobs[1]["job_id"]),
            (&"000001".into(), &"000002".into())
        );
        if wipe {
            printer.moonraker.wipe_database().await.unwrap();
            printer.wait_until_ready().await.unwrap();
        } else {
            printer.moonraker.delete_history().await.unwrap();
        }
        assert!(printer.moonraker.history().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn moonraker_misses_the_start_of_a_print_when_klippy_has_just_become_ready() {
    let printer = Printer::start().await.unwrap();
    printer
        .moonraker
        .upload("early.gcode", &GcodeFile::new(1.0).bytes(), false)
        .await
        .unwrap();
    printer.klippy.restart().await;
    printer.moonraker.wait_for_klippy("disconnected").await.unwrap();
    printer.moonraker.wait_for_klippy("ready").await.unwrap();
    printer.moonraker.start_print("early.gcode").await.unwrap();
    assert_eq!(
        printer.klippy.wait_for_end().await.unwrap().outcome,
        Some(Outcome::Completed)
    );

    printer.print("next.gcode", &GcodeFile::new(1.0)).await.unwrap();
    let ended = |job: &Value| job["filename"] == "next.gcode" && job["status"] == "completed";
    let jobs = printer
        .moonraker
        .wait_for_history(|jobs| jobs.iter().any(ended))
        .await
        .unwrap();
    // The job is missing, or, if the print started slightly later after `ready`, has no file name.
    assert!(
        jobs.iter().all(|job| job["filename"] != "early.gcode"),
        "{jobs:#?}"
    );
}

#[tokio::test]
async fn older_moonrakers_record_prints_too() {
    let record = async |version: &'static str| {
        let printer = Printer::with(Setup::default().version(version)).await.unwrap();
        let truth = printer
            .print_to_end("cube.gcode", &GcodeFile::new(1.0).material("PLA;PETG"))
            .await
            .unwrap();
        let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
        assert_eq!(jobs[0]["status"], "completed", "{version}");
        assert_told_truly(&jobs[0], &truth);
        (
            jobs[0]["job_id"].clone(),
            jobs[0]["metadata"]["filament_type"].clone(),
        )
    };
    let (new, older, oldest) = tokio::join!(record("0.10.0"), record("0.9.3"), record("0.8.0"));
    assert_eq!(new, ("000001".into(), "[\"PLA\", \"PETG\"]".into()));
    assert_eq!(older, ("000001".into(), "PLA;PETG".into()));
    assert_eq!(oldest.0, "000000");
}

#[tokio::test]
async fn several_printers_print_at_the_same_time() {
    let print = async |name: &'static str| {
        let printer = Printer::start().await.unwrap();
        printer.print_to_end(name, &GcodeFile::new(1.0)).await.unwrap();
        printer.moonraker.wait_for_ended_jobs(1).await.unwrap()[0]["filename"].clone()
    };
    let names = tokio::join!(
        print("a.gcode"),
        print("b.gcode"),
        print("c.gcode"),
        print("d.gcode")
    );
    assert_eq!(
        names,
        (
            "a.gcode".into(),
            "b.gcode".into(),
            "c.gcode".into(),
            "d.gcode".into()
        )
    );
}

#[tokio::test]
async fn clock_set_back_in_mid_print_ends_the_job_before_its_start() {
    let printer = Printer::with(Setup::default().settable_clock()).await.unwrap();
    printer.print("cube.gcode", &GcodeFile::new(2.0)).await.unwrap();
    printer.klippy.wait_for_progress(0.3).await.unwrap();
    printer.moonraker.set_clock(-3_600).unwrap();
    let truth = printer.klippy.wait_for_end().await.unwrap();
    let jobs = printer.moonraker.wait_for_ended_jobs(1).await.unwrap();
    assert_near("start_time", number(&jobs[0], "start_time"), truth.started, LATE);
    assert_near(
        "end_time",
        number(&jobs[0], "end_time"),
        truth.ended.unwrap() - 3_600.0,
        LATE,
    );
    assert_near(
        "total_duration",
        number(&jobs[0], "total_duration"),
        truth.total_duration,
        0.5,
    );
}
