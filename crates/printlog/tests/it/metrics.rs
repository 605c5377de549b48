//! The Prometheus metrics, compared with the database, the documentation and the Grafana dashboard.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use domain::JobStatus;
use serde_json::{Value, json};
use simulator::{PrintPlan, PrinterConfig, Random, SimPrinter};
use store::Location;
use tokio::net::TcpListener;

use crate::test_app::{TestApp, job, send};

const DOCUMENTATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/prometheus.md");
const DASHBOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana/dashboard.json");

/// Values by series name and labels, as written in the output.
async fn scrape(app: &TestApp) -> BTreeMap<String, f64> {
    let answer = app.get("/metrics").await.expect(200);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The jobs metric by printer and outcome.
async fn jobs(app: &TestApp) -> BTreeMap<String, f64> {
    let mut series = scrape(app).await;
    series.retain(|name, _| name.starts_with("printlog_jobs_total"));
    series
}

fn of(printer: i64, name: &str, status: &str) -> String {
    format!(r#"printlog_jobs_total{{printer_id="{printer}",printer="{name}",status="{status}"}}"#)
}

async fn with_jobs(app: &TestApp) {
    let voron = app.add_printer("Voron").await;
    let odd = app.add_printer("a \"b\" \\ \n# TYPE x counter").await;
    let outcomes = [
        (voron, JobStatus::Completed),
        (voron, JobStatus::Completed),
        (voron, JobStatus::Completed),
        (voron, JobStatus::Error),
        (odd, JobStatus::Cancelled),
        (odd, JobStatus::Interrupted),
        (odd, JobStatus::Printing),
    ];
    for (number, (printer, status)) in outcomes.into_iter().enumerate() {
        let mut job = job(
            printer,
            &format!("{number:06X}"),
            &format!("2026-01-0{}T00:00:00Z", number + 1),
        );
        job.status = status;
        if status.is_open() {
            job.end_time = None;
        }
        app.add_job(&job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_jobs_are_those_of_the_database_and_never_go_back() {
    let app = TestApp::start().await;
    with_jobs(&app).await;
    let odd = r#"a \"b\" \\ \n# TYPE x counter"#;
    let expected = BTreeMap::from([
        (of(1, "Voron", "completed"), 3.0),
        (of(1, "Voron", "error"), 1.0),
        (of(2, odd, "cancelled"), 1.0),
        (of(2, odd, "interrupted"), 1.0),
    ]);
    assert_eq!(jobs(&app).await, expected);
    for status in ["completed", "error"] {
        let listed = app
            .get(&format!("/api/jobs?printer_id=1&status={status}"))
            .await
            .json();
        assert_eq!(
            listed["total"].as_f64().unwrap(),
            expected[&of(1, "Voron", status)]
        );
    }

    let series = scrape(&app).await;
    let printers = app.get("/api/printers").await.json();
    let totals = &printers["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == 1)
        .unwrap()["totals"];
    let labels = r#"{printer_id="1",printer="Voron"}"#;
    for (metric, field) in [
        ("stored_jobs", "total_jobs"),
        ("stored_total_time_seconds", "total_time"),
        ("stored_print_time_seconds", "total_print_time"),
        ("stored_filament_millimeters", "total_filament_used"),
    ] {
        assert_eq!(
            series[&format!("printlog_{metric}{labels}")],
            totals[field].as_f64().unwrap(),
            "{metric}"
        );
    }

    // A deleted job still counts as printed.
    let id = app.get("/api/jobs?status=completed").await.json()["items"][0]["id"]
        .as_i64()
        .unwrap();
    app.delete(&format!("/api/jobs/{id}")).await.expect(204);
    assert_eq!(jobs(&app).await, expected);
    assert_eq!(scrape(&app).await[&format!("printlog_stored_jobs{labels}")], 3.0);

    // The same after a restart.
    let folder = app.stop().await;
    let path = folder.path().join("printlog.db");
    let again = TestApp::start_with(|config| config.database = Location::Sqlite { path }).await;
    assert_eq!(jobs(&again).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_documented_and_drawn_is_measured() {
    let app = TestApp::start().await;
    with_jobs(&app).await;
    app.get("/api/jobs/1").await.expect(200);
    // Metrics without a series are not written. A printer that is printing has a series of each.
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let mut file = simulator::sliced_file(&mut Random::new(7), 3600.0, 1_700_000_000.0);
    file.name = "cube.gcode".to_owned();
    printer.add_file(file, None);
    let input = json!({"name": "Sim", "moonraker_url": printer.url()});
    app.post("/api/printers", &input).await.expect(201);
    printer
        .start_print("cube.gcode", PrintPlan::lasting(3600.0))
        .unwrap();
    let text = async || String::from_utf8(app.get("/metrics").await.body.to_vec()).unwrap();
    let prints = |text: &str| {
        [
            "printlog_printer_job_progress_ratio{",
            "printlog_printer_job_time_seconds{",
            "printlog_printer_target_celsius{",
        ]
        .iter()
        .all(|series| text.contains(series))
    };
    let mut scraped = text().await;
    while !prints(&scraped) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scraped = text().await;
    }
    let measured: BTreeSet<String> = scraped
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        })
        .filter(|name| name.starts_with("printlog_"))
        .collect();
    assert!(measured.len() > 15, "{measured:?}");

    let documented: BTreeSet<String> = fs::read_to_string(DOCUMENTATION)
        .unwrap()
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `printlog_")?
                .split('`')
                .next()
                .map(str::to_owned)
        })
        .map(|name| format!("printlog_{name}"))
        .collect();
    assert_eq!(documented, measured, "docs/prometheus.md");

    let dashboard: Value = serde_json::from_str(&fs::read_to_string(DASHBOARD).unwrap()).unwrap();
    let mut drawn = BTreeSet::new();
    texts(&dashboard, &mut |text| {
        drawn.extend(
            text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .filter(|word| word.starts_with("printlog_"))
                .map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned()),
        );
    });
    assert!(drawn.len() > 10, "{drawn:?}");
    for name in drawn {
        assert!(
            measured.contains(&name),
            "the dashboard draws {name}, which is not measured"
        );
    }
}

fn texts(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, each)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_measured_by_route_and_operations_by_kind() {
    let app = TestApp::start().await;
    let count = async |series: &str| scrape(&app).await.get(series).copied().unwrap_or(0.0);
    let route =
        r#"printlog_http_request_duration_seconds_count{method="GET",route="/api/jobs/{id}",status="404"}"#;
    let reads = r#"printlog_database_duration_seconds_count{kind="read"}"#;
    let (requests_before, reads_before) = (count(route).await, count(reads).await);
    for id in 1..=5 {
        app.get(&format!("/api/jobs/{id}")).await.expect(404);
    }
    assert_eq!(count(route).await, requests_before + 5.0);
    assert!(count(reads).await >= reads_before + 5.0);
    // Requests to unknown paths create no series.
    for path in 0..50 {
        app.get(&format!("/api/nothing/{path}")).await.expect(404);
    }
    let series = scrape(&app).await;
    assert!(!series.keys().any(|name| name.contains("nothing")), "{series:?}");
    assert_eq!(series["printlog_database_up"], 1.0);
    assert_eq!(series[r#"printlog_database_failures_total{kind="write"}"#], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_their_own_needs_no_key_and_has_nothing_else() {
    // The system chooses a free port, which is released before the server binds it.
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let app = TestApp::start_with(|config| config.metrics.listen = Some(free)).await;
    let get = async |address, path: &str| {
        let mut request = app.request("GET", path, "");
        request.headers_mut().remove("authorization");
        send(address, request).await
    };
    let answer = get(free, "/metrics").await.expect(200);
    assert!(String::from_utf8_lossy(&answer.body).contains("printlog_database_up 1"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for path in ["/", "/health", "/api/jobs", "/api/openapi.json"] {
        get(free, path).await.expect(404);
    }
    get(app.address, "/metrics").await.problem(401);
    let reader = app
        .post("/api/admin/keys", &json!({"name": "prometheus", "scope": "read"}))
        .await
        .json();
    let mut request = app.request("GET", "/metrics", "");
    let key = format!("Bearer {}", reader["key"].as_str().unwrap());
    request
        .headers_mut()
        .insert("authorization", key.parse().unwrap());
    app.send(request).await.expect(200);
}
