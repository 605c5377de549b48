//! Import of a malformed printer history.

use serde_json::Value;
use simulator::{HistoryFault, PastPrints, PrintPlan, PrinterConfig, SimPrinter};

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
        assert!(printer.corrupt_history_job(id), "{id}");
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
    let status = logger.get(&format!("/api/printers/{id}/status")).await;
    let reason = limitation(&status, "history_rows").expect("a limitation");
    assert!(reason.contains("(5 problems; the first: row 3: "), "{reason}");
}

fn limitation<'a>(status: &'a Value, capability: &str) -> Option<&'a str> {
    let limitations = status["limitations"].as_array()?;
    let found = limitations
        .iter()
        .find(|limitation| limitation["capability"] == capability)?;
    found["reason"].as_str()
}

#[tokio::test]
async fn a_bad_row_among_the_newest_is_a_limitation() {
    let printer = SimPrinter::start(past(60), 0).await.unwrap();
    let newest = printer.history()[59]["job_id"].as_str().unwrap().to_owned();
    assert!(printer.corrupt_history_job(&newest));
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    let status = import_of(&logger, id, |status| status["backfill"]["state"] == "done").await;
    let reason = limitation(&status, "history_rows").expect("a limitation");
    assert!(reason.contains("row 0: "), "{reason}");
    let test = logger.command(&["printers", "test", "Voron", "--json"]).await;
    assert_eq!(test["ok"], true);
    assert!(limitation(&test, "history_rows").is_some(), "{test:#}");
}

async fn import_of(logger: &Logger, printer: i64, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("the import to be as wanted", async || {
        let status = logger.get(&format!("/api/printers/{printer}/status")).await;
        wanted(&status).then_some(status)
    })
    .await
}

fn past(count: u64) -> PrinterConfig {
    PrinterConfig {
        past: PastPrints { count, days: 100.0 },
        ..PrinterConfig::default()
    }
}

fn cannot_be_imported(status: &Value) -> bool {
    limitation(status, "history_import").is_some()
}

#[tokio::test]
async fn a_history_without_end_is_given_up_and_prints_are_recorded() {
    for fault in [
        HistoryFault::NoEnd(0),
        HistoryFault::NoEnd(60_000),
        HistoryFault::IgnoresStart,
    ] {
        let printer = SimPrinter::start(past(400), 0).await.unwrap();
        printer.fail_history(fault);
        let logger = Logger::start().await;
        let id = logger.add_printer("Voron", &printer.url(), None).await;
        let status = import_of(&logger, id, |status| {
            cannot_be_imported(status) && status["backfill"]["error"].is_string()
        })
        .await;
        assert_eq!(status["connection"]["state"], "connected");
        let requests = printer.traffic().requests;
        let list = format!("/api/jobs?printer_id={id}&limit=1");
        let imported = logger.get(&list).await["total"].as_i64().unwrap();
        assert!(imported <= 300, "{fault:?}: {imported} rows");
        let test = logger.command(&["printers", "test", "Voron", "--json"]).await;
        assert!(test["ok"] == true && cannot_be_imported(&test), "{test}");

        printer
            .start_print("after.gcode", PrintPlan::lasting(2.0))
            .unwrap();
        wait_for("the print to be recorded", async || {
            let list = logger.get("/api/jobs?q=after.gcode").await;
            (list["items"][0]["status"] == "completed").then_some(())
        })
        .await;
        let asked = printer.traffic().requests - requests;
        assert!(asked < 60, "{fault:?}: {asked} requests, the test among them");
    }
}

#[tokio::test]
async fn large_rows_are_read_in_smaller_pages() {
    // 50 rows of 400 kB exceed the maximum message size.
    for (bytes, count, most_sockets) in [(80_000, 600, 1), (200_000, 100, 1), (400_000, 60, 3)] {
        let printer = SimPrinter::start(past(count), 0).await.unwrap();
        printer.fail_history(HistoryFault::LargeMetadata(bytes));
        let variables = [("PRINTLOG_MOONRAKER__RECONNECT_DELAY", "0.1")];
        let logger = Logger::start_with(&variables).await;
        let id = logger.add_printer("Voron", &printer.url(), None).await;
        import_of(&logger, id, |status| status["backfill"]["state"] == "done").await;
        let list = logger.get(&format!("/api/jobs?printer_id={id}&limit=1")).await;
        assert_eq!(list["total"], count);
        let sockets = printer.traffic().sockets_ever;
        assert!(sockets <= most_sockets, "{bytes}: {sockets} connections");
    }
}

#[tokio::test]
async fn long_names_are_cut() {
    let printer = SimPrinter::start(past(20), 0).await.unwrap();
    printer.fail_history(HistoryFault::LongNames(1_500_000));
    let variables = [
        ("PRINTLOG_MOONRAKER__RECONNECT_DELAY", "0.1"),
        ("PRINTLOG_LOGGING__FILE", "log"),
    ];
    let logger = Logger::start_with(&variables).await;
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    import_of(&logger, id, |status| status["backfill"]["state"] == "done").await;
    let list = logger.get(&format!("/api/jobs?printer_id={id}&limit=500")).await;
    let names = list["items"].as_array().unwrap().iter();
    let lengths: Vec<_> = names.map(|job| job["filename"].as_str().unwrap().len()).collect();
    assert_eq!(lengths, [4096; 20]);
    assert!(logger.log().contains("has 1500000 bytes; 4096 are kept"));
}
