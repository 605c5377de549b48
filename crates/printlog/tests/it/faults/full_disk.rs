//! The disk is full before a printer connects, and while a client writes through the API.

use hyper::StatusCode;
use serde_json::json;
use simulator::{PrinterConfig, SimPrinter};

use crate::capture::logger::{Logger, wait_for};

/// Changes a printer repeatedly until the disk is full. Each change takes one page.
async fn write_until_refused(logger: &Logger, id: i64, url: &str) -> (StatusCode, serde_json::Value) {
    for n in 0..3000 {
        let printer = json!({"name": "Voron", "moonraker_url": url, "location": format!("Place {n}")});
        let (status, answer) = logger
            .send("PUT", &format!("/api/printers/{id}"), Some(&printer))
            .await
            .expect("an answer");
        if status != StatusCode::OK {
            return (status, answer);
        }
    }
    panic!("a full disk takes everything");
}

#[tokio::test]
async fn a_printer_that_connects_while_the_disk_is_full_is_reported() {
    let Some(logger) = Logger::start_on_small_disk("12M", &[]).await else {
        return;
    };
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    printer.stop_moonraker();
    let id = logger.add_printer("Voron", &printer.url(), None).await;
    logger.wait_for_connection(id, "unreachable").await;
    logger.disk.as_ref().unwrap().fill();

    let (status, problem) = write_until_refused(&logger, id, &printer.url()).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("full"), "{problem}");
    let new = json!({"name": "Ender", "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    let (status, problem) = logger.send("POST", "/api/printers", Some(&new)).await.unwrap();
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{problem}");
    let (status, health) = logger.health().await.unwrap();
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("warning")));
    assert!(
        health["database"]["reason"].as_str().unwrap().contains("full"),
        "{health}"
    );

    printer.start_moonraker();
    wait_for("the status to say why nothing is recorded", async || {
        let status = logger.get(&format!("/api/printers/{id}/status")).await;
        let reason = status["connection"]["reason"].as_str()?;
        (reason.contains("full") && status["database_trouble"].is_string()).then_some(())
    })
    .await;
    let health = logger.command(&["health", "--json"]).await;
    assert_eq!(health["writing"]["status"], "warning", "{health}");
    let reason = health["writing"]["reason"].as_str().unwrap();
    assert!(reason.contains("1 printers are not recorded"), "{reason}");

    logger.disk.as_ref().unwrap().empty();
    logger.wait_for_connection(id, "connected").await;
    let status = logger.get(&format!("/api/printers/{id}/status")).await;
    assert!(status["database_trouble"].is_null(), "{status}");
    wait_for("the health to be well", async || {
        let (_, health) = logger.health().await?;
        (health["status"] == "ok").then_some(())
    })
    .await;
    let (status, answer) = logger.send("POST", "/api/printers", Some(&new)).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}
