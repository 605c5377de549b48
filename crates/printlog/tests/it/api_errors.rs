//! Every error is a problem document, regardless of which layer of the server reports it.

use hyper::{Request, header};
use serde_json::json;

use crate::test_app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_problem_too() {
    let app = TestApp::start().await;
    for path in [
        "/nope",
        "/api/nope",
        "/api",
        "/api/jobs/",
        "/api/jobs/1/nope",
        "/health/",
        "/%2e%2e/etc/passwd",
        "/../x",
    ] {
        app.get(path).await.problem(404);
    }
    for path in [
        "/api/printers/5",
        "/api/printers/5/status",
        "/api/jobs/5",
        "/api/jobs/5/details",
    ] {
        assert!(
            app.get(path).await.problem(404)["detail"]
                .as_str()
                .unwrap()
                .contains('5')
        );
    }
    for path in ["/api/printers/5", "/api/jobs/5", "/api/admin/keys/5"] {
        app.delete(path).await.problem(404);
    }
    let printer = json!({"name": "A", "moonraker_url": "http://a"});
    app.put("/api/printers/5", &printer).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_refused() {
    let app = TestApp::start().await;
    for (method, path) in [
        ("DELETE", "/api/printers"),
        ("PATCH", "/api/printers/1"),
        ("GET", "/api/printers/test"),
        ("POST", "/api/jobs"),
        ("PUT", "/api/jobs/1"),
        ("POST", "/health"),
        ("POST", "/"),
        ("PUT", "/api/openapi.json"),
    ] {
        let answer = app.send(app.request(method, path, "")).await;
        answer.problem(405);
        assert!(answer.header("allow").is_some(), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_whole_numbers_from_1() {
    let app = TestApp::start().await;
    for id in [
        "0",
        "-1",
        "x",
        "1.5",
        "9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "%20",
        "1%00",
        "%F0%9F%90%A4",
    ] {
        for path in [
            format!("/api/printers/{id}"),
            format!("/api/jobs/{id}"),
            format!("/api/jobs/{id}/details"),
        ] {
            assert_eq!(app.get(&path).await.wrong_fields(422), ["id"], "{path}");
        }
        assert_eq!(
            app.delete(&format!("/api/admin/keys/{id}"))
                .await
                .wrong_fields(422),
            ["id"]
        );
    }
    app.get("/api/jobs/%FF").await.problem(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_have_no_effect_are_refused() {
    let app = TestApp::start().await;
    let printer = app.add_printer("A").await.0;
    for path in [
        "/api/printers?limit=5".to_owned(),
        format!("/api/printers/{printer}?limit=5"),
        format!("/api/printers/{printer}/status?limit=5"),
        "/api/admin/keys?limit=5".to_owned(),
        "/api/jobs?lmit=5".to_owned(),
    ] {
        let answer = app.get(&path).await;
        assert_eq!(
            answer.wrong_fields(422),
            [if path.contains("lmit") { "lmit" } else { "limit" }],
            "{path}"
        );
    }
    let problem = app.get("/api/jobs?lmit=5").await.problem(422);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains(
            "printer_id, status, since, until, q, filament_type, slicer, user, cause, print_duration_min, \
             print_duration_max, filament_used_min, filament_used_max, verdict, verdict_reason, tag, sort, limit, cursor"
        ),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read_are_refused() {
    let app = TestApp::start().await;
    for path in ["/api/printers", "/api/printers/test", "/api/admin/keys"] {
        for body in ["", "{", "name=a", "{\"\\ud800\": 1}"] {
            app.send(app.request("POST", path, body)).await.problem(400);
        }
        app.send(app.request("POST", path, vec![0xff, 0xfe]))
            .await
            .problem(400);
        app.send(app.request("POST", path, "[]")).await.problem(422);
        let long = format!("{{\"name\": \"{}\"}}", "x".repeat(100_000));
        app.send(app.request("POST", path, long)).await.problem(413);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_must_say_that_they_are_json() {
    let app = TestApp::start().await;
    let body = json!({"name": "a"}).to_string();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
    ] {
        let mut request = app.request("POST", "/api/admin/keys", body.clone());
        request.headers_mut().remove(header::CONTENT_TYPE);
        if let Some(kind) = kind {
            request
                .headers_mut()
                .insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        app.send(request).await.problem(415);
    }
    for kind in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.printlog+json",
    ] {
        let mut request = app.request("POST", "/api/admin/keys", body.clone());
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, kind.parse().unwrap());
        app.send(request).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/health",
        "/api/jobs",
        "/nope",
        "/api/docs/",
        "/api/openapi.json",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_may_come_in_only_if_configured() {
    let app =
        TestApp::start_with(|config| config.api.cors_origins = vec!["https://farm.example".to_owned()]).await;
    let preflight = |origin: &str| {
        let mut request: Request<_> = app.request("OPTIONS", "/api/jobs", "");
        request.headers_mut().remove(header::AUTHORIZATION);
        request
            .headers_mut()
            .insert(header::ORIGIN, origin.parse().unwrap());
        request
            .headers_mut()
            .insert(header::ACCESS_CONTROL_REQUEST_METHOD, "GET".parse().unwrap());
        request.headers_mut().insert(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "authorization".parse().unwrap(),
        );
        request
    };
    let allowed = app.send(preflight("https://farm.example")).await.expect(200);
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://farm.example")
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .unwrap()
            .contains("authorization")
    );
    let refused = app.send(preflight("https://other.example")).await;
    assert_eq!(refused.header("access-control-allow-origin"), None);
}
