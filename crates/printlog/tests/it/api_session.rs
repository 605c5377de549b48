//! Browser sessions.

use std::time::Duration;

use hyper::{HeaderMap, header};
use serde_json::{Value, json};
use store::Location;

use crate::test_app::{Answer, TestApp, send, stored_at};

/// Sends a request like a browser: without a key, and with a cookie if there is one.
async fn browse(
    app: &TestApp,
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &Value,
) -> Answer {
    let mut request = app.request(method, path, body.to_string());
    request.headers_mut().remove(header::AUTHORIZATION);
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    app.send(request).await
}

async fn sign_in(app: &TestApp, key: &str, headers: &[(&'static str, &str)]) -> Answer {
    browse(app, "POST", "/api/session", headers, &json!({"key": key})).await
}

/// The cookie as the browser would send it back, and its attributes.
fn cookie(answer: &Answer) -> (String, Vec<String>) {
    let text = answer.header("set-cookie").unwrap();
    let mut parts = text.split("; ").map(str::to_owned);
    (parts.next().unwrap(), parts.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_a_session_and_signing_out_ends_it() {
    let app = TestApp::start().await;
    browse(&app, "GET", "/api/session", &[], &Value::Null)
        .await
        .expect(204);
    let answer = sign_in(&app, &app.key, &[]).await.expect(200);
    let session = answer.json();
    assert_eq!(session["name"], "test");
    assert_eq!(session["key_prefix"], app.key[..12]);
    assert_eq!(session["scope"], "admin");
    assert!(session["expires_at"].as_str().unwrap().ends_with('Z'));
    let (cookie, attributes) = cookie(&answer);
    let (name, _) = cookie.split_once('=').unwrap();
    assert_eq!(name.len(), "printlog_session_0011aabb".len(), "{cookie}");
    assert_eq!(
        attributes,
        ["Path=/", "Max-Age=34560000", "HttpOnly", "SameSite=Strict"]
    );
    assert!(!String::from_utf8_lossy(&answer.body).contains(&app.key));

    let with = [("cookie", cookie.as_str())];
    let shown = browse(&app, "GET", "/api/session", &with, &Value::Null).await;
    assert_eq!(shown.expect(200).json(), session);
    browse(&app, "GET", "/api/jobs", &with, &Value::Null)
        .await
        .expect(200);
    browse(&app, "POST", "/api/admin/keys", &with, &json!({"name": "other"}))
        .await
        .expect(201);
    while app.get("/api/admin/keys").await.json()["items"][0]["last_used"].is_null() {
        // `last_used` is written asynchronously.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let gone = browse(&app, "DELETE", "/api/session", &with, &Value::Null)
        .await
        .expect(204);
    assert_eq!(
        gone.header("set-cookie"),
        Some(format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict").as_str())
    );
    browse(&app, "GET", "/api/session", &with, &Value::Null)
        .await
        .expect(204);
    browse(&app, "GET", "/api/jobs", &with, &Value::Null)
        .await
        .problem(401);
    // Without a session, signing out is a no-op.
    browse(&app, "DELETE", "/api/session", &[], &Value::Null)
        .await
        .expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_work_open_nothing() {
    let app = TestApp::start().await;
    let past = stored_at();
    let expired = app
        .store
        .create_key("old", store::KeyScope::Admin, Some(past), past)
        .await
        .unwrap()
        .secret;
    let revoked = app
        .store
        .create_key("gone", store::KeyScope::Admin, None, past)
        .await
        .unwrap();
    app.delete(&format!("/api/admin/keys/{}", revoked.record.id.0))
        .await
        .expect(204);
    for key in ["3dp_wrong", &expired, &revoked.secret, &format!("{}x", app.key)] {
        let answer = sign_in(&app, key, &[]).await;
        answer.problem(401);
        assert!(answer.header("set-cookie").is_none());
    }
    for body in [
        json!({}),
        json!({"key": ""}),
        json!({"key": 5}),
        json!({"key": "\u{0}"}),
    ] {
        let answer = browse(&app, "POST", "/api/session", &[], &body).await;
        assert_eq!(answer.wrong_fields(422), ["key"], "{body}");
    }
    // Neither the key itself nor an invented token is a valid session.
    for value in [app.key.as_str(), "x", ""] {
        let cookie = format!("printlog_session={value}");
        browse(&app, "GET", "/api/jobs", &[("cookie", &cookie)], &Value::Null)
            .await
            .problem(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_key() {
    let app = TestApp::start().await;
    let made = app
        .post("/api/admin/keys", &json!({"name": "guest"}))
        .await
        .json();
    let (of_guest, _) = cookie(
        &sign_in(&app, made["key"].as_str().unwrap(), &[])
            .await
            .expect(200),
    );
    let (of_owner, _) = cookie(&sign_in(&app, &app.key, &[]).await.expect(200));
    app.delete(&format!("/api/admin/keys/{}", made["id"]))
        .await
        .expect(204);
    let status = async |cookie: &str| {
        let answer = browse(&app, "GET", "/api/jobs", &[("cookie", cookie)], &Value::Null).await;
        answer.status.as_u16()
    };
    assert_eq!((status(&of_guest).await, status(&of_owner).await), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_server() {
    let app = TestApp::start().await;
    let (cookie, _) = cookie(&sign_in(&app, &app.key, &[]).await.expect(200));
    let folder = app.stop().await;
    let path = folder.path().join("printlog.db");
    let app = TestApp::start_with(|config| config.database = Location::Sqlite { path }).await;
    let with = [("cookie", cookie.as_str())];
    browse(&app, "GET", "/api/jobs", &with, &Value::Null)
        .await
        .expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_anew_ends_the_session_before() {
    let app = TestApp::start().await;
    let (first, _) = cookie(&sign_in(&app, &app.key, &[]).await.expect(200));
    let (second, _) = cookie(&sign_in(&app, &app.key, &[("cookie", &first)]).await.expect(200));
    assert_ne!(first, second);
    browse(&app, "GET", "/api/jobs", &[("cookie", &first)], &Value::Null)
        .await
        .problem(401);
    browse(&app, "GET", "/api/jobs", &[("cookie", &second)], &Value::Null)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_suits_how_the_server_is_reached() {
    let app = TestApp::start_with(|config| config.api.base_path = "/printlog".to_owned()).await;
    for (path, headers, secure) in [
        // Plain HTTP, by host name or address.
        ("/printlog/api/session", &[][..], false),
        ("/printlog/api/session", &[("x-forwarded-proto", "http")], false),
        // A TLS proxy that strips the path prefix, and one that keeps it.
        ("/api/session", &[("x-forwarded-proto", "https")], true),
        (
            "/printlog/api/session",
            &[("x-forwarded-proto", "https, http")],
            true,
        ),
    ] {
        let body = json!({"key": app.key});
        let answer = browse(&app, "POST", path, headers, &body).await.expect(200);
        let (cookie, attributes) = cookie(&answer);
        assert!(
            attributes.contains(&"Path=/printlog".to_owned()),
            "{attributes:?}"
        );
        assert_eq!(
            attributes.contains(&"Secure".to_owned()),
            secure,
            "{path} {headers:?}"
        );
        browse(
            &app,
            "GET",
            "/printlog/api/jobs",
            &[("cookie", &cookie)],
            &Value::Null,
        )
        .await
        .expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_change_nothing() {
    let app = TestApp::start().await;
    let (cookie, _) = cookie(&sign_in(&app, &app.key, &[]).await.expect(200));
    let own = format!("http://{}", app.address);
    let status = async |method: &str, path: &str, headers: &[(&'static str, &str)]| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend(headers);
        browse(&app, method, path, &all, &json!({"name": "x"}))
            .await
            .status
            .as_u16()
    };
    let keys = "/api/admin/keys";
    let elsewhere = [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())],
        &[("sec-fetch-site", "same-site")],
        // Another port on the same host.
        &[("origin", "http://127.0.0.1:1")],
    ];
    for headers in elsewhere {
        assert_eq!(status("POST", keys, headers).await, 403, "{headers:?}");
        assert_eq!(
            status("DELETE", "/api/session", headers).await,
            403,
            "{headers:?}"
        );
        // Reading is allowed: the browser hides the response from the page.
        assert_eq!(status("GET", keys, headers).await, 200, "{headers:?}");
    }
    assert_eq!(app.get(keys).await.json()["items"].as_array().unwrap().len(), 1);
    for headers in [
        &[("origin", own.as_str())][..],
        &[("sec-fetch-site", "same-origin")],
        &[
            ("origin", "https://prints.example"),
            ("x-forwarded-host", "prints.example"),
        ],
    ] {
        assert_eq!(status("POST", keys, headers).await, 201, "{headers:?}");
    }
    // A key in the header is sent deliberately, unlike a cookie.
    let mut request = app.request("POST", keys, json!({"name": "x"}).to_string());
    request
        .headers_mut()
        .insert(header::ORIGIN, "http://evil.example".parse().unwrap());
    send(app.address, request).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_not_try_keys_for_ever() {
    let app = TestApp::start().await;
    let (session, _) = cookie(&sign_in(&app, &app.key, &[]).await.expect(200));
    let mut refused: Option<HeaderMap> = None;
    for _ in 0..20 {
        let answer = sign_in(&app, "3dp_guess", &[]).await;
        match answer.status.as_u16() {
            401 => assert!(refused.is_none(), "refused for good"),
            429 => {
                answer.problem(429);
                refused = Some(answer.headers);
            }
            other => panic!("{other}"),
        }
    }
    let pause = refused.expect("some are refused")["retry-after"]
        .to_str()
        .unwrap()
        .parse::<u64>()
        .unwrap();
    assert!((1..=61).contains(&pause), "{pause}");
    // The address is refused even with the right key. A proxy on this machine may report another address, which is
    // accepted.
    sign_in(&app, &app.key, &[]).await.problem(429);
    sign_in(&app, &app.key, &[("x-forwarded-for", "192.0.2.7")])
        .await
        .expect(200);
    // Existing sessions stay valid.
    browse(&app, "GET", "/api/jobs", &[("cookie", &session)], &Value::Null)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_printlogs_on_one_host_leave_each_others_sessions_alone() {
    let (first, second) = (TestApp::start().await, TestApp::start().await);
    let (of_first, _) = cookie(&sign_in(&first, &first.key, &[]).await.expect(200));
    // Browsers send all cookies of the host, regardless of the port.
    let with = [("cookie", of_first.as_str())];
    let (of_second, _) = cookie(&sign_in(&second, &second.key, &with).await.expect(200));
    let name = |cookie: &str| cookie.split_once('=').unwrap().0.to_owned();
    assert_ne!(name(&of_first), name(&of_second));
    for both in [
        format!("{of_first}; {of_second}"),
        format!("{of_second}; {of_first}"),
    ] {
        for app in [&first, &second] {
            let with = [("cookie", both.as_str())];
            browse(app, "GET", "/api/jobs", &with, &Value::Null)
                .await
                .expect(200);
            browse(app, "GET", "/api/session", &with, &Value::Null)
                .await
                .expect(200);
        }
    }
    // Signing out of one server removes only its own cookie.
    let both = format!("{of_first}; {of_second}");
    let gone = browse(
        &second,
        "DELETE",
        "/api/session",
        &[("cookie", &both)],
        &Value::Null,
    )
    .await
    .expect(204);
    assert_eq!(gone.headers.get_all("set-cookie").iter().count(), 1);
    assert!(cookie(&gone).0.starts_with(&name(&of_second)));
    browse(&second, "GET", "/api/jobs", &[("cookie", &both)], &Value::Null)
        .await
        .problem(401);
    browse(&first, "GET", "/api/jobs", &[("cookie", &both)], &Value::Null)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_an_earlier_version_goes_on() {
    let app = TestApp::start().await;
    let (new, _) = cookie(&sign_in(&app, &app.key, &[]).await.expect(200));
    let old = format!("printlog_session={}", new.split_once('=').unwrap().1);
    let with = [("cookie", old.as_str())];
    browse(&app, "GET", "/api/jobs", &with, &Value::Null)
        .await
        .expect(200);
    let gone = browse(&app, "DELETE", "/api/session", &with, &Value::Null)
        .await
        .expect(204);
    let removed: Vec<_> = gone
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert!(removed[0].starts_with("printlog_session=;"), "{removed:?}");
    browse(&app, "GET", "/api/jobs", &with, &Value::Null)
        .await
        .problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_hides_the_address_of_the_page_is_named_at_sign_in() {
    let app = TestApp::start().await;
    let body = json!({"key": app.key});
    let sign_in_with = async |host: &str, headers: &[(&'static str, &str)]| {
        let mut request = app.request("POST", "/api/session", body.to_string());
        request.headers_mut().remove(header::AUTHORIZATION);
        request.headers_mut().insert(header::HOST, host.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        app.send(request).await
    };
    let origin = ("origin", "http://nas:8080");
    for (host, headers) in [
        ("nas", &[origin][..]),
        ("nas:80", &[origin]),
        ("127.0.0.1:8000", &[origin]),
        ("nas", &[origin, ("x-forwarded-host", "nas")]),
        ("nas:8081", &[origin]),
    ] {
        let refused = sign_in_with(host, headers).await;
        let detail = refused.problem(403)["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("`Host`") && detail.contains("proxy_set_header Host $http_host;"),
            "{detail}"
        );
        assert!(
            detail.contains("http://nas:8080") && detail.contains(&format!("`Host: {host}`")),
            "{detail}"
        );
        assert!(refused.header("set-cookie").is_none());
    }
    for (host, headers) in [
        ("nas:8080", &[origin][..]),
        ("nas", &[origin, ("x-forwarded-host", "nas:8080")]),
        ("nas", &[("sec-fetch-site", "same-origin"), origin]),
        ("nas", &[]),
    ] {
        sign_in_with(host, headers).await.expect(200);
    }
    // The page was opened over plain HTTP, where the browser would drop a `Secure` cookie.
    let headers = [origin, ("x-forwarded-proto", "https")];
    let answer = sign_in_with("nas:8080", &headers).await.expect(200);
    assert!(!cookie(&answer).1.contains(&"Secure".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_named_may_show_the_dashboard_in_a_frame() {
    const HOME: &str = "http://homeassistant.local:8123";
    let app = TestApp::start_with(|config| config.api.frame_ancestors = vec![HOME.to_owned()]).await;
    for path in ["/", "/health", "/api/jobs", "/api/docs/"] {
        let answer = app.get(path).await;
        assert!(answer.header("x-frame-options").is_none(), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.ends_with(&format!("frame-ancestors 'self' {HOME}")),
            "{path}: {policy}"
        );
    }
    let attributes = |answer: &Answer| cookie(answer).1.join("; ");
    let over_tls = sign_in(&app, &app.key, &[("x-forwarded-proto", "https")])
        .await
        .expect(200);
    assert!(attributes(&over_tls).ends_with("SameSite=None; Secure; Partitioned"));
    // Browsers accept `SameSite=None` over TLS only. On the same host, another port is the same site.
    let plain = sign_in(&app, &app.key, &[]).await.expect(200);
    assert!(attributes(&plain).ends_with("SameSite=Strict"));
}
