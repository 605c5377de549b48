//! Exports: their content, and that an import restores it unchanged.

use domain::{
    Cause, HistoryEnd, HistoryJob, Job, JobId, JobNotes, JobStatus, LARGEST_ID, PrinterId, Verdict,
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Read as _};
use store::{DetailsSource, DetailsStatus, JobRecord, Location, NewGcodeFile, Store};

use crate::{
    binary::Binary,
    test_app::{TestApp, job, stored_at},
};

/// File names that could be misinterpreted, for example as formulas.
const NAMES: [&str; 11] = [
    "cube.gcode",
    "a \"quoted\", with comma.gcode",
    "two\nlines.gcode",
    "=cmd|' /C calc'!A0.gcode",
    "+1-1",
    "'already quoted'",
    "@SUM(A1)",
    "Kunden Müller/würfel \u{1f6a2}.gcode",
    "\ttab\rreturn",
    "a;=1+1;\"＝2 Ku\u{308}che.gcode",
    "",
];

/// Adds jobs of two printers, with every status, with and without details and dates.
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
                user: Some("operator".to_owned()),
                filename: job.filename.clone(),
                end: HistoryEnd::Seen(JobStatus::Error),
                cause: Cause::KlippyShutdown,
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
                "estimated_time": 3600 + n % 5, "layer_count": n % 5, "filament_cost": 1.25, "currency": "EUR",
                "filament_used_mm": 4_000.5,
            },
            "grams_per_mm": 0.002_98,
            "weight_source": "file_density",
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
        notes: notes(n),
    }
}

/// The user notes of a job, which may be empty.
fn notes(n: usize) -> JobNotes {
    let text = |is_there: bool, text: &str| is_there.then(|| text.to_owned());
    JobNotes {
        title: text(n.is_multiple_of(3), "Lamp; =1+1"),
        notes: text(n.is_multiple_of(5), "\"quoted\"\r\n@two lines\u{1f4a1}"),
        tags: ["=gift", "gru\u{308}n", "PETG"][..n % 4]
            .iter()
            .map(|tag| (*tag).to_owned())
            .collect(),
        verdict: n.is_multiple_of(2).then_some(Verdict::ALL[n % 3]),
        verdict_reason: text(n.is_multiple_of(6), "Came off; the bed"),
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
    for format in ["ndjson", "csv", "json"] {
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
    assert!(
        said.stderr.contains("line 2: not a JSON object"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout.starts_with("2 jobs added, 0 already stored"),
        "{}",
        said.stdout
    );
}

#[tokio::test]
async fn files_of_other_kinds_are_refused_in_one_sentence() {
    let binary = Binary::new();
    for (name, bytes, cause) in [
        ("empty.csv", &b""[..], "it is empty"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\0", "it is an image (PNG)"),
        ("page.ndjson", b"<!doctype html>\n<p>", "it is an HTML page"),
        ("other.csv", b"name;age\nA;5\n", "has none of the columns"),
        (
            "other.json",
            b"{\n \"a\": 1\n}\n",
            "none of its first lines has a printer_name",
        ),
    ] {
        std::fs::write(binary.path(name), bytes).unwrap();
        let said = binary.run(&["import", name]);
        assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.stderr);
        assert!(
            said.stderr
                .contains(&format!("{name} is not an export of jobs: ")),
            "{}",
            said.stderr
        );
        assert!(
            said.stderr.contains(cause) && said.stderr.trim().lines().count() == 1,
            "{}",
            said.stderr
        );
    }
    std::fs::create_dir(binary.path("folder")).unwrap();
    let said = binary.run(&["import", "folder"]);
    assert!(
        said.code == 1 && said.stderr.contains("folder is a folder"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn an_id_without_room_behind_it_does_not_stop_what_comes_later() {
    let binary = Binary::new();
    let line = |id: i64, day: u32| {
        format!(
            "{{\"id\": {id}, \"printer_id\": {id}, \"printer_name\": \"P{day}\", \"status\": \"completed\", \
             \"start_time\": \"2026-01-0{day}T00:00:00Z\"}}\n"
        )
    };
    let text = [
        line(i64::MAX, 1),
        line(LARGEST_ID, 2),
        line(LARGEST_ID + 1, 3),
        line(5, 4),
    ]
    .concat();
    std::fs::write(binary.path("jobs.ndjson"), text).unwrap();
    assert_eq!(binary.json(&["import", "jobs.ndjson", "--json"])["added"], 4);
    let jobs = binary.json(&["jobs", "list", "--json"]);
    let ids = jobs["items"].as_array().unwrap().iter();
    let ids: Vec<i64> = ids.map(|job| job["id"].as_i64().unwrap()).collect();
    assert!(ids.iter().all(|id| *id < 100), "{ids:?}");
    assert_eq!(ids[0], 5);
    let said = binary.run(&["printers", "add", "New", "http://127.0.0.1:1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);

    let db = rusqlite::Connection::open(binary.path("data/printlog.db")).unwrap();
    db.execute(
        "INSERT INTO printers (id, name, name_key, moonraker_url, is_active, created_at, updated_at, backfill_position) \
         VALUES (9223372036854775807, 'x', 'x', 'http://x', 0, 0, 0, 0)",
        [],
    )
    .unwrap();
    db.execute(
        "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'print_jobs'",
        [],
    )
    .unwrap();
    drop(db);
    let check = binary.run(&["check"]);
    assert!(
        check.code != 0
            && check
                .stdout
                .contains("numbers: the ids of the table printers are exhausted"),
        "{}",
        check.stdout
    );
    // The way out that `check` names.
    let file = binary.path("all.ndjson");
    let export = binary.run(&[
        "jobs",
        "export",
        "--format",
        "ndjson",
        "-o",
        file.to_str().unwrap(),
    ]);
    assert_eq!(export.code, 0, "{}", export.stderr);
    let new = Binary::new();
    assert_eq!(
        new.json(&["import", file.to_str().unwrap(), "--json"])["added"],
        4
    );
    let said = new.run(&["printers", "add", "New", "http://127.0.0.1:1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let check = new.run(&["check"]);
    assert!(!check.stdout.contains("used up"), "{}", check.stdout);
    let jobs = new.json(&["jobs", "list", "--json"]);
    let printers: BTreeSet<_> = jobs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["printer_name"].as_str())
        .collect();
    assert_eq!(printers.len(), 4, "{jobs:#}");
}

#[tokio::test]
async fn the_filters_of_users_words_are_on_the_command_line() {
    let binary = Binary::new();
    let store = database(&binary).await;
    fill(&store, 60).await;
    store.close().await.unwrap();
    let total = |arguments: &[&str]| {
        let list = [&["jobs", "list", "--json"], arguments].concat();
        let listed = binary.json(&list)["total"].as_u64().unwrap();
        let export = [&["jobs", "export", "--format", "ndjson"], arguments].concat();
        assert_eq!(binary.run(&export).stdout.lines().count() as u64, listed);
        listed
    };
    let jobs = (0..60).map(notes);
    let count = |is_one: &dyn Fn(&JobNotes) -> bool| jobs.clone().filter(|job| is_one(job)).count() as u64;
    assert_eq!(
        total(&["--verdict", "good"]),
        count(&|job| job.verdict == Some(Verdict::Good))
    );
    assert_eq!(
        total(&["--verdict", "good,scrap", "--verdict", "partly_good"]),
        30
    );
    assert_eq!(total(&["--tag", "GRÜN"]), count(&|job| job.tags.len() > 1));
    assert_eq!(
        total(&["--tag", "petg", "--tag", "grün"]),
        count(&|job| job.tags.len() > 1)
    );
    assert_eq!(
        total(&["--tag", "petg", "--verdict", "scrap"]),
        count(&|job| job.tags.len() > 2 && job.verdict == Some(Verdict::Scrap))
    );
    assert_eq!(binary.run(&["jobs", "list", "--verdict", "fine"]).code, 2);
    let marked = binary.run(&["jobs", "export", "--bom"]);
    assert!(marked.stdout.starts_with("\u{feff}id,"));
    assert_eq!(
        binary.run(&["jobs", "export", "--bom", "--format", "json"]).code,
        2
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
        for part in cell.split([';', '\n', '\r', '\t']) {
            assert!(
                !part.trim_start_matches('"').starts_with(['=', '@', '＝']),
                "{cell}"
            );
        }
    }
    let marked = export("bom=true").await;
    assert_eq!(marked.body[..3], *b"\xef\xbb\xbf");
    assert_eq!(marked.body[3..], csv.body[..]);
    let list: Vec<Value> = serde_json::from_slice(&export("format=json").await.body).unwrap();
    let ndjson = export("format=ndjson").await;
    let lines = String::from_utf8(ndjson.body.to_vec()).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, list);
    assert_eq!(list.len(), 1_300);
    assert_eq!(list[0].as_object().unwrap().len(), 53);

    let scrap = list
        .iter()
        .find(|job| job["verdict_reason"].is_string() && job["used_cost"].is_number())
        .unwrap();
    assert_eq!(scrap["currency"], "EUR");
    assert_eq!(scrap["filament_used_g_source"], "file_density");
    let whole = app.get(&format!("/api/jobs/{}", scrap["id"])).await.json();
    for field in ["title", "notes", "tags", "verdict", "verdict_reason"] {
        assert_eq!(scrap[field], whole[field], "{field}");
    }
    for field in [
        "filament_used_g",
        "filament_used_g_source",
        "filament_used_mm",
        "currency",
    ] {
        assert_eq!(scrap[field], whole["details"][field], "{field}");
    }
    let share = whole["filament_used"].as_f64().unwrap() / 4_000.5;
    assert!(
        (scrap["used_cost"].as_f64().unwrap() - 1.25 * share).abs() < 1e-4,
        "{scrap}"
    );

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
        ("bom=yes", "bom"),
        ("printer_id=9007199254740992", "printer_id"),
    ] {
        let answer = app.get(&format!("/api/jobs/export?{query}")).await;
        assert_eq!(answer.wrong_fields(422), [field]);
    }
}
