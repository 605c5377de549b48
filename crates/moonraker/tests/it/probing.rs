//! The report for a user who tries an address and a key.

use moonraker::{Capability, ConnectOptions, ProbeError, ProbeReport, Value, probe};
use serde_json::json;

use crate::fake::{FakeServer, Peer};

/// Answers requests by method: `Err` refuses.
async fn serve(server: &FakeServer, answer: impl Fn(&str) -> Result<Value, (i64, &'static str)>) {
    let mut peer: Peer = server.accept().await;
    loop {
        let request = peer.request().await;
        match answer(request["method"].as_str().unwrap()) {
            Ok(result) => peer.answer(&request, result).await,
            Err((code, message)) => peer.refuse(&request, code, message).await,
        }
    }
}

async fn probed(
    key: Option<&str>,
    answer: impl Fn(&str) -> Result<Value, (i64, &'static str)>,
) -> Result<ProbeReport, ProbeError> {
    let server = FakeServer::bind().await;
    let endpoint = server.endpoint(key);
    let options = ConnectOptions::default();
    tokio::select! {
        result = probe(&endpoint, &options) => result,
        () = serve(&server, answer) => unreachable!(),
    }
}

fn healthy(method: &str) -> Result<Value, (i64, &'static str)> {
    match method {
        "server.connection.identify" => Ok(json!({ "connection_id": 1 })),
        "server.info" => Ok(json!({ "klippy_state": "ready", "moonraker_version": "0.11.0" })),
        "printer.info" => Ok(json!({ "state_message": "Printer is ready", "hostname": "voron" })),
        "printer.objects.list" => Ok(json!({ "objects": ["print_stats", "webhooks", "extruder"] })),
        "printer.objects.query" => Ok(json!({ "eventtime": 1.0, "status": {
            "print_stats": { "state": "standby" }, "webhooks": { "state": "ready" },
        } })),
        "server.history.list" => Ok(json!({ "count": 0, "jobs": [] })),
        "machine.proc_stats" => Ok(json!({ "moonraker_stats": [{ "time": 1_800_000_000.0 }] })),
        "server.files.metadata" => Err((-32601, "Metadata not available for <printlog/no such file>")),
        "server.temperature_store" => Ok(json!({ "extruder": { "temperatures": [20.0] } })),
        other => panic!("{other} was not expected"),
    }
}

#[tokio::test]
async fn a_healthy_printer_is_reported() {
    let report = probed(None, healthy).await.unwrap();
    assert!(report.klippy_is_ready());
    assert_eq!(report.moonraker_version.as_deref(), Some("0.11.0"));
    assert_eq!(report.hostname.as_deref(), Some("voron"));
    assert_eq!(report.klippy_message, None);
    assert_eq!(report.limitations, []);
}

/// Codes and messages of refusals that are not about access.
const REFUSALS: [(i64, &str); 6] = [
    (-32601, "Method not found"),
    (404, "Not Found"),
    (500, "database disk image is malformed"),
    (-31000, "Internal error"),
    (400, "No data for argument: start"),
    (-32602, "Invalid params:"),
];

#[tokio::test]
async fn each_optional_call_may_be_refused_and_the_report_says_what_is_missing() {
    for (method, capability, words) in [
        (
            "server.connection.identify",
            Capability::Identify,
            "identify themselves",
        ),
        ("server.info", Capability::ServerInfo, "version and state"),
        ("machine.proc_stats", Capability::HostClock, "its clock"),
        (
            "server.history.list",
            Capability::History,
            "this Moonraker keeps no history; jobs are recorded from print_stats only",
        ),
        ("printer.objects.list", Capability::ObjectList, "usual heaters"),
        ("server.files.metadata", Capability::Metadata, "no metadata"),
        (
            "server.temperature_store",
            Capability::TemperatureStore,
            "no temperature store",
        ),
    ] {
        for refusal in REFUSALS {
            let report = probed(None, |asked| match asked == method {
                true => Err(refusal),
                false => healthy(asked),
            })
            .await
            .unwrap();
            assert!(report.klippy_is_ready(), "{method}");
            let [limitation] = &report.limitations[..] else {
                panic!("{method} {refusal:?}: {:?}", report.limitations);
            };
            assert_eq!(limitation.capability, capability);
            let text = limitation.to_string();
            assert!(text.contains(words) && text.contains(refusal.1), "{text}");
        }
    }
}

#[tokio::test]
async fn a_moonraker_that_only_shows_the_print_can_be_logged() {
    let report = probed(None, |method| match method {
        "printer.objects.query" => healthy(method),
        _ => Err((-32601, "Method not found")),
    })
    .await
    .unwrap();
    assert!(report.klippy_is_ready());
    assert_eq!(report.limitations.len(), 7, "{:?}", report.limitations);
}

#[tokio::test]
async fn a_print_that_cannot_be_read_is_not_ok() {
    let error = probed(None, |method| match method {
        "printer.objects.query" | "printer.objects.subscribe" => Err((500, "broken")),
        _ => healthy(method),
    })
    .await
    .unwrap_err();
    assert!(matches!(error, ProbeError::NoPrint { .. }), "{error}");
    let error = probed(None, |method| match method {
        "printer.objects.query" => Ok(json!({ "eventtime": 1.0, "status": { "print_stats": {} } })),
        _ => healthy(method),
    })
    .await
    .unwrap_err();
    assert!(matches!(error, ProbeError::NoPrintStats), "{error}");
}

#[tokio::test]
async fn a_printer_without_klippy_can_be_logged_all_the_same() {
    let report = probed(None, |method| match method {
        "server.info" => Ok(json!({ "klippy_state": "disconnected", "moonraker_version": "0.11.0" })),
        "printer.info" | "printer.objects.list" | "printer.objects.query" | "printer.objects.subscribe" => {
            Err((-32601, "Method not found"))
        }
        other => healthy(other),
    })
    .await
    .unwrap();
    assert_eq!(report.klippy_state.as_deref(), Some("disconnected"));
    assert!(!report.klippy_is_ready());
}

#[tokio::test]
async fn klippys_trouble_is_told_in_its_words() {
    let report = probed(None, |method| match method {
        "server.info" => Ok(json!({ "klippy_state": "error" })),
        "printer.info" => Ok(json!({ "state_message": "mcu 'mcu': Unable to connect\nOnce the\nissue" })),
        other => healthy(other),
    })
    .await
    .unwrap();
    assert_eq!(
        report.klippy_message.as_deref(),
        Some("mcu 'mcu': Unable to connect Once the issue")
    );
}

#[tokio::test]
async fn keys_are_asked_for_and_refused() {
    let unauthorized = |_: &str| Err((-32602, "Unauthorized"));
    assert!(matches!(
        probed(None, unauthorized).await,
        Err(ProbeError::KeyNeeded)
    ));
    assert!(matches!(
        probed(Some("wrong"), unauthorized).await,
        Err(ProbeError::WrongKey)
    ));
    for refusal in [
        (401, "No"),
        (403, "Forbidden"),
        (-32602, "unauthorized"),
        (0, "Unauthorized"),
    ] {
        assert!(matches!(
            probed(None, |_| Err(refusal)).await,
            Err(ProbeError::KeyNeeded)
        ));
    }
    let invalid = |_: &str| Err((-32602, "Invalid API Key"));
    assert!(matches!(
        probed(Some("wrong"), invalid).await,
        Err(ProbeError::WrongKey)
    ));
}

#[tokio::test]
async fn another_websocket_is_no_moonraker() {
    let error = probed(None, |_| Err((-32601, "Method not found")))
        .await
        .unwrap_err();
    assert!(matches!(error, ProbeError::NotMoonraker { .. }), "{error}");
}
