//! Events from a live connection.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Action, CHECKPOINT, End, GRACE, Starting, Tracker, began, counted, observe, replaced_by, same_file,
    shown_end,
};
use crate::{
    Figures, HistoryEnd, HistoryJob, Job, JobStatus, KlippyState, Moment, PrintState, PrintStats,
    job::same_name,
};

/// A history start that arrives up to this many seconds into a print still belongs to that print.
const LATE_START: f64 = 10.0;

/// A history start that arrives on time belongs to a print that is younger than this many seconds.
const NOTICED_LATE: f64 = 1.5;

impl Tracker {
    pub(super) fn status(
        &mut self,
        now: Moment,
        stats: PrintStats,
        klippy: KlippyState,
        klippy_message: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        match klippy {
            KlippyState::Ready if stats.state.is_active() => self.print_is_active(now, stats, actions),
            KlippyState::Ready if stats.state == PrintState::Unknown => {
                self.print_state_is_unknown(now, stats, actions);
            }
            KlippyState::Ready => self.print_is_inactive(now, &stats, actions),
            KlippyState::Shutdown | KlippyState::Error => {
                // The frame that reports the shutdown holds the counters at that moment; in later frames they keep
                // running.
                if let Some(current) = &mut self.current
                    && same_file(&stats, &current.job)
                    && stats.figures.continues(&current.job.figures)
                {
                    observe(&mut current.job, &stats);
                }
                self.klippy_shutdown(now, klippy_message, actions);
            }
            KlippyState::Startup | KlippyState::Disconnected => {}
        }
    }

    fn print_is_active(&mut self, now: Moment, stats: PrintStats, actions: &mut Vec<Action>) {
        self.resume_unseen_end(&stats);
        if self
            .starting
            .as_ref()
            .is_some_and(|starting| !starting.continues_as(now, &stats))
        {
            // The pending print is already over, and its start was not reported either.
            self.open_unreported(now, actions);
        }
        if self.follow(now, &stats, actions) {
            return;
        }
        if let Some(current) = &self.current {
            // Another print is running, and the end of ours has not been reported (yet).
            let end = replaced_by(&stats, &current.job);
            self.expect_end(now, end, actions);
        }
        if !self.ignored && !self.is_stale(now, &stats) {
            self.expect_start(now, stats);
        }
    }

    /// Handles an unknown state, which neither starts nor ends a job.
    fn print_state_is_unknown(&mut self, now: Moment, stats: PrintStats, actions: &mut Vec<Action>) {
        if !self.follow(now, &stats, actions)
            && let Some(starting) = &mut self.starting
            && starting.continues_as(now, &stats)
        {
            starting.update(now, stats);
        }
    }

    /// Applies an update to the current job. Returns `false` if the update is about another print or there is no
    /// current job.
    fn follow(&mut self, now: Moment, stats: &PrintStats, actions: &mut Vec<Action>) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        if !stats.figures.continues(&current.job.figures) {
            return false;
        }
        if !same_file(stats, &current.job) && !current.has_counter_of(now, stats) {
            // A different name without a counter does not start a job yet.
            return stats.figures.total_duration.is_none();
        }
        let status = current.job.status;
        let had_name = current.job.filename.is_some();
        observe(&mut current.job, stats);
        current.job.last_seen = Some(now.wall);
        current.seen = Some(now.monotonic);
        current.counted = counted(now, stats).or(current.counted);
        let due = current
            .written
            .is_none_or(|written| now.monotonic >= written + CHECKPOINT);
        if current.job.filename.is_some() != had_name {
            current.written = Some(now.monotonic);
            actions.push(Action::Save(Box::new(current.job.clone())));
        } else if current.job.status != status || (due && current.job.status == JobStatus::Printing) {
            current.written = Some(now.monotonic);
            actions.push(Action::Checkpoint(Box::new(current.job.clone())));
        }
        true
    }

    /// Resumes a job that was considered gone because the printer did not show it, if its print shows up again.
    fn resume_unseen_end(&mut self, stats: &PrintStats) {
        if self.current.is_none()
            && let Some(ending) = self.ending.take_if(|ending| {
                ending.end == End::Unseen
                    && same_file(stats, &ending.job)
                    && stats.figures.continues(&ending.job.figures)
            })
        {
            self.current = Some(super::Current {
                job: ending.job,
                untracked: false,
                seen: None,
                counted: None,
                written: None,
            });
        }
    }

    /// Whether the update is about a print whose end the history has already reported. Such updates can still arrive
    /// after the end.
    fn is_stale(&self, now: Moment, stats: &PrintStats) -> bool {
        let Some(ended) = &self.ended else { return false };
        if !same_name(ended.filename.as_deref(), stats.filename.as_deref()) {
            return false;
        }
        if stats.figures.total_duration.is_none() && now.monotonic < ended.at + GRACE {
            return true;
        }
        let began = stats
            .figures
            .total_duration
            .and_then(|total| Duration::try_from_secs_f64(total).ok())
            .and_then(|total| now.monotonic.checked_sub(total));
        let (Some(began), Some(before)) = (began, ended.began) else {
            return false;
        };
        began < before + Duration::from_millis(900)
    }

    pub(super) fn expect_start(&mut self, now: Moment, stats: PrintStats) {
        if let Some(starting) = &mut self.starting
            && starting.continues_as(now, &stats)
        {
            starting.update(now, stats);
            return;
        }
        self.starting = Some(Starting {
            began: began(now, &stats),
            stats,
            deadline: now.monotonic + GRACE,
        });
    }

    fn print_is_inactive(&mut self, now: Moment, stats: &PrintStats, actions: &mut Vec<Action>) {
        self.ignored = false;
        if self.starting.is_some() {
            self.open_unreported(now, actions);
        }
        let Some(current) = &mut self.current else {
            if let Some(ending) = &mut self.ending
                && let Some(end) = shown_end(stats.state)
                && (ending.end == end || ending.end == End::Unseen)
                && same_file(stats, &ending.job)
                && stats.figures.continues(&ending.job.figures)
            {
                // The update that reported the end may have had no counters, or another name.
                ending.end = end;
                ending.job.figures = stats.figures.or(ending.job.figures);
            }
            self.correct_reported_end(now, stats, actions);
            return;
        };
        let end = match shown_end(stats.state) {
            Some(end) if same_file(stats, &current.job) || current.has_counter_of(now, stats) => {
                if stats.figures.continues(&current.job.figures) {
                    let status = current.job.status;
                    observe(&mut current.job, stats);
                    current.job.status = status;
                }
                end
            }
            Some(_) if stats.figures.total_duration.is_none() => return,
            Some(_) => End::Unseen,
            // SDCARD_RESET_FILE during a print: the old way to cancel.
            None => End::Shown(JobStatus::Cancelled, Some("cancelled")),
        };
        self.expect_end(now, end, actions);
    }

    /// Corrects the end if the history reported it first and `print_stats` shows another one.
    fn correct_reported_end(&mut self, now: Moment, stats: &PrintStats, actions: &mut Vec<Action>) {
        let Some(End::Shown(status, cause)) = shown_end(stats.state) else {
            return;
        };
        let is_late = self
            .ended
            .as_ref()
            .is_none_or(|ended| now.monotonic >= ended.at + GRACE);
        let job = self.reported_end.take_if(|job| {
            !is_late
                && same_file(stats, job)
                && stats.figures.about_equal(&job.figures)
                && job.status != status
        });
        if let Some(mut job) = job {
            job.end_by_print_stats(status, cause);
            if job.is_end_observed() {
                actions.push(Action::Save(Box::new(job)));
            }
        }
    }

    pub(super) fn added(&mut self, now: Moment, row: &HistoryJob, actions: &mut Vec<Action>) {
        if row.filename.is_none() {
            self.attach_missed_start(now, row, actions);
            return;
        }
        if self.finished_runs.contains(row) {
            // A repeated or late notification must not start a new job.
            return;
        }
        if self
            .finished_runs
            .unreported
            .take_if(|job| row.is_late_report_of(job))
            .is_some()
        {
            // The job has ended already; the row only identifies it.
            self.finished_runs.remember(&row.job_id, row.start_time);
            actions.push(Action::Import(Box::new(row.clone())));
            return;
        }
        if self
            .ending
            .as_ref()
            .is_some_and(|ending| row.is_run_of(&ending.job))
        {
            return;
        }
        if self.starting.as_ref().is_some_and(|starting| {
            !same_name(starting.stats.filename.as_deref(), row.filename.as_deref())
                && is_noticed_late(row, &starting.stats.figures)
        }) {
            self.open_unreported(now, actions);
        }
        if let Some(ending) = &mut self.ending
            && self.current.is_none()
            && self.starting.is_none()
            && is_late_start_of(row, &ending.job)
        {
            // The print ended before its start notification arrived.
            ending.job.identify(row);
            actions.push(Action::Save(Box::new(ending.job.clone())));
            return;
        }
        if let Some(current) = &mut self.current {
            if row.is_run_of(&current.job) {
                current.untracked = false;
                return;
            }
            if is_late_start_of(row, &current.job) {
                current.job.identify(row);
                current.untracked = false;
                actions.push(Action::Save(Box::new(current.job.clone())));
                return;
            }
            self.expect_end(now, End::Unseen, actions);
        }
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

    /// Handles a start that Moonraker missed and reports at the end, without a file name. If printlog saw the print,
    /// the row belongs to it; if not, `finished` follows at once with all available data.
    fn attach_missed_start(&mut self, now: Moment, row: &HistoryJob, actions: &mut Vec<Action>) {
        if self.ending.is_none() && self.current.is_none() {
            self.open_unreported(now, actions);
        }
        let job = match (&mut self.ending, &mut self.current) {
            (Some(ending), _) if ending.job.job_id.is_none() => &mut ending.job,
            (_, Some(current)) if current.job.job_id.is_none() => &mut current.job,
            _ => return,
        };
        job.identify(row);
        actions.push(Action::Save(Box::new(job.clone())));
    }

    pub(super) fn finished(&mut self, now: Moment, row: HistoryJob, actions: &mut Vec<Action>) {
        let unseen = row.end() == HistoryEnd::Unseen;
        if unseen && self.current().is_some_and(|job| row.is_run_of(job)) {
            self.moonraker_leaving = true;
            return;
        }
        if !unseen {
            self.finished_runs.remember(&row.job_id, row.start_time);
        }
        let is_about = |job: &Job| {
            row.is_run_of(job)
                || (job.job_id.is_none()
                    && same_name(row.filename.as_deref(), job.filename.as_deref())
                    && row.figures.about_equal(&job.figures))
        };
        let job = if let Some(ending) = self.ending.take_if(|ending| !unseen && is_about(&ending.job)) {
            let mut job = ending.job;
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
            if message.is_some() {
                current.job.message = message;
            }
            let end = End::Shown(JobStatus::Error, Some("klippy_shutdown"));
            self.expect_end(now, end, actions);
        } else if let Some(ending) = &mut self.ending
            && ending.job.message.is_none()
        {
            ending.job.message = message;
        }
    }

    pub(super) fn klippy_disconnected(&mut self, now: Moment, actions: &mut Vec<Action>) {
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
            self.current = Some(super::Current {
                job: ending.job,
                untracked: false,
                seen: None,
                counted: None,
                written: None,
            });
        } else if let Some(current) = &self.current {
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

/// Whether the start reported by the history belongs to a print that printlog saw begin without a notification.
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
