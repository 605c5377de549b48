//! Authentication and authorization.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header, header::HeaderValue};
use serde_json::{Value, json};
use store::{KeyScope, Location};

use crate::test_app::{TestApp, job, stored_at};

/// An operation of the API, with numbers as its path parameters.
struct Operation {
    method: String,
    path: String,
    /// The scope that the key needs. `None` if no key is needed.
    scope: Option<String>,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(printlog::api::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["api_key"][0].as_str();
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path
                    .split('/')
                    .map(|part| if part.starts_with('{') { "1" } else { part })
                    .collect::<Vec<_>>()
                    .join("/"),
                scope: scope.map(str::to_owned),
            });
        }
    }
    operations
}

/// Routes that are public or used to sign in.
const OPEN: [&str; 2] = ["/health", "/api/session"];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_only_keys_that_work() {
    let app = TestApp::start().await;
    let past = stored_at();
    let make = async |name, scope, end| app.store.create_key(name, scope, end, past).await.unwrap();
    let expired = make("expired", KeyScope::Admin, Some(past)).await.secret;
    let revoked = make("revoked", KeyScope::Admin, None).await;
    app.delete(&format!("/api/admin/keys/{}", revoked.record.id.0))
        .await
        .expect(204);

    let invalid = "Bearer error=\"invalid_token\"";
    let refused = [
        (None, "Bearer"),
        (Some(String::new()), "Bearer"),
        (Some("Bearer".to_owned()), "Bearer"),
        (Some(format!("Basic {}", app.key)), "Bearer"),
        (Some(app.key.clone()), "Bearer"),
        (Some("Bearer 3dp_wrong".to_owned()), invalid),
        (Some("Bearer 3dp_äöüäöüäöü".to_owned()), "Bearer"),
        (Some(format!("Bearer {}x", app.key)), invalid),
        (Some(format!("Bearer {}", app.key.to_lowercase())), invalid),
        (Some(format!("Bearer {expired}")), invalid),
        (Some(format!("Bearer {}", revoked.secret)), invalid),
    ];
    let operations = operations();
    assert!(operations.len() > 15);
    let mut attempts = 0;
    for Operation { method, path, scope } in &operations {
        if scope.is_none() {
            assert!(OPEN.contains(&path.as_str()), "{method} {path} needs no key");
            continue;
        }
        for (authorization, challenge) in &refused {
            let mut request = with(&app, method, path, authorization.as_deref());
            // A different address per request, because each address is limited to ten wrong keys.
            attempts += 1;
            let address = format!("10.0.{}.{}", attempts / 250, attempts % 250);
            request
                .headers_mut()
                .insert("x-forwarded-for", address.parse().unwrap());
            let answer = app.send(request).await;
            answer.problem(401);
            assert_eq!(
                answer.header("www-authenticate"),
                Some(*challenge),
                "{method} {path} {authorization:?}"
            );
        }
        let status = app.status_of(app.request(method, path, "{}")).await.as_u16();
        assert!(!matches!(status, 401 | 403 | 429), "{method} {path}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_reads_changes_nothing_and_sees_no_keys() {
    let app = TestApp::start().await;
    let made = app
        .post("/api/admin/keys", &json!({"name": "grafana", "scope": "read"}))
        .await
        .expect(201)
        .json();
    assert_eq!(made["scope"], "read");
    let key = made["key"].as_str().unwrap().to_owned();
    let printer = app.add_printer("Voron").await;
    app.add_job(&job(printer, "000001", "2026-01-01T00:00:00Z")).await;

    let mut allowed = Vec::new();
    for Operation { method, path, scope } in operations() {
        let request = with(&app, &method, &path, Some(&format!("Bearer {key}")));
        if scope.as_deref() == Some("admin") {
            let answer = app.send(request).await;
            answer.problem(403);
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer error=\"insufficient_scope\""),
                "{method} {path}"
            );
        } else if scope.is_some() {
            let status = app.status_of(request).await.as_u16();
            assert!(!matches!(status, 401 | 403), "{method} {path}");
            assert_eq!(method, "GET", "{path}");
            assert!(!path.contains("admin"), "{path}");
            allowed.push(path);
        }
    }
    for path in ["/api/jobs", "/api/printers", "/api/printers/1/status"] {
        assert!(allowed.iter().any(|allowed| allowed == path), "{path}");
    }
    // The refused requests had no effect.
    assert_eq!(app.get("/api/jobs").await.json()["total"], 1);
    assert_eq!(
        app.get("/api/printers/1").await.expect(200).json()["name"],
        "Voron"
    );
    assert_eq!(
        app.get("/api/admin/keys").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // HEAD is a read request.
    let head = with(&app, "HEAD", "/api/jobs", Some(&format!("Bearer {key}")));
    app.send(head).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_many_keys_is_held_off() {
    let app = TestApp::start().await;
    let send = async |address: &str, key: &str| {
        let mut request = with(&app, "GET", "/api/jobs", Some(&format!("Bearer {key}")));
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", address.parse().unwrap());
        app.send(request).await
    };
    for n in 0..10 {
        send("192.0.2.1", &format!("3dp_guess{n}")).await.problem(401);
    }
    let answer = send("192.0.2.1", "3dp_guess10").await;
    answer.problem(429);
    let pause: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&pause), "{pause}");
    // A client with a valid key is not blocked because of another client behind the same proxy.
    send("192.0.2.1", &app.key).await.expect(200);
    let sign_in = json!({"key": app.key});
    let mut request = app.request("POST", "/api/session", sign_in.to_string());
    request
        .headers_mut()
        .insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    app.send(request).await.problem(429);
    // Repeated use of the same revoked key does not count as guessing.
    for _ in 0..30 {
        send("192.0.2.3", "3dp_was_revoked").await.problem(401);
    }
}

fn with(app: &TestApp, method: &str, path: &str, authorization: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = app.request(method, path, "{}");
    let headers = request.headers_mut();
    headers.remove(header::AUTHORIZATION);
    if let Some(value) = authorization {
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_may_be_written_in_any_case() {
    let app = TestApp::start().await;
    for scheme in ["bearer", "BEARER", "Bearer "] {
        let mut request = app.request("GET", "/api/jobs", "");
        request.headers_mut().insert(
            header::AUTHORIZATION,
            format!("{scheme} {}", app.key).parse().unwrap(),
        );
        app.send(request).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_health_need_no_key() {
    let app = TestApp::start().await;
    for path in ["/", "/welcome.css", "/health", "/api/openapi.json", "/api/docs/"] {
        let mut request = app.request("GET", path, "");
        request.headers_mut().remove(header::AUTHORIZATION);
        app.send(request).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_works_until_it_is_revoked() {
    let app = TestApp::start().await;
    let answer = app
        .post("/api/admin/keys", &json!({"name": "  laptop "}))
        .await
        .expect(201);
    let made = answer.json();
    let id = made["id"].as_i64().unwrap();
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/admin/keys/{id}").as_str())
    );
    assert_eq!(made["name"], "laptop");
    assert!(key.starts_with("3dp_"));
    assert_eq!(made["key_prefix"], key[..12]);
    assert_eq!(
        (&made["last_used"], &made["expires_at"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&made["is_active"], &made["scope"]),
        (&json!(true), &json!("admin"))
    );
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));

    let mut with_new_key = app.request("GET", "/api/jobs", "");
    with_new_key
        .headers_mut()
        .insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    app.send(with_new_key.clone()).await.expect(200);

    let record = loop {
        let listed = app.get("/api/admin/keys").await.expect(200);
        assert!(!String::from_utf8_lossy(&listed.body).contains(key));
        let listed = listed.json();
        let mut records = listed["items"].as_array().unwrap().iter();
        let record = records.find(|record| record["id"] == id).unwrap();
        // `last_used` is written asynchronously.
        if !record["last_used"].is_null() {
            break record.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(record["last_used"].as_str().unwrap().ends_with('Z'), "{record}");
    assert!(record.get("key").is_none());

    app.delete(&format!("/api/admin/keys/{id}")).await.expect(204);
    app.send(with_new_key).await.problem(401);
    app.delete(&format!("/api/admin/keys/{id}")).await.expect(204);
    let listed = app.get("/api/admin/keys").await.json();
    let record = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|record| record["id"] == id)
        .unwrap();
    assert_eq!(record["is_active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_key_is_not_revoked() {
    let app = TestApp::start().await;
    let own = app.get("/api/admin/keys").await.json()["items"][0]["id"]
        .as_i64()
        .unwrap();
    app.delete(&format!("/api/admin/keys/{own}")).await.problem(409);
    app.get("/api/jobs").await.expect(200);
    app.post("/api/admin/keys", &json!({"name": "other"}))
        .await
        .expect(201);
    app.delete(&format!("/api/admin/keys/{own}")).await.expect(204);
    app.get("/api/jobs").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    for (body, fields) in [
        (json!({}), &["name"][..]),
        (json!({"name": ""}), &["name"]),
        (json!({"name": "  "}), &["name"]),
        (json!({"name": "x".repeat(256)}), &["name"]),
        (json!({"name": "a\u{0}b"}), &["name"]),
        (json!({"name": null}), &["name"]),
        (json!({"name": "a", "expires_at": "soon"}), &["expires_at"]),
        (
            json!({"name": "a", "expires": "2099-01-01T00:00:00Z"}),
            &["expires"],
        ),
    ] {
        assert_eq!(
            app.post("/api/admin/keys", &body).await.wrong_fields(422),
            fields,
            "{body}"
        );
    }
    let body = json!({"name": "ü".repeat(255), "expires_at": "2099-01-01T01:00:00+01:00"});
    let made = app.post("/api/admin/keys", &body).await.expect(201).json();
    assert_eq!(made["expires_at"], "2099-01-01T00:00:00Z");
}

/// Updating a key's last use must not make a request wait for a database that accepts no writes.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_is_read_while_the_database_is_locked() {
    let mut file = None;
    let app = TestApp::start_with(|config| {
        if let Location::Sqlite { path } = &config.database {
            file = Some(path.clone());
        }
    })
    .await;
    let locked = rusqlite::Connection::open(file.unwrap()).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Shorter than the time for which a write is retried.
    let limit = Duration::from_secs(20);
    for path in ["/api/jobs", "/api/printers", "/api/analytics/summary", "/metrics"] {
        let answer = tokio::time::timeout(limit, app.get(path)).await;
        answer
            .unwrap_or_else(|_| panic!("{path} waits for the lock"))
            .expect(200);
    }
    locked.execute_batch("ROLLBACK").unwrap();
}
