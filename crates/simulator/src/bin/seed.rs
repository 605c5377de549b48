//! Fills a database with generated past jobs, to try or measure printlog with a large history.

use std::{iter::Peekable, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use domain::{Job, JobFilter, JobId, JobNotes, NewPrinter, PrinterId};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulator::{PastJob, PastPrints, Random, past_jobs, printer_name};
use store::{DetailsSource, DetailsStatus, JobRecord, Location, NewGcodeFile, Store};

/// Fills a printlog database with jobs of the past years. The same seed and end give the same jobs.
///
/// The printers are new and disabled. The database is created if it does not exist.
#[derive(Debug, Parser)]
#[command(
    name = "seed",
    after_help = "\
Examples:
  seed --database data/printlog.db --jobs 100000
  seed --database mysql://printlog:secret@localhost/printlog --jobs 1000000 --printers 20 --years 3"
)]
struct Options {
    /// SQLite database file, or URL of a MySQL or MariaDB database
    #[arg(long)]
    database: String,
    /// Number of jobs, over all printers
    #[arg(long, default_value_t = 100_000)]
    jobs: u64,
    /// Number of printers
    #[arg(long, default_value_t = 20)]
    printers: usize,
    /// Number of years over which the jobs are spread
    #[arg(long, default_value_t = 3.0)]
    years: f64,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End of the last job; default: now
    #[arg(long)]
    until: Option<Timestamp>,
}

/// Jobs per transaction.
const BATCH: usize = 2_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    ensure!(
        options.printers > 0 && options.years > 0.0,
        "printers and years must be above 0"
    );
    let location = match options.database.split_once("://") {
        Some(("mysql" | "mariadb", _)) => Location::MySql {
            url: options
                .database
                .parse()
                .context("--database is neither a file nor a URL")?,
        },
        Some((scheme, _)) => bail!("--database cannot be of the kind {scheme}://"),
        None => Location::Sqlite {
            path: PathBuf::from(&options.database),
        },
    };
    let until = match options.until {
        Some(until) => until,
        None => now()?,
    };
    let store = Store::open(&location).await?;
    let filled = fill(&store, &options, until).await;
    store.close().await?;
    filled
}

#[expect(
    clippy::disallowed_methods,
    reason = "the past ends somewhere; all else goes by that"
)]
fn now() -> anyhow::Result<Timestamp> {
    Ok(std::time::SystemTime::now().try_into()?)
}

async fn fill(store: &Store, options: &Options, until: Timestamp) -> anyhow::Result<()> {
    // Job ids can be chosen only in an empty database.
    let is_empty = store.list_jobs(&JobFilter::default(), 1, None).await?.total == 0;
    let days = options.years * 365.25;
    let began = until.checked_sub(SignedDuration::try_from_secs_f64(days * 86_400.0)?)?;
    let mut printers = Vec::new();
    for place in 0..options.printers {
        let id = add_printer(store, place, options.printers, began).await?;
        let (share, rest) = (
            options.jobs / options.printers as u64,
            options.jobs % options.printers as u64,
        );
        let count = share + u64::from((place as u64) < rest);
        let seed = Random::of(options.seed, place as u64).bits();
        let jobs = past_jobs(PastPrints { count, days }, seed, until).peekable();
        printers.push((id, Random::new(seed), jobs));
    }
    let bar = ProgressBar::new(options.jobs);
    bar.set_style(ProgressStyle::with_template(
        "{wide_bar} {human_pos} of {human_len} jobs, {per_sec}, {eta} left",
    )?);
    let mut next_id = 1;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some((printer, random, job)) = earliest(&mut printers) {
        let id = is_empty.then_some(JobId(next_id));
        batch.push(record(id, printer, random, job));
        next_id += 1;
        if batch.len() == BATCH {
            store.import_jobs(&batch, until).await?;
            bar.inc(BATCH as u64);
            batch.clear();
        }
    }
    store.import_jobs(&batch, until).await?;
    bar.finish_and_clear();
    println!("{} jobs of {} printers", next_id - 1, options.printers);
    Ok(())
}

type Past<I> = (PrinterId, Random, Peekable<I>);

/// Takes the next job of all printers by start time, the order in which a server would have recorded them.
fn earliest<I: Iterator<Item = PastJob>>(
    printers: &mut [Past<I>],
) -> Option<(PrinterId, &mut Random, PastJob)> {
    let (id, random, jobs) = printers
        .iter_mut()
        .filter_map(|past| Some((past.2.peek()?.history.start_time, past)))
        .min_by_key(|(start, _)| *start)?
        .1;
    Some((*id, random, jobs.next()?))
}

async fn add_printer(
    store: &Store,
    place: usize,
    printers: usize,
    began: Timestamp,
) -> anyhow::Result<PrinterId> {
    let name = printer_name(place, printers);
    if let Some(known) = store.printer_by_name(&name).await? {
        return Ok(known.id);
    }
    let printer = NewPrinter {
        location: Some(["Workshop", "Office", "Cellar"][place % 3].to_owned()),
        moonraker_url: format!("http://printer-{}.invalid:7125", place + 1),
        moonraker_api_key: None,
        is_active: false,
        name,
        kind: domain::PrinterKind::default(),
    };
    Ok(store.add_printer(&printer, began).await?.id)
}

fn record(id: Option<JobId>, printer_id: PrinterId, random: &mut Random, past: PastJob) -> JobRecord {
    let job = Job::from_history(printer_id, &past.history);
    let started = past.history.start_time.unwrap_or_default();
    let ended = past.history.end_time.unwrap_or(started);
    // For most prints, the file was still available when its details were read.
    let (details_status, source, reason) = match random.below(20) {
        0 => (
            DetailsStatus::Partial,
            Some(DetailsSource::Moonraker),
            Some("the file is not there any more"),
        ),
        1 if id.is_none_or(|id| id.0 % 2 == 0) => (
            DetailsStatus::Failed,
            None,
            Some("the printer knows no such file"),
        ),
        _ => (DetailsStatus::Done, Some(DetailsSource::File), None),
    };
    JobRecord {
        id,
        job,
        created_at: started,
        updated_at: ended,
        details_status,
        details_reason: reason.map(str::to_owned),
        file: source.map(|source| file(source, &past.file_uuid, past.details)),
        notes: JobNotes::default(),
    }
}

fn file(source: DetailsSource, uuid: &str, metadata: Value) -> NewGcodeFile {
    NewGcodeFile {
        file_key: format!("{}:{uuid}", source.as_str()),
        content_hash: None,
        source,
        metadata,
        raw: None,
        thumbnails: Vec::new(),
    }
}
