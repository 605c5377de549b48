//! Measures how fast the store imports a history and commits single changes, on SQLite in the given folder (default: a
//! temporary one): `cargo run --release -p store --example throughput [FOLDER]`.
//!
//! The raw rates are those of a bare connection that inserts a small row per transaction: the limit of the disk.

use std::{error::Error, path::Path, time::Instant};

use domain::{Cause, Cursor, Figures, HistoryEnd, HistoryJob, Job, JobFilter, NewPrinter};
use jiff::Timestamp;
use serde_json::json;
use sqlx::{
    ConnectOptions, Connection, Executor,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use store::{Location, Store};

const ROWS: usize = 50_000;
const PAGE: usize = 500;
const COMMITS: usize = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::TempDir::new()?;
    let folder = std::env::args_os()
        .nth(1)
        .map_or(temporary.path().to_owned(), Into::into);
    let path = folder.join("throughput.db");
    let store = Store::open(&Location::Sqlite { path }).await?;
    let now = Timestamp::from_second(1_780_000_000)?;
    let printer = NewPrinter {
        name: "throughput".to_owned(),
        kind: domain::PrinterKind::default(),
        location: None,
        moonraker_url: "http://127.0.0.1".to_owned(),
        moonraker_api_key: None,
        is_active: true,
    };
    let printer = store.add_printer(&printer, now).await?.id;
    let rows: Vec<HistoryJob> = (0..ROWS).map(row).collect();

    for what in ["import, new", "import, known"] {
        let began = Instant::now();
        for page in rows.chunks(PAGE) {
            store.import_history(printer, page, None, now).await?;
        }
        report(what, ROWS, began);
    }

    let mut after: Option<Cursor> = None;
    let began = Instant::now();
    let mut pages = 0;
    loop {
        let page = store.list_jobs(&JobFilter::default(), 50, after).await?;
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    report("list, pages of 50", pages, began);

    let mut job = Job::from_history(printer, &row(ROWS + 1));
    store.save_job(&job, now).await?;
    let began = Instant::now();
    for n in 0..COMMITS {
        job.figures.total_duration = Some(n as f64);
        store.save_progress(&job, now).await?;
    }
    report("checkpoints", COMMITS, began);
    store.close().await?;

    for (what, synchronous) in [
        ("raw, FULL", SqliteSynchronous::Full),
        ("raw, NORMAL", SqliteSynchronous::Normal),
    ] {
        raw(what, &folder.join(format!("{what}.db")), synchronous).await?;
    }
    Ok(())
}

fn row(n: usize) -> HistoryJob {
    let start = Timestamp::from_second(1_600_000_000 + n as i64 * 5000).unwrap_or(Timestamp::UNIX_EPOCH);
    let seconds = 600.0 + (n % 977) as f64;
    let cause = match n.is_multiple_of(9) {
        true => Cause::Cancelled,
        false => Cause::Completed,
    };
    HistoryJob {
        job_id: format!("{n:06X}"),
        user: Some("_TRUSTED_USER_".to_owned()),
        filename: Some(format!("parts/part {} of a set, rev {}.gcode", n % 131, n % 17)),
        end: HistoryEnd::of(&cause),
        cause,
        start_time: Some(start),
        end_time: Some(start + jiff::SignedDuration::from_secs(seconds as i64)),
        figures: Figures::reported(Some(seconds * 0.9), Some(seconds), Some(seconds * 11.3)),
        metadata: Some(json!({
            "size": 4_926_481, "modified": 1_599_990_000.123, "slicer": "OrcaSlicer", "slicer_version": "2.1.1",
            "layer_height": 0.2, "first_layer_height": 0.25, "object_height": 48.05, "filament_total": 4056.44,
            "filament_weight_total": 12.1, "estimated_time": 5947, "nozzle_diameter": 0.4, "filament_type": "PETG",
            "filament_name": "Generic PETG", "first_layer_bed_temp": 80, "first_layer_extr_temp": 240,
            "thumbnails": [
                {"width": 32, "height": 32, "size": 1530, "relative_path": ".thumbs/part-32x32.png"},
                {"width": 300, "height": 300, "size": 25_461, "relative_path": ".thumbs/part-300x300.png"},
            ],
        }).into()),
        auxiliary_data: None,
    }
}

async fn raw(what: &str, path: &Path, synchronous: SqliteSynchronous) -> Result<(), Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous);
    let mut connection = options.connect().await?;
    connection
        .execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL)")
        .await?;
    let began = Instant::now();
    for _ in 0..COMMITS {
        connection.execute("INSERT INTO t (x) VALUES (1.5)").await?;
    }
    report(what, COMMITS, began);
    Ok(connection.close().await?)
}

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn report(what: &str, number: usize, began: Instant) {
    println!(
        "{what:18} {:9.0} /s",
        number as f64 / began.elapsed().as_secs_f64()
    );
}
