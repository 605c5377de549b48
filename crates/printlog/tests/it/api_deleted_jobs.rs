//! Deleted jobs and changes of many jobs, over the API and on the command line.

use std::time::Duration;

use domain::{JobId, PrinterId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::Deletion;

use crate::{
    binary::Binary,
    test_app::{TestApp, job, stored_at},
};

async fn app_with_jobs(count: u8) -> (TestApp, PrinterId, Vec<JobId>) {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let mut ids = Vec::new();
    for n in 1..=count {
        let start = format!("2026-01-{n:02}T12:00:00Z");
        ids.push(app.add_job(&job(printer, &format!("{n:06}"), &start)).await);
    }
    (app, printer, ids)
}

fn path(id: JobId) -> String {
    format!("/api/jobs/{}", id.0)
}

fn numbers(ids: &[JobId]) -> Vec<i64> {
    ids.iter().map(|id| id.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_job_is_listed_and_restored_as_it_was() {
    let (app, printer, ids) = app_with_jobs(3).await;
    let notes = json!({"title": "Lamp", "notes": "for Grandma", "tags": ["gift"], "verdict": "good"});
    app.patch(&path(ids[0]), &notes).await.expect(200);
    let before = app.get(&path(ids[0])).await.expect(200).json();
    let printers = app.get("/api/printers").await.json();
    assert_eq!(
        app.get("/api/jobs/deleted").await.expect(200).json(),
        json!({"items": [], "next": null})
    );

    for id in &ids {
        app.delete(&path(*id)).await.expect(204);
    }
    let mut after = String::new();
    let mut found = Vec::new();
    loop {
        let query = format!("/api/jobs/deleted?limit=1&printer_id={}{after}", printer.0);
        let page = app.get(&query).await.expect(200).json();
        found.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&cursor={next}");
    }
    let listed: Vec<_> = found.iter().map(|job| job["id"].as_i64().unwrap()).collect();
    assert_eq!(listed, numbers(&[ids[2], ids[1], ids[0]]));
    let first = found.pop().unwrap();
    for (field, value) in first.as_object().unwrap() {
        if !["deleted_at", "deleted_by", "expires_at"].contains(&field.as_str()) {
            assert_eq!(value, &before[field], "{field}");
        }
    }
    assert_eq!(first["deleted_by"], "test");
    let time = |field: &str| first[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(
        time("expires_at").duration_since(time("deleted_at")),
        SignedDuration::from_hours(30 * 24)
    );
    assert_eq!(
        app.get("/api/jobs/deleted?printer_id=99")
            .await
            .expect(200)
            .json()["items"],
        json!([])
    );

    let restored = app
        .post(&format!("{}/restore", path(ids[0])), &json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(restored, before);
    assert_eq!(app.get(&path(ids[0])).await.expect(200).json(), before);
    let again = app
        .post(&format!("{}/restore", path(ids[0])), &json!({}))
        .await
        .problem(404);
    assert!(
        again["detail"]
            .as_str()
            .unwrap()
            .contains("not among the deleted jobs"),
        "{again}"
    );
    for id in &ids[1..] {
        app.post(&format!("{}/restore", path(*id)), &json!({}))
            .await
            .expect(200);
    }
    let totals = |mut printers: Value| {
        let totals = printers["items"][0]["totals"].as_object_mut().unwrap();
        totals.remove("last_updated");
        totals.clone()
    };
    assert_eq!(totals(app.get("/api/printers").await.json()), totals(printers));
    for wrong in ["cursor=x", "limit=0", "status=error"] {
        app.get(&format!("/api/jobs/deleted?{wrong}")).await.problem(422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_if_so_configured() {
    let app = TestApp::start_with(|config| config.retention.deleted_jobs = Duration::ZERO).await;
    let printer = app.add_printer("Voron").await;
    let id = app.add_job(&job(printer, "000001", "2026-01-01T00:00:00Z")).await;
    app.delete(&path(id)).await.expect(204);
    assert_eq!(app.get("/api/jobs/deleted").await.json()["items"], json!([]));
    assert_eq!(app.get("/api/system").await.json()["deleted_jobs_days"], 0);
    app.post(&format!("{}/restore", path(id)), &json!({}))
        .await
        .problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_changed_in_one_request() {
    let (app, _, ids) = app_with_jobs(4).await;
    let change = async |body: Value| app.post("/api/jobs/bulk", &body).await.expect(200).json();
    let all = numbers(&ids);
    let rated =
        change(json!({"action": "rate", "ids": all, "verdict": "scrap", "verdict_reason": "warped"})).await;
    assert_eq!(rated, json!({"changed": all, "unchanged": []}));
    let job = app.get(&path(ids[1])).await.json();
    assert_eq!(
        (&job["verdict"], &job["verdict_reason"]),
        (&json!("scrap"), &json!("Warped"))
    );
    let log = app.get(&format!("{}/changes", path(ids[1]))).await.json();
    assert_eq!(log["items"][0]["changed_by"], "test");

    let rated = change(json!({"action": "rate", "ids": [all[0], 999], "verdict": "scrap"})).await;
    assert_eq!(rated["changed"], json!([]));
    let codes = |result: &Value| {
        let unchanged = result["unchanged"].as_array().unwrap().iter();
        unchanged
            .map(|job| job["code"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(&rated), ["already_so", "not_found"]);
    let rated =
        change(json!({"action": "rate", "ids": [all[0]], "verdict": "good", "verdict_reason": "nonsense"}))
            .await;
    assert_eq!(codes(&rated), ["unknown_reason"]);
    let rated =
        change(json!({"action": "rate", "ids": [all[0]], "verdict": null, "verdict_reason": "Warped"})).await;
    assert_eq!(codes(&rated), ["reason_without_verdict"]);
    let rated = change(json!({"action": "rate", "ids": [all[0]], "verdict": null})).await;
    assert_eq!(rated["changed"], json!([all[0]]));

    let tagged = change(json!({"action": "tag", "ids": all, "add_tags": ["gift", "blue"]})).await;
    assert_eq!(tagged["changed"], json!(all));
    let tagged = change(json!({"action": "tag", "ids": all[..2], "remove_tags": ["BLUE"]})).await;
    assert_eq!(tagged["changed"], json!(all[..2]));
    assert_eq!(app.get("/api/jobs?tag=blue").await.json()["total"], 2);

    let deleted = change(json!({"action": "delete", "ids": [all[2], all[0], 999]})).await;
    assert_eq!(
        (&deleted["changed"], codes(&deleted)),
        (&json!([all[2], all[0]]), vec!["not_found".to_owned()])
    );
    assert_eq!(app.get("/api/jobs").await.json()["total"], 2);
    assert_eq!(
        app.get("/api/jobs/deleted").await.json()["items"][0]["deleted_by"],
        "test"
    );
    let restored = change(json!({"action": "restore", "ids": all})).await;
    assert_eq!(restored["changed"], json!([all[0], all[2]]));
    assert_eq!(codes(&restored), ["not_deleted", "not_deleted"]);
    assert_eq!(app.get("/api/jobs?tag=blue").await.json()["total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_many_jobs_that_make_no_sense_are_refused() {
    let (app, _, ids) = app_with_jobs(1).await;
    let many: Vec<_> = (1..=1001).collect();
    let id = ids[0].0;
    for (body, field) in [
        (json!({"ids": [id]}), "action"),
        (json!({"action": "delete"}), "ids"),
        (json!({"action": "delete", "ids": []}), "ids"),
        (json!({"action": "delete", "ids": [0]}), "ids"),
        (json!({"action": "delete", "ids": many}), "ids"),
        (
            json!({"action": "delete", "ids": [id], "verdict": "good"}),
            "verdict",
        ),
        (json!({"action": "rate", "ids": [id]}), "verdict"),
        (
            json!({"action": "rate", "ids": [id], "verdict": "great"}),
            "verdict",
        ),
        (
            json!({"action": "rate", "ids": [id], "verdict": "good", "add_tags": []}),
            "add_tags",
        ),
        (
            json!({"action": "tag", "ids": [id], "add_tags": ["a,b"]}),
            "add_tags",
        ),
        (
            json!({"action": "tag", "ids": [id], "remove_tags": [" "]}),
            "remove_tags",
        ),
    ] {
        let answer = app.post("/api/jobs/bulk", &body).await;
        assert_eq!(answer.wrong_fields(422), [field], "{body}");
    }
    app.post("/api/jobs/bulk", &json!({"action": "burn", "ids": [id]}))
        .await
        .problem(422);
    assert_eq!(app.get("/api/jobs").await.json()["total"], 1);
    assert_eq!(app.get(&path(ids[0])).await.json()["verdict"], Value::Null);
}

#[tokio::test]
async fn deleted_jobs_are_listed_and_restored_on_the_command_line() {
    let binary = Binary::new();
    let store = store::Store::open(&store::Location::Sqlite {
        path: binary.path("data/printlog.db"),
    })
    .await
    .unwrap();
    let (printer, _) = store.adopt_printer("Voron", None, stored_at()).await.unwrap();
    let store::Saved::Inserted(id) = store
        .save_job(&job(printer, "000001", "2026-01-01T00:00:00Z"), stored_at())
        .await
        .unwrap()
    else {
        panic!("it is new")
    };
    let deletion = Deletion::Restorable { by: Some("ada") };
    assert!(store.delete_job(id, deletion, stored_at()).await.unwrap());
    store.close().await.unwrap();
    let text = id.0.to_string();
    let listed = binary.json(&["jobs", "list", "--deleted", "--json"]);
    assert_eq!(listed["items"][0]["id"], id.0);
    assert_eq!(listed["items"][0]["deleted_by"], "ada");
    let table = binary.run(&["jobs", "list", "--deleted", "--printer", "Voron"]);
    assert!(table.stdout.contains("ada"), "{}", table.stdout);
    let found = binary.run(&["check"]);
    assert!(found.stdout.contains("deleted jobs"), "{}", found.stdout);
    let restored = binary.json(&["jobs", "restore", &text, "--json"]);
    assert_eq!(restored, json!({ "restored": id.0 }));
    let again = binary.run(&["jobs", "restore", &text]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("not among the deleted jobs"),
        "{}",
        again.stderr
    );
    assert_eq!(binary.json(&["jobs", "list", "--json"])["total"], 1);
    for wrong in [
        ["--status", "error"],
        ["--user", "ada"],
        ["--sort", "oldest"],
        ["--cursor", "x"],
    ] {
        let arguments: Vec<_> = ["jobs", "list", "--deleted"].into_iter().chain(wrong).collect();
        assert_eq!(binary.run(&arguments).code, 2, "{wrong:?}");
    }
}
