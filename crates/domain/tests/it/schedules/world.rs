//! A printer with Moonraker, a logger with its connection, and a record of what was really printed.

mod check;

use domain::{Cause, HistoryEnd, HistoryJob, JobStatus, KlippyState, PrintState, PrintStats, tracker::Event};

use super::step::{Disorder, Step};
use crate::bench_printer::{BenchPrinter, at, row, stats};

/// Seconds between two status updates of the model.
const UPDATE: f64 = 0.5;
/// Seconds that a print must be visible to the logger before it counts as seen.
const SEEN: f64 = 4.0;

/// The true course of a print.
#[derive(Debug)]
struct Truth {
    file: &'static str,
    start: f64,
    /// Outcome and length. `None` while it runs.
    end: Option<(JobStatus, f64)>,
    /// Seconds during which the logger could watch it.
    watched: f64,
    /// Moonraker has (or had) a row for it that the logger could read.
    reported: bool,
    /// The end was observed, by the history or the logger.
    end_seen: bool,
}

#[derive(Debug)]
struct Moonraker {
    history: Vec<HistoryJob>,
    /// Index of the history row of the current print.
    following: Option<usize>,
    next_id: u32,
}

pub(super) struct World {
    time: f64,
    logger: BenchPrinter,
    link: bool,
    connected: bool,
    moonraker: Option<Moonraker>,
    on_disk: Vec<HistoryJob>,
    klippy_down: bool,
    print: PrintStats,
    truths: Vec<Truth>,
    /// One entry for each history notification, repeated in a cycle. Empty: all arrive at once.
    disorder: Vec<Disorder>,
    sent: usize,
    /// Notifications in transit, with their arrival times.
    late: Vec<(f64, Event)>,
}

impl World {
    pub(super) fn new(disorder: Vec<Disorder>) -> Self {
        let mut world = Self {
            time: 0.0,
            logger: BenchPrinter::new(),
            link: true,
            connected: false,
            moonraker: Some(Moonraker {
                history: Vec::new(),
                following: None,
                next_id: 1,
            }),
            on_disk: Vec::new(),
            klippy_down: false,
            print: PrintStats::default(),
            truths: Vec::new(),
            disorder,
            sent: 0,
            late: Vec::new(),
        };
        world.connect();
        world
    }

    pub(super) fn play(&mut self, step: Step) {
        match step {
            Step::Wait(seconds) => self.wait(seconds),
            Step::Start(file) => self.start(file),
            Step::Pause if self.print.state == PrintState::Printing => self.change(PrintState::Paused),
            Step::Resume if self.print.state == PrintState::Paused => self.change(PrintState::Printing),
            Step::Cancel => self.end(PrintState::Cancelled, JobStatus::Cancelled, Cause::Cancelled),
            Step::Complete => self.end(PrintState::Complete, JobStatus::Completed, Cause::Completed),
            Step::Fail => self.end(PrintState::Error, JobStatus::Error, Cause::Error),
            Step::ResetFile if !self.print.state.is_active() => {
                self.print = PrintStats::default();
                self.send_status();
            }
            Step::EmergencyStop => {
                self.lose_klippy(JobStatus::Error, Cause::KlippyShutdown, Event::KlippyShutdown);
            }
            Step::RestartKlippy => {
                self.lose_klippy(
                    JobStatus::Interrupted,
                    Cause::KlippyDisconnect,
                    Event::KlippyDisconnected,
                );
            }
            Step::KillMoonraker => self.lose_moonraker(false),
            Step::StopMoonraker => self.lose_moonraker(true),
            Step::StartMoonraker => self.start_moonraker(),
            Step::CutLink => {
                self.link = false;
                self.disconnect();
            }
            Step::RestoreLink => {
                self.link = true;
                self.connect();
            }
            Step::KillLogger => {
                self.logger.restart();
                self.late.clear();
                self.connected = false;
                self.connect();
            }
            Step::PowerCycle => {
                self.lose_moonraker(false);
                self.truth_ends(JobStatus::Interrupted, false);
                self.print = PrintStats::default();
                self.pass(20.0);
                self.start_moonraker();
            }
            // A row that is wiped while the logger is disconnected is lost for good.
            Step::WipeHistory => {
                if self.connected
                    && self.late.is_empty()
                    && let Some(moonraker) = &mut self.moonraker
                    && moonraker.following.is_none()
                {
                    (moonraker.history, moonraker.next_id) = (Vec::new(), 1);
                }
            }
            Step::Pause | Step::Resume | Step::ResetFile => {}
        }
    }

    /// Switches everything on, connects, and becomes idle.
    pub(super) fn run_to_idle(&mut self) {
        self.link = true;
        self.start_moonraker();
        self.connect();
        self.wait(10.0);
        self.end(PrintState::Complete, JobStatus::Completed, Cause::Completed);
        self.wait(10.0);
    }

    fn pass(&mut self, seconds: f64) {
        self.time += seconds;
        self.logger.after(seconds);
        if self.print.state.is_active() {
            let total = self.print.figures.total_duration.unwrap_or(0.0) + seconds;
            let file = self.print.filename.clone().unwrap_or_default();
            self.print = stats(self.print.state, &file, total);
        }
    }

    fn wait(&mut self, seconds: f64) {
        // Once the start has been seen, a long time passes in larger steps.
        let mut left = seconds;
        let mut stride = UPDATE;
        while left > 0.0 {
            if !self.late.is_empty() {
                stride = UPDATE;
            }
            let step = left.min(stride);
            self.pass(step);
            left -= step;
            stride = (stride * 1.3).min(20.0);
            if self.connected
                && self.print.state.is_active()
                && let Some(truth) = self.truths.last_mut()
            {
                truth.watched += step;
            }
            self.send_status();
        }
    }

    /// Sends a history notification to the logger if it is connected.
    fn send_history(&mut self, event: &Event) {
        let disorder = match self.disorder.len() {
            0 => Disorder {
                late: 0.0,
                repeated: None,
            },
            length => self.disorder[self.sent % length],
        };
        self.sent += 1;
        let due = self.time + disorder.late;
        self.late.push((due, event.clone()));
        if let Some(repeated) = disorder.repeated {
            self.late.push((due + repeated, event.clone()));
        }
        self.arrive();
    }

    fn arrive(&mut self) {
        let (now, later) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(due, _)| *due <= self.time);
        self.late = later;
        let mut now: Vec<(f64, Event)> = now;
        now.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, event) in now {
            self.logger.play(event);
        }
    }

    fn send_status(&mut self) {
        if !self.connected {
            return;
        }
        self.arrive();
        if self.klippy_down {
            self.logger.play(Event::Tick);
            return;
        }
        let event = Event::Status {
            stats: self.print.clone(),
            klippy: KlippyState::Ready,
            klippy_message: None,
        };
        self.logger.play(event);
    }

    fn start(&mut self, file: &'static str) {
        // Without Moonraker a print can be started on the printer's own display. If it has the file of the print that
        // was lost, and ends before Moonraker is back, the two cannot be distinguished.
        if self.print.state.is_active() || self.moonraker.is_none() {
            return;
        }
        // Users do not start two prints within about a second.
        self.wait(3.0);
        self.truths.push(Truth {
            file,
            start: self.time,
            end: None,
            watched: 0.0,
            reported: false,
            end_seen: false,
        });
        self.print = stats(PrintState::Printing, file, 0.0);
        self.pass(0.2);
        self.send_status();
        let started = self.time;
        if let Some(moonraker) = &mut self.moonraker {
            let id = format!("{:06X}", moonraker.next_id);
            moonraker.next_id += 1;
            let added = row(&id, file, "in_progress", started, None, 0.2);
            moonraker.following = Some(moonraker.history.len());
            moonraker.history.push(added.clone());
            if self.connected {
                self.send_history(&Event::Added(added));
                if let Some(truth) = self.truths.last_mut() {
                    truth.reported = true;
                }
            }
        }
    }

    fn change(&mut self, state: PrintState) {
        self.print.state = state;
        self.send_status();
    }

    fn end(&mut self, state: PrintState, status: JobStatus, cause: Cause) {
        if !self.print.state.is_active() {
            return;
        }
        self.print.state = state;
        self.send_status();
        self.finish(status, cause);
    }

    /// Ends the print, with the end as Moonraker notes it if it is watching, and the true end.
    fn finish(&mut self, status: JobStatus, cause: Cause) {
        let mut seen = self.connected;
        let total = self.print.figures.total_duration.unwrap_or(0.0);
        let now = self.time;
        if let Some(moonraker) = &mut self.moonraker
            && let Some(index) = moonraker.following.take()
        {
            let job = &mut moonraker.history[index];
            job.end = HistoryEnd::of(&cause);
            job.cause = cause;
            job.end_time = Some(at(now));
            job.figures = stats(PrintState::Printing, "", total).figures;
            // It is read at the next connection unless it is wiped before.
            seen |= self.connected;
            if self.connected {
                let job = job.clone();
                self.send_history(&Event::Finished(job));
            }
        }
        self.truth_ends(status, seen);
    }

    fn truth_ends(&mut self, status: JobStatus, seen: bool) {
        let total = self.print.figures.total_duration.unwrap_or(0.0);
        if self.print.state == PrintState::Standby {
            return;
        }
        if let Some(truth) = self.truths.last_mut().filter(|truth| truth.end.is_none()) {
            truth.end = Some((status, total));
            truth.end_seen = seen && (truth.reported || truth.watched >= SEEN);
        }
    }

    fn lose_klippy(&mut self, status: JobStatus, cause: Cause, event: Event) {
        self.klippy_down = true;
        if self.connected {
            self.logger.play(event);
        }
        if self.print.state.is_active() {
            self.finish(status, cause);
        }
        self.print = PrintStats::default();
        self.wait(5.0);
        self.klippy_down = false;
        if self.connected {
            self.sync();
        }
    }

    fn lose_moonraker(&mut self, cleanly: bool) {
        let Some(mut moonraker) = self.moonraker.take() else {
            return;
        };
        if let Some(index) = moonraker.following {
            let total = self.print.figures.total_duration.unwrap_or(0.0);
            let job = &mut moonraker.history[index];
            if cleanly {
                (job.end, job.cause) = (HistoryEnd::Unseen, Cause::ServerExit);
                job.end_time = Some(at(self.time));
                job.figures = stats(PrintState::Printing, "", total).figures;
                if self.connected {
                    let job = job.clone();
                    self.logger.finished(&job);
                }
            } else {
                (job.end, job.cause) = (HistoryEnd::Unseen, Cause::Interrupted);
            }
        }
        self.on_disk = moonraker.history;
        self.disconnect();
    }

    fn start_moonraker(&mut self) {
        if self.moonraker.is_none() {
            let history = std::mem::take(&mut self.on_disk);
            let next_id = u32::try_from(history.len()).unwrap_or(0) + 1;
            self.moonraker = Some(Moonraker {
                history,
                following: None,
                next_id,
            });
        }
        self.connect();
    }

    fn disconnect(&mut self) {
        self.late.clear();
        if std::mem::replace(&mut self.connected, false) {
            self.logger.play(Event::LinkLost);
        }
    }

    fn connect(&mut self) {
        if self.connected || !self.link || self.moonraker.is_none() {
            return;
        }
        self.connected = true;
        self.sync();
    }

    fn sync(&mut self) {
        let Some(moonraker) = &self.moonraker else { return };
        let history = moonraker.history.clone();
        for truth in &mut self.truths {
            let row = history.iter().find(|row| {
                row.start_time
                    .is_some_and(|time| time.duration_since(at(truth.start)).as_secs_f64().abs() < 0.5)
            });
            if let Some(row) = row {
                truth.reported = true;
                truth.end_seen |= truth.end.is_some() && matches!(row.end, HistoryEnd::Seen(_));
            }
        }
        let (klippy, stats) = match self.klippy_down {
            true => (KlippyState::Startup, None),
            false => (KlippyState::Ready, Some(self.print.clone())),
        };
        self.logger.sync(klippy, stats, &history);
    }
}
