//! The import of a printer's history, where the history is not as it should be.

use simulator::{PastPrints, PrinterConfig, SimPrinter};

use crate::capture::logger::{Logger, wait_for};

#[tokio::test]
async fn a_row_that_cannot_be_read_costs_that_row_only() {
    let config = PrinterConfig {
        past: PastPrints {
            count: 700,
            days: 100.0,
        },
        ..PrinterConfig::default()
    };
    let printer = SimPrinter::start(config, 0).await.unwrap();
    let history = printer.history();
    for place in [3, 249, 250, 499, 600] {
        let id = history[place]["job_id"].as_str().unwrap();
        assert!(printer.spoil_history_job(id), "{id}");
    }
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    wait_for("the import to end", async || {
        let status = logger.get(&format!("/api/printers/{id}/status")).await;
        (status["backfill"]["state"] == "done").then_some(())
    })
    .await;
    let list = logger.get(&format!("/api/jobs?printer_id={id}&limit=1")).await;
    assert_eq!(list["total"], 695);
}
