//! A test printer: feeds events to the tracker with its own clock, and keeps the written jobs as the store would.

use std::time::Duration;

use domain::{
    Cause, Figures, HistoryEnd, HistoryJob, Job, JobStatus, KlippyState, Moment, PrintState, PrintStats,
    PrinterId,
    tracker::{Action, Event, Newest, Sync, Tracker},
};
use jiff::{SignedDuration, Timestamp};

pub(crate) const PRINTER: PrinterId = PrinterId(1);

pub(crate) struct BenchPrinter {
    pub(crate) tracker: Tracker,
    pub(crate) rows: Vec<Job>,
    pub(crate) now: Moment,
    pub(crate) writes: usize,
}

impl BenchPrinter {
    pub(crate) fn new() -> Self {
        Self {
            tracker: Tracker::new(PRINTER),
            rows: Vec::new(),
            now: Moment {
                wall: at(0.0),
                monotonic: Duration::ZERO,
            },
            writes: 0,
        }
    }

    /// Lets time pass.
    pub(crate) fn after(&mut self, seconds: f64) -> &mut Self {
        self.now.wall += SignedDuration::from_secs_f64(seconds);
        self.now.monotonic += Duration::from_secs_f64(seconds);
        self
    }

    pub(crate) fn play(&mut self, event: Event) -> &mut Self {
        for action in self.tracker.step(self.now, event) {
            self.writes += 1;
            self.apply(action);
        }
        self
    }

    pub(crate) fn status(&mut self, state: PrintState, file: &str, total: f64) -> &mut Self {
        self.play(Event::Status {
            stats: stats(state, file, total),
            klippy: KlippyState::Ready,
            klippy_message: None,
        })
    }

    pub(crate) fn added(&mut self, row: &HistoryJob) -> &mut Self {
        self.play(Event::Added(row.clone()))
    }

    pub(crate) fn finished(&mut self, row: &HistoryJob) -> &mut Self {
        self.play(Event::Finished(row.clone()))
    }

    /// Waits until all grace periods have passed.
    pub(crate) fn settle(&mut self) -> &mut Self {
        self.after(5.0).play(Event::Tick)
    }

    /// Kills and restarts the process: memory is lost, and the monotonic clock starts over.
    pub(crate) fn restart(&mut self) -> &mut Self {
        self.tracker = Tracker::new(PRINTER);
        self.now.monotonic = Duration::ZERO;
        self
    }

    /// Connects: merges the history (oldest first in `history`) and reads the print.
    pub(crate) fn sync(
        &mut self,
        klippy: KlippyState,
        stats: Option<PrintStats>,
        history: &[HistoryJob],
    ) -> &mut Self {
        let newest = history.last();
        for row in history {
            let leave =
                newest.is_some_and(|newest| newest == row && !matches!(newest.end, HistoryEnd::Seen(_)));
            if !leave {
                self.import(row);
            }
        }
        let sync = Sync {
            klippy,
            klippy_message: None,
            stats,
            open: self
                .rows
                .iter()
                .filter(|job| job.status.is_open())
                .cloned()
                .collect(),
            newest: newest.map(|row| Newest {
                row: row.clone(),
                stored: self.rows.iter().find(|job| row.is_run_of(job)).cloned(),
                deleted: false,
            }),
            host_clock: Some(self.now.wall),
        };
        self.play(Event::Synced(Box::new(sync)))
    }

    /// The only row, which is what most tests need.
    pub(crate) fn row(&self) -> &Job {
        assert_eq!(self.rows.len(), 1, "one run, one row: {:#?}", self.rows);
        &self.rows[0]
    }

    pub(crate) fn outcomes(&self) -> Vec<(Option<&str>, JobStatus)> {
        self.rows
            .iter()
            .map(|job| (job.filename.as_deref(), job.status))
            .collect()
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Save(job) | Action::Checkpoint(job) => {
                let found = self.rows.iter_mut().find(|row| row.start_time == job.start_time);
                match found {
                    Some(row) => *row = *job,
                    None => self.rows.push(*job),
                }
            }
            Action::Import(row) => self.import(&row),
        }
        let open = self.rows.iter().filter(|job| job.status.is_open()).count();
        assert!(open <= 1, "at most one open job a printer: {:#?}", self.rows);
    }

    fn import(&mut self, row: &HistoryJob) {
        let exact = self.rows.iter().position(|job| row.is_run_of(job));
        let found = exact.or_else(|| self.rows.iter().position(|job| row.is_late_report_of(job)));
        match found {
            Some(index) => {
                if let Some(merged) = self.rows[index].merged_with(row) {
                    self.rows[index] = merged;
                }
            }
            None => self.rows.push(Job::from_history(PRINTER, row)),
        }
    }
}

/// A date, this many seconds into the test.
pub(crate) fn at(seconds: f64) -> Timestamp {
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a date");
    start + SignedDuration::from_secs_f64(seconds)
}

pub(crate) fn stats(state: PrintState, file: &str, total: f64) -> PrintStats {
    PrintStats {
        state,
        filename: (!file.is_empty()).then(|| file.to_owned()),
        figures: Figures::reported(Some(total / 2.0), Some(total), Some(total * 10.0)),
        message: None,
    }
}

/// A history row of a print that started at `start`.
pub(crate) fn row(
    id: &str,
    file: &str,
    status: &str,
    start: f64,
    end: Option<f64>,
    total: f64,
) -> HistoryJob {
    let cause = Cause::from(status);
    HistoryJob {
        job_id: id.to_owned(),
        user: Some("_TRUSTED_USER_".to_owned()),
        filename: (!file.is_empty()).then(|| file.to_owned()),
        end: HistoryEnd::of(&cause),
        cause,
        start_time: Some(at(start)),
        end_time: end.map(at),
        figures: Figures::reported(Some(total / 2.0), Some(total), Some(total * 10.0)),
        metadata: Some(serde_json::json!({"slicer": "OrcaSlicer"}).into()),
        auxiliary_data: None,
    }
}
