//! Exports: what is in them, and that they come back as they were.

use domain::{HistoryJob, Job, JobId, JobStatus, PrinterId};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use std::io::Read as _;
use store::{DetailsSource, DetailsStatus, JobRecord, Location, NewGcodeFile, Store};

use crate::{
    binary::Binary,
    test_app::{TestApp, job, stored_at},
};

/// Names that somebody or something could take for more than names.
const NAMES: [&str; 10] = [
    "cube.gcode",
    "a \"quoted\", with comma.gcode",
    "two\nlines.gcode",
    "=cmd|' /C calc'!A0.gcode",
    "+1-1",
    "'already quoted'",
    "@SUM(A1)",
    "Kunden Müller/würfel \u{1f6a2}.gcode",
    "\ttab\rreturn",
    "",
];

/// Jobs of two printers: of every status, with and without details, dated and not.
async fn fill(store: &Store, jobs: usize) {
    let mut printers = Vec::new();
    for name in ["Voron", "=Ender"] {
        let (id, is_new) = store
            .adopt_printer(name, Some(PrinterId(printers.len() as i64 * 3 + 7)), stored_at())
            .await
            .unwrap();
        assert!(is_new);
        printers.push(id);
    }
    let records: Vec<JobRecord> = (0..jobs).map(|n| record(printers[n % 2], n)).collect();
    for batch in records.chunks(1000) {
        store.import_jobs(batch, stored_at()).await.unwrap();
    }
}

fn record(printer: PrinterId, n: usize) -> JobRecord {
    let start = stored_at() - jiff::SignedDuration::from_secs(n as i64 * 977);
    let mut job = Job {
        filename: Some(NAMES[n % NAMES.len()].to_owned()),
        status: JobStatus::ALL[n % 6],
        ..job(printer, &format!("{n:06X}"), &start.to_string())
    };
    job.figures.print_duration = Some(n as f64 / 3.0);
    match n % 7 {
        0 => job.filename = None,
        1 => job.job_id = None,
        2 => {
            let history = HistoryJob {
                job_id: format!("{n:06X}"),
                user: Some("somebody".to_owned()),
                filename: job.filename.clone(),
                status: "klippy_shutdown".to_owned(),
                start_time: None,
                end_time: None,
                figures: job.figures,
                metadata: None,
                auxiliary_data: None,
            };
            job = Job::from_history(printer, &history);
        }
        _ => {}
    }
    let status = DetailsStatus::ALL[n % 4];
    let file = (n % 4 == 1 || n % 4 == 2).then(|| NewGcodeFile {
        file_key: format!("key {}", n % 5),
        content_hash: None,
        source: DetailsSource::File,
        metadata: json!({
            "details": {
                "slicer": "OrcaSlicer", "slicer_version": "2.3", "nozzle_diameter": 0.4, "layer_height": 0.1 + 0.2,
                "support_enabled": n % 5 == 1, "filament_type": "PETG", "filament_color": "#FF0000",
                "estimated_time": 3600 + n % 5, "layer_count": n % 5, "filament_cost": 1.25,
            },
            "grams_per_mm": 0.002_98,
        }),
        raw: None,
        thumbnails: Vec::new(),
    });
    JobRecord {
        id: Some(JobId(10_000 - n as i64)),
        job,
        created_at: stored_at(),
        updated_at: stored_at(),
        details_status: status,
        details_reason: (n % 4 == 3).then(|| "the printer knows no such file".to_owned()),
        file,
    }
}

async fn database(binary: &Binary) -> Store {
    let path = binary.path("data/printlog.db");
    Store::open(&Location::Sqlite { path }).await.unwrap()
}

#[tokio::test]
async fn an_export_that_is_imported_is_exported_the_same() {
    let source = Binary::new();
    let store = database(&source).await;
    fill(&store, 1_300).await;
    store.close().await.unwrap();
    for format in ["ndjson", "csv"] {
        let first = source.path(&format!("jobs.{format}"));
        let first = first.to_str().unwrap();
        let said = source.run(&["jobs", "export", "--format", format, "-o", first]);
        assert_eq!(said.code, 0, "{}", said.stderr);

        let target = Binary::new();
        let counts = |added: u64, known: u64, printers: u64| json!({"added": added, "known": known, "skipped_deleted": 0, "invalid": 0, "printers_added": printers});
        assert_eq!(
            target.json(&["import", first, "--dry-run", "--json"]),
            counts(1_300, 0, 2)
        );
        assert_eq!(target.json(&["jobs", "list", "--json"])["total"], 0);
        assert_eq!(target.json(&["import", first, "--json"]), counts(1_300, 0, 2));
        let second = target.run(&["jobs", "export", "--format", format]);
        assert_eq!(second.stdout, std::fs::read_to_string(first).unwrap(), "{format}");
        assert_eq!(
            target.json(&["import", first, "--dry-run", "--json"]),
            counts(0, 1_300, 0)
        );
        assert_eq!(target.json(&["import", first, "--json"]), counts(0, 1_300, 0));
        let again = target.run(&["jobs", "export", "--format", format]);
        assert_eq!(again.stdout, second.stdout);
        let check = target.run(&["check"]);
        assert!(
            check.stdout.contains("totals") || check.stderr.contains("totals"),
            "{}",
            check.stdout
        );
        let store = database(&target).await;
        assert_eq!(store.check_totals().await.unwrap(), []);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn lines_that_are_no_jobs_do_not_stop_an_import() {
    let binary = Binary::new();
    let line = |n: u32| {
        format!(
            "{{\"printer_name\": \"Voron\", \"status\": \"completed\", \"start_time\": \"2026-01-0{n}T00:00:00Z\"}}\n"
        )
    };
    let text = format!("{}nonsense\n{}", line(1), line(2));
    std::fs::write(binary.path("jobs.ndjson"), text).unwrap();
    let said = binary.run(&["import", "jobs.ndjson"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("line 2: no JSON object"), "{}", said.stderr);
    assert!(
        said.stdout.starts_with("2 jobs added, 0 were here already"),
        "{}",
        said.stdout
    );
    assert_eq!(
        binary.run(&["import", "jobs.txt"]).code,
        2,
        "its name tells no format"
    );
}

#[tokio::test]
async fn every_format_has_every_job() {
    let app = TestApp::start_with(|config| config.details.enabled = false).await;
    fill(&app.store, 1_300).await;
    let export = async |query: &str| {
        let answer = app.get(&format!("/api/jobs/export?{query}")).await;
        assert_eq!(answer.status, 200);
        let disposition = answer.header("content-disposition").unwrap().to_owned();
        assert!(
            disposition.starts_with("attachment; filename=\"printlog-jobs-"),
            "{disposition}"
        );
        answer
    };
    let csv = export("").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let mut rows = csv::Reader::from_reader(&csv.body[..]);
    let cells: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(cells.len(), 1_300);
    for cell in cells.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell}");
        assert!(!cell.starts_with('-') || cell.parse::<f64>().is_ok(), "{cell}");
    }
    let list: Vec<Value> = serde_json::from_slice(&export("format=json").await.body).unwrap();
    let ndjson = export("format=ndjson").await;
    let lines = String::from_utf8(ndjson.body.to_vec()).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, list);
    assert_eq!(list.len(), 1_300);
    assert_eq!(list[0].as_object().unwrap().len(), 43);

    let xlsx = export("format=xlsx").await;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(xlsx.body)).unwrap();
    let mut sheet = String::new();
    zip.by_name("xl/worksheets/sheet1.xml")
        .unwrap()
        .read_to_string(&mut sheet)
        .unwrap();
    assert_eq!(sheet.matches("<row>").count(), 1_301);
    assert!(!sheet.contains("<f>") && sheet.contains("=cmd|' /C calc'!A0.gcode"));
    assert!(zip.by_name("xl/workbook.xml").is_ok() && zip.by_name("[Content_Types].xml").is_ok());

    let parquet = export("format=parquet").await;
    let reader = SerializedFileReader::new(parquet.body).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 1_300);
    let names: Vec<Option<String>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| match &row.unwrap().get_column_iter().nth(6).unwrap().1 {
            parquet::record::Field::Str(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let wanted: Vec<Option<String>> = list
        .iter()
        .map(|job| job["filename"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(names, wanted);

    let few = export("format=ndjson&status=error&q=cube").await;
    let few = String::from_utf8(few.body.to_vec()).unwrap();
    let total = app.get("/api/jobs?status=error&q=cube").await.json()["total"].clone();
    assert_eq!(few.lines().count() as u64, total.as_u64().unwrap());
    assert!(total.as_u64().unwrap() > 0);
    for (query, field) in [
        ("format=doc", "format"),
        ("limit=5", "limit"),
        ("status=x", "status"),
    ] {
        let answer = app.get(&format!("/api/jobs/export?{query}")).await;
        assert_eq!(answer.wrong_fields(422), [field]);
    }
}
