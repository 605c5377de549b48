//! The API's view of a connected printer: a simulated one that is printing.

use serde_json::{Value, json};
use simulator::{PrintPlan, PrinterConfig, Random, SimPrinter};

use crate::{catalogues, test_app::TestApp};

/// Polls until the response matches.
async fn wait_for(app: &TestApp, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let answer = app.get(path).await.expect(200).json();
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    tokio::time::timeout(patience, asked)
        .await
        .unwrap_or_else(|_| panic!("{path} never becomes as wanted"))
}

async fn locked_printer() -> SimPrinter {
    let config = PrinterConfig {
        api_key: Some("right".to_owned()),
        trusted: false,
        ..PrinterConfig::default()
    };
    SimPrinter::start(config, 0).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_tried_before_it_is_saved() {
    let app = TestApp::start().await;
    let printer = locked_printer().await;
    for (key, outcome, trouble) in [
        (
            Value::Null,
            "key_needed",
            json!({"code": "key_needed", "params": {}}),
        ),
        (
            json!(""),
            "key_needed",
            json!({"code": "key_needed", "params": {}}),
        ),
        (
            json!("wrong"),
            "wrong_key",
            json!({"code": "key_refused", "params": {}}),
        ),
        (json!("right"), "ok", Value::Null),
    ] {
        let body = json!({"moonraker_url": printer.url(), "moonraker_api_key": key});
        let verdict = app.post("/api/printers/test", &body).await.expect(200).json();
        assert_eq!(verdict["outcome"], outcome, "{verdict}");
        assert_eq!(verdict["ok"], outcome == "ok");
        assert_eq!(verdict["reason"].is_null(), outcome == "ok", "{verdict}");
        assert_eq!(verdict["trouble"], trouble);
        assert_eq!(verdict["klippy_state"].is_null(), outcome != "ok");
        assert_eq!(verdict["moonraker_url"], printer.url());
    }
    // A stored printer is tested with its stored key, unless another key is given.
    let input = json!({"name": "Sim", "moonraker_url": printer.url(), "moonraker_api_key": "right"});
    let id = app.post("/api/printers", &input).await.expect(201).json()["id"].clone();
    for (key, outcome) in [
        (Value::Null, "ok"),
        (json!("wrong"), "wrong_key"),
        (json!(""), "key_needed"),
    ] {
        // The scheme is left out; the test detects it.
        let body = json!({"moonraker_url": printer.url().trim_start_matches("http://"), "printer_id": id,
            "moonraker_api_key": key});
        let verdict = app.post("/api/printers/test", &body).await.expect(200).json();
        assert_eq!(verdict["outcome"], outcome, "{verdict}");
        assert_eq!(verdict["moonraker_url"], printer.url());
    }
    let body = json!({"moonraker_url": printer.url(), "printer_id": 4711});
    app.post("/api/printers/test", &body).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_is() {
    let app = TestApp::start().await;
    let system = app.get("/api/system").await.expect(200).json();
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(system["database"]["type"], "sqlite");
    assert!(
        system["database"]["version"].as_str().unwrap().starts_with("3."),
        "{system}"
    );
    assert!(
        system["database"]["size_bytes"].as_u64().unwrap() > 10_000,
        "{system}"
    );
    assert_eq!(
        system["details"],
        json!({"pending": 0, "partial": 0, "failed": 0})
    );
    assert!(system["uptime"].is_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_takes_effect_at_once() {
    let app = TestApp::start().await;
    let printer = locked_printer().await;
    let mut input = json!({"name": "Sim", "moonraker_url": printer.url()});
    let id = app.post("/api/printers", &input).await.expect(201).json()["id"].clone();
    let (path, status) = (
        format!("/api/printers/{id}"),
        format!("/api/printers/{id}/status"),
    );
    let refused = wait_for(&app, &status, |status| {
        status["connection"]["state"] == "unauthorized"
    })
    .await;
    assert!(refused["connection"]["reason"].is_string(), "{refused}");
    assert_eq!(refused["connection"]["trouble"]["code"], "key_needed");
    catalogues::assert_translated("connection", &refused["connection"]["trouble"]);

    input["moonraker_api_key"] = json!("right");
    app.put(&path, &input).await.expect(200);
    let connected = wait_for(&app, &status, |status| {
        status["connection"]["state"] == "connected"
    })
    .await;
    assert_eq!(connected["connection"]["reason"], Value::Null);
    assert_eq!(connected["connection"]["trouble"], Value::Null);
    assert_eq!(connected["klippy_state"], "ready");
    assert!(connected["moonraker_version"].is_string());
    assert_eq!(connected["job"], Value::Null);

    app.delete(&path).await.expect(204);
    app.get(&status).await.problem(404);
    let left = std::time::Duration::from_secs(60);
    tokio::time::timeout(left, printer.wait_until(|view| view.sockets == 0))
        .await
        .expect("the socket is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_shown_and_cannot_be_deleted() {
    let app = TestApp::start().await;
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let mut file = simulator::sliced_file(&mut Random::new(7), 3600.0, 1_700_000_000.0);
    file.name = "cube.gcode".to_owned();
    printer.add_file(file, None);
    let input = json!({"name": "Sim", "moonraker_url": printer.url()});
    let id = app.post("/api/printers", &input).await.expect(201).json()["id"].clone();
    let status = format!("/api/printers/{id}/status");
    wait_for(&app, &status, |status| {
        status["connection"]["state"] == "connected"
    })
    .await;

    printer
        .start_print("cube.gcode", PrintPlan::lasting(3600.0))
        .unwrap();
    let shown = wait_for(&app, &status, |status| status["job"]["id"].is_i64()).await;
    assert_eq!(shown["job"]["filename"], "cube.gcode");
    assert_eq!(shown["job"]["status"], "printing");
    assert!(shown["job"]["start_time"].as_str().unwrap().ends_with('Z'));
    assert!(
        shown["temperatures"]["extruder"]["temperature"].is_number(),
        "{shown}"
    );

    let job = format!("/api/jobs/{}", shown["job"]["id"]);
    let row = app.get(&job).await.expect(200).json();
    assert_eq!(
        (&row["status"], &row["end_time"]),
        (&json!("printing"), &Value::Null)
    );
    app.delete(&job).await.problem(409);

    printer.cancel().unwrap();
    let ended = wait_for(&app, &job, |job| job["status"] == "cancelled").await;
    assert!(ended["end_time"].as_str().unwrap().ends_with('Z'));
    wait_for(&app, &status, |status| status["job"].is_null()).await;
    app.delete(&job).await.expect(204);
}
