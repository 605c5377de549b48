//! Printers over the API.

use domain::PrinterId;
use serde_json::{Value, json};
use store::Location;

use tokio::io::AsyncReadExt as _;

use crate::{
    catalogues,
    test_app::{TestApp, job},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_is_added_read_changed_and_deleted() {
    let app = TestApp::start().await;
    let input = json!({
        "name": " Voron ", "location": "Workshop", "moonraker_url": "http://127.0.0.1:1", "moonraker_api_key": "s3cret",
        "is_active": false,
    });
    let answer = app.post("/api/printers", &input).await.expect(201);
    let made = answer.json();
    let path = format!("/api/printers/{}", made["id"]);
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!(made["name"], "Voron");
    assert_eq!(made["kind"], "moonraker");
    assert_eq!(made["location"], "Workshop");
    assert_eq!(made["moonraker_url"], "http://127.0.0.1:1");
    assert_eq!(made["has_moonraker_api_key"], true);
    assert_eq!(made["is_active"], false);
    assert_eq!(made["last_seen"], Value::Null);
    assert_eq!(made["created_at"], made["updated_at"]);
    assert_eq!(
        made["totals"],
        json!({"total_jobs": 0, "total_time": 0.0, "total_print_time": 0.0, "total_filament_used": 0.0,
            "longest_job": null, "last_updated": null})
    );
    assert_eq!(app.get(&path).await.expect(200).json(), made);
    assert_eq!(
        app.get("/api/printers").await.expect(200).json(),
        json!({"items": [made]})
    );

    let change =
        json!({"name": "Voron 2.4", "moonraker_url": "ws://127.0.0.1:1/websocket", "is_active": false});
    let changed = app.put(&path, &change).await.expect(200).json();
    assert_eq!(changed["name"], "Voron 2.4");
    assert_eq!(changed["location"], Value::Null);
    assert_eq!(changed["moonraker_url"], "ws://127.0.0.1:1/websocket");
    assert_eq!(
        changed["has_moonraker_api_key"], true,
        "a key that is left out stays"
    );
    assert_eq!(changed["created_at"], made["created_at"]);
    assert_eq!(app.get(&path).await.json(), changed);

    let mut without_key = change.clone();
    without_key["moonraker_api_key"] = Value::Null;
    assert_eq!(
        app.put(&path, &without_key).await.expect(200).json()["has_moonraker_api_key"],
        false
    );
    assert_eq!(
        app.put(&path, &change).await.expect(200).json()["has_moonraker_api_key"],
        false
    );

    assert!(app.delete(&path).await.expect(204).body.is_empty());
    app.get(&path).await.problem(404);
    app.delete(&path).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_printer_is_never_shown() {
    let app = TestApp::start().await;
    let input = json!({"name": "A", "moonraker_url": "http://127.0.0.1:1", "moonraker_api_key": "s3cret"});
    let mut answers = vec![app.post("/api/printers", &input).await];
    let path = format!("/api/printers/{}", answers[0].json()["id"]);
    answers.push(app.put(&path, &input).await);
    for path in ["/api/printers", &path, &format!("{path}/status")] {
        answers.push(app.get(path).await.expect(200));
    }
    for answer in answers {
        assert!(!String::from_utf8_lossy(&answer.body).contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_of_an_address_is_encrypted_and_never_shown() {
    let app = TestApp::start().await;
    let input =
        json!({"name": "A", "moonraker_url": "https://me:s3cret@127.0.0.1:1/p", "moonraker_api_key": "k3y"});
    let made = app.post("/api/printers", &input).await.expect(201);
    let path = format!("/api/printers/{}", made.json()["id"]);
    assert_eq!(made.json()["moonraker_url"], "https://127.0.0.1:1/p");
    assert_eq!(made.json()["has_moonraker_api_key"], true);
    let id = PrinterId(made.json()["id"].as_i64().unwrap());
    let secret = async || {
        app.store
            .printer(id)
            .await
            .unwrap()
            .unwrap()
            .config
            .moonraker_api_key
    };
    assert_eq!(secret().await.as_deref(), Some("Basic bWU6czNjcmV0 k3y"));
    // A change that omits both fields keeps both values.
    let change = json!({"name": "B", "moonraker_url": "https://127.0.0.1:1/p"});
    let changed = app.put(&path, &change).await.expect(200);
    assert_eq!(secret().await.as_deref(), Some("Basic bWU6czNjcmV0 k3y"));
    let test = app
        .post("/api/printers/test", &input_of_test(&input))
        .await
        .expect(200);
    let mut answers = vec![made, changed, test];
    for path in ["/api/printers", &path, &format!("{path}/status")] {
        answers.push(app.get(path).await.expect(200));
    }
    for answer in answers {
        let text = String::from_utf8_lossy(&answer.body);
        assert!(
            !["s3cret", "bWU6", "k3y"]
                .iter()
                .any(|secret| text.contains(secret)),
            "{text}"
        );
    }
    let forget = json!({"name": "B", "moonraker_url": "https://127.0.0.1:1/p", "moonraker_api_key": null});
    assert_eq!(
        app.put(&path, &forget).await.expect(200).json()["has_moonraker_api_key"],
        false
    );
    assert_eq!(secret().await, None);
}

fn input_of_test(input: &Value) -> Value {
    json!({"moonraker_url": input["moonraker_url"], "moonraker_api_key": input["moonraker_api_key"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn printers_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let url = "http://127.0.0.1:1";
    for (body, fields) in [
        (json!({}), &["name"][..]),
        (json!({"name": "A"}), &["moonraker_url"]),
        (json!({"name": "", "moonraker_url": url}), &["name"]),
        (json!({"name": " \t", "moonraker_url": url}), &["name"]),
        (json!({"name": "x".repeat(256), "moonraker_url": url}), &["name"]),
        (json!({"name": "a\u{0}", "moonraker_url": url}), &["name"]),
        (json!({"name": 5, "moonraker_url": url}), &["name"]),
        (
            json!({"name": "A", "kind": "typewriter", "moonraker_url": url}),
            &["kind"],
        ),
        (json!({"name": "A", "moonraker_url": ""}), &["moonraker_url"]),
        (
            json!({"name": "A", "moonraker_url": "ftp://a"}),
            &["moonraker_url"],
        ),
        (
            json!({"name": "A", "moonraker_url": "http://"}),
            &["moonraker_url"],
        ),
        (
            json!({"name": "A", "moonraker_url": "http://a b"}),
            &["moonraker_url"],
        ),
        (json!({"name": "a\nb", "moonraker_url": url}), &["name"]),
        (json!({"name": "a\u{1b}[31m", "moonraker_url": url}), &["name"]),
        (json!({"name": "a\u{85}b", "moonraker_url": url}), &["name"]),
        (
            json!({"name": "A", "moonraker_url": url, "location": "a\rb"}),
            &["location"],
        ),
        (
            json!({"name": "A", "moonraker_url": "http://me:pass@a?b"}),
            &["moonraker_url"],
        ),
        (
            json!({"name": "A", "moonraker_url": "file:///etc/passwd"}),
            &["moonraker_url"],
        ),
        (
            json!({"name": "A", "moonraker_url": format!("http://{}", "a".repeat(500))}),
            &["moonraker_url"],
        ),
        (
            json!({"name": "A", "moonraker_url": url, "moonraker_api_key": "a\nb"}),
            &["moonraker_api_key"],
        ),
        (
            json!({"name": "A", "moonraker_url": url, "location": "x".repeat(256)}),
            &["location"],
        ),
        (
            json!({"name": "A", "moonraker_url": url, "location": "\u{0}"}),
            &["location"],
        ),
        (
            json!({"name": "A", "moonraker_url": url, "is_active": "yes"}),
            &["is_active"],
        ),
        (
            json!({"name": "A", "moonraker_url": url, "is_active": null}),
            &["is_active"],
        ),
        (json!({"name": "A", "moonraker_url": url, "url": url}), &["url"]),
        (
            json!({"name": "", "moonraker_url": "", "location": "\u{0}"}),
            &["name", "location", "moonraker_url"],
        ),
    ] {
        assert_eq!(
            app.post("/api/printers", &body).await.wrong_fields(422),
            fields,
            "{body}"
        );
    }
    assert_eq!(app.get("/api/printers").await.json(), json!({"items": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_grows_in_small_letters_is_refused_too() {
    let app = TestApp::start().await;
    let body = json!({"name": "İ".repeat(255), "moonraker_url": "http://127.0.0.1:1"});
    assert_eq!(app.post("/api/printers", &body).await.wrong_fields(422), ["name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blanks_mean_that_nothing_was_said() {
    let app = TestApp::start().await;
    let body = json!({"name": "A", "moonraker_url": " voron.local ", "location": " ", "moonraker_api_key": "",
        "is_active": false});
    let made = app.post("/api/printers", &body).await.expect(201).json();
    assert_eq!(made["moonraker_url"], "http://voron.local");
    assert_eq!(made["location"], Value::Null);
    assert_eq!(made["has_moonraker_api_key"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_belongs_to_one_printer() {
    let app = TestApp::start().await;
    app.add_printer("Voron").await;
    let other = app.add_printer("Prusa").await;
    let body = json!({"name": "vORON ", "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    assert_eq!(app.post("/api/printers", &body).await.wrong_fields(409), ["name"]);
    assert_eq!(
        app.put(&format!("/api/printers/{}", other.0), &body)
            .await
            .wrong_fields(409),
        ["name"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_with_jobs_is_deleted_only_if_that_is_meant() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let keep = app.add_printer("Prusa").await;
    for (index, start) in ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]
        .into_iter()
        .enumerate()
    {
        app.add_job(&job(printer, &format!("{index:06X}"), start)).await;
    }
    app.add_job(&job(keep, "000001", "2026-01-01T00:00:00Z")).await;
    let path = format!("/api/printers/{}", printer.0);

    let totals = app.get(&path).await.json()["totals"].clone();
    assert_eq!(
        (&totals["total_jobs"], &totals["total_time"]),
        (&json!(2), &json!(7200.5))
    );

    for suffix in ["", "?delete_jobs=false"] {
        let problem = app.delete(&format!("{path}{suffix}")).await.problem(409);
        assert_eq!(problem["job_count"], 2);
    }
    assert_eq!(
        app.delete(&format!("{path}?delete_jobs=1"))
            .await
            .wrong_fields(422),
        ["delete_jobs"]
    );
    app.delete(&format!("{path}?delete_jobs=true")).await.expect(204);
    let jobs = app.get("/api/jobs").await.json();
    assert_eq!(jobs["total"], 1);
    assert_eq!(jobs["items"][0]["printer_name"], "Prusa");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_how_the_link_stands_and_why() {
    let app = TestApp::start().await;
    let off = app.add_printer("Off").await;
    // Nothing listens on port 1.
    let body = json!({"name": "Away", "moonraker_url": "http://127.0.0.1:1"});
    let away = app.post("/api/printers", &body).await.expect(201).json()["id"]
        .as_i64()
        .unwrap();

    let status = wait_for_state(&app, off.0, "disabled").await;
    assert_eq!(status["job"], Value::Null);
    assert_eq!(status["printer_id"], off.0);
    let status = wait_for_state(&app, away, "unreachable").await;
    assert!(
        status["connection"]["reason"]
            .as_str()
            .unwrap()
            .contains("127.0.0.1:1"),
        "{status}"
    );
    assert!(status["connection"]["since"].as_str().unwrap().ends_with('Z'));
    assert_eq!(status["backfill"]["state"], "pending");
    assert_eq!(status["temperatures"], json!({}));

    // The change takes effect at once.
    let body = json!({"name": "Away", "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    app.put(&format!("/api/printers/{away}"), &body).await.expect(200);
    wait_for_state(&app, away, "disabled").await;
}

async fn wait_for_state(app: &TestApp, printer: i64, state: &str) -> Value {
    let asked = async {
        loop {
            let status = app
                .get(&format!("/api/printers/{printer}/status"))
                .await
                .expect(200)
                .json();
            if status["connection"]["state"] == state {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, asked)
        .await
        .unwrap_or_else(|_| panic!("printer {printer} is never {state}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_can_be_tried_before_it_is_saved() {
    let app = TestApp::start().await;
    let test = async |url: &str, key: Value| {
        let body = json!({"moonraker_url": url, "moonraker_api_key": key});
        app.post("/api/printers/test", &body).await.expect(200).json()
    };
    let refused = test("http://127.0.0.1:1", Value::Null).await;
    assert_eq!(
        (&refused["ok"], &refused["outcome"]),
        (&json!(false), &json!("unreachable"))
    );
    assert!(refused["reason"].as_str().unwrap().contains("127.0.0.1:1"));
    assert_eq!(
        refused["trouble"],
        json!({"code": "nothing_listens", "params": {"host": "127.0.0.1", "port": 1}})
    );
    catalogues::assert_translated("connection", &refused["trouble"]);
    // The server at this address is printlog itself, not a Moonraker.
    let other = test(&format!("http://{}", app.address), Value::Null).await;
    assert_eq!(
        (&other["ok"], &other["outcome"]),
        (&json!(false), &json!("not_moonraker"))
    );
    assert_eq!(other["trouble"]["code"], "not_moonraker");
    catalogues::assert_translated("connection", &other["trouble"]);
    let wrong = test("ftp://a", Value::Null).await;
    assert_eq!(wrong["outcome"], "wrong_address");
    assert_eq!(
        wrong["trouble"],
        json!({"code": "address_scheme", "params": {"scheme": "ftp"}})
    );
    catalogues::assert_translated("connection", &wrong["trouble"]);
    assert_eq!(test("http://a", json!("a\nb")).await["outcome"], "wrong_key");

    let empty = json!({"moonraker_url": "", "moonraker_api_key": "\u{0}"});
    let answer = app.post("/api/printers/test", &empty).await;
    assert_eq!(answer.wrong_fields(422), ["moonraker_url", "moonraker_api_key"]);
    assert_eq!(
        app.post("/api/printers/test", &json!({})).await.wrong_fields(422),
        ["moonraker_url"]
    );
    assert_eq!(app.get("/api/printers").await.json(), json!({"items": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_secret_costs_the_keys_of_printers_and_nothing_else() {
    let app = TestApp::start().await;
    let printer = json!({"name": "Voron", "moonraker_url": "http://127.0.0.1:1", "moonraker_api_key": "s3cret",
        "is_active": false});
    app.post("/api/printers", &printer).await.expect(201);
    let folder = app.stop().await;
    let database = folder.path().join("printlog.db");
    std::fs::remove_file(folder.path().join("secret.key")).unwrap();

    let again = TestApp::start_with(|config| config.database = Location::Sqlite { path: database }).await;
    let shown = again.get("/api/printers/1").await.expect(200).json();
    assert_eq!(shown["has_moonraker_api_key"], true);
    let health = again.get("/health").await.expect(200).json();
    assert_eq!(health["printer_keys"]["status"], "warning");
    let reason = health["printer_keys"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("1 printers") && reason.contains("secret_file"),
        "{reason}"
    );
    // The stored key may become readable again, so it must not be used at another address.
    let moved = json!({"name": "Voron", "moonraker_url": "http://127.0.0.1:2"});
    let refused = again.put("/api/printers/1", &moved).await;
    assert_eq!(refused.wrong_fields(409), ["moonraker_api_key"]);
    // If omitted, the stored key is kept until the secret key file is restored.
    let mut change = json!({"name": "Voron 2", "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    let changed = again.put("/api/printers/1", &change).await.expect(200).json();
    assert_eq!(
        (&changed["name"], &changed["has_moonraker_api_key"]),
        (&json!("Voron 2"), &json!(true))
    );
    change["moonraker_api_key"] = Value::Null;
    let changed = again.put("/api/printers/1", &change).await.expect(200).json();
    assert_eq!(changed["has_moonraker_api_key"], false);
    let health = again.get("/health").await.expect(200).json();
    assert_eq!(
        health["printer_keys"],
        json!({"status": "ok", "reason": null, "troubles": []})
    );
    change["moonraker_api_key"] = json!("n3w");
    again.put("/api/printers/1", &change).await.expect(200);
    let stored = again.store.printer(domain::PrinterId(1)).await.unwrap().unwrap();
    assert_eq!(stored.config.moonraker_api_key.as_deref(), Some("n3w"));
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_of_a_printer_is_stored_without_a_secret() {
    let secrets = tempfile::tempdir().unwrap();
    let damaged = secrets.path().join("secret.key");
    std::fs::write(&damaged, "not a secret").unwrap();
    let app = TestApp::start_with(|config| config.secret_file = Some(damaged)).await;
    let printer =
        json!({"name": "Voron", "moonraker_url": "http://127.0.0.1:1", "moonraker_api_key": "s3cret"});
    let problem = app.post("/api/printers", &printer).await.problem(503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("64 hexadecimal digits"),
        "{problem}"
    );
    let without = json!({"name": "Voron", "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    app.post("/api/printers", &without).await.expect(201);
    let health = app.get("/health").await.expect(200).json();
    assert_eq!(
        (&health["status"], &health["printer_keys"]["status"]),
        (&json!("warning"), &json!("warning"))
    );
}

/// Starts a server that returns the head of each request it receives.
async fn eavesdropper() -> (String, tokio::sync::mpsc::Receiver<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heads, received) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            heads.send(head).await.ok();
        }
    });
    (address, received)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_key_is_sent_to_its_own_address_only() {
    let app = TestApp::start().await;
    let (address, mut received) = eavesdropper().await;
    let stored = json!({"name": "Voron", "moonraker_url": "http://127.0.0.1:1", "moonraker_api_key": "s3cret",
        "is_active": false});
    app.post("/api/printers", &stored).await.expect(201);
    let elsewhere = [
        format!("http://{address}"),
        address.clone(),
        format!("ws://{address}/websocket"),
        "https://127.0.0.1:1".to_owned(),
        "http://localhost:1".to_owned(),
        "127.0.0.1".to_owned(),
    ];
    for url in &elsewhere {
        let test = json!({"moonraker_url": url, "printer_id": 1});
        let refused = app.post("/api/printers/test", &test).await;
        assert_eq!(refused.wrong_fields(409), ["moonraker_api_key"], "{url}");
        let message = refused.json()["errors"][0]["message"].to_string();
        assert!(message.contains("http://127.0.0.1:1"), "{message}");
        let moved = json!({"name": "Voron", "moonraker_url": url});
        let refused = app.put("/api/printers/1", &moved).await;
        assert_eq!(refused.wrong_fields(409), ["moonraker_api_key"], "{url}");
    }
    assert!(received.try_recv().is_err(), "nothing was sent anywhere");
    // The test proceeds when the key is entered again or removed.
    let test = json!({"moonraker_url": elsewhere[0], "printer_id": 1, "moonraker_api_key": ""});
    app.post("/api/printers/test", &test).await.expect(200);
    let head = received.recv().await.unwrap().to_lowercase();
    assert!(!head.contains("s3cret"), "{head}");
    let moved = json!({"name": "Voron", "moonraker_url": elsewhere[0], "moonraker_api_key": null, "is_active": false});
    let moved = app.put("/api/printers/1", &moved).await.expect(200).json();
    assert_eq!(moved["has_moonraker_api_key"], false);
    // For a printer without a key, there is no key to protect.
    let test = json!({"moonraker_url": "http://127.0.0.1:1", "printer_id": 1});
    app.post("/api/printers/test", &test).await.expect(200);
}
