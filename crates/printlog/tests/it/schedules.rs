//! The real binary and simulated printers with random events from fixed seeds. Afterwards, each run that was visible
//! to printlog is recorded once, with its true start and end.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use simulator::{
    Faults, Outcome, PastPrints, PrintPlan, PrinterConfig, Random, Schedule, ScheduledEvent, SimPrinter,
    TrueRun, Version,
};
use tokio::time::{Instant, sleep};

use crate::capture::logger::{Logger, wait_for};

/// Tolerance for a start or a duration, in seconds: printers send their status four times a second.
const EXACT: f64 = 1.0;
/// Seconds for which a print must be visible to be recorded without Moonraker's history. The history needs two.
const IN_SIGHT: f64 = 3.5;
/// Maximum seconds between two observations to count as uninterrupted.
const GAP: f64 = 1.2;

/// A printer, and the times at which printlog was connected to it.
pub(crate) struct Watched {
    pub(crate) printer: Arc<SimPrinter>,
    pub(crate) id: i64,
    /// Observations: Unix seconds by the printer's clock, and whether printlog saw it printing or idle.
    pub(crate) looks: Vec<(f64, bool)>,
}

/// Runs a rough schedule on several printers, kills printlog from time to time, and compares the rows.
async fn rough(seed: u64) {
    let versions = [Version::V0_8, Version::V0_9, Version::V0_10, Version::V0_11];
    // Left out: events within one status update, which Moonraker's own history mixes up, and clock changes, after
    // which starts by the printer's clock and by its counters rightly differ.
    let schedule = Schedule {
        pause: 0.6..5.0,
        ..Schedule::rough(3.0..10.0, 14)
    }
    .without(&[ScheduledEvent::ReplaceAtOnce, ScheduledEvent::ClockJump]);
    let mut logger = Logger::start_with(&[("PRINTLOG_MOONRAKER__HEALTH_CHECK_INTERVAL", "1")]).await;
    let mut watched = Vec::new();
    let mut schedules = Vec::new();
    for place in 0..8_u64 {
        let config = PrinterConfig {
            version: versions[usize::try_from(place % 4).unwrap()],
            faults: Faults {
                late_history: 0.2,
                history_twice: 0.2,
                twice: 0.1,
                overtaken: 0.1,
            },
            seed: seed * 100 + place,
            ..PrinterConfig::default()
        };
        let printer = Arc::new(SimPrinter::start(config, 0).await.unwrap());
        let id = logger
            .add_printer(&format!("Printer {place}"), &printer.url(), None)
            .await;
        let (plays, schedule) = (Arc::clone(&printer), schedule.clone());
        schedules.push(tokio::spawn(async move {
            plays.run_schedule(seed * 100 + place, &schedule).await
        }));
        watched.push(Watched {
            printer,
            id,
            looks: Vec::new(),
        });
    }

    let mut random = Random::new(seed);
    let mut runs = true;
    let mut kills = 0;
    let mut next_change = Instant::now() + Duration::from_secs_f64(random.between(4.0..9.0));
    while !schedules.iter().all(tokio::task::JoinHandle::is_finished) {
        if Instant::now() >= next_change {
            let pause = if runs {
                logger.kill().await;
                kills += 1;
                random.between(0.2..5.0)
            } else {
                logger.start_again().await;
                random.between(4.0..9.0)
            };
            runs = !runs;
            next_change = Instant::now() + Duration::from_secs_f64(pause);
        }
        if runs {
            look(&logger, &mut watched).await;
        }
        sleep(Duration::from_millis(150)).await;
    }
    if !runs {
        logger.start_again().await;
    }
    for one in &watched {
        let printer = &one.printer;
        wait_for("the printer to be ready", async || {
            let view = printer.view();
            (view.ready && view.klippy == Some("ready")).then_some(())
        })
        .await;
        // No event resumes a paused print any more. The command fails for a print that is not paused, which then
        // prints to its end.
        if printer.view().print == Some("paused") {
            printer.cancel().unwrap();
        }
        printer
            .wait_until(|view| !matches!(view.print, Some("printing" | "paused")))
            .await;
        logger.wait_for_connection(one.id, "connected").await;
    }
    wait_until_quiet(&logger).await;

    let mut wrong = Vec::new();
    let mut prints = 0;
    // Number of occurrences of each event.
    let mut befell = std::collections::BTreeMap::new();
    for (one, schedule) in watched.iter().zip(schedules) {
        let happened = schedule.await.unwrap();
        for what in &happened {
            *befell.entry(format!("{what:?}")).or_insert(0) += 1;
        }
        let rows = rows(&logger, one.id).await;
        let truth = one.printer.truth();
        prints += truth.len();
        let complaints = compare(one, &truth, &rows);
        if !complaints.is_empty() {
            wrong.push(format!(
                "printer {}: {complaints:#?}\nhappened: {happened:?}\nruns: {truth:#?}\nrows: {rows:#?}\nhistory: {:#?}\nlooks: {:?}",
                one.id,
                one.printer.history(),
                one.looks,
            ));
        }
    }
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n\n"));
    assert!(prints > 16, "seed {seed}: only {prints} prints");
    logger.totals_are_right().await;
    logger.database_is_sound().await;
    println!("seed {seed}: {prints} prints, printlog killed {kills} times, each there once; {befell:?}");
}

/// Records whether printlog sees each printer, and checks that each has at most one open job.
async fn look(logger: &Logger, watched: &mut [Watched]) {
    for one in watched {
        let Some(status) = logger.try_get(&format!("/api/printers/{}/status", one.id)).await else {
            continue;
        };
        let view = one.printer.view();
        let sees = status["connection"]["state"] == "connected"
            && status["klippy_state"] == "ready"
            && view.ready
            && view.subscriptions > 0;
        one.looks.push((one.printer.wall_clock(), sees));
        let open = logger
            .get(&format!(
                "/api/jobs?printer_id={}&status=printing&status=paused",
                one.id
            ))
            .await;
        assert!(
            open["total"].as_i64().unwrap() <= 1,
            "two jobs in one machine: {open:#}"
        );
    }
}

/// Waits until no job is open and nothing has changed for longer than any grace period.
pub(crate) async fn wait_until_quiet(logger: &Logger) {
    let mut last = (Value::Null, Instant::now());
    wait_for("the jobs to end and to stay as they are", async || {
        let jobs = logger.get("/api/jobs?limit=500").await;
        if jobs != last.0 || jobs["items"].as_array()?.iter().any(is_open) {
            last = (jobs, Instant::now());
        }
        (last.1.elapsed() > Duration::from_secs(5)).then_some(())
    })
    .await;
}

/// The printer's rows, oldest first.
pub(crate) async fn rows(logger: &Logger, printer: i64) -> Vec<Value> {
    let mut list = logger
        .get(&format!("/api/jobs?printer_id={printer}&limit=500"))
        .await;
    let Value::Array(mut rows) = list["items"].take() else {
        panic!("no list: {list}")
    };
    rows.reverse();
    rows
}

/// The differences between the true runs and the rows.
pub(crate) fn compare(watched: &Watched, truth: &[TrueRun], rows: &[Value]) -> Vec<String> {
    let mut left: Vec<&Value> = rows.iter().collect();
    let mut complaints = Vec::new();
    let history = watched.printer.history();
    for run in truth {
        let reported = history.iter().find(|job| {
            let start = match job["filename"].as_str().unwrap() {
                // Moonraker missed the start and recorded a later one.
                "" => job["end_time"]
                    .as_f64()
                    .map(|end| end - job["total_duration"].as_f64().unwrap()),
                filename => job["start_time"].as_f64().filter(|_| filename == run.filename),
            };
            run.job_ids.iter().any(|id| job["job_id"] == id.as_str())
                && start.is_some_and(|start| (start - run.started_at).abs() <= EXACT)
        });
        let Some(place) = left.iter().position(|row| is_row_of(row, run)) else {
            let ended = run.ended_at.unwrap();
            if reported.is_some() || watched.saw_for(run.started_at, ended, IN_SIGHT) {
                complaints.push(format!("lost: {run:?}"));
            }
            continue;
        };
        let row = left.remove(place);
        complaints.extend(wrong_end(watched, run, row, reported));
    }
    complaints.extend(left.iter().map(|row| format!("doubled or invented: {row}")));
    complaints
}

fn wrong_end(watched: &Watched, run: &TrueRun, row: &Value, reported: Option<&Value>) -> Option<String> {
    let ended = run.ended_at.unwrap();
    let true_status = match run.outcome.as_ref().unwrap() {
        Outcome::Completed => "completed",
        Outcome::Cancelled | Outcome::Replaced => "cancelled",
        Outcome::Error(_) | Outcome::Shutdown(_) => "error",
        Outcome::KlippyGone | Outcome::PowerLost => "interrupted",
    };
    let history_knows = reported.is_some_and(|job| {
        matches!(
            job["status"].as_str(),
            Some("completed" | "cancelled" | "error" | "klippy_shutdown")
        )
    });
    let known = history_knows || watched.saw(run.started_at.max(ended - 1.5), ended + 0.5);
    let status = row["status"].as_str().unwrap();
    if status != true_status && (known || status != "interrupted") {
        return Some(format!("ended as {true_status}: {row}, {run:?}"));
    }
    let total = row["total_duration"].as_f64().unwrap_or(0.0);
    // After an emergency stop, Klipper's counters continue and Moonraker may read them late. The history takes
    // precedence.
    if reported.is_some_and(|reported| reported["total_duration"] == row["total_duration"]) {
        return None;
    }
    // If the end was not observed, the row has the last known figures.
    if total > run.total_duration + EXACT || (known && total < run.total_duration - EXACT) {
        return Some(format!("took {} s: {row}", run.total_duration));
    }
    None
}

impl Watched {
    /// Whether printlog saw the printer for the whole interval.
    fn saw(&self, from: f64, to: f64) -> bool {
        self.stretches().any(|(begin, end)| begin <= from && to <= end)
    }

    /// Whether printlog saw the printer for this many consecutive seconds in the interval.
    fn saw_for(&self, from: f64, to: f64, seconds: f64) -> bool {
        self.stretches()
            .any(|(begin, end)| end.min(to) - begin.max(from) >= seconds)
    }

    /// The intervals in which printlog saw the printer without interruption.
    fn stretches(&self) -> impl Iterator<Item = (f64, f64)> {
        let unbroken =
            |before: &(f64, bool), after: &(f64, bool)| before.1 && after.1 && after.0 - before.0 < GAP;
        self.looks
            .chunk_by(unbroken)
            .map(|looks| (looks[0].0, looks[looks.len() - 1].0))
    }
}

fn is_row_of(row: &Value, run: &TrueRun) -> bool {
    let same_file = row["filename"].is_null() || row["filename"] == run.filename.as_str();
    let start = row["start_time"].as_str().map(|_| unix(&row["start_time"]));
    same_file && start.is_some_and(|start| (start - run.started_at).abs() <= EXACT)
}

fn is_open(row: &Value) -> bool {
    row["status"] == "printing" || row["status"] == "paused"
}

/// Unix seconds of a time in an API response.
pub(crate) fn unix(time: &Value) -> f64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_millisecond() as f64 / 1000.0
}

/// `PRINTLOG_TEST_DAYS` sets the number of days, each with its own seed.
#[tokio::test]
async fn rough_days_leave_one_true_row_a_run() {
    let days = std::env::var("PRINTLOG_TEST_DAYS").map_or(1, |days| days.parse().unwrap());
    for seed in (1..).step_by(2).take(days) {
        rough(seed).await;
    }
}

#[tokio::test]
async fn other_rough_days_leave_one_true_row_a_run() {
    let days = std::env::var("PRINTLOG_TEST_DAYS").map_or(1, |days| days.parse().unwrap());
    for seed in (2..).step_by(2).take(days) {
        rough(seed).await;
    }
}

/// `PRINTLOG_TEST_PAST_PRINTS` sets the number of past prints: 100000 take a minute with a release build.
#[tokio::test]
async fn a_long_history_is_imported_once_beside_live_prints_and_across_a_kill() {
    let count = std::env::var("PRINTLOG_TEST_PAST_PRINTS").map_or(20_000, |count| count.parse().unwrap());
    let config = PrinterConfig {
        past: PastPrints { count, days: 3_000.0 },
        ..PrinterConfig::default()
    };
    let printer = SimPrinter::start(config, 0).await.unwrap();
    // The limit leaves pages for after the kill, on a fast machine, too.
    printer.allow_import_pages(Some(count / 250 / 5));
    let mut logger = Logger::start().await;
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    printer
        .start_print("live.gcode", PrintPlan::lasting(4.0))
        .unwrap();
    let path = format!("/api/printers/{id}/status");
    let position = wait_for("a part of the import", async || {
        let position = logger.get(&path).await["backfill"]["position"].as_u64()?;
        (position >= count / 6).then_some(position)
    })
    .await;
    assert!(position < count, "there is something left to import");
    logger.kill().await;
    printer.allow_import_pages(None);
    logger.start_again().await;
    let status = logger.wait_for_connection(id, "connected").await;
    assert!(
        status["backfill"]["position"].as_u64().unwrap() >= position,
        "it goes on where it was: {status:#}"
    );
    let begun = Instant::now();
    while logger.get(&path).await["backfill"]["state"] != "done" {
        assert!(
            begun.elapsed() < Duration::from_secs(600),
            "the import does not end"
        );
        sleep(Duration::from_millis(200)).await;
    }
    let jobs = logger.get("/api/jobs?limit=500").await;
    assert_eq!(jobs["total"].as_u64(), Some(count + 1));
    let live = logger.wait_for_ended(id, 1).await.pop().unwrap();
    assert_eq!(
        (&live["filename"], &live["status"]),
        (&"live.gcode".into(), &"completed".into())
    );
    logger.totals_are_right().await;
}
