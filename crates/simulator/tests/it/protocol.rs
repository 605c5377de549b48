//! Calls, error responses, and differences between versions.

use serde_json::{Value, json};
use simulator::{PastPrints, PrintPlan, PrinterConfig, SimPrinter, Version};

use crate::observer::Observer;

async fn printer(config: PrinterConfig) -> (SimPrinter, Observer) {
    let printer = SimPrinter::start(config, 0).await.unwrap();
    let observer = Observer::open(&printer.url(), None).await.unwrap();
    (printer, observer)
}

fn with_history(version: Version, count: u64) -> PrinterConfig {
    PrinterConfig {
        version,
        past: PastPrints { count, days: 100.0 },
        seed: 3,
        ..PrinterConfig::default()
    }
}

async fn ids(observer: &mut Observer, params: Value) -> Vec<String> {
    let listed = observer.call("server.history.list", params).await.unwrap();
    let jobs = listed["jobs"].as_array().unwrap();
    jobs.iter()
        .map(|job| job["job_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn bad_calls_are_refused_as_recorded() {
    let (_printer, mut observer) = printer(PrinterConfig::default()).await;
    for (method, params, code, message) in [
        ("no.such.method", json!({}), -32601, "Method not found"),
        (
            "server.history.get_job",
            json!({}),
            400,
            "No data for argument: uid",
        ),
        (
            "server.history.get_job",
            json!({ "uid": "00FFFF" }),
            -32601,
            "Invalid job uid: 00FFFF",
        ),
        (
            "server.history.get_job",
            json!({ "uid": "zzz" }),
            500,
            "invalid literal for int() with base 16: 'zzz'",
        ),
        (
            "server.history.list",
            json!({ "order": "sideways" }),
            400,
            "Invalid `order` value: SIDEWAYS",
        ),
        (
            "server.history.list",
            json!({ "limit": "many" }),
            400,
            "Unable to convert argument [limit] to <class 'int'>: value received: many",
        ),
        (
            "server.history.list",
            json!(["positional"]),
            -32602,
            "Invalid params:",
        ),
        (
            "printer.objects.query",
            json!({}),
            400,
            "Missing Argument [objects]",
        ),
        (
            "printer.print.start",
            json!({ "filename": "nope.gcode" }),
            400,
            "Unable to open file",
        ),
        (
            "server.files.metadata",
            json!({ "filename": "nope.gcode" }),
            -32601,
            "Metadata not available for <nope.gcode>",
        ),
    ] {
        let refusal = observer.call(method, params).await.unwrap_err();
        assert_eq!(refusal, (code, message.to_owned()));
    }
}

#[tokio::test]
async fn odd_frames_are_answered_as_recorded() {
    let (_printer, mut observer) = printer(PrinterConfig::default()).await;
    observer.send("not json").await;
    assert_eq!(observer.next().await.unwrap()["error"]["code"], -32700);
    observer.send(r#"{"method":"server.info","id":903}"#).await;
    let frame = observer.next().await.unwrap();
    assert_eq!(
        (&frame["error"]["code"], &frame["id"]),
        (&json!(-32600), &json!(903))
    );
    // A call without an id gets no response; a batch gets one for each call with an id.
    observer.send(r#"{"jsonrpc":"2.0","method":"server.info"}"#).await;
    observer
        .send(r#"[{"jsonrpc":"2.0","method":"server.info","id":1},{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","method":"x","id":2}]"#)
        .await;
    let batch = loop {
        let frame = observer.next().await.unwrap();
        if frame.is_array() {
            break frame;
        }
        assert_eq!(frame.get("id"), None);
    };
    assert_eq!(batch.as_array().unwrap().len(), 2);
    assert_eq!(batch[1]["error"]["message"], "Method not found");
}

#[tokio::test]
async fn a_klippy_that_was_never_seen_has_no_methods() {
    let (printer, _) = printer(PrinterConfig::default()).await;
    printer.stop_moonraker();
    printer.kill_klippy();
    printer.start_moonraker();
    let mut observer = Observer::open(&printer.url(), None).await.unwrap();
    let refusal = observer.call("printer.info", json!({})).await.unwrap_err();
    assert_eq!(refusal, (-32601, "Method not found".to_owned()));
    let refusal = observer
        .call("printer.print.start", json!({ "filename": "x" }))
        .await
        .unwrap_err();
    assert_eq!(refusal.0, 503);
    assert_eq!(
        observer.call("server.info", json!({})).await.unwrap()["klippy_state"],
        "disconnected"
    );
}

#[tokio::test]
async fn a_broken_configuration_is_told_when_asked() {
    let config = PrinterConfig {
        time_scale: 20.0,
        updates_per_second: 80.0,
        ..PrinterConfig::default()
    };
    let (printer, mut observer) = printer(config).await;
    printer.kill_klippy();
    printer.start_klippy_with_broken_config("Option 'serial' in section 'mcu' must be specified");
    while observer.call("server.info", json!({})).await.unwrap()["klippy_state"] != "error" {}
    let info = observer.call("printer.info", json!({})).await.unwrap();
    assert!(
        info["state_message"]
            .as_str()
            .unwrap()
            .starts_with("Option 'serial' in section 'mcu'")
    );
    let wanted = json!({ "objects": { "webhooks": ["state"], "print_stats": null } });
    let answer = observer.call("printer.objects.subscribe", wanted).await.unwrap();
    assert_eq!(
        answer["status"],
        json!({ "webhooks": { "state": "error" }, "print_stats": {} })
    );
}

#[tokio::test]
async fn keys_open_what_is_not_trusted() {
    let config = PrinterConfig {
        api_key: Some("right".to_owned()),
        trusted: false,
        ..PrinterConfig::default()
    };
    let printer = SimPrinter::start(config, 0).await.unwrap();
    let who = |key: Option<&str>| {
        let mut params = json!({ "client_name": "x", "version": "1", "type": "other", "url": "" });
        if let Some(key) = key {
            params["api_key"] = key.into();
        }
        params
    };
    for (header, rights) in [(None, false), (Some("wrong"), false), (Some("right"), true)] {
        let mut observer = Observer::open(&printer.url(), header).await.unwrap();
        let answer = observer.call("server.info", json!({})).await;
        assert_eq!(answer.is_ok(), rights, "{header:?}");
        if !rights {
            assert_eq!(answer.unwrap_err(), (-32602, "Unauthorized".to_owned()));
            let method = "server.connection.identify";
            assert_eq!(
                observer.call(method, who(None)).await.unwrap_err().1,
                "Unauthorized"
            );
            assert_eq!(
                observer.call(method, who(Some("wrong"))).await.unwrap_err().1,
                "Invalid API Key"
            );
            observer.call(method, who(Some("right"))).await.unwrap();
            observer.call("server.info", json!({})).await.unwrap();
            assert_eq!(
                observer.call(method, who(Some("right"))).await.unwrap_err().0,
                400
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_key_costs_trust_since_0_11() {
    for (version, rights) in [(Version::V0_10, true), (Version::V0_11, false)] {
        let config = PrinterConfig {
            version,
            api_key: Some("right".to_owned()),
            ..PrinterConfig::default()
        };
        let printer = SimPrinter::start(config, 0).await.unwrap();
        let mut observer = Observer::open(&printer.url(), Some("wrong")).await.unwrap();
        assert_eq!(observer.call("server.info", json!({})).await.is_ok(), rights);
        let mut trusted = Observer::open(&printer.url(), None).await.unwrap();
        trusted.call("server.info", json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn the_51st_websocket_is_refused() {
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let mut observers = Vec::new();
    for _ in 0..50 {
        observers.push(Observer::open(&printer.url(), None).await.unwrap());
    }
    assert!(Observer::open(&printer.url(), None).await.is_none());
    assert_eq!(printer.traffic().sockets_open, 50);
    observers.clear();
    printer.wait_until(|view| view.sockets == 0).await;
    assert_eq!(
        (printer.traffic().sockets_open, printer.traffic().sockets_ever),
        (0, 50)
    );
}

#[tokio::test]
async fn histories_are_paged() {
    let (printer, mut observer) = printer(with_history(Version::V0_11, 120)).await;
    assert_eq!(ids(&mut observer, json!({})).await.len(), 50);
    let all = ids(&mut observer, json!({ "limit": 0, "order": "asc" })).await;
    assert_eq!(
        (all.len(), all[0].as_str(), all[119].as_str()),
        (120, "000001", "000078")
    );
    let mut paged = Vec::new();
    for start in [0, 50, 100] {
        paged.extend(
            ids(
                &mut observer,
                json!({ "start": start, "limit": "50", "order": "ASC" }),
            )
            .await,
        );
    }
    assert_eq!(paged, all);
    let newest = ids(&mut observer, json!({ "start": 1, "limit": 2 })).await;
    assert_eq!(newest, ["000077", "000076"]);
    assert_eq!(
        ids(&mut observer, json!({ "start": 500, "limit": 2 })).await,
        [""; 0]
    );

    // Deleted jobs are gone, and the last id is reused.
    assert!(printer.delete_history_job("000078") && printer.delete_history_job("000005"));
    assert!(!printer.delete_history_job("000078"));
    let left = ids(&mut observer, json!({ "limit": 0, "order": "asc" })).await;
    assert_eq!((left.len(), left.contains(&"000005".to_owned())), (118, false));
}

#[tokio::test]
async fn since_and_before_look_at_different_ends() {
    let (_printer, mut observer) = printer(with_history(Version::V0_11, 60)).await;
    let listed = observer
        .call("server.history.list", json!({ "limit": 0, "order": "asc" }))
        .await
        .unwrap();
    let jobs = listed["jobs"].as_array().unwrap();
    let open = jobs.iter().filter(|job| job["end_time"].is_null()).count();
    assert!(open > 0, "some prints were interrupted");
    let thirtieth = jobs[29]["start_time"].as_f64().unwrap();
    assert_eq!(
        ids(&mut observer, json!({ "limit": 0, "since": thirtieth }))
            .await
            .len(),
        30
    );
    assert_eq!(
        ids(&mut observer, json!({ "limit": 0, "before": 4e9 }))
            .await
            .len(),
        60 - open
    );
    assert_eq!(
        ids(&mut observer, json!({ "limit": 0, "before": -1, "since": -1 }))
            .await
            .len(),
        60
    );
}

#[tokio::test]
async fn version_0_8_counts_all_and_stumbles_over_before() {
    let (_printer, mut observer) = printer(with_history(Version::V0_8, 60)).await;
    let listed = observer
        .call("server.history.list", json!({ "limit": 7, "order": "asc" }))
        .await
        .unwrap();
    assert_eq!(
        (&listed["count"], listed["jobs"].as_array().unwrap().len()),
        (&json!(60), 7)
    );
    assert_eq!(listed["jobs"][0]["job_id"], "000000");
    assert_eq!(listed["jobs"][0].get("user"), None);
    assert!(
        observer
            .call("server.history.list", json!({ "before": 4e9 }))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_spoiled_row_costs_its_page() {
    let (printer, mut observer) = printer(with_history(Version::V0_11, 20)).await;
    assert!(printer.corrupt_history_job("000007"));
    let refusal = observer.call("server.history.list", json!({})).await.unwrap_err();
    assert_eq!(
        refusal,
        (500, "'NoneType' object has no attribute 'get'".to_owned())
    );
    assert_eq!(
        ids(&mut observer, json!({ "start": 7, "order": "asc" }))
            .await
            .len(),
        13
    );
}

#[tokio::test]
async fn a_big_history_is_the_same_each_time() {
    let (printer, mut observer) = printer(with_history(Version::V0_11, 100_000)).await;
    let query = json!({ "start": 99_000, "limit": 500, "order": "asc" });
    let once = observer.call("server.history.list", query.clone()).await.unwrap();
    let twice = observer.call("server.history.list", query).await.unwrap();
    assert_eq!(once, twice);
    let starts: Vec<f64> = once["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["start_time"].as_f64().unwrap())
        .collect();
    assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(printer.history_job("0186A0").unwrap()["job_id"], "0186A0");
    let totals = observer.call("server.history.totals", json!({})).await.unwrap();
    assert!(totals["job_totals"]["total_jobs"].as_f64().unwrap() > 80_000.0);
}

#[tokio::test]
async fn prints_are_run_over_the_api() {
    let config = PrinterConfig {
        time_scale: 20.0,
        updates_per_second: 80.0,
        ..PrinterConfig::default()
    };
    let (printer, mut observer) = printer(config).await;
    printer.start_print("a.gcode", PrintPlan::lasting(500.0)).unwrap();
    observer.watch().await;
    for (method, params) in [
        ("printer.print.pause", json!({})),
        ("printer.print.resume", json!({})),
        ("printer.gcode.script", json!({ "script": "PAUSE\nCANCEL_PRINT" })),
        ("printer.print.start", json!({ "filename": "a.gcode" })),
        ("printer.emergency_stop", json!({})),
        ("printer.firmware_restart", json!({})),
    ] {
        assert_eq!(observer.call(method, params).await, Ok("ok".into()), "{method}");
    }
    let outcomes: Vec<String> = printer
        .truth()
        .iter()
        .map(|run| format!("{:?}", run.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            "Some(Cancelled)",
            "Some(Shutdown(\"Shutdown due to webhooks request\"))"
        ]
    );
}

#[tokio::test]
async fn the_upgrade_from_0_8_renumbers() {
    let (printer, mut observer) = printer(with_history(Version::V0_8, 60)).await;
    printer.delete_history_job("000003");
    let before = printer.history();
    assert!(before.iter().any(|job| job["status"] == "in_progress"));
    printer.upgrade_moonraker(Version::V0_11);
    observer.closed().await;
    let after = printer.history();
    assert_eq!(
        (after.len(), &after[0]["job_id"], &after[58]["job_id"]),
        (59, &json!("000001"), &json!("00003B"))
    );
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(
            (&before["start_time"], &before["filename"]),
            (&after["start_time"], &after["filename"])
        );
        if before["status"] == "in_progress" {
            assert_eq!(
                (&after["status"], &after["end_time"]),
                (&json!("interrupted"), &json!(0.0))
            );
        }
    }
}
