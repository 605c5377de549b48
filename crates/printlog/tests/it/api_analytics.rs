//! Analytics over the API: response shapes, terms and units, CSV, and consistency between routes. The store's tests
//! check the figures themselves.

use domain::{Cause, JobStatus, PrinterId};
use serde_json::{Value, json};
use store::JobDetails;

use crate::test_app::{TestApp, job};

const ROUTES: [&str; 9] = [
    "summary",
    "printers",
    "filament",
    "timeline",
    "heatmap",
    "estimates",
    "files",
    "failures",
    "verdicts",
];

/// Adds a printer with one job per status, one a day; the last jobs are running. The second job uses PETG.
async fn seeded(app: &TestApp) -> PrinterId {
    let printer = app.add_printer("Voron").await;
    for (n, status) in JobStatus::ALL.into_iter().rev().enumerate() {
        let mut job = job(printer, &n.to_string(), "2026-01-30T23:30:00Z");
        job.start_time = job
            .start_time
            .map(|start| start + jiff::SignedDuration::from_hours(n as i64 * 24));
        job.history_start_time = job.start_time;
        job.filename = Some(if n == 0 { "=cmd.gcode" } else { "cube.gcode" }.to_owned());
        job.status = status;
        job.cause = (!status.is_open()).then(|| Cause::Other(format!("cause of {status}")));
        let id = app.add_job(&job).await;
        let details = JobDetails {
            filament_type: Some(if n == 1 { "PETG" } else { "PLA" }.to_owned()),
            slicer: Some("OrcaSlicer".to_owned()),
            grams_per_mm: (n < 4).then_some(0.003),
            weight_source: Some(if n < 2 { "usual_density" } else { "slicer_ratio" }.to_owned()),
            estimated_time: Some(3000.0),
            estimated_length: Some(1234.5),
            filament_cost: Some(0.5),
            currency: Some("EUR".to_owned()),
            ..JobDetails::default()
        };
        assert!(
            app.store
                .save_job_details(id, &details, jiff::Timestamp::UNIX_EPOCH)
                .await
                .unwrap()
        );
    }
    printer
}

async fn get(app: &TestApp, path: &str) -> Value {
    app.get(&format!("/api/analytics/{path}"))
        .await
        .expect(200)
        .json()
}

#[tokio::test(flavor = "multi_thread")]
async fn summary_says_what_it_counts() {
    let app = TestApp::start().await;
    seeded(&app).await;
    let summary = get(&app, "summary").await;
    assert_eq!(summary["jobs"], 6);
    let by_status = summary["by_status"].as_object().unwrap();
    assert!(
        by_status.len() == 6 && by_status.values().all(|number| *number == 1),
        "{by_status:?}"
    );
    assert_eq!(summary["success_rate_of"], 3);
    assert_eq!(summary["success_rate"], 1.0 / 3.0);
    assert_eq!(summary["print_time"], 6.0 * 3500.5);
    assert_eq!(summary["filament_mm"], 6.0 * 1234.5);
    assert_eq!(summary["jobs_without_filament_g"], 2);
    assert_eq!(summary["filament_g_known"], 7.408);
    assert_eq!(summary["filament_g_estimated"], 7.408);
    assert_eq!(
        summary["cost"],
        json!([{"amount": 3.0, "currency": "EUR", "jobs": 6}])
    );
    assert_eq!(summary["longest_job"], 3600.25);
    assert_eq!(summary["average"]["print_time"], 3500.5);
    assert_eq!(summary["active_printers"], 1);
    assert_eq!(
        (&summary["previous"], &summary["change"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        summary["period"],
        json!({"since": null, "until": null, "tz": "UTC"})
    );

    let none = get(&app, "summary?status=completed&filament_type=ABS").await;
    assert_eq!(
        (&none["jobs"], &none["success_rate"], &none["print_time"]),
        (&json!(0), &Value::Null, &json!(0.0))
    );
    assert_eq!(none["active_printers"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn summary_is_compared_with_the_period_before() {
    let app = TestApp::start().await;
    seeded(&app).await;
    let summary = get(&app, "summary?since=2026-02-01&until=2026-02-03&tz=Europe/Berlin").await;
    assert_eq!(summary["period"]["since"], "2026-01-31T23:00:00Z");
    assert_eq!(summary["previous"]["since"], "2026-01-29T23:00:00Z");
    assert_eq!(summary["previous"]["until"], "2026-01-31T23:00:00Z");
    let jobs = (
        summary["jobs"].as_u64().unwrap(),
        summary["previous"]["jobs"].as_u64().unwrap(),
    );
    assert_eq!(jobs, (2, 1));
    assert_eq!(summary["change"]["jobs"], 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_the_viewer() {
    let app = TestApp::start_with(|config| {
        config.api.timezone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    })
    .await;
    seeded(&app).await;
    let days = async |query: &str| -> Vec<String> {
        let timeline = get(&app, &format!("timeline{query}")).await;
        let buckets = timeline["buckets"].as_array().unwrap();
        buckets
            .iter()
            .map(|bucket| bucket["label"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(days("?tz=UTC").await[..2], ["2026-01-30", "2026-01-31"]);
    assert_eq!(days("").await[..2], ["2026-01-30", "2026-01-31"]);
    assert_eq!(
        days("?tz=Asia/Kathmandu").await[..2],
        ["2026-01-31", "2026-02-01"]
    );
    assert_eq!(days("?bucket=week&tz=UTC").await, ["2026-W05", "2026-W06"]);
    assert_eq!(days("?bucket=hour").await[0], "2026-01-30 18:00");
    assert_eq!(days("?bucket=month&tz=UTC").await, ["2026-01", "2026-02"]);
    assert_eq!(get(&app, "summary").await["period"]["tz"], "America/New_York");
    let heatmap = get(&app, "heatmap").await;
    assert_eq!(heatmap["week"].as_array().unwrap().len(), 168);
    assert_eq!(
        heatmap["week"][4 * 24 + 18],
        json!({"weekday": 5, "hour": 18, "jobs": 1, "completed": 0, "failed": 1, "print_time": 3500.5})
    );
    assert_eq!(heatmap["calendar"][0]["date"], "2026-01-30");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_has_no_gaps_and_never_too_many_parts() {
    let app = TestApp::start().await;
    seeded(&app).await;
    let timeline = get(&app, "timeline?since=2026-01-01&until=2026-02-10&stack=material").await;
    assert_eq!(timeline["buckets"].as_array().unwrap().len(), 40);
    let series = timeline["series"].as_array().unwrap();
    assert_eq!(
        series
            .iter()
            .map(|one| one["key"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["PLA", "PETG"]
    );
    for one in series {
        for list in ["jobs", "print_time", "filament_mm", "filament_g"] {
            assert_eq!(one[list].as_array().unwrap().len(), 40);
        }
    }
    let long = get(&app, "timeline?since=1900-01-01&until=2100-01-01&bucket=hour").await;
    assert_eq!(long["bucket"], "week");
    let empty = get(&app, "timeline?filament_type=ABS").await;
    assert_eq!((&empty["buckets"], &empty["series"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn printers_are_compared_even_without_jobs() {
    let app = TestApp::start().await;
    let voron = seeded(&app).await;
    let idle = app.add_printer("Idle").await;
    let printers = get(&app, "printers?until=2026-02-02T00:00:00Z").await;
    let names: Vec<_> = printers["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["printer_name"])
        .collect();
    assert_eq!(names, ["Idle", "Voron"]);
    assert_eq!(
        (
            &printers["items"][0]["jobs"],
            &printers["items"][0]["utilisation"]
        ),
        (&json!(0), &Value::Null)
    );
    let one = get(&app, &format!("printers/{}?until=2026-02-02T00:00:00Z", voron.0)).await;
    assert_eq!(
        one["mean_time_between_failures"],
        printers["items"][1]["mean_time_between_failures"]
    );
    assert_eq!(one["first_job"], "2026-01-30T23:30:00Z");
    let part = one["utilisation"].as_f64().unwrap();
    assert!(part > 0.0 && part <= 1.0, "{one}");
    let none = get(&app, &format!("printers/{}?since=2026-01-01", idle.0)).await;
    assert_eq!(none["utilisation"], 0.0);
    app.get("/api/analytics/printers/4711").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_jobs_are_not_enough_data() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    for n in 0..5 {
        let estimates = get(&app, "estimates").await;
        assert_eq!(
            (&estimates["all"]["jobs"], &estimates["all"]["enough_data"]),
            (&json!(n), &json!(false))
        );
        assert_eq!(
            (&estimates["all"]["note"], &estimates["all"]["median"]),
            (&json!("not enough data"), &Value::Null)
        );
        let job = job(printer, &n.to_string(), &format!("2026-01-0{}T00:00:00Z", n + 1));
        let id = app.add_job(&job).await;
        let details = JobDetails {
            estimated_time: Some(3500.5 / f64::from(n + 1)),
            ..JobDetails::default()
        };
        assert!(
            app.store
                .save_job_details(id, &details, jiff::Timestamp::UNIX_EPOCH)
                .await
                .unwrap()
        );
    }
    let all = &get(&app, "estimates").await["all"];
    assert_eq!(
        (
            &all["note"],
            &all["lower_quartile"],
            &all["median"],
            &all["upper_quartile"]
        ),
        (&Value::Null, &json!(2.0), &json!(3.0), &json!(4.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_has_the_same_numbers_and_no_formulas() {
    let app = TestApp::start().await;
    seeded(&app).await;
    let files = get(&app, "files").await;
    let sheet = app.get("/api/analytics/files?format=csv").await.expect(200);
    assert_eq!(sheet.header("content-type"), Some("text/csv; charset=utf-8"));
    let mut rows = csv::Reader::from_reader(sheet.body.as_ref());
    let header = rows.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), files["items"].as_array().unwrap().len());
    for (row, item) in rows.iter().zip(files["items"].as_array().unwrap()) {
        for name in [
            "jobs",
            "success_rate",
            "print_time",
            "filament_mm",
            "filament_g_estimated",
        ] {
            let value = if item[name].is_null() {
                String::new()
            } else {
                item[name].to_string()
            };
            assert_eq!(row[column(name)], value, "{name}");
        }
        assert_eq!(
            row[column("by_status_error")],
            item["by_status"]["error"].to_string()
        );
    }
    assert!(rows.iter().any(|row| &row[column("filename")] == "'=cmd.gcode"));

    for route in ROUTES {
        let mut request = app.request("GET", &format!("/api/analytics/{route}?until=2026-03-01"), "");
        request
            .headers_mut()
            .insert("accept", "text/csv, application/json;q=0.5".parse().unwrap());
        let by_header = app.send(request).await.expect(200);
        let by_parameter = app
            .get(&format!("/api/analytics/{route}?format=csv&until=2026-03-01"))
            .await
            .expect(200);
        assert_eq!(by_header.body, by_parameter.body, "{route}");
        assert!(
            csv::Reader::from_reader(by_header.body.as_ref())
                .records()
                .count()
                > 0,
            "{route}"
        );
        // The header is sent even if there are no jobs.
        let empty = app
            .get(&format!("/api/analytics/{route}?format=csv&q=nothing"))
            .await
            .expect(200);
        assert!(
            csv::Reader::from_reader(empty.body.as_ref())
                .headers()
                .unwrap()
                .len()
                > 3,
            "{route}"
        );
    }
    let calendar = app
        .get("/api/analytics/heatmap?format=csv&view=calendar")
        .await
        .expect(200);
    assert!(calendar.body.starts_with(b"date,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_agree_with_each_other_and_the_list() {
    let app = TestApp::start().await;
    seeded(&app).await;
    for filter in [
        "",
        "status=error,interrupted",
        "q=cube",
        "slicer=OrcaSlicer&filament_type=PLA",
        "until=2026-02-01",
        "slicer=Cura",
    ] {
        let total = app.get(&format!("/api/jobs?{filter}")).await.expect(200).json()["total"].clone();
        assert_eq!(
            get(&app, &format!("summary?{filter}")).await["jobs"],
            total,
            "{filter}"
        );
        let sum = |list: &Value| -> u64 {
            list.as_array()
                .unwrap()
                .iter()
                .map(|item| item["jobs"].as_u64().unwrap())
                .sum()
        };
        let filament = get(&app, &format!("filament?{filter}")).await;
        for part in ["by_type", "by_brand", "by_color", "by_printer"] {
            assert_eq!(json!(sum(&filament[part])), total, "{filter} {part}");
        }
        let timeline = get(&app, &format!("timeline?{filter}")).await;
        let in_series: u64 = timeline["series"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|one| one["jobs"].as_array().unwrap())
            .map(|jobs| jobs.as_u64().unwrap())
            .sum();
        assert_eq!(json!(in_series), total, "{filter}");
        let heatmap = get(&app, &format!("heatmap?{filter}")).await;
        assert_eq!(
            (json!(sum(&heatmap["week"])), json!(sum(&heatmap["calendar"]))),
            (total.clone(), total.clone())
        );
        assert_eq!(
            json!(sum(&get(&app, &format!("files?{filter}")).await["items"])),
            total,
            "{filter}"
        );
    }
    let failures = get(&app, "failures").await;
    assert_eq!(
        (&failures["all"]["failed"], &failures["all"]["of_jobs"]),
        (&json!(2), &json!(3))
    );
    let causes: Vec<_> = failures["by_cause"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| &cause["key"])
        .collect();
    assert_eq!(causes, ["cause of error", "cause of interrupted"]);
    assert_eq!(failures["by_hour"], json!([{"hour": 1, "failed": 2}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_counted_with_what_scrap_cost() {
    let app = TestApp::start().await;
    seeded(&app).await;
    let none = get(&app, "verdicts").await;
    assert_eq!(
        (&none["all"]["jobs"], &none["all"]["judged"]),
        (&json!(6), &json!(0))
    );
    assert_eq!(
        (&none["all"]["good_share"], &none["by_reason"]),
        (&Value::Null, &json!([]))
    );

    let jobs = app.get("/api/jobs?sort=oldest").await.expect(200).json();
    let verdicts = [
        json!({"verdict": "scrap", "verdict_reason": "Warped"}),
        json!({"verdict": "scrap", "verdict_reason": "Warped"}),
        json!({"verdict": "good"}),
        json!({"verdict": "partly_good", "verdict_reason": "Warped"}),
    ];
    for (job, verdict) in jobs["items"].as_array().unwrap().iter().zip(&verdicts) {
        app.patch(&format!("/api/jobs/{}", job["id"]), verdict)
            .await
            .expect(200);
    }
    let found = get(&app, "verdicts").await;
    let all = &found["all"];
    assert_eq!(
        all["by_verdict"],
        json!({"good": 1, "partly_good": 1, "scrap": 2, "none": 2})
    );
    assert_eq!((&all["judged"], &all["good_share"]), (&json!(4), &json!(0.25)));
    assert_eq!(
        all["scrap"],
        json!({
            "print_time": 7001.0, "jobs_without_print_time": 0, "filament_mm": 2469.0, "jobs_without_filament_mm": 0,
            "filament_g": 7.408, "filament_g_estimated": 7.408, "jobs_without_filament_g": 0,
            "cost": [{"amount": 1.0, "currency": "EUR", "jobs": 2}], "jobs_without_cost": 0,
        })
    );
    let reasons = found["by_reason"].as_array().unwrap();
    let keys: Vec<_> = reasons
        .iter()
        .map(|group| (&group["key"], &group["jobs"]))
        .collect();
    assert_eq!(keys, [(&json!("Warped"), &json!(3)), (&Value::Null, &json!(1))]);
    assert_eq!(
        reasons[0]["by_verdict"],
        json!({"good": 0, "partly_good": 1, "scrap": 2, "none": 0})
    );
    assert_eq!(
        (&reasons[0]["reason_key"], &found["all"]["reason_key"]),
        (&json!("warped"), &Value::Null)
    );
    let materials = found["by_material"].as_array().unwrap();
    let petg = materials.iter().find(|group| group["key"] == "PETG").unwrap();
    assert_eq!(
        (&petg["jobs"], &petg["by_verdict"]["scrap"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(found["by_printer"][0]["key"], "Voron");

    for (filter, judged) in [
        ("verdict=scrap", 2),
        ("filament_type=PETG", 1),
        ("until=2026-02-01", 2),
        ("q=cube", 3),
        ("slicer=Cura", 0),
    ] {
        assert_eq!(
            get(&app, &format!("verdicts?{filter}")).await["all"]["judged"],
            judged,
            "{filter}"
        );
    }
    let sheet = app.get("/api/analytics/verdicts?format=csv").await.expect(200);
    let mut sheet = csv::Reader::from_reader(sheet.body.as_ref());
    let columns = sheet.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let rows: Vec<_> = sheet.records().map(Result::unwrap).collect();
    let warped = rows.iter().find(|row| &row[column("key")] == "Warped").unwrap();
    assert_eq!(
        (&warped[column("group")], &warped[column("by_verdict_scrap")]),
        ("reason", "2")
    );
    assert_eq!(&warped[column("scrap_print_time")], "7001.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_is_a_zone_and_an_unknown_zone_is_not_utc() {
    let app = TestApp::start_with(|config| {
        config.api.timezone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    })
    .await;
    for (query, tz) in [
        ("", "Europe/Berlin"),
        ("?tz=%2B02:00", "+02:00"),
        ("?tz=+02:00", "+02:00"),
        ("?tz=-03:30", "-03:30"),
        ("?tz=Asia/Kathmandu", "Asia/Kathmandu"),
    ] {
        for route in ["summary", "timeline", "heatmap"] {
            let path = format!("/api/analytics/{route}{query}");
            assert_eq!(
                app.get(&path).await.expect(200).json()["period"]["tz"],
                tz,
                "{path}"
            );
        }
    }
    // What a browser needs if this server does not know its time zone.
    let system = async |query: &str| app.get(&format!("/api/system{query}")).await.expect(200).json();
    assert_eq!(system("").await["timezone"], "Europe/Berlin");
    for (query, is_known) in [
        ("", Value::Null),
        ("?tz=Etc/Unknown", json!(false)),
        ("?tz=Mars/Olympus", json!(false)),
        ("?tz=Asia/Tokyo", json!(true)),
        ("?tz=%2B02:00", json!(true)),
    ] {
        assert_eq!(system(query).await["tz_is_known"], is_known, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let app = TestApp::start().await;
    for (query, field) in [
        ("summary?tz=Mars/Olympus", "tz"),
        ("summary?tz=Etc/Unknown", "tz"),
        ("heatmap?tz=%2B15:00", "tz"),
        ("timeline?tz=", "tz"),
        ("summary?format=xlsx", "format"),
        ("summary?since=soon", "since"),
        ("timeline?bucket=decade", "bucket"),
        ("timeline?stack=color", "stack"),
        ("heatmap?view=year", "view"),
        ("files?limit=501", "limit"),
        ("printers/1?printer_id=2", "printer_id"),
        ("failures?limit=1", "limit"),
    ] {
        assert_eq!(
            app.get(&format!("/api/analytics/{query}"))
                .await
                .wrong_fields(422),
            [field],
            "{query}"
        );
    }
}
