//! The OpenAPI document is complete, committed and served.

use serde_json::Value;

use crate::{config_docs::assert_current, test_app::TestApp};

fn document() -> Value {
    serde_json::to_value(printlog::api::document()).unwrap()
}

#[test]
fn the_committed_document_is_what_the_code_says() {
    assert_current(
        "openapi.json",
        &format!("{}\n", serde_json::to_string_pretty(&document()).unwrap()),
    );
}

#[test]
fn every_operation_is_described() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(
                !operation["summary"].as_str().unwrap_or_default().is_empty(),
                "{place} has no summary"
            );
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let described = parameter["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty());
                assert!(described, "{place}: {parameter}");
            }
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.contains_key("500"), "{place}");
            // Signing in needs no key, but a wrong one is refused with 401.
            assert_eq!(
                answers.contains_key("401"),
                operation.get("security").is_some() || place == "post /api/session",
                "{place}"
            );
            assert_eq!(
                answers.contains_key("415"),
                operation.get("requestBody").is_some(),
                "{place}"
            );
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "operation ids are unique");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_the_document_and_a_page_that_needs_no_internet() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/openapi.json").await.expect(200).json(), document());

    app.get("/api/docs").await.expect(303);
    let page = app.get("/api/docs/").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let loaded: Vec<_> = html
        .split(['"', '\''])
        .filter(|text| text.ends_with(".js") || text.ends_with(".css") || text.ends_with(".png"))
        .collect();
    assert!(loaded.len() >= 3, "{html}");
    for name in loaded {
        assert!(!name.contains("//"), "{name} comes from elsewhere");
        let file = app
            .get(&format!("/api/docs/{}", name.trim_start_matches("./")))
            .await
            .expect(200);
        assert!(!file.body.is_empty(), "{name}");
    }
    let initializer = app.get("/api/docs/swagger-initializer.js").await.expect(200);
    assert!(String::from_utf8_lossy(&initializer.body).contains("/api/openapi.json"));
    app.get("/api/docs/nope.js").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_loads_nothing_from_elsewhere_and_runs_nothing() {
    let app = TestApp::start().await;
    let page = app.get("/").await.expect(200);
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!html.contains("<script") && !html.contains("style="), "{html}");
    let links = html
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let mut count = 0;
    for link in links {
        assert!(!link.contains("//"), "{link}");
        app.get(&format!("/{link}")).await.expect(200);
        count += 1;
    }
    assert_eq!(count, 4);
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
}
