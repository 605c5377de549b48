//! The server below a path prefix, behind a proxy that strips the prefix or keeps it.

use hyper::header;
use serde_json::json;

use crate::test_app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_under_a_path() {
    let app = TestApp::start_with(|config| config.api.base_path = "/print/log".to_owned()).await;
    let body = json!({"name": "Voron", "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    let made = app.post("/print/log/api/printers", &body).await.expect(201);
    let place = made.header("location").unwrap();
    assert_eq!(place, format!("/print/log/api/printers/{}", made.json()["id"]));
    app.get(place).await.expect(200);
    app.get("/print/log/api/jobs?limit=1").await.expect(200);
    // A proxy that strips the prefix.
    app.get("/api/jobs?limit=1").await.expect(200);
    app.get("/print/log/health").await.expect(200);
    app.get("/health").await.expect(200);

    for path in ["/print/log", "/print/log/", "/print/log/welcome.css"] {
        app.get(path).await.expect(200);
    }
    for path in ["/print/logs/api/jobs", "/print/api/jobs", "/log/api/jobs"] {
        app.get(path).await.problem(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_knows_the_path() {
    let app = TestApp::start_with(|config| config.api.base_path = "/printlog".to_owned()).await;
    let document = app.get("/printlog/api/openapi.json").await.expect(200).json();
    assert_eq!(document["servers"][0]["url"], "/printlog");
    let redirect = app.get("/printlog/api/docs").await.expect(303);
    assert_eq!(redirect.header("location"), Some("/printlog/api/docs/"));
    app.get("/printlog/api/docs/").await.expect(200);
    let initializer = app
        .get("/printlog/api/docs/swagger-initializer.js")
        .await
        .expect(200);
    assert!(String::from_utf8_lossy(&initializer.body).contains("/printlog/api/openapi.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_knows_the_path() {
    let app = TestApp::start_with(|config| config.api.base_path = "/printlog".to_owned()).await;
    let mut request = app.request("GET", "/printlog/jobs", "");
    request
        .headers_mut()
        .insert(header::ACCEPT, "text/html".parse().unwrap());
    let page = app.send(request).await;
    if page.status == 404 {
        // This build does not include the dashboard.
        return;
    }
    let html = String::from_utf8(page.expect(200).body.to_vec()).unwrap();
    assert!(html.contains(r#"<base href="/printlog/" />"#), "{html}");
}
