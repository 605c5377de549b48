//! Measures the resources printlog needs for a large fleet of printers, with the real binary: `make bench-fleet`.
//!
//! This process simulates the printers and knows their true jobs. printlog and the bare client it is compared with
//! are separate processes, so the simulation does not count towards their figures.

mod latency;
mod play;
mod process;
mod wire;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use domain::NewPrinter;
use jiff::Timestamp;
use play::Prints;
use process::{Commits, Counted, Process};
use simulator::{PrinterConfig, Simulator};
use store::{Location, Store};
use tokio::time::{Instant, sleep};

/// Runs simulated printers and a printlog that records them, and reports the resources used.
#[derive(Debug, Parser)]
struct Options {
    /// Number of printers, each with 4 status updates per second.
    #[arg(long, default_value_t = 1_000)]
    printers: usize,
    /// Number of printers that print.
    #[arg(long, default_value_t = 200)]
    printing: usize,
    /// Number of printing printers that print short files one after another; the others print without end.
    #[arg(long, default_value_t = 40)]
    short: usize,
    /// Duration of each short print in seconds; by default they differ, from 5 to 15.
    #[arg(long)]
    length: Option<f64>,
    /// Duration of the measurement, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[command(subcommand)]
    part: Option<Part>,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Reads and discards what the printers at the ports on standard input send.
    #[command(hide = true)]
    Wire,
}

/// Time before the measurement starts, in which all printers connect and the first checkpoints are written.
const SETTLE: Duration = Duration::from_secs(10);
/// Maximum time to wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if let Some(Part::Wire) = options.part {
        wire::read().await?;
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        options.short <= options.printing && options.printing <= options.printers,
        "more print than there are"
    );
    ensure!(
        options
            .length
            .is_none_or(|length| (1.0..86_400.0).contains(&length)),
        "a print lasts from a second to a day"
    );
    let folder = tempfile::tempdir()?;
    let simulator = Simulator::start(options.printers, &PrinterConfig::default(), None)
        .await
        .context("cannot start the printers")?;
    let path = folder.path().join("printlog.db");
    let commits = Commits::of(&path);
    let store = Store::open(&Location::Sqlite { path: path.clone() }).await?;
    let printlog = Process::printlog(folder.path(), &path)?;
    sleep(Duration::from_secs(3)).await;
    let idle = printlog.memory()?;
    for (place, printer) in simulator.printers().iter().enumerate() {
        let printer = NewPrinter {
            name: format!("Printer {place}"),
            kind: domain::PrinterKind::default(),
            location: None,
            moonraker_url: printer.url(),
            moonraker_api_key: None,
            is_active: true,
        };
        store.add_printer(&printer, Timestamp::UNIX_EPOCH).await?;
    }
    let all = options.printers as u64;
    wait_for("printlog to connect", || simulator.traffic().sockets_open == all).await?;

    let (long, short) = simulator.printers()[..options.printing].split_at(options.printing - options.short);
    let observed = latency::observe(short, store.clone()).await?;
    play::start_long(long)?;
    let prints = Prints::start(short, options.length);
    sleep(SETTLE).await;

    let frames = simulator.traffic().frames;
    let (before, commits_before, began) = (printlog.counted()?, commits.count()?, Instant::now());
    sleep(Duration::from_secs(options.seconds)).await;
    let seconds = began.elapsed().as_secs_f64();
    let (after, commits_after) = (printlog.counted()?, commits.count()?);
    let frames = (simulator.traffic().frames - frames) as f64 / seconds;
    let (memory, peak) = (printlog.memory()?, printlog.peak_memory()?);
    prints.end().await;
    // A start or end missing from the history is recorded after two seconds.
    sleep(Duration::from_secs(4)).await;
    let latencies = observed.end();
    let runs = play::compare(&simulator, &store).await?;
    drop(printlog);

    let prints = Prints::start(short, options.length);
    let wire = Process::wire(&simulator)?;
    wait_for("the bare client to connect", || {
        simulator.traffic().sockets_open >= all
    })
    .await?;
    sleep(Duration::from_secs(3)).await;
    let (wire_before, wire_began) = (wire.counted()?, Instant::now());
    sleep(Duration::from_secs(options.seconds / 2)).await;
    let wire_cpu = (wire.counted()?.cpu - wire_before.cpu) / wire_began.elapsed().as_secs_f64();
    drop(wire);
    drop(prints);

    let Counted { cpu, written } = after - before;
    let cpu = cpu / seconds;
    let per_printer = (memory - idle) * 1024.0 / options.printers as f64;
    println!(
        "fleet: {} printers, {} of them printing, {seconds:.0} s",
        options.printers, options.printing
    );
    println!(
        "  frames sent to printlog    {frames:.0} a second (with {} observers')",
        short.len()
    );
    println!("  CPU                        {:.1} % of a core", cpu * 100.0);
    println!(
        "  CPU of a bare client       {:.1} % (reads the same frames and drops them); printlog takes {:.1} times that",
        wire_cpu * 100.0,
        cpu / wire_cpu
    );
    println!(
        "  memory                     {memory:.1} MB, {peak:.1} MB at most; {idle:.1} MB without printers, {per_printer:.0} KB a printer"
    );
    println!(
        "  database                   {:.1} commits a second, {:.0} KB a second to the disk",
        f64::from(commits_after.wrapping_sub(commits_before)) / seconds,
        written / seconds / 1024.0
    );
    latencies.print();
    println!(
        "  runs                       {} began, {} ended; lost: {}, wrong: {}",
        runs.began, runs.ended, runs.lost, runs.wrong
    );
    Ok(match runs.lost + runs.wrong {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

async fn wait_for(what: &str, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .with_context(|| format!("waited {PATIENCE:?} for {what}"))
}

/// A printer of the fleet.
type Printer = Arc<simulator::SimPrinter>;
