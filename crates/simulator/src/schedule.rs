//! Random events on a printer, from a seed.

use std::ops::Range;

use crate::{PrintPlan, SimPrinter, catalog, random::Random};

/// Which events may execute, and how often. Times are in simulated seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Length of a print.
    pub print: Range<f64>,
    /// Pause between two events.
    pub pause: Range<f64>,
    /// Number of events. `None` for no limit.
    pub steps: Option<u32>,
    /// Relative probability of each event. Events that are impossible at the moment are left out.
    pub weights: Vec<(ScheduledEvent, u32)>,
    /// Whether the next event waits until Moonraker has noticed the previous one, such as the end of a print. Its
    /// history mixes up two events in the same status update.
    pub one_at_a_time: bool,
}

/// An event on a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduledEvent {
    /// A print starts. It replaces a paused print.
    Print,
    /// The file of the last print is printed again.
    Reprint,
    /// The print is cancelled and another started within one status update.
    ReplaceAtOnce,
    /// The print is paused.
    Pause,
    /// The paused print is resumed.
    Resume,
    /// The print is cancelled.
    Cancel,
    /// The file is reset, as by "clear" after a print.
    ResetFile,
    /// Klipper rejects a line.
    Fail,
    /// Emergency stop, followed by a firmware restart.
    EmergencyStop,
    /// Klippy restarts (RESTART).
    RestartKlippy,
    /// Klippy restarts, and a print starts at the moment that Moonraker misses.
    RestartIntoPrint,
    /// Moonraker is stopped with SIGTERM and started.
    RestartMoonraker,
    /// Moonraker is killed with SIGKILL and started.
    KillMoonraker,
    /// The power is cut and restored.
    PowerCycle,
    /// The network is interrupted.
    CutLink,
    /// Moonraker drops the subscriptions of its clients; their sockets stay open.
    DropSubscriptions,
    /// The newest job is deleted from the history.
    DeleteNewestJob,
    /// The history is wiped, including the totals.
    WipeHistory,
    /// The wall clock jumps.
    ClockJump,
    /// Nothing happens.
    Wait,
}

impl Schedule {
    /// A schedule of continuous prints, most of them successful.
    #[must_use]
    pub fn busy(print: Range<f64>) -> Self {
        let weights = vec![
            (ScheduledEvent::Print, 20),
            (ScheduledEvent::Reprint, 4),
            (ScheduledEvent::Pause, 1),
            (ScheduledEvent::Resume, 6),
            (ScheduledEvent::Cancel, 1),
            (ScheduledEvent::Fail, 1),
            (ScheduledEvent::ResetFile, 2),
            (ScheduledEvent::Wait, 20),
        ];
        let pause = print.start * 0.1..print.end * 0.3;
        Self {
            print,
            pause,
            steps: None,
            weights,
            one_at_a_time: false,
        }
    }

    /// A schedule of all kinds of faults, in `steps` steps.
    #[must_use]
    pub fn rough(print: Range<f64>, steps: u32) -> Self {
        use ScheduledEvent::{
            Cancel, ClockJump, CutLink, DeleteNewestJob, DropSubscriptions, EmergencyStop, Fail,
            KillMoonraker, Pause, PowerCycle, Print, ReplaceAtOnce, Reprint, ResetFile, RestartIntoPrint,
            RestartKlippy, RestartMoonraker, Resume, Wait, WipeHistory,
        };
        let weights = vec![
            (Print, 12),
            (Reprint, 6),
            (ReplaceAtOnce, 1),
            (Pause, 4),
            (Resume, 6),
            (Cancel, 3),
            (ResetFile, 3),
            (Fail, 2),
            (EmergencyStop, 2),
            (RestartKlippy, 2),
            (RestartIntoPrint, 1),
            (RestartMoonraker, 3),
            (KillMoonraker, 3),
            (PowerCycle, 2),
            (CutLink, 4),
            (DropSubscriptions, 3),
            (DeleteNewestJob, 1),
            (WipeHistory, 1),
            (ClockJump, 1),
            (Wait, 10),
        ];
        let pause = 0.2..print.end * 0.5;
        Self {
            print,
            pause,
            steps: Some(steps),
            weights,
            one_at_a_time: false,
        }
    }

    /// Removes some events from the schedule.
    #[must_use]
    pub fn without(mut self, left_out: &[ScheduledEvent]) -> Self {
        self.weights.retain(|(event, _)| !left_out.contains(event));
        self
    }
}

impl SimPrinter {
    /// Runs the schedule to its end and returns the events. The same seed draws the same numbers; their effect also
    /// depends on how far a print has progressed.
    pub async fn run_schedule(&self, seed: u64, schedule: &Schedule) -> Vec<ScheduledEvent> {
        let mut random = Random::new(seed);
        let mut happened = Vec::new();
        let mut last_file = None;
        let mut step = 0;
        while schedule.steps.is_none_or(|steps| step < steps) {
            step += 1;
            if schedule.one_at_a_time {
                self.wait_until(|view| view.is_reported).await;
            }
            let event = self.draw(&mut random, schedule, last_file.is_some());
            self.execute(event, &mut random, schedule, &mut last_file).await;
            // An unlimited schedule records no events, because the list would grow without bound.
            if schedule.steps.is_some() {
                happened.push(event);
            }
            self.wait(random.between(schedule.pause.clone())).await;
        }
        happened
    }

    fn draw(&self, random: &mut Random, schedule: &Schedule, printed: bool) -> ScheduledEvent {
        let view = self.view();
        let ready = view.ready && view.klippy == Some("ready");
        let (printing, paused) = (view.print == Some("printing"), view.print == Some("paused"));
        let possible = |event: ScheduledEvent| match event {
            ScheduledEvent::Print => ready && !printing,
            ScheduledEvent::Reprint => ready && !printing && !paused && printed,
            ScheduledEvent::Pause | ScheduledEvent::ReplaceAtOnce => ready && printing,
            ScheduledEvent::Resume => ready && paused,
            ScheduledEvent::Cancel | ScheduledEvent::Fail => ready && (printing || paused),
            ScheduledEvent::ResetFile => ready && !printing,
            _ => true,
        };
        let weights: Vec<(ScheduledEvent, u32)> = schedule
            .weights
            .iter()
            .copied()
            .filter(|(event, _)| possible(*event))
            .collect();
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let mut left = random.below(usize::try_from(sum).unwrap_or(1));
        for (event, weight) in weights {
            let weight = usize::try_from(weight).unwrap_or(0);
            if left < weight {
                return event;
            }
            left -= weight;
        }
        ScheduledEvent::Wait
    }

    async fn execute(
        &self,
        event: ScheduledEvent,
        random: &mut Random,
        schedule: &Schedule,
        last: &mut Option<(String, PrintPlan)>,
    ) {
        // An event that became impossible since the draw is refused; the refusal is ignored.
        let _refused = match event {
            ScheduledEvent::Print => {
                let (name, plan) = self.new_file(random, schedule, last);
                self.start_print(&name, plan)
            }
            ScheduledEvent::Reprint => match last.clone() {
                Some((name, plan)) => self.start_print(&name, plan),
                None => Ok(()),
            },
            ScheduledEvent::ReplaceAtOnce => {
                let (name, plan) = self.new_file(random, schedule, last);
                self.replace_at_once(&name, plan)
            }
            ScheduledEvent::Pause => self.pause(),
            ScheduledEvent::Resume => self.resume(),
            ScheduledEvent::Cancel => self.cancel(),
            ScheduledEvent::ResetFile => self.reset_file(),
            ScheduledEvent::Fail => self.fail("Move out of range: 400.000 10.000 0.200 [0.000]"),
            _ => {
                self.trouble(event, random, schedule, last).await;
                Ok(())
            }
        };
    }

    async fn trouble(
        &self,
        event: ScheduledEvent,
        random: &mut Random,
        schedule: &Schedule,
        last: &mut Option<(String, PrintPlan)>,
    ) {
        let a_while = random.between(schedule.pause.clone());
        match event {
            ScheduledEvent::EmergencyStop => {
                self.emergency_stop();
                self.wait(a_while).await;
                self.firmware_restart();
            }
            ScheduledEvent::RestartKlippy => self.firmware_restart(),
            ScheduledEvent::RestartIntoPrint => {
                let (name, plan) = self.new_file(random, schedule, last);
                self.restart_into_print(&name, plan);
            }
            ScheduledEvent::RestartMoonraker => {
                self.stop_moonraker();
                self.wait(a_while).await;
                self.start_moonraker();
            }
            ScheduledEvent::KillMoonraker => {
                self.kill_moonraker();
                self.wait(a_while).await;
                self.start_moonraker();
            }
            ScheduledEvent::PowerCycle => {
                self.power_off();
                self.wait(a_while).await;
                self.power_on();
            }
            ScheduledEvent::CutLink => {
                self.cut_link();
                self.wait(a_while * 2.0).await;
                self.restore_link();
            }
            ScheduledEvent::DropSubscriptions => self.drop_subscriptions(),
            ScheduledEvent::DeleteNewestJob => {
                if let Some(id) = self
                    .history()
                    .last()
                    .and_then(|job| job["job_id"].as_str().map(str::to_owned))
                {
                    self.delete_history_job(&id);
                }
            }
            ScheduledEvent::WipeHistory => self.wipe_history(),
            ScheduledEvent::ClockJump => self.set_clock_offset(random.between(-7200.0..7200.0)),
            _ => {}
        }
    }

    fn new_file(
        &self,
        random: &mut Random,
        schedule: &Schedule,
        last: &mut Option<(String, PrintPlan)>,
    ) -> (String, PrintPlan) {
        let seconds = random.between(schedule.print.clone());
        let file = catalog::sliced_file(random, seconds, self.wall_clock() - 30.0);
        let (name, plan) = (file.name.clone(), file.plan.clone());
        self.add_file(file, None);
        *last = Some((name.clone(), plan.clone()));
        (name, plan)
    }
}
