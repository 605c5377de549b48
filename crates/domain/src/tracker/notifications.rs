//! Notifications: starts and ends in Moonraker's history, Klippy's shutdown, a lost connection, and a deleted job.

use jiff::Timestamp;

use super::state::{Current, End};
use super::tolerances::{LATE_START, NOTICED_LATE};
use super::{Action, Tracker};
use crate::{Cause, Figures, HistoryEnd, HistoryJob, Job, JobStatus, Moment, job::same_name};

impl Tracker {
    pub(super) fn added(&mut self, now: Moment, row: &HistoryJob, actions: &mut Vec<Action>) {
        // Moonraker has no file for a print whose start it missed.
        if row.filename.is_none() {
            self.attach_missed_start(now, row, actions);
            return;
        }
        if self.is_of_ended_run(row, actions) {
            return;
        }
        // Moonraker may report the running print, noticed late, under the name of the previous file. Written first, the
        // job of the running print takes the row.
        if self.starting.as_ref().is_some_and(|starting| {
            !same_name(starting.stats.filename.as_deref(), row.filename.as_deref())
                && is_noticed_late(row, &starting.stats.figures)
        }) {
            self.open_unreported(now, actions);
        }
        if self.identify_known_run(row, actions) {
            return;
        }
        // Another run has started, so the current one is over; its end has not been reported (yet).
        self.expect_end(now, End::Unseen, actions);
        // `print_stats` may have reported the start already, or still report the previous print.
        let stats = self.starting.take().map(|starting| starting.stats);
        let stats = stats.filter(|stats| {
            same_name(stats.filename.as_deref(), row.filename.as_deref())
                || row.figures.about_equal(&stats.figures)
        });
        self.open(
            now,
            Job::from_history(self.printer_id, row),
            stats.as_ref(),
            false,
            actions,
        );
    }

    /// Whether the row belongs to a run that has ended or is ending. A repeated or late notification must not start the
    /// job again.
    fn is_of_ended_run(&mut self, row: &HistoryJob, actions: &mut Vec<Action>) -> bool {
        if self.finished_runs.contains(row) {
            return true;
        }
        let unreported = &mut self.finished_runs.unreported;
        if unreported.take_if(|job| row.is_late_report_of(job)).is_some() {
            // The job has its end already; the row adds its identity.
            self.finished_runs.remember(&row.job_id, row.start_time);
            actions.push(Action::Import(Box::new(row.clone())));
            return true;
        }
        let ending = self.ending.as_ref();
        ending.is_some_and(|ending| row.is_run_of(&ending.job))
    }

    /// Gives the row's identity to the job that it starts, if that job was recorded from `print_stats`. Returns `false` if
    /// the row starts another run.
    fn identify_known_run(&mut self, row: &HistoryJob, actions: &mut Vec<Action>) -> bool {
        if let Some(ending) = &mut self.ending
            && self.current.is_none()
            && self.starting.is_none()
            && is_late_start_of(row, &ending.job)
        {
            // The print ended before its start notification arrived.
            ending.job.identify(row);
            actions.push(Action::Save(Box::new(ending.job.clone())));
            return true;
        }
        let Some(current) = &mut self.current else {
            return false;
        };
        let is_known = row.is_run_of(&current.job);
        if !is_known && !is_late_start_of(row, &current.job) {
            return false;
        }
        if !is_known {
            current.job.identify(row);
            actions.push(Action::Save(Box::new(current.job.clone())));
        }
        current.untracked = false;
        true
    }

    /// Handles a start that Moonraker missed and reports at the end, without a file name. If printlog saw the print,
    /// the row belongs to it; if not, `finished` follows at once with all available data.
    fn attach_missed_start(&mut self, now: Moment, row: &HistoryJob, actions: &mut Vec<Action>) {
        if self.ending.is_none() && self.current.is_none() {
            self.open_unreported(now, actions);
        }
        // A job with an id already has its row.
        let job = match (&mut self.ending, &mut self.current) {
            (Some(ending), _) if ending.job.job_id.is_none() => &mut ending.job,
            (_, Some(current)) if current.job.job_id.is_none() => &mut current.job,
            _ => return,
        };
        job.identify(row);
        actions.push(Action::Save(Box::new(job.clone())));
    }

    pub(super) fn finished(&mut self, now: Moment, row: HistoryJob, actions: &mut Vec<Action>) {
        let unseen = row.end == HistoryEnd::Unseen;
        if unseen && self.current().is_some_and(|job| row.is_run_of(job)) {
            // `server_exit`: the print continues without Moonraker, which also reports that Klippy disconnected.
            self.moonraker_leaving = true;
            return;
        }
        if !unseen {
            self.finished_runs.remember(&row.job_id, row.start_time);
        }
        // A run that was not reported at its start has no identity yet; its length and file identify it.
        let is_about = |job: &Job| {
            row.is_run_of(job)
                || (job.job_id.is_none()
                    && same_name(row.filename.as_deref(), job.filename.as_deref())
                    && row.figures.about_equal(&job.figures))
        };
        let job = if let Some(ending) = self.ending.take_if(|ending| !unseen && is_about(&ending.job)) {
            let mut job = ending.job;
            // First as `print_stats` reported it, because that end is kept if the history contradicts it.
            if let End::Shown(status, cause) = ending.end {
                job.end_by_print_stats(status, cause);
            }
            job
        } else if let Some(current) = self.current.take_if(|current| !unseen && is_about(&current.job)) {
            self.remember_ended(now, &current.job, current.seen.or(Some(now.monotonic)));
            current.job
        } else {
            actions.push(Action::Import(Box::new(row)));
            return;
        };
        let mut job = job;
        job.end_by_history(&row);
        if row.is_late_report_of(&job) {
            job.identify(&row);
        }
        // An update with another outcome may still be in transit.
        self.reported_end = Some(job.clone());
        actions.push(Action::Save(Box::new(job)));
    }

    pub(super) fn klippy_shutdown(
        &mut self,
        now: Moment,
        message: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        if self.starting.is_some() {
            self.open_unreported(now, actions);
        }
        if let Some(current) = &mut self.current {
            // `notify_klippy_shutdown` has no text; the text from `webhooks` may have arrived before.
            if message.is_some() {
                current.job.message = message;
            }
            let end = End::Shown(JobStatus::Error, Cause::KlippyShutdown);
            self.expect_end(now, end, actions);
        } else if let Some(ending) = &mut self.ending
            && ending.job.message.is_none()
        {
            ending.job.message = message;
        }
    }

    pub(super) fn klippy_disconnected(&mut self, now: Moment, actions: &mut Vec<Action>) {
        // Moonraker closes its connection to Klippy when it stops; Klippy continues printing.
        if self.moonraker_leaving {
            return;
        }
        if self.starting.is_some() {
            self.open_unreported(now, actions);
        }
        self.expect_end(now, End::KlippyLost, actions);
    }

    /// Writes a job whose end was observed. A job that only disappeared with the connection, or was replaced by another
    /// run of its file, is examined again after reconnecting.
    pub(super) fn link_lost(&mut self, actions: &mut Vec<Action>) {
        self.starting = None;
        self.reported_end = None;
        let shown = self.ending.as_ref().is_some_and(|ending| ending.end.is_final());
        if shown {
            self.close_ending(actions);
        } else if let Some(ending) = self.ending.take() {
            self.current = Some(Current::new(ending.job));
        } else if let Some(current) = &self.current {
            // The outage may last long, and printlog may be restarted during it.
            actions.push(Action::Checkpoint(Box::new(current.job.clone())));
        }
    }

    pub(super) fn deleted_by_user(&mut self, start_time: Timestamp) {
        if self
            .current
            .take_if(|current| current.job.start_time == Some(start_time))
            .is_some()
        {
            self.ignored = true;
        }
    }
}

/// Whether the start reported by the history belongs to a print whose start printlog observed without a notification.
fn is_late_start_of(row: &HistoryJob, job: &Job) -> bool {
    let is_fresh = job.figures.total_duration.unwrap_or(0.0) < LATE_START;
    job.job_id.is_none()
        && (row.is_late_report_of(job)
            || job.filename.is_none()
            || (is_fresh && row.filename == job.filename)
            || is_noticed_late(row, &job.figures))
}

/// Whether Moonraker missed the start and notices the print only now. Its row may then have the name of the previous
/// file.
fn is_noticed_late(row: &HistoryJob, figures: &Figures) -> bool {
    row.figures.total_duration >= Some(NOTICED_LATE) && row.figures.about_equal(figures)
}
