//! On SIGTERM, pending changes are written before the process ends.

use std::time::Duration;

use simulator::{PrintPlan, PrinterConfig, SimPrinter};
use tokio::time::sleep;

use super::own_mysql::{OwnMysql, ask};
use crate::capture::logger::{Logger, wait_for};

/// Status of the only job.
const STATUS: &str = "SELECT status FROM print_jobs";

/// Starts a print and waits until its row exists.
async fn start_a_print(logger: &Logger) -> (SimPrinter, i64) {
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    logger.wait_for_connection(id, "connected").await;
    printer.start_print("a.gcode", PrintPlan::lasting(8.0)).unwrap();
    logger.wait_for_jobs(id, |jobs| jobs.len() == 1).await;
    (printer, id)
}

/// Waits until the print has ended and printlog has received all its notifications.
async fn wait_for_its_end(printer: &SimPrinter) {
    printer
        .wait_until(|view| view.print == Some("complete") && !view.job)
        .await;
    sleep(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_locked_database_is_written_before_the_end() {
    let mut logger = Logger::start().await;
    let (printer, _) = start_a_print(&logger).await;
    let database = rusqlite::Connection::open(logger.path("data/printlog.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    wait_for_its_end(&printer).await;
    let status = || {
        database
            .query_row(STATUS, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(status(), "printing", "it waits");
    logger.signal("-TERM");
    sleep(Duration::from_secs(2)).await;
    database.execute_batch("ROLLBACK").unwrap();
    assert_eq!(logger.wait_for_end().await.code(), Some(0));
    assert_eq!(status(), "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_frozen_mysql_is_written_before_the_end() {
    let Some(mysql) = OwnMysql::start() else { return };
    let mut logger = Logger::start_with(&[("PRINTLOG_DATABASE__URL", &mysql.url())]).await;
    let (printer, _) = start_a_print(&logger).await;
    mysql.signal("-STOP");
    wait_for_its_end(&printer).await;
    logger.signal("-TERM");
    sleep(Duration::from_secs(2)).await;
    mysql.signal("-CONT");
    assert_eq!(logger.wait_for_end().await.code(), Some(0));
    assert_eq!(
        ask(mysql.port(), &format!("USE printlog; {STATUS}")),
        ["completed"]
    );
}

/// The retry delay has grown longer than the shutdown may take.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_next_attempt_is_written_before_the_end() {
    let details = [("PRINTLOG_DETAILS__ENABLED", "false")];
    let Some(mut logger) = Logger::start_on_small_disk("12M", &details).await else {
        return;
    };
    let (printer, _) = start_a_print(&logger).await;
    let disk = logger.disk.as_ref().unwrap();
    disk.fill();
    wait_for_its_end(&printer).await;
    wait_for("the health to tell that something waits", async || {
        let (_, health) = logger.health().await?;
        (health["writing"]["status"] == "warning").then_some(())
    })
    .await;
    sleep(Duration::from_secs(9)).await;
    disk.empty();
    logger.signal("-TERM");
    assert_eq!(logger.wait_for_end().await.code(), Some(0));
    let copy = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(logger.copy_database(copy.path())).unwrap();
    let status: String = database.query_row(STATUS, [], |row| row.get(0)).unwrap();
    assert_eq!(status, "completed");
}
