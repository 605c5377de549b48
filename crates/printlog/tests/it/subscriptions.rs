//! A Moonraker drops printlog's subscription but keeps its socket open, as a real one may while it starts.

use simulator::{PrintPlan, PrinterConfig, SimPrinter};

use crate::capture::logger::Logger;

#[tokio::test]
async fn a_dropped_subscription_is_noticed_and_made_again() {
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let logger = Logger::start_with(&[("PRINTLOG_MOONRAKER__HEALTH_CHECK_INTERVAL", "1")]).await;
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    logger.wait_for_klippy(id).await;
    printer
        .start_print("a.gcode", PrintPlan::lasting(3600.0))
        .unwrap();
    logger.wait_for_jobs(id, |jobs| jobs.len() == 1).await;
    printer.drop_subscriptions();
    // A pause is reported by status updates only.
    printer.pause().unwrap();
    logger
        .wait_for_jobs(id, |jobs| jobs.iter().any(|job| job["status"] == "paused"))
        .await;
    printer.wait_until(|view| view.subscriptions == 1).await;
    printer.resume().unwrap();
    logger
        .wait_for_jobs(id, |jobs| jobs.iter().any(|job| job["status"] == "printing"))
        .await;
    assert_eq!(printer.traffic().sockets_ever, 1, "the connection stays");
}
