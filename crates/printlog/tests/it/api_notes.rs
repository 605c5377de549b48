//! User notes on jobs, over the API.

use serde_json::{Value, json};

use crate::test_app::{TestApp, job};

async fn app_with_a_job() -> (TestApp, String) {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let id = app.add_job(&job(printer, "000001", "2026-01-31T12:00:00Z")).await;
    (app, format!("/api/jobs/{}", id.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_named_tagged_and_judged() {
    let (app, path) = app_with_a_job().await;
    let body = json!({"title": " Lamp ", "notes": "for\nGrandma", "tags": ["b", " A "], "verdict": "scrap",
        "verdict_reason": "warped"});
    let changed = app.patch(&path, &body).await.expect(200).json();
    assert_eq!(changed["title"], "Lamp");
    assert_eq!(changed["notes"], "for\nGrandma");
    assert_eq!(changed["tags"], json!(["A", "b"]));
    assert_eq!(
        (&changed["verdict"], &changed["verdict_reason"]),
        (&json!("scrap"), &json!("Warped"))
    );
    assert_eq!(changed["status"], "completed", "what the printer said stays");
    assert_eq!(app.get(&path).await.expect(200).json()["title"], "Lamp");
    let listed = app.get("/api/jobs").await.json()["items"][0].clone();
    assert_eq!(listed["tags"], json!(["A", "b"]));
    assert!(listed.get("notes").is_none(), "may be long");

    // An omitted field is unchanged, null removes it, and removing the verdict removes its reason.
    let changed = app
        .patch(&path, &json!({"verdict": null, "tags": null}))
        .await
        .expect(200)
        .json();
    assert_eq!(changed["title"], "Lamp");
    for field in ["verdict", "verdict_reason"] {
        assert_eq!(changed[field], Value::Null);
    }
    assert_eq!(changed["tags"], json!([]));
    app.patch(&path, &json!({})).await.expect(200);

    let changes = app.get(&format!("{path}/changes")).await.expect(200).json();
    let changes = changes["items"].as_array().unwrap();
    assert_eq!(changes.len(), 8);
    assert!(
        changes.iter().all(|change| change["changed_by"] == "test"),
        "{changes:?}"
    );
    let first = changes.last().unwrap();
    assert_eq!(
        (&first["field"], &first["old"], &first["new"]),
        (&json!("title"), &Value::Null, &json!("Lamp"))
    );
    assert!(first["changed_at"].as_str().unwrap().ends_with('Z'));

    app.patch("/api/jobs/4711", &body).await.problem(404);
    app.get("/api/jobs/4711/changes").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    let (app, path) = app_with_a_job().await;
    let many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
    for (body, field) in [
        (json!({"title": ""}), "title"),
        (json!({"title": "x".repeat(256)}), "title"),
        (json!({"title": 5}), "title"),
        (json!({"notes": "x".repeat(10_001)}), "notes"),
        (json!({"notes": "a\u{0}"}), "notes"),
        (json!({"tags": "a"}), "tags"),
        (json!({"tags": ["a,b"]}), "tags"),
        (json!({"tags": [" "]}), "tags"),
        (json!({"tags": ["x".repeat(65)]}), "tags"),
        (json!({"tags": many}), "tags"),
        (json!({"verdict": "great"}), "verdict"),
        (json!({"status": "completed"}), "status"),
    ] {
        assert_eq!(app.patch(&path, &body).await.wrong_fields(422), [field], "{body}");
    }
    let list = app.patch(&path, &json!(["Lamp", null])).await;
    assert_eq!(list.wrong_fields(422), ["body"]);
    for body in [
        json!({"verdict_reason": "Warped"}),
        json!({"verdict": "good", "verdict_reason": "because"}),
    ] {
        let answer = app.patch(&path, &body).await;
        assert_eq!(answer.wrong_fields(409), ["verdict_reason"], "{body}");
    }
    assert_eq!(
        app.get(&format!("{path}/changes")).await.json(),
        json!({"items": []})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_by_what_was_said_of_them() {
    let (app, path) = app_with_a_job().await;
    let body = json!({"title": "Lamp", "tags": ["Gift"], "verdict": "partly_good"});
    app.patch(&path, &body).await.expect(200);
    for (query, number) in [
        ("verdict=partly_good", 1),
        ("verdict=good,scrap", 0),
        ("tag=gift", 1),
        ("tag=other&tag=GIFT", 1),
        ("tag=gif", 0),
        ("q=LAMP", 1),
        ("q=gif", 1),
        ("q=cube&verdict=partly_good&tag=gift", 1),
        ("q=nothing", 0),
    ] {
        let list = app.get(&format!("/api/jobs?{query}")).await.expect(200).json();
        assert_eq!(list["total"], number, "{query}");
    }
    assert_eq!(
        app.get("/api/jobs?verdict=great").await.wrong_fields(422),
        ["verdict"]
    );
    assert_eq!(app.get("/api/jobs?tag=").await.wrong_fields(422), ["tag"]);
    assert_eq!(
        app.get("/api/jobs?tag=gift,other").await.wrong_fields(422),
        ["tag"],
        "a comma is in no tag"
    );
    assert_eq!(
        app.get("/api/tags").await.expect(200).json(),
        json!({"items": [{"tag": "Gift", "job_count": 1}]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_reasons_is_the_users() {
    let (app, path) = app_with_a_job().await;
    let made = app
        .post("/api/verdict-reasons", &json!({"name": " Elephant's foot "}))
        .await
        .expect(201)
        .json();
    assert_eq!(made["name"], "Elephant's foot");
    let body = json!({"verdict": "partly_good", "verdict_reason": "elephant's FOOT"});
    let changed = app.patch(&path, &body).await.expect(200).json();
    assert_eq!(changed["verdict_reason"], "Elephant's foot");
    assert_eq!(changed["verdict_reason_key"], Value::Null);
    let reasons = app.get("/api/verdict-reasons").await.expect(200).json();
    assert!(reasons["items"].as_array().unwrap().contains(&made), "{reasons}");
    let place = format!("/api/verdict-reasons/{}", made["id"]);
    app.delete(&place).await.expect(204);
    app.delete(&place).await.problem(404);
    assert_eq!(app.get(&path).await.json()["verdict_reason"], "Elephant's foot");
    assert_eq!(
        app.post("/api/verdict-reasons", &json!({"name": " "}))
            .await
            .wrong_fields(422),
        ["name"]
    );
}
