//! Filters of jobs and the values they offer, comparisons of periods, orders of files, and weight and cost of jobs.

use domain::{Cause, Job, JobId, JobStatus, PrinterId};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::JobDetails;

use crate::test_app::{TestApp, job};

/// A job with one thing that differs from [`job`].
async fn add(app: &TestApp, printer: PrinterId, n: u32, change: impl FnOnce(&mut Job)) -> JobId {
    let mut job = job(
        printer,
        &n.to_string(),
        &format!("2026-02-{:02}T12:00:00Z", n + 1),
    );
    change(&mut job);
    app.add_job(&job).await
}

async fn printed_with(app: &TestApp, id: JobId, material: Option<&str>, slicer: Option<&str>) {
    let details = JobDetails {
        filament_type: material.map(str::to_owned),
        slicer: slicer.map(str::to_owned),
        grams_per_mm: Some(0.003),
        weight_source: Some("usual_density".to_owned()),
        estimated_length: Some(1234.5),
        filament_cost: Some(0.5),
        ..JobDetails::default()
    };
    assert!(
        app.store
            .save_job_details(id, &details, Timestamp::UNIX_EPOCH)
            .await
            .unwrap()
    );
}

/// Jobs 0 to 7 on two printers. The ids are those of the list.
async fn farm(app: &TestApp) -> Vec<JobId> {
    let (voron, ender) = (app.add_printer("Voron").await, app.add_printer("Ender").await);
    let failed = |cause: &'static str| {
        move |job: &mut Job| {
            job.status = JobStatus::Error;
            job.cause = Some(Cause::from(cause));
        }
    };
    let ids = vec![
        add(app, voron, 0, |job| job.user = Some("Ada".to_owned())).await,
        add(app, voron, 1, |job| job.user = Some("ADA".to_owned())).await,
        add(app, voron, 2, failed("error")).await,
        add(app, ender, 3, failed("klippy_shutdown")).await,
        add(app, ender, 4, |job| {
            job.status = JobStatus::Interrupted;
            job.cause = None;
        })
        .await,
        add(app, ender, 5, |job| job.figures.print_duration = Some(12_000.0)).await,
        add(app, ender, 6, |job| job.figures = domain::Figures::default()).await,
        add(app, ender, 7, |job| job.status = JobStatus::Printing).await,
    ];
    printed_with(app, ids[0], Some("PETG"), Some("OrcaSlicer")).await;
    printed_with(app, ids[1], Some("petg"), Some("Cura")).await;
    printed_with(app, ids[2], Some("ABS"), None).await;
    ids
}

/// Places in `ids` of the listed jobs, checked against an export and the number of analytics.
async fn listed(app: &TestApp, ids: &[JobId], query: &str) -> Vec<usize> {
    let list = app.get(&format!("/api/jobs?{query}")).await.expect(200).json();
    let place = |job: &Value| ids.iter().position(|id| job["id"] == id.0).unwrap();
    let mut places: Vec<usize> = list["items"].as_array().unwrap().iter().map(place).collect();
    assert_eq!(list["total"], places.len(), "{query}");
    places.sort_unstable();
    let export = app
        .get(&format!("/api/jobs/export?format=json&{query}"))
        .await
        .expect(200)
        .json();
    let mut exported: Vec<usize> = export.as_array().unwrap().iter().map(place).collect();
    exported.sort_unstable();
    assert_eq!(exported, places, "{query}");
    let summary = app
        .get(&format!("/api/analytics/summary?{query}"))
        .await
        .expect(200)
        .json();
    assert_eq!(summary["jobs"], places.len(), "{query}");
    let facets = app
        .get(&format!("/api/jobs/facets?{query}"))
        .await
        .expect(200)
        .json();
    assert_eq!(facets["jobs"], places.len(), "{query}");
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_take_several_values_and_the_unknown() {
    let app = TestApp::start().await;
    let ids = farm(&app).await;
    let rate = |id: JobId, body: Value| {
        let app = &app;
        async move { app.patch(&format!("/api/jobs/{}", id.0), &body).await.expect(200) }
    };
    rate(ids[2], json!({"verdict": "scrap", "verdict_reason": "Warped"})).await;
    rate(ids[3], json!({"verdict": "scrap"})).await;
    for (query, expected) in [
        ("filament_type=PETG", vec![0, 1]),
        ("filament_type=petg&filament_type=ABS", vec![0, 1, 2]),
        ("filament_type=", vec![3, 4, 5, 6, 7]),
        ("filament_type=abs&filament_type=", vec![2, 3, 4, 5, 6, 7]),
        ("filament_type=PVA", vec![]),
        ("slicer=orcaslicer&slicer=CURA", vec![0, 1]),
        ("slicer=&filament_type=ABS", vec![2]),
        ("user=ada", vec![0, 1]),
        ("user=&status=completed", vec![5, 6]),
        ("cause=Klippy_Shutdown", vec![3]),
        ("cause=&status=failed", vec![4]),
        ("cause=error&cause=klippy_shutdown", vec![2, 3]),
        ("status=failed", vec![2, 3, 4]),
        ("status=failed,printing", vec![2, 3, 4, 7]),
        ("print_duration_min=3600", vec![5]),
        (
            "print_duration_min=3500.5&print_duration_max=3500.5",
            vec![0, 1, 2, 3, 4, 7],
        ),
        ("filament_used_max=1234.5", vec![0, 1, 2, 3, 4, 5, 7]),
        ("filament_used_min=1234.501", vec![]),
        ("verdict_reason=warped", vec![2]),
        ("verdict_reason=", vec![3]),
        ("verdict_reason=warped&verdict_reason=", vec![2, 3]),
        ("verdict=scrap&filament_type=abs", vec![2]),
        ("q=warped", vec![2]),
    ] {
        assert_eq!(listed(&app, &ids, query).await, expected, "{query}");
    }
    // A reason that is removed is no longer found.
    rate(ids[2], json!({"verdict_reason": null})).await;
    assert_eq!(listed(&app, &ids, "q=warped").await, Vec::<usize>::new());
}

fn values(facets: &Value) -> Vec<(Option<&str>, u64)> {
    let facets = facets.as_array().unwrap().iter();
    facets
        .map(|facet| (facet["value"].as_str(), facet["jobs"].as_u64().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_under_the_other_filters() {
    let app = TestApp::start().await;
    let ids = farm(&app).await;
    for (id, body) in [
        (ids[0], json!({"verdict": "good", "tags": ["Gift", "b"]})),
        (ids[1], json!({"tags": ["gift"]})),
        (ids[2], json!({"verdict": "scrap", "verdict_reason": "Warped"})),
    ] {
        app.patch(&format!("/api/jobs/{}", id.0), &body).await.expect(200);
    }
    let facets = app.get("/api/jobs/facets").await.expect(200).json();
    assert_eq!(facets["jobs"], 8);
    let printers = facets["printers"].as_array().unwrap();
    assert_eq!(printers.len(), 2);
    assert_eq!(
        (&printers[0]["name"], &printers[0]["jobs"]),
        (&json!("Ender"), &json!(5))
    );
    let materials = values(&facets["materials"]);
    assert_eq!(materials[0], (None, 5));
    assert!(
        materials[1]
            .0
            .is_some_and(|name| name.eq_ignore_ascii_case("petg"))
            && materials[1].1 == 2
    );
    assert_eq!(materials[2], (Some("ABS"), 1));
    assert_eq!(
        values(&facets["slicers"]),
        [(None, 6), (Some("Cura"), 1), (Some("OrcaSlicer"), 1)]
    );
    assert_eq!(values(&facets["users"])[0], (None, 6));
    assert_eq!(values(&facets["users"])[1].1, 2);
    assert_eq!(values(&facets["tags"])[0].1, 2);
    let statuses = facets["statuses"].as_array().unwrap();
    assert_eq!(
        (&statuses[0]["status"], &statuses[0]["failed"]),
        (&json!("error"), &json!(true))
    );
    assert_eq!(
        values(&statuses[0]["causes"]),
        [(Some("error"), 1), (Some("klippy_shutdown"), 1)]
    );
    assert_eq!(values(&statuses[1]["causes"]), [(None, 1)]);
    assert_eq!(
        facets["verdicts"],
        json!([
            {"verdict": "good", "jobs": 1, "reasons": [{"value": null, "key": null, "jobs": 1}]},
            {"verdict": "scrap", "jobs": 1, "reasons": [{"value": "Warped", "key": "warped", "jobs": 1}]},
            {"verdict": null, "jobs": 6, "reasons": []},
        ])
    );

    // The own filter of a list does not restrict it; all others do.
    let facets = app
        .get("/api/jobs/facets?filament_type=PETG&status=completed&q=cube")
        .await
        .expect(200)
        .json();
    assert_eq!(facets["jobs"], 2);
    let materials = values(&facets["materials"]);
    assert_eq!(
        materials.iter().map(|(_, jobs)| *jobs).collect::<Vec<_>>(),
        [2, 2]
    );
    assert_eq!(values(&facets["slicers"]).len(), 2);
    let statuses = facets["statuses"].as_array().unwrap();
    assert_eq!(statuses.len(), 1);
    app.get("/api/jobs/facets?limit=5").await.problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_have_one_weight_and_one_cost() {
    let app = TestApp::start_with(|config| config.api.currency = Some("EUR".to_owned())).await;
    let printer = app.add_printer("Voron").await;
    let id = add(&app, printer, 0, |_| ()).await;
    printed_with(&app, id, Some("PLA"), None).await;
    let list = app.get("/api/jobs").await.expect(200).json();
    let whole = app.get(&format!("/api/jobs/{}", id.0)).await.expect(200).json();
    let exported = app.get("/api/jobs/export?format=json").await.expect(200).json();
    for shown in [&list["items"][0], &whole] {
        assert_eq!(
            (&shown["filament_type"], &shown["filament_used_g"]),
            (&json!("PLA"), &json!(3.704))
        );
        assert_eq!(shown["filament_used_g_estimated"], true);
        assert_eq!(shown["cost"], json!({"amount": 0.5, "currency": "EUR"}));
    }
    assert_eq!(
        (&exported[0]["filament_used_g"], &exported[0]["used_cost"]),
        (&json!(3.704), &json!(0.5))
    );
    assert_eq!(app.get("/api/system").await.expect(200).json()["currency"], "EUR");

    // Files that name a currency keep it.
    let other = add(&app, printer, 1, |_| ()).await;
    let details = JobDetails {
        filament_type: Some("PLA".to_owned()),
        estimated_length: Some(1234.5),
        filament_cost: Some(2.0),
        currency: Some("USD".to_owned()),
        grams_per_mm: Some(0.002),
        weight_source: Some("slicer_ratio".to_owned()),
        ..JobDetails::default()
    };
    assert!(
        app.store
            .save_job_details(other, &details, Timestamp::UNIX_EPOCH)
            .await
            .unwrap()
    );
    let whole = app
        .get(&format!("/api/jobs/{}", other.0))
        .await
        .expect(200)
        .json();
    assert_eq!(whole["cost"], json!({"amount": 2.0, "currency": "USD"}));
    assert_eq!(whole["filament_used_g_estimated"], false);
    let filament = app.get("/api/analytics/filament").await.expect(200).json();
    for group in ["by_type", "by_printer"] {
        assert_eq!(
            filament[group][0]["cost"],
            json!([{"amount": 0.5, "currency": "EUR", "jobs": 1}, {"amount": 2.0, "currency": "USD", "jobs": 1}]),
            "{group}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_weight_states_its_estimated_part() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let failed = |job: &mut Job| job.status = JobStatus::Error;
    let (estimated, known) = (
        add(&app, printer, 0, failed).await,
        add(&app, printer, 1, failed).await,
    );
    printed_with(&app, estimated, Some("PLA"), None).await;
    let details = JobDetails {
        grams_per_mm: Some(0.002),
        weight_source: Some("slicer_ratio".to_owned()),
        ..JobDetails::default()
    };
    app.store
        .save_job_details(known, &details, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    for id in [estimated, known] {
        let verdict = json!({"verdict": "scrap"});
        app.patch(&format!("/api/jobs/{}", id.0), &verdict)
            .await
            .expect(200);
    }
    let get = async |path: &str| {
        app.get(&format!("/api/analytics/{path}"))
            .await
            .expect(200)
            .json()
    };
    let file = &get("files").await["items"][0];
    assert_eq!(
        (&file["filament_lost_g"], &file["filament_lost_g_estimated"]),
        (&json!(6.173), &json!(3.704))
    );
    let scrap = &get("verdicts").await["all"]["scrap"];
    assert_eq!(
        (&scrap["filament_g"], &scrap["filament_g_estimated"]),
        (&json!(6.173), &json!(3.704))
    );
    let days = &get("timeline?since=2026-02-01&until=2026-02-03").await["series"][0];
    assert_eq!(
        (&days["filament_g"], &days["filament_g_estimated"]),
        (&json!([3.704, 2.469]), &json!([3.704, 0.0]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_states_its_base() {
    let app = TestApp::start().await;
    let ids = farm(&app).await;
    let summary = async |query: &str| {
        app.get(&format!("/api/analytics/summary?{query}"))
            .await
            .expect(200)
            .json()
    };
    let february = summary("since=2026-02-04&until=2026-02-07&compare=previous").await;
    let previous = &february["previous"];
    assert_eq!(
        (&previous["since"], &previous["until"]),
        (&json!("2026-02-01T00:00:00Z"), &json!("2026-02-04T00:00:00Z"))
    );
    assert_eq!(
        (&previous["compare"], &previous["is_running"]),
        (&json!("previous"), &json!(false))
    );
    assert_eq!((&previous["jobs"], &february["jobs"]), (&json!(3), &json!(3)));
    assert_eq!(february["change"]["longest_job"], 0.0);
    // The weight of the second period is unknown, so its change says nothing.
    assert_eq!(february["jobs_without_filament_g"], 3);
    assert_eq!(february["change"]["filament_g"], Value::Null);
    assert_eq!(
        february["change"]["cost"],
        json!([{"currency": null, "change": null}])
    );
    let base = |summary: &Value| summary["previous"]["since"].as_str().map(str::to_owned);
    for (compare, since) in [
        ("last_month", "2026-01-04T00:00:00Z"),
        ("last_year", "2025-02-04T00:00:00Z"),
    ] {
        let compared = summary(&format!("since=2026-02-04&until=2026-02-07&compare={compare}")).await;
        assert_eq!(base(&compared).as_deref(), Some(since));
    }
    printed_with(&app, ids[3], Some("PLA"), None).await;
    printed_with(&app, ids[0], Some("PLA"), None).await;
    let days = summary("since=2026-02-04&until=2026-02-05").await;
    assert_eq!(days["change"]["filament_g"], 0.0, "{days}");
    assert_eq!(days["change"]["cost"], json!([{"currency": null, "change": 0.0}]));
    app.get("/api/analytics/summary?compare=yesterday")
        .await
        .problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sorted_by_what_went_wrong() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let runs = [
        ("a", JobStatus::Completed, 5, 10.0),
        ("a", JobStatus::Error, 1, 100.0),
        ("b", JobStatus::Completed, 1, 10.0),
        ("b", JobStatus::Error, 2, 10.0),
        ("c", JobStatus::Cancelled, 2, 500.0),
        ("d", JobStatus::Interrupted, 2, 1.0),
    ];
    let mut n = 0;
    for (file, status, count, length) in runs {
        for _ in 0..count {
            n += 1;
            add(&app, printer, n, |job| {
                job.filename = Some(file.to_owned());
                job.status = status;
                job.figures.filament_used = Some(length);
            })
            .await;
        }
    }
    for (sort, expected) in [
        ("jobs", vec!["a", "b", "c", "d"]),
        ("failed", vec!["b", "d", "a"]),
        ("success_rate", vec!["b", "a"]),
        ("filament_lost", vec!["c", "a", "b", "d"]),
    ] {
        let files = app
            .get(&format!("/api/analytics/files?sort={sort}"))
            .await
            .expect(200)
            .json();
        let items = files["items"].as_array().unwrap();
        let names: Vec<_> = items
            .iter()
            .map(|item| item["filename"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{sort}");
        assert_eq!(files["total"], 4);
        let one = app
            .get(&format!("/api/analytics/files?sort={sort}&limit=1"))
            .await
            .expect(200)
            .json();
        assert_eq!(one["items"][0], items[0]);
    }
    let lost = app
        .get("/api/analytics/files?sort=filament_lost")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &lost["items"][0]["filament_lost_mm"],
            &lost["items"][0]["jobs_without_filament_lost_g"]
        ),
        (&json!(1000.0), &json!(2))
    );
    let failures = app.get("/api/analytics/failures").await.expect(200).json();
    assert_eq!(
        failures["by_file"][0],
        json!({"key": "b", "printer_id": null, "failed": 2, "of_jobs": 3, "rate": 2.0 / 3.0})
    );
    app.get("/api/analytics/files?sort=name").await.problem(422);
}
