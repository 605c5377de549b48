//! The real binary against real Moonrakers. Compares the true prints, Moonraker's history and the recorded jobs.

mod details;
pub(crate) mod logger;
mod optional_calls;
pub(crate) mod small_disk;

use logger::Logger;
use serde_json::Value;
use testbed::{Boot, GcodeFile, PrintRecord, Printer, Proxy, Setup};

/// Tolerance in seconds: counters are read four times a second, and a start is noticed up to 0.3 s late.
const TICK: f64 = 1.0;

/// A printer and the printlog that records it.
struct Scene {
    printer: Printer,
    logger: Logger,
    id: i64,
}

impl Scene {
    async fn set() -> Self {
        let printer = Printer::start().await.expect("a Moonraker");
        let logger = Logger::start().await;
        let id = logger.add_printer("Voron", &printer.moonraker.url(), None).await;
        logger.wait_for_connection(id, "connected").await;
        Self { printer, logger, id }
    }

    /// Starts a print that takes this many seconds.
    async fn print(&self, name: &str, seconds: f64) {
        let file = GcodeFile::new(seconds);
        self.printer.print(name, &file).await.expect("a print");
    }

    async fn until_progress(&self, progress: f64) {
        let klippy = &self.printer.klippy;
        klippy.wait_for_progress(progress).await.expect("progress");
    }

    async fn until_end(&self) {
        self.printer.klippy.wait_for_end().await.expect("an end");
    }

    async fn until_recorded(&self) -> Vec<Value> {
        self.logger.wait_for_jobs(self.id, |jobs| jobs.len() == 1).await
    }

    /// Returns the only row, after comparing it with the true print.
    async fn only_row(&self, status: &str) -> Value {
        let jobs = self.logger.wait_for_ended(self.id, 1).await;
        assert_eq!(jobs.len(), 1, "one print, one row: {jobs:#?}");
        let truth = self.printer.klippy.prints();
        row_is_true(&jobs[0], &truth[0], status);
        self.logger.totals_are_right().await;
        jobs[0].clone()
    }

    /// Checks that Moonraker's history has exactly the same figures.
    async fn agrees_with_moonraker(&self, row: &Value) {
        let history = self.printer.moonraker.history().await.expect("a history");
        let theirs = history
            .iter()
            .find(|job| job["job_id"] == row["job_id"])
            .expect("the same job");
        for field in [
            "print_duration",
            "total_duration",
            "filament_used",
            "filename",
            "user",
        ] {
            assert_eq!(theirs[field], row[field], "{field}");
        }
        for field in ["start_time", "end_time"] {
            let ours = unix(&row[field]);
            let theirs = theirs[field].as_f64().expect("a time");
            assert!(
                (ours - theirs).abs() < 0.001,
                "{field}: {ours} here, {theirs} there"
            );
        }
    }
}

/// Waits until only one socket to the printer is left, after its file has been read.
async fn one_socket(proxy: &Proxy) {
    logger::wait_for("one socket a printer", async || {
        (proxy.open_connections() == 1).then_some(())
    })
    .await;
}

fn row_is_true(row: &Value, truth: &PrintRecord, status: &str) {
    assert_eq!(row["status"], status, "{row:#}");
    assert_eq!(row["filename"], truth.filename, "{row:#}");
    let near = |ours: f64, truth: f64, what: &str| {
        assert!(
            (ours - truth).abs() <= TICK,
            "{what}: recorded {ours}, was {truth}\n{row:#}"
        );
    };
    near(unix(&row["start_time"]), truth.started, "start_time");
    near(
        row["total_duration"].as_f64().expect("a length"),
        truth.total_duration,
        "total_duration",
    );
    near(
        row["print_duration"].as_f64().expect("a length"),
        truth.print_duration,
        "print_duration",
    );
    near(
        unix(&row["end_time"]),
        truth.ended.expect("the print ended"),
        "end_time",
    );
}

fn unix(time: &Value) -> f64 {
    let time: jiff::Timestamp = time.as_str().expect("a time").parse().expect("RFC 3339");
    time.as_millisecond() as f64 / 1000.0
}

#[tokio::test]
async fn a_complete_print() {
    let scene = Scene::set().await;
    scene
        .printer
        .print("cube.gcode", &GcodeFile::new(2.0).heating(1.0))
        .await
        .expect("a print");
    let open = scene.until_recorded().await;
    assert_eq!(open[0]["status"], "printing", "there is a row while it prints");
    scene.until_end().await;
    let row = scene.only_row("completed").await;
    scene.agrees_with_moonraker(&row).await;
    assert_eq!(row["metadata"]["slicer"], "OrcaSlicer");
}

#[tokio::test]
async fn a_print_with_a_pause() {
    let scene = Scene::set().await;
    scene.print("vase.gcode", 3.0).await;
    scene.until_progress(0.3).await;
    scene.printer.moonraker.pause().await.expect("a pause");
    scene
        .logger
        .wait_for_jobs(scene.id, |jobs| jobs.iter().any(|job| job["status"] == "paused"))
        .await;
    scene.printer.moonraker.resume().await.expect("it goes on");
    scene.until_end().await;
    let row = scene.only_row("completed").await;
    scene.agrees_with_moonraker(&row).await;
    let whole = scene.logger.get(&format!("/api/jobs/{}", row["id"])).await;
    let [pause] = whole["pauses"].as_array().expect("pauses").as_slice() else {
        panic!("it paused once: {}", whole["pauses"])
    };
    let times = [
        &row["start_time"],
        &pause["paused_at"],
        &pause["resumed_at"],
        &row["end_time"],
    ];
    assert!(times.map(unix).is_sorted(), "{times:?}");
}

#[tokio::test]
async fn a_cancelled_print_and_the_reprint() {
    let scene = Scene::set().await;
    scene.print("gear.gcode", 2.0).await;
    scene.until_progress(0.3).await;
    scene.printer.moonraker.cancel().await.expect("a cancel");
    scene.until_end().await;
    scene
        .printer
        .moonraker
        .start_print("gear.gcode")
        .await
        .expect("a reprint");
    scene.until_end().await;
    let jobs = scene.logger.wait_for_ended(scene.id, 2).await;
    assert_eq!(jobs.len(), 2);
    let truth = scene.printer.klippy.prints();
    row_is_true(&jobs[0], &truth[0], "cancelled");
    row_is_true(&jobs[1], &truth[1], "completed");
    for job in &jobs {
        scene.agrees_with_moonraker(job).await;
    }
}

#[tokio::test]
async fn a_print_that_klipper_refuses_in_the_middle() {
    let scene = Scene::set().await;
    scene
        .printer
        .klippy
        .fail_print_at(0.5, "Move out of range: 500.0 10.0 0.2")
        .await;
    scene.print("broken.gcode", 2.0).await;
    scene.until_end().await;
    let row = scene.only_row("error").await;
    assert_eq!(row["message"], "Move out of range: 500.0 10.0 0.2");
    scene.agrees_with_moonraker(&row).await;
}

#[tokio::test]
async fn an_emergency_stop() {
    let scene = Scene::set().await;
    scene.print("tower.gcode", 20.0).await;
    scene.until_progress(0.1).await;
    scene.printer.moonraker.emergency_stop().await.expect("a stop");
    let row = scene.only_row("error").await;
    assert_eq!(row["cause"], "klippy_shutdown");
    assert!(
        row["message"]
            .as_str()
            .is_some_and(|message| message.contains("Shutdown")),
        "{row:#}"
    );
    scene.agrees_with_moonraker(&row).await;
}

#[tokio::test]
async fn a_restart_of_klippy_in_mid_print() {
    let scene = Scene::set().await;
    scene.print("tower.gcode", 20.0).await;
    scene.until_progress(0.1).await;
    scene
        .printer
        .moonraker
        .firmware_restart()
        .await
        .expect("a restart");
    let row = scene.only_row("interrupted").await;
    assert_eq!(row["cause"], "klippy_disconnect");
    scene.agrees_with_moonraker(&row).await;
    // The subscription is lost with Klippy, but the next print must still be recorded.
    scene.printer.wait_until_ready().await.expect("ready");
    scene.logger.wait_for_klippy(scene.id).await;
    scene.print("next.gcode", 1.0).await;
    scene.until_end().await;
    let jobs = scene.logger.wait_for_ended(scene.id, 2).await;
    assert_eq!(jobs[1]["status"], "completed");
}

#[tokio::test]
async fn a_clean_restart_of_moonraker_in_mid_print() {
    let mut scene = Scene::set().await;
    scene.print("box.gcode", 8.0).await;
    scene.until_progress(0.2).await;
    scene.until_recorded().await;
    scene.printer.moonraker.stop().await.expect("it stops");
    scene.printer.moonraker.start_again().await.expect("it starts");
    scene.until_end().await;
    let row = scene.only_row("completed").await;
    assert_eq!(row["end_source"], "print_stats", "Moonraker says server_exit");
}

#[tokio::test]
async fn moonraker_killed_in_mid_print() {
    let mut scene = Scene::set().await;
    scene.print("box.gcode", 8.0).await;
    scene.until_progress(0.2).await;
    scene.until_recorded().await;
    scene.printer.moonraker.kill().await.expect("it is killed");
    scene.printer.moonraker.start_again().await.expect("it starts");
    scene.until_end().await;
    let row = scene.only_row("completed").await;
    assert_eq!(row["end_source"], "print_stats");
    let theirs = scene.printer.moonraker.history().await.expect("a history");
    assert_eq!(
        theirs[0]["status"], "interrupted",
        "the case that Moonraker gets wrong"
    );
}

#[tokio::test]
async fn moonraker_killed_and_the_print_over_before_it_is_back() {
    let mut scene = Scene::set().await;
    scene.print("box.gcode", 3.0).await;
    scene.until_recorded().await;
    scene.printer.moonraker.kill().await.expect("it is killed");
    scene.until_end().await;
    scene.printer.moonraker.start_again().await.expect("it starts");
    scene.only_row("completed").await;
}

#[tokio::test]
async fn printlog_killed_in_mid_print_and_back_before_the_end() {
    let mut scene = Scene::set().await;
    scene.print("box.gcode", 8.0).await;
    scene.until_recorded().await;
    scene.logger.kill().await;
    scene.until_progress(0.4).await;
    scene.logger.start_again().await;
    scene.until_end().await;
    let row = scene.only_row("completed").await;
    scene.agrees_with_moonraker(&row).await;
}

#[tokio::test]
async fn printlog_killed_in_mid_print_and_back_after_the_end() {
    let mut scene = Scene::set().await;
    scene.print("box.gcode", 3.0).await;
    scene.until_recorded().await;
    scene.logger.kill().await;
    scene.until_end().await;
    scene.print("second.gcode", 1.0).await;
    scene.until_end().await;
    scene.logger.start_again().await;
    let jobs = scene.logger.wait_for_ended(scene.id, 2).await;
    let truth = scene.printer.klippy.prints();
    assert_eq!(jobs.len(), 2);
    for (job, truth) in jobs.iter().zip(&truth) {
        row_is_true(job, truth, "completed");
        scene.agrees_with_moonraker(job).await;
    }
}

#[tokio::test]
async fn the_link_is_away_across_the_end() {
    let printer = Printer::start().await.expect("a Moonraker");
    let proxy = Proxy::start(printer.moonraker.port()).await.expect("a link");
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &proxy.url(), None).await;
    logger.wait_for_connection(id, "connected").await;
    let scene = Scene { printer, logger, id };
    scene.print("clip.gcode", 4.0).await;
    scene.until_recorded().await;
    proxy.cut();
    scene.logger.wait_for_connection(id, "unreachable").await;
    scene.until_end().await;
    proxy.restore();
    let row = scene.only_row("completed").await;
    scene.agrees_with_moonraker(&row).await;
    one_socket(&proxy).await;
}

#[tokio::test]
async fn a_link_that_flaps_leaves_one_socket_and_one_row() {
    let printer = Printer::start().await.expect("a Moonraker");
    let proxy = Proxy::start(printer.moonraker.port()).await.expect("a link");
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &proxy.url(), None).await;
    let scene = Scene { printer, logger, id };
    scene.logger.wait_for_connection(id, "connected").await;
    scene.print("clip.gcode", 12.0).await;
    for _ in 0..4 {
        scene.logger.wait_for_connection(id, "connected").await;
        proxy.cut();
        scene.logger.wait_for_connection(id, "unreachable").await;
        proxy.restore();
    }
    scene.until_end().await;
    let row = scene.only_row("completed").await;
    scene.agrees_with_moonraker(&row).await;
    one_socket(&proxy).await;
}

#[tokio::test]
async fn a_history_that_was_wiped_uses_its_ids_again() {
    let scene = Scene::set().await;
    scene.print("first.gcode", 1.0).await;
    scene.until_end().await;
    scene.print("second.gcode", 1.0).await;
    scene.until_end().await;
    let before = scene.logger.wait_for_ended(scene.id, 2).await;
    scene.printer.moonraker.delete_history().await.expect("a wipe");
    scene.print("third.gcode", 1.0).await;
    scene.until_end().await;
    let after = scene.logger.wait_for_ended(scene.id, 3).await;
    assert_eq!(after[..2], before[..], "what was recorded stays");
    assert_eq!(
        after[2]["job_id"], after[0]["job_id"],
        "Moonraker starts its ids again"
    );
    assert_eq!(after[2]["filename"], "third.gcode");
}

#[tokio::test]
async fn a_printer_that_wants_a_key() {
    let printer = Printer::with(Setup::default().key_required())
        .await
        .expect("a Moonraker");
    let logger = Logger::start().await;
    let keyless = logger
        .add_printer("keyless", &printer.moonraker.url(), None)
        .await;
    let wrong = logger
        .add_printer("wrong", &printer.moonraker.url(), Some("0123456789abcdef"))
        .await;
    let right = logger
        .add_printer(
            "right",
            &printer.moonraker.url(),
            Some(printer.moonraker.api_key()),
        )
        .await;
    for refused in [keyless, wrong] {
        let status = logger.wait_for_connection(refused, "unauthorized").await;
        assert!(
            status["connection"]["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("key")),
            "{status:#}"
        );
    }
    logger.wait_for_connection(right, "connected").await;
    printer
        .print_to_end("cube.gcode", &GcodeFile::new(1.0))
        .await
        .expect("a print");
    let jobs = logger.wait_for_ended(right, 1).await;
    row_is_true(&jobs[0], &printer.klippy.prints()[0], "completed");
    assert!(logger.jobs(keyless).await.is_empty());
}

#[tokio::test]
async fn a_print_that_starts_the_moment_klippy_is_ready() {
    let scene = Scene::set().await;
    scene
        .printer
        .moonraker
        .upload("early.gcode", &GcodeFile::new(3.0).bytes(), false)
        .await
        .expect("an upload");
    scene.printer.klippy.kill().await;
    scene.printer.klippy.boot(Boot::Ready).await.expect("a boot");
    scene
        .printer
        .moonraker
        .wait_for_klippy("ready")
        .await
        .expect("ready");
    scene
        .printer
        .klippy
        .gcode("SDCARD_PRINT_FILE FILENAME=\"early.gcode\"")
        .await
        .expect("a print");
    scene.until_end().await;
    scene.only_row("completed").await;
}

/// While Moonraker is starting, it may silently drop printlog's subscription and miss the print itself.
#[tokio::test]
async fn a_print_right_after_the_printer_is_switched_on() {
    let mut printer = Printer::start().await.expect("a Moonraker");
    let file = GcodeFile::new(15.0);
    printer
        .moonraker
        .upload("first.gcode", &file.bytes(), false)
        .await
        .expect("an upload");
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &printer.moonraker.url(), None).await;
    logger.wait_for_connection(id, "connected").await;
    printer.moonraker.stop().await.expect("it stops");
    logger.wait_for_connection(id, "unreachable").await;
    printer.moonraker.start_again().await.expect("it starts");
    printer.moonraker.wait_for_klippy("ready").await.expect("ready");
    printer
        .klippy
        .gcode("SDCARD_PRINT_FILE FILENAME=\"first.gcode\"")
        .await
        .expect("a print");
    printer.klippy.wait_for_end().await.expect("an end");
    Scene { printer, logger, id }.only_row("completed").await;
}

#[tokio::test]
async fn moonrakers_of_every_age() {
    let logger = Logger::start().await;
    let mut scenes = Vec::new();
    for version in ["0.8.0", "0.9.3", "0.10.0", "0.11.0"] {
        let printer = Printer::with(Setup::default().version(version))
            .await
            .expect("a Moonraker");
        printer
            .print_to_end("before.gcode", &GcodeFile::new(1.0))
            .await
            .expect("a print before");
        printer.moonraker.wait_for_ended_jobs(1).await.expect("a history");
        let id = logger.add_printer(version, &printer.moonraker.url(), None).await;
        logger.wait_for_klippy(id).await;
        printer
            .print_to_end("after.gcode", &GcodeFile::new(1.0))
            .await
            .expect("a print");
        scenes.push((printer, id));
    }
    for (printer, id) in &scenes {
        let jobs = logger.wait_for_ended(*id, 2).await;
        let truth = printer.klippy.prints();
        assert_eq!(jobs.len(), 2);
        row_is_true(&jobs[0], &truth[0], "completed");
        row_is_true(&jobs[1], &truth[1], "completed");
    }
    logger.totals_are_right().await;
}
