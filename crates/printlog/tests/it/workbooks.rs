//! Workbooks for people, read by a real reader of workbooks: `tests/read_workbook.py` with openpyxl.

use std::{path::Path, process::Command};

use domain::{Cause, JobStatus, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{JobDetails, NotesChange};

use crate::test_app::{Answer, TestApp, job, stored_at};

fn read(answer: &Answer) -> Vec<Value> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workbook.xlsx");
    std::fs::write(&file, &answer.body).unwrap();
    let output = Command::new(project.join(".cache/venv/bin/python"))
        .arg(project.join("crates/printlog/tests/read_workbook.py"))
        .arg(&file)
        .output()
        .expect("scripts/install-test-deps.sh installs it");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The cell of a column in the first row below the header.
fn cell<'a>(sheet: &'a Value, title: &str) -> &'a Value {
    let header = sheet["rows"][0].as_array().unwrap();
    let column = header.iter().position(|cell| cell["value"] == title);
    let column = column.unwrap_or_else(|| panic!("no column {title}: {header:?}"));
    &sheet["rows"][1][column]
}

fn column(sheet: &Value, n: usize) -> Vec<&Value> {
    let rows = sheet["rows"].as_array().unwrap();
    rows.iter().skip(1).map(|row| &row[n]["value"]).collect()
}

/// A failed job with everything that a sheet shows, and a plain one.
async fn two_jobs(app: &TestApp) {
    let printer = app.add_printer("Voron & Co").await;
    let mut failed = job(printer, "1", "2026-02-01T12:00:00Z");
    failed.status = JobStatus::Error;
    failed.cause = Some(Cause::KlippyShutdown);
    failed.figures.print_duration = Some(100_000.0);
    let id = app.add_job(&failed).await;
    let details = JobDetails {
        filament_type: Some("PLA".to_owned()),
        grams_per_mm: Some(0.003),
        weight_source: Some("usual_density".to_owned()),
        estimated_length: Some(1234.5),
        filament_cost: Some(0.5),
        ..JobDetails::default()
    };
    app.store
        .save_job_details(id, &details, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let notes = NotesChange {
        title: Some(Some("=1+1".to_owned())),
        tags: Some(vec!["gift".to_owned(), "red".to_owned()]),
        verdict: Some(Some(Verdict::Scrap)),
        verdict_reason: Some(Some("Warped".to_owned())),
        ..NotesChange::default()
    };
    app.store
        .change_notes(id, &notes, "test", stored_at())
        .await
        .unwrap();
    app.add_job(&job(printer, "2", "2026-01-01T12:00:00Z")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_for_people_are_local_translated_and_formatted() {
    let app = TestApp::start_with(|config| config.api.currency = Some("EUR".to_owned())).await;
    two_jobs(&app).await;
    let answer = app
        .get("/api/jobs/export?format=xlsx&layout=people&lang=de&tz=Europe/Berlin")
        .await
        .expect(200);
    let sheets = read(&answer);
    let [sheet] = sheets.as_slice() else {
        panic!("{} sheets", sheets.len());
    };
    assert_eq!(
        (&sheet["name"], &sheet["frozen"]),
        (&json!("Aufträge"), &json!("A2"))
    );
    assert_eq!(sheet["filter"], "A1:AA3");
    assert!(
        sheet["widths"]
            .as_array()
            .unwrap()
            .iter()
            .all(|width| width.as_f64() >= Some(9.0)),
        "{sheet}"
    );
    assert_eq!(sheet["rows"].as_array().unwrap().len(), 3);
    assert_eq!(sheet["rows"][0][0]["bold"], true);
    for (title, value, kind, format) in [
        (
            "Begonnen",
            json!("2026-02-01T13:00:00"),
            "datetime",
            r"dd\.mm\.yyyy\ hh:mm",
        ),
        ("Drucker", json!("Voron & Co"), "str", "General"),
        ("Titel", json!("=1+1"), "str", "General"),
        ("Status", json!("Fehler"), "str", "General"),
        ("Ursache", json!("Klipper gestoppt"), "str", "General"),
        ("Druckzeit", json!(100_000.0), "timedelta", "[h]:mm:ss"),
        ("Filament (g)", json!(3.704), "float", "#,##0.0"),
        ("Gewicht geschätzt", json!("ja"), "str", "General"),
        ("Kosten", json!(0.5), "float", "#,##0.00"),
        ("Währung", json!("EUR"), "str", "General"),
        ("Bewertung", json!("Ausschuss"), "str", "General"),
        ("Grund", json!("Verzogen"), "str", "General"),
        ("Schlagwörter", json!("gift, red"), "str", "General"),
    ] {
        let found = cell(sheet, title);
        assert_eq!(
            (&found["value"], &found["type"], &found["format"]),
            (&value, &json!(kind), &json!(format)),
            "{title}"
        );
    }
    // The other job has neither cost nor rating.
    assert!(column(sheet, 16)[1].is_null() && column(sheet, 18)[1].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn workbooks_follow_the_language_of_the_browser_and_the_zone_of_the_server() {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let app = TestApp::start_with(|config| config.api.timezone = zone).await;
    two_jobs(&app).await;
    let path = "/api/jobs/export?format=xlsx&layout=people&since=2026-02-01";
    for (accepted, name, title) in [
        ("de-AT, en;q=0.5", "Aufträge", "Begonnen"),
        ("fr", "Jobs", "Started"),
    ] {
        let mut request = app.request("GET", path, "");
        request
            .headers_mut()
            .insert("accept-language", accepted.parse().unwrap());
        let sheets = read(&app.send(request).await.expect(200));
        assert_eq!(sheets[0]["name"], name);
        assert_eq!(sheets[0]["rows"].as_array().unwrap().len(), 2);
        assert_eq!(cell(&sheets[0], title)["value"], "2026-02-01T07:00:00");
    }
    let raw = read(&app.get("/api/jobs/export?format=xlsx").await.expect(200));
    assert_eq!(
        (&raw[0]["name"], &raw[0]["filter"]),
        (&json!("Jobs 1"), &Value::Null)
    );
    assert_eq!(cell(&raw[0], "start_time")["value"], "2026-02-01T12:00:00");
    assert_eq!(cell(&raw[0], "print_duration")["value"], 100_000);
    for (query, field) in [
        ("layout=pretty", "layout"),
        ("lang=fr", "lang"),
        ("tz=Mars/Olympus", "tz"),
    ] {
        assert_eq!(
            app.get(&format!("/api/jobs/export?{query}"))
                .await
                .wrong_fields(422),
            [field]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_are_a_workbook_with_a_sheet_for_each_card() {
    let app = TestApp::start_with(|config| config.api.currency = Some("EUR".to_owned())).await;
    two_jobs(&app).await;
    let path = "/api/analytics/export?since=2026-02-01&until=2026-02-03&lang=en&tz=Europe/Berlin";
    let answer = app.get(path).await.expect(200);
    let disposition = answer.header("content-disposition").unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"printlog-analytics-"),
        "{disposition}"
    );
    let sheets = read(&answer);
    let names: Vec<_> = sheets.iter().map(|sheet| &sheet["name"]).collect();
    assert_eq!(
        names,
        [
            "Summary",
            "Over time",
            "Printers",
            "Filament used",
            "Actual vs estimated time",
            "Files",
            "Failures",
            "Ratings",
            "Hours of the week"
        ]
    );
    for sheet in &sheets {
        assert_eq!(sheet["frozen"], "A2", "{sheet}");
        assert!(
            sheet["filter"].is_string() && sheet["rows"].as_array().unwrap().len() > 1,
            "{sheet}"
        );
    }
    let [
        summary,
        timeline,
        printers,
        filament,
        _,
        files,
        failures,
        ratings,
        hours,
    ] = sheets.as_slice()
    else {
        panic!("{names:?}");
    };
    assert_eq!(cell(summary, "This period")["value"], "2026-02-01T00:00:00");
    assert_eq!(cell(summary, "Previous period")["value"], "2026-01-30T00:00:00");
    let figures = column(summary, 0);
    let cost = figures.iter().position(|name| *name == "Cost (EUR)").unwrap();
    assert_eq!(column(summary, 1)[cost], &json!(0.5));
    assert_eq!(column(timeline, 0), ["2026-02-01", "2026-02-02"]);
    assert_eq!(cell(timeline, "Error")["value"], 1);
    assert_eq!(cell(printers, "Printer")["value"], "Voron & Co");
    assert_eq!(cell(printers, "Success rate")["format"], "0.0%");
    assert_eq!(cell(printers, "Print time")["value"], 100_000.0);
    assert_eq!(cell(filament, "Group")["value"], "PLA");
    assert_eq!(cell(filament, "Cost (EUR)")["value"], 0.5);
    assert_eq!(cell(filament, "Jobs without a cost")["value"], 0);
    assert_eq!(cell(files, "Failed")["value"], 1);
    assert!(column(failures, 1).contains(&&json!("Klipper shut down")));
    assert!(column(ratings, 1).contains(&&json!("Warped")));
    // 12:00 in UTC, on a Sunday.
    assert_eq!(hours["rows"][7][14]["value"], 1);
    for (query, field) in [("lang=fr", "lang"), ("status=x", "status"), ("limit=5", "limit")] {
        assert_eq!(
            app.get(&format!("/api/analytics/export?{query}"))
                .await
                .wrong_fields(422),
            [field]
        );
    }
}
