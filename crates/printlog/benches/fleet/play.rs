//! Runs the prints of the simulated fleet and checks that all were recorded.

use std::{ops::Range, time::Duration};

use anyhow::Context as _;
use domain::{JobFilter, PrinterId};
use simulator::{Outcome, PrintPlan, Random, Simulator, TrueRun};
use store::{JobRow, Store};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::Printer;

/// Duration of the short prints in seconds, unless an option sets it.
const SHORT: Range<f64> = 5.0..15.0;
/// Pause between two short prints in seconds.
const PAUSE: Range<f64> = 0.5..2.0;
/// Tolerance for a recorded start, in seconds. Printers send their status four times a second.
const EXACT: f64 = 1.0;

/// Starts prints that outlast the measurement.
pub(crate) fn start_long(printers: &[Printer]) -> anyhow::Result<()> {
    for printer in printers {
        printer
            .start_print("long.gcode", PrintPlan::lasting(36_000.0))
            .context("cannot start a print")?;
    }
    Ok(())
}

/// Printers that print short files one after another.
pub(crate) struct Prints {
    tasks: JoinSet<()>,
    no_more: CancellationToken,
}

impl Prints {
    /// `length` is the duration of each print in seconds; without it, the durations differ.
    pub(crate) fn start(printers: &[Printer], length: Option<f64>) -> Self {
        let lengths = length.map_or(SHORT, |length| length..length);
        let no_more = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for (place, printer) in printers.iter().cloned().enumerate() {
            let (no_more, lengths) = (no_more.clone(), lengths.clone());
            tasks.spawn(async move {
                let mut random = Random::new(place as u64);
                sleep(Duration::from_secs_f64(random.between(0.0..lengths.end))).await;
                while !no_more.is_cancelled() {
                    let length = random.between(lengths.clone());
                    // Refused only if the previous print is still running.
                    let _ = printer.start_print("short.gcode", PrintPlan::lasting(length));
                    // Waiting for the end polls. With a thousand printers that would take a core of its own.
                    sleep(Duration::from_secs_f64(length)).await;
                    printer.wait_until(|view| view.print != Some("printing")).await;
                    sleep(Duration::from_secs_f64(random.between(PAUSE))).await;
                }
            });
        }
        Self { tasks, no_more }
    }

    /// Waits for the running prints to end and starts no more.
    pub(crate) async fn end(mut self) {
        self.no_more.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Comparison of the true runs with the recorded jobs.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) began: usize,
    pub(crate) ended: usize,
    /// Runs without a row.
    pub(crate) lost: usize,
    /// Runs whose row differs, and rows without a run.
    pub(crate) wrong: usize,
}

/// Compares the stored rows with what the printers really did.
pub(crate) async fn compare(simulator: &Simulator, store: &Store) -> anyhow::Result<Runs> {
    let mut printers = store.printers().await?;
    printers.sort_by_key(|printer| printer.id.0);
    let mut runs = Runs::default();
    for (printer, stored) in simulator.printers().iter().zip(printers) {
        let mut rows = rows_of(store, stored.id).await?;
        for run in printer.truth() {
            runs.began += 1;
            runs.ended += usize::from(run.ended_at.is_some());
            match rows.iter().position(|row| is_row_of(row, &run)) {
                None => runs.lost += 1,
                Some(place) => {
                    let row = rows.swap_remove(place);
                    runs.wrong += usize::from(!says_the_same(&row, &run));
                }
            }
        }
        runs.wrong += rows.len();
    }
    Ok(runs)
}

async fn rows_of(store: &Store, printer: PrinterId) -> anyhow::Result<Vec<JobRow>> {
    let filter = JobFilter {
        printer_ids: vec![printer],
        ..JobFilter::default()
    };
    Ok(store.list_jobs(&filter, 500, None).await?.items)
}

fn is_row_of(row: &JobRow, run: &TrueRun) -> bool {
    row.stored
        .job
        .start_time
        .is_some_and(|start| (start.as_millisecond() as f64 / 1000.0 - run.started_at).abs() < EXACT)
}

fn says_the_same(row: &JobRow, run: &TrueRun) -> bool {
    match &run.outcome {
        None => row.stored.job.status.is_open(),
        Some(Outcome::Completed) => {
            row.stored.job.status == domain::JobStatus::Completed
                && row
                    .stored
                    .job
                    .figures
                    .total_duration
                    .is_some_and(|total| (total - run.total_duration).abs() < EXACT)
        }
        Some(_) => false,
    }
}
