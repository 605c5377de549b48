//! What a person is told who tries an address and a key.

use moonraker::{ConnectOptions, ProbeError, ProbeReport, Value, probe};
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
}

#[tokio::test]
async fn a_printer_without_klippy_can_be_logged_all_the_same() {
    let report = probed(None, |method| match method {
        "server.info" => Ok(json!({ "klippy_state": "disconnected", "moonraker_version": "0.11.0" })),
        "printer.info" => Err((-32601, "Method not found")),
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
