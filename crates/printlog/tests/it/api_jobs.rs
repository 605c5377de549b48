//! Jobs over the API: lists (compared with a brute-force model), single jobs, deletion.

use domain::{Cause, Job, JobStatus, PrinterId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::JobDetails;

use crate::test_app::{TestApp, job};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_item_has_the_columns_and_nothing_big() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let mut cancelled = job(printer, "00001F", "2026-01-31T12:00:00.123Z");
    cancelled.status = JobStatus::Cancelled;
    cancelled.cause = Some(Cause::KlippyShutdown);
    cancelled.message = Some("MCU 'mcu' shutdown".to_owned());
    cancelled.user = Some("me".to_owned());
    cancelled.metadata = Some(json!({"thumbnails": ["x".repeat(10_000)]}).into());
    let id = app.add_job(&cancelled).await;

    let list = app.get("/api/jobs").await.expect(200).json();
    assert_eq!(
        list,
        json!({
            "items": [{
                "id": id.0,
                "printer_id": printer.0,
                "printer_name": "Voron",
                "job_id": "00001F",
                "user": "me",
                "filename": "cube.gcode",
                "status": "cancelled",
                "cause": "klippy_shutdown",
                "message": "MCU 'mcu' shutdown",
                "start_time": "2026-01-31T12:00:00.123Z",
                "end_time": "2026-01-31T13:00:00.123Z",
                "print_duration": 3500.5,
                "total_duration": 3600.25,
                "filament_used": 1234.5,
                "end_source": "history",
                "figures_source": "history",
                "clock_jumped": false,
                "is_unobserved": false,
                "title": null,
                "tags": [],
                "verdict": null,
                "verdict_reason": null,
                "verdict_reason_key": null,
                "has_thumbnail": false,
                "filament_type": null,
                "filament_brand": null,
                "filament_color": null,
                "slicer": null,
                "layer_height": null,
                "filament_used_g": null,
                "filament_used_g_estimated": null,
                "cost": null,
                "created_at": "2026-03-01T00:00:00Z",
                "updated_at": "2026-03-01T00:00:00Z",
            }],
            "next": null,
            "total": 1,
        })
    );

    let whole = app.get(&format!("/api/jobs/{}", id.0)).await.expect(200).json();
    let mut expected = list["items"][0].clone();
    expected["history_start_time"] = json!("2026-01-31T12:00:00.123Z");
    expected["notes"] = Value::Null;
    expected["metadata"] = cancelled.metadata.unwrap().to_value();
    expected["auxiliary_data"] = Value::Null;
    expected["details"] = Value::Null;
    expected["pauses"] = json!([]);
    expected["details_status"] = "pending".into();
    // The details queue may already have tried this job and found the printer disabled.
    expected["details_reason"] = whole["details_reason"].clone();
    expected["details_reason_key"] = whole["details_reason_key"].clone();
    assert_eq!(whole, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_is_null() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let mut unknown = job(printer, "000001", "2026-01-31T12:00:00Z");
    unknown.job_id = None;
    unknown.history_start_time = None;
    unknown.start_time = None;
    unknown.end_time = None;
    unknown.filename = None;
    unknown.cause = None;
    unknown.end_source = None;
    unknown.figures = domain::Figures::default();
    unknown.status = JobStatus::Interrupted;
    let id = app.add_job(&unknown).await;
    let whole = app.get(&format!("/api/jobs/{}", id.0)).await.expect(200).json();
    for field in [
        "job_id",
        "user",
        "filename",
        "cause",
        "message",
        "start_time",
        "end_time",
        "print_duration",
        "total_duration",
        "filament_used",
        "end_source",
        "history_start_time",
        "metadata",
        "auxiliary_data",
        "details",
    ] {
        assert_eq!(whole.get(field), Some(&Value::Null), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_shown_when_there_are_any() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let id = app.add_job(&job(printer, "000001", "2026-01-31T12:00:00Z")).await;
    let path = format!("/api/jobs/{}/details", id.0);
    app.get(&path).await.problem(404);
    let details = JobDetails {
        layer_height: Some(0.2),
        filament_type: Some("PLA".to_owned()),
        support_enabled: Some(false),
        layer_count: Some(250),
        ..JobDetails::default()
    };
    app.store
        .save_job_details(id, &details, jiff::Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let shown = app.get(&path).await.expect(200).json();
    assert_eq!(shown["layer_height"], 0.2);
    assert_eq!(shown["filament_type"], "PLA");
    assert_eq!(shown["support_enabled"], false);
    assert_eq!(shown["layer_count"], 250);
    assert_eq!(shown["nozzle_temp"], Value::Null);
    assert_eq!(
        app.get(&format!("/api/jobs/{}", id.0)).await.json()["details"],
        shown
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_is_gone_from_list_and_totals() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let gone = app.add_job(&job(printer, "000001", "2026-01-01T00:00:00Z")).await;
    app.add_job(&job(printer, "000002", "2026-01-02T00:00:00Z")).await;
    let path = format!("/api/jobs/{}", gone.0);
    assert!(app.delete(&path).await.expect(204).body.is_empty());
    app.delete(&path).await.problem(404);
    app.get(&path).await.problem(404);
    assert_eq!(app.get("/api/jobs").await.json()["total"], 1);
    let totals = app.get(&format!("/api/printers/{}", printer.0)).await.json()["totals"].clone();
    assert_eq!(totals["total_jobs"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_job_of_a_printer_that_is_away_can_be_deleted() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    let mut open = job(printer, "000001", "2026-01-01T00:00:00Z");
    open.status = JobStatus::Printing;
    (open.end_time, open.cause, open.end_source) = (None, None, None);
    let id = app.add_job(&open).await;
    let path = format!("/api/jobs/{}", id.0);
    let listed = app.get("/api/jobs?status=printing").await.json()["items"][0].clone();
    for job in [listed, app.get(&path).await.json()] {
        assert_eq!(
            (&job["status"], &job["is_unobserved"]),
            (&json!("printing"), &json!(true))
        );
    }
    app.delete(&path).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("printer_id=x", "printer_id"),
        ("printer_id=0", "printer_id"),
        ("printer_id=1,,2", "printer_id"),
        ("status=done", "status"),
        ("status=completed,done", "status"),
        ("since=yesterday", "since"),
        ("since=2026-02-30", "since"),
        ("until=2026-01-01T00:00:00", "until"),
        ("q=", "q"),
        ("q=%00", "q"),
        ("filament_type=%00", "filament_type"),
        ("print_duration_min=-1", "print_duration_min"),
        ("filament_used_max=much", "filament_used_max"),
        ("sort=size", "sort"),
        ("sort=", "sort"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=AQAAAAAAAAAA", "cursor"),
    ] {
        assert_eq!(
            app.get(&format!("/api/jobs?{query}")).await.wrong_fields(422),
            [field],
            "{query}"
        );
    }
    let problem = app.get("/api/jobs?status=done").await.problem(422);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("printing, paused, completed, error, cancelled, interrupted"),
        "{message}"
    );
}

/// Adds a few hundred jobs of three printers, some with the same start and some without a start.
async fn many_jobs(app: &TestApp) -> Vec<(i64, Job, Option<&'static str>)> {
    let printers = [
        app.add_printer("A").await,
        app.add_printer("B").await,
        app.add_printer("C").await,
    ];
    let names = [
        "Würfel.gcode",
        "cube_100%.gcode",
        "cube_1.gcode",
        "sub folder/CUBE.gcode",
        "benchy.gcode",
    ];
    let materials = [None, Some("PLA"), Some("PETG")];
    let first: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut jobs = Vec::new();
    // A linear congruential generator, which gives the same jobs in every run.
    let mut state = 7_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    for index in 0..240 {
        let start = first + SignedDuration::from_hours(random(60) as i64);
        let mut job = job(printers[random(3)], &format!("{index:06X}"), &start.to_string());
        job.status = JobStatus::ALL[2 + random(4)];
        job.filename = Some(format!("{index} {}", names[random(names.len())]));
        if random(10) == 0 {
            (job.start_time, job.history_start_time, job.end_time) = (None, None, None);
        } else {
            // A printer starts one job at a time.
            let start = start + SignedDuration::from_millis(index);
            (job.start_time, job.history_start_time) = (Some(start), Some(start));
        }
        let id = app.add_job(&job).await;
        let material = materials[random(3)];
        if let Some(material) = material {
            let details = JobDetails {
                filament_type: Some(material.to_owned()),
                ..JobDetails::default()
            };
            app.store
                .save_job_details(id, &details, jiff::Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
        }
        jobs.push((id.0, job, material));
    }
    jobs.sort_by_key(|(id, job, _)| std::cmp::Reverse((job.start_time, *id)));
    jobs
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_what_a_brute_force_filter_shows() {
    let app = TestApp::start().await;
    let jobs = many_jobs(&app).await;
    let (a, b) = (jobs[0].1.printer_id, PrinterId(3));
    let day: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    let noon: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
    let contains = |job: &Job, text: &str| job.filename.as_ref().unwrap().to_lowercase().contains(text);
    type Keep<'a> = Box<dyn Fn(&Job, Option<&str>) -> bool + 'a>;
    let filters: Vec<(String, Keep<'_>)> = vec![
        (String::new(), Box::new(|_, _| true)),
        (
            format!("printer_id={}", a.0),
            Box::new(|job, _| job.printer_id == a),
        ),
        (
            format!("printer_id={}&printer_id={}", a.0, b.0),
            Box::new(|job, _| [a, b].contains(&job.printer_id)),
        ),
        (
            format!("printer_id={},{}", a.0, b.0),
            Box::new(|job, _| [a, b].contains(&job.printer_id)),
        ),
        ("printer_id=999".to_owned(), Box::new(|_, _| false)),
        (
            "status=completed".to_owned(),
            Box::new(|job, _| job.status == JobStatus::Completed),
        ),
        (
            "status=error,cancelled".to_owned(),
            Box::new(|job, _| [JobStatus::Error, JobStatus::Cancelled].contains(&job.status)),
        ),
        (
            "since=2026-01-02".to_owned(),
            Box::new(|job, _| job.start_time >= Some(day)),
        ),
        (
            "until=2026-01-02".to_owned(),
            Box::new(|job, _| job.start_time.is_some_and(|start| start < day)),
        ),
        (
            "since=2026-01-02T01:00:00%2B01:00&until=2026-01-02T12:00:00Z".to_owned(),
            Box::new(|job, _| job.start_time.is_some_and(|start| day <= start && start < noon)),
        ),
        ("q=CUBE".to_owned(), Box::new(|job, _| contains(job, "cube"))),
        ("q=100%25".to_owned(), Box::new(|job, _| contains(job, "100%"))),
        ("q=_1".to_owned(), Box::new(|job, _| contains(job, "_1"))),
        (
            "q=folder/".to_owned(),
            Box::new(|job, _| contains(job, "folder/")),
        ),
        (
            "filament_type=PETG".to_owned(),
            Box::new(|_, material| material == Some("PETG")),
        ),
        (
            format!("printer_id={}&status=completed&q=cube&filament_type=PLA", a.0),
            Box::new(|job, material| {
                job.printer_id == a
                    && job.status == JobStatus::Completed
                    && contains(job, "cube")
                    && material == Some("PLA")
            }),
        ),
    ];
    for (query, keep) in &filters {
        let expected: Vec<i64> = jobs
            .iter()
            .filter(|(_, job, material)| keep(job, *material))
            .map(|(id, ..)| *id)
            .collect();
        for limit in [1, 7, 50, 500] {
            if limit == 1 && expected.len() > 60 {
                continue;
            }
            assert_eq!(
                read_all(&app, query, limit, expected.len()).await,
                expected,
                "{query} limit={limit}"
            );
            let mut oldest = read_all(&app, &format!("{query}&sort=oldest"), limit, expected.len()).await;
            oldest.reverse();
            assert_eq!(oldest, expected, "{query} sort=oldest limit={limit}");
        }
        let mut by_time: Vec<_> = jobs.iter().filter(|(id, ..)| expected.contains(id)).collect();
        by_time.sort_by_key(|(id, job, _)| {
            let time = job
                .figures
                .print_duration
                .map(|time| (time * 1000.0).round() as i64);
            (time.is_none(), time, *id)
        });
        let by_time: Vec<i64> = by_time.into_iter().map(|(id, ..)| *id).collect();
        let quickest = read_all(&app, &format!("{query}&sort=print_duration"), 30, expected.len()).await;
        assert_eq!(quickest, by_time, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_a_place_in_the_list_of_its_sort() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    for (n, length) in [(1, Some(30.0)), (2, None), (3, Some(90.0)), (4, Some(10.0))] {
        let mut job = job(printer, &n.to_string(), &format!("2026-01-0{n}T00:00:00Z"));
        job.figures.filament_used = length;
        app.add_job(&job).await;
    }
    let page = async |query: &str| {
        app.get(&format!("/api/jobs?limit=2&{query}"))
            .await
            .expect(200)
            .json()
    };
    let lengths = |page: &Value| -> Vec<Option<f64>> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|job| job["filament_used"].as_f64()).collect()
    };
    for (sort, wanted) in [
        ("-filament_used", [[Some(90.0), Some(30.0)], [Some(10.0), None]]),
        ("filament_used", [[Some(10.0), Some(30.0)], [Some(90.0), None]]),
    ] {
        let first = page(&format!("sort={sort}")).await;
        let next = first["next"].as_str().unwrap();
        let second = page(&format!("sort={sort}&cursor={next}")).await;
        assert_eq!([lengths(&first), lengths(&second)], wanted.map(Vec::from));
        assert_eq!((&first["total"], &second["next"]), (&json!(4), &Value::Null));
        for other in ["newest", "-print_duration"] {
            let problem = app
                .get(&format!("/api/jobs?sort={other}&cursor={next}"))
                .await
                .problem(409);
            assert!(
                problem["detail"].as_str().unwrap().contains("`sort`"),
                "{problem}"
            );
        }
    }
}

/// The ids on all pages.
async fn read_all(app: &TestApp, query: &str, limit: usize, total: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app
            .get(&format!("/api/jobs?{query}&limit={limit}{cursor}"))
            .await
            .expect(200)
            .json();
        let items = page["items"].as_array().unwrap();
        assert_eq!(page["total"], total, "{query}");
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
        assert_eq!(items.len(), limit, "a page with a next one is full");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_50_unless_said_otherwise() {
    let app = TestApp::start().await;
    many_jobs(&app).await;
    let page = app.get("/api/jobs").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    assert!(page["next"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_jobs_do_not_move_later_pages() {
    let app = TestApp::start().await;
    let jobs = many_jobs(&app).await;
    let first = app.get("/api/jobs?limit=100").await.json();
    let newest = job(PrinterId(1), "FFFFFF", "2026-02-01T00:00:00Z");
    app.add_job(&newest).await;
    let next = first["next"].as_str().unwrap();
    let second = app
        .get(&format!("/api/jobs?limit=500&cursor={next}"))
        .await
        .json();
    let seen: Vec<_> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| item["id"].as_i64().unwrap())
        .collect();
    let expected: Vec<_> = jobs.iter().map(|(id, ..)| *id).collect();
    assert_eq!(seen, expected);
}
