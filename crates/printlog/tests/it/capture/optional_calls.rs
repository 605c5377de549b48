//! A Moonraker that refuses optional calls: the printer is recorded regardless.

use serde_json::Value;
use simulator::{PrintPlan, PrinterConfig, SimPrinter};
use testbed::{GcodeFile, Printer, Setup};

use super::logger::{Logger, wait_for};

const NO_HISTORY: &str = "this Moonraker keeps no history; jobs are recorded from print_stats only";

fn limitations(status: &Value) -> Vec<(&str, &str)> {
    let list = status["limitations"].as_array().expect("a list");
    list.iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().expect("a text");
            (text("capability"), text("reason"))
        })
        .collect()
}

async fn status(logger: &Logger, printer: i64) -> Value {
    logger.get(&format!("/api/printers/{printer}/status")).await
}

async fn finding(logger: &Logger, subject: &str) -> Value {
    let report = logger.command(&["check", "--json"]).await;
    let findings = report["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["subject"] == subject);
    found.expect("a finding").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_moonraker_without_a_history_is_recorded() {
    let printer = Printer::with(Setup::default().version("0.8.0").without_history()).await;
    let printer = printer.expect("a Moonraker");
    let logger = Logger::start().await;
    let id = logger.add_printer("Voron", &printer.moonraker.url(), None).await;
    logger.wait_for_klippy(id).await;
    let truth = printer
        .print_to_end("cube.gcode", &GcodeFile::new(3.0))
        .await
        .expect("a print");
    let jobs = logger.wait_for_ended(id, 1).await;
    super::row_is_true(&jobs[0], &truth, "completed");
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["job_id"], Value::Null);

    let status = status(&logger, id).await;
    let [("history", reason)] = limitations(&status)[..] else {
        panic!("{status:#}");
    };
    assert!(reason.starts_with(NO_HISTORY), "{reason}");
    assert_eq!(status["connection"]["reason"], Value::Null);
    let test = logger.command(&["printers", "test", "Voron", "--json"]).await;
    assert_eq!(test["ok"], true);
    assert_eq!(limitations(&test)[0].0, "history");
    let found = finding(&logger, "printer Voron").await;
    assert_eq!(found["ok"], true);
    assert!(found["found"].as_str().unwrap().contains(NO_HISTORY), "{found}");
    assert!(found["advice"].as_str().unwrap().contains("[history]"), "{found}");
}

/// The refused method and the capability reported as missing.
const CALLS: [(&str, &str); 8] = [
    ("server.connection.identify", "identify"),
    ("server.info", "server_info"),
    ("machine.proc_stats", "host_clock"),
    ("server.history.", "history"),
    ("printer.objects.list", "object_list"),
    ("printer.objects.subscribe", "subscription"),
    ("server.files.metadata", "metadata"),
    ("server.temperature_store", "temperature_store"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_call_refused_alone_and_all_together_cost_no_print() {
    let logger = Logger::start().await;
    let refusals = [
        (-32601, "Method not found"),
        (404, "Not Found"),
        (500, "database disk image is malformed"),
    ];
    let mut printers = Vec::new();
    for (code, message) in refusals {
        for (method, capability) in CALLS {
            printers.push((vec![method], vec![capability], code, message));
        }
        let (methods, capabilities): (Vec<_>, Vec<_>) = CALLS.into_iter().unzip();
        printers.push((methods, capabilities, code, message));
    }
    let mut followed = Vec::new();
    for (number, (methods, missing, code, message)) in printers.into_iter().enumerate() {
        let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
        for method in methods {
            printer.refuse(method, code, message);
        }
        let id = logger
            .add_printer(&format!("P{number}"), &printer.url(), None)
            .await;
        followed.push((printer, id, missing, message));
    }
    for (printer, id, ..) in &followed {
        logger.wait_for_klippy(*id).await;
        printer
            .start_print("cube.gcode", PrintPlan::lasting(6.0))
            .unwrap();
    }
    for (_, id, mut missing, message) in followed {
        let jobs = logger.wait_for_ended(id, 1).await;
        assert_eq!(
            (jobs.len(), &jobs[0]["status"]),
            (1, &"completed".into()),
            "{missing:?}"
        );
        let status = wait_for("the limitations", async || {
            let status = status(&logger, id).await;
            (limitations(&status).len() == missing.len()).then_some(status)
        })
        .await;
        missing.sort_unstable();
        let mut shown = limitations(&status);
        shown.sort_unstable();
        for ((capability, reason), missing) in shown.into_iter().zip(missing) {
            assert_eq!(capability, missing);
            assert!(reason.contains(message), "{reason}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_refused_for_a_while_is_read_when_it_is_back() {
    let variables = [("PRINTLOG_MOONRAKER__HEALTH_CHECK_INTERVAL", "1")];
    let logger = Logger::start_with(&variables).await;
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    printer
        .start_print("before.gcode", PrintPlan::lasting(1.0))
        .unwrap();
    printer
        .wait_until(|view| view.print == Some("complete") && !view.job)
        .await;
    printer.refuse("server.history.", 500, "database is locked");
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    logger.wait_for_klippy(id).await;
    printer
        .start_print("during.gcode", PrintPlan::lasting(3.0))
        .unwrap();
    logger.wait_for_ended(id, 1).await;
    assert_eq!(limitations(&status(&logger, id).await)[0].0, "history");
    printer.accept();
    let jobs = logger.wait_for_ended(id, 2).await;
    let ids: Vec<_> = jobs.iter().map(|job| job["job_id"].clone()).collect();
    assert_eq!(ids, ["000001", "000002"], "{jobs:#?}");
    wait_for("no limitation", async || {
        limitations(&status(&logger, id).await).is_empty().then_some(())
    })
    .await;
    assert_eq!(printer.traffic().sockets_ever, 1, "on the same connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_refusal_of_access_ends_the_session() {
    let logger = Logger::start().await;
    let mut ids = Vec::new();
    for (number, (method, code, message)) in [
        ("server.connection.identify", -32602, "Unauthorized"),
        ("server.info", 401, "Unauthorized"),
        ("server.history.", 403, "Forbidden"),
        ("printer.objects.list", -32602, "Invalid API Key"),
    ]
    .into_iter()
    .enumerate()
    {
        let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
        printer.refuse(method, code, message);
        let id = logger
            .add_printer(&format!("P{number}"), &printer.url(), None)
            .await;
        ids.push((printer, id, message));
    }
    for (_printer, id, message) in ids {
        let status = logger.wait_for_connection(id, "unauthorized").await;
        let reason = status["connection"]["reason"].as_str().unwrap();
        assert!(reason.contains(message), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moonraker_whose_print_cannot_be_read_shows_why() {
    let logger = Logger::start().await;
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    printer.refuse("printer.objects.", 500, "no objects today");
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    let status = logger.wait_for_connection(id, "connected").await;
    assert_eq!(status["klippy_state"], "startup");
    let message = status["klippy_message"].as_str().unwrap();
    assert!(message.contains("no objects today"), "{message}");
}
