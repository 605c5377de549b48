//! Printers, jobs and history rows for tests.

use domain::{
    Cause, Figures, HistoryEnd, HistoryJob, Job, JobFilter, JobId, JobStatus, NewPrinter, PrinterId, Source,
};
use jiff::Timestamp;
use store::{Store, StoredJob};

/// Some day in 2026, plus `seconds`.
pub(crate) fn at(seconds: f64) -> Timestamp {
    let milliseconds = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(1_780_000_000_000 + milliseconds).unwrap()
}

/// Time of writes in the tests, unless it matters.
pub(crate) const NOW: f64 = 1e6;

pub(crate) fn now() -> Timestamp {
    at(NOW)
}

pub(crate) fn named(name: &str) -> NewPrinter {
    NewPrinter {
        name: name.to_owned(),
        kind: domain::PrinterKind::default(),
        location: None,
        moonraker_url: "http://127.0.0.1:7125".to_owned(),
        moonraker_api_key: None,
        is_active: true,
    }
}

pub(crate) async fn add_printer(store: &Store, name: &str) -> PrinterId {
    store.add_printer(&named(name), now()).await.unwrap().id
}

pub(crate) fn figures(total: f64) -> Figures {
    Figures {
        print_duration: Some(total * 0.9),
        total_duration: Some(total),
        filament_used: Some(total * 10.0),
    }
}

/// A history row of a completed job.
/// Whether a filter by words, which ignores case, includes a value.
pub(crate) fn includes(wanted: &[Option<String>], value: Option<&str>) -> bool {
    let folded = |text: &str| text.to_lowercase();
    wanted.is_empty()
        || wanted
            .iter()
            .any(|text| text.as_deref().map(folded) == value.map(folded))
}

pub(crate) fn row(job_id: &str, filename: &str, start: f64) -> HistoryJob {
    HistoryJob {
        job_id: job_id.to_owned(),
        user: None,
        filename: Some(filename.to_owned()),
        end: HistoryEnd::Seen(JobStatus::Completed),
        cause: Cause::Completed,
        start_time: Some(at(start)),
        end_time: Some(at(start + 100.0)),
        figures: figures(100.0),
        metadata: None,
        auxiliary_data: None,
    }
}

/// The row with another status.
pub(crate) fn with_status(row: HistoryJob, status: &str) -> HistoryJob {
    let cause = Cause::from(status);
    HistoryJob {
        end: HistoryEnd::of(&cause),
        cause,
        ..row
    }
}

/// The history row of a print whose start Moonraker missed.
pub(crate) fn row_without_start(job_id: &str, end: f64, total: f64) -> HistoryJob {
    HistoryJob {
        filename: None,
        start_time: Some(at(end)),
        end_time: Some(at(end)),
        figures: Figures {
            total_duration: Some(total),
            print_duration: Some(0.0),
            filament_used: Some(0.0),
        },
        ..row(job_id, "", end)
    }
}

/// A running job that the tracker knows from `print_stats` only.
pub(crate) fn running(printer_id: PrinterId, filename: &str, start: f64) -> Job {
    Job {
        printer_id,
        job_id: None,
        history_start_time: None,
        user: None,
        filename: Some(filename.to_owned()),
        status: JobStatus::Printing,
        cause: None,
        message: None,
        start_time: Some(at(start)),
        end_time: None,
        figures: figures(10.0),
        end_source: None,
        figures_source: Source::PrintStats,
        clock_jumped: false,
        metadata: None,
        auxiliary_data: None,
        last_seen: Some(at(start + 10.0)),
    }
}

/// Like [`running`], after Moonraker's history has reported the job.
pub(crate) fn known(printer_id: PrinterId, job_id: &str, filename: &str, start: f64) -> Job {
    Job {
        job_id: Some(job_id.to_owned()),
        history_start_time: Some(at(start)),
        ..running(printer_id, filename, start)
    }
}

/// All jobs, newest first.
pub(crate) async fn all_jobs(store: &Store) -> Vec<StoredJob> {
    let mut jobs = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_jobs(&JobFilter::default(), 500, after).await.unwrap();
        for row in page.items {
            jobs.push(store.job(row.stored.id).await.unwrap().unwrap());
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    jobs
}

/// The only job, and its id.
pub(crate) async fn the_job(store: &Store) -> (JobId, Job) {
    let mut jobs = all_jobs(store).await;
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    let stored = jobs.remove(0);
    (stored.id, stored.job)
}

/// Checks the totals against the jobs, with the store's check and with separate sums.
pub(crate) async fn check_totals(store: &Store) {
    assert_eq!(store.check_totals().await.unwrap(), []);
    let jobs = all_jobs(store).await;
    for (printer_id, totals) in store.all_totals().await.unwrap() {
        let mut sums = domain::JobTotals::default();
        for stored in jobs.iter().filter(|stored| stored.job.printer_id == printer_id) {
            let Figures {
                print_duration,
                total_duration,
                filament_used,
            } = stored.job.figures;
            sums.total_jobs += 1;
            sums.total_time += total_duration.unwrap_or(0.0);
            sums.total_print_time += print_duration.unwrap_or(0.0);
            sums.total_filament_used += filament_used.unwrap_or(0.0);
            sums.longest_job = [sums.longest_job, total_duration]
                .into_iter()
                .flatten()
                .reduce(f64::max);
        }
        assert!(totals.agrees_with(&sums), "{totals:?} should be {sums:?}");
        assert_eq!(totals.last_updated.is_some(), sums.total_jobs > 0);
        assert_eq!(totals.longest_job.is_some(), sums.longest_job.is_some());
    }
}
