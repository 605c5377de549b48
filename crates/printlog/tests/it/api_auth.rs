//! Who is let in.

use hyper::header;
use serde_json::{Value, json};

use crate::test_app::{TestApp, stored_at};

/// Every operation of the API: method, path with numbers filled in, and whether it needs a key.
fn operations() -> Vec<(String, String, bool)> {
    let document = serde_json::to_value(printlog::api::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let guarded = operation["security"]
                .as_array()
                .is_some_and(|needed| !needed.is_empty());
            operations.push((method.to_uppercase(), path.replace("{id}", "1"), guarded));
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_key_opens_the_guarded_routes() {
    let app = TestApp::start().await;
    let past = stored_at();
    let expired = app
        .store
        .create_key("expired", Some(past), past)
        .await
        .unwrap()
        .secret;
    let revoked = app.store.create_key("revoked", None, past).await.unwrap();
    app.delete(&format!("/api/admin/keys/{}", revoked.record.id.0))
        .await
        .expect(204);

    let operations = operations();
    assert_eq!(operations.iter().filter(|(.., guarded)| *guarded).count(), 18);
    let open: Vec<_> = operations
        .iter()
        .filter(|(.., guarded)| !guarded)
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    assert_eq!(
        open,
        [
            "DELETE /api/session",
            "GET /api/session",
            "POST /api/session",
            "GET /health"
        ]
    );

    let wrong = [
        (None, "Bearer"),
        (Some(String::new()), "Bearer"),
        (Some("Bearer".to_owned()), "Bearer"),
        (Some(format!("Basic {}", app.key)), "Bearer"),
        (Some(app.key.clone()), "Bearer"),
        (
            Some("Bearer 3dp_wrong".to_owned()),
            "Bearer error=\"invalid_token\"",
        ),
        (
            Some(format!("Bearer {}x", app.key)),
            "Bearer error=\"invalid_token\"",
        ),
        (
            Some(format!("Bearer {}", app.key.to_lowercase())),
            "Bearer error=\"invalid_token\"",
        ),
        (
            Some(format!("Bearer {expired}")),
            "Bearer error=\"invalid_token\"",
        ),
        (
            Some(format!("Bearer {}", revoked.secret)),
            "Bearer error=\"invalid_token\"",
        ),
    ];
    for (method, path, _) in operations.iter().filter(|(.., guarded)| *guarded) {
        for (authorization, challenge) in &wrong {
            let mut request = app.request(method, path, "{}");
            request.headers_mut().remove(header::AUTHORIZATION);
            if let Some(authorization) = authorization {
                request
                    .headers_mut()
                    .insert(header::AUTHORIZATION, authorization.parse().unwrap());
            }
            let answer = app.send(request).await;
            answer.problem(401);
            assert_eq!(
                answer.header("www-authenticate"),
                Some(*challenge),
                "{method} {path} {authorization:?}"
            );
        }
        let status = app.status_of(app.request(method, path, "{}")).await.as_u16();
        assert_ne!(status, 401, "{method} {path}");
    }
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
    assert_eq!(made["is_active"], true);
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));

    let mut with_new_key = app.request("GET", "/api/jobs", "");
    with_new_key
        .headers_mut()
        .insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    app.send(with_new_key.clone()).await.expect(200);

    let listed = app.get("/api/admin/keys").await.expect(200);
    assert!(!String::from_utf8_lossy(&listed.body).contains(key));
    let listed = listed.json();
    let record = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|record| record["id"] == id)
        .unwrap()
        .clone();
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
