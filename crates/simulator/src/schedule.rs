//! Random events on a printer, from a seed.

use std::ops::Range;

use crate::{PrintPlan, SimPrinter, catalog, dice::Dice};

/// Which events may happen, and how often. Times are in simulated seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Length of a print.
    pub print: Range<f64>,
    /// Pause between two events.
    pub pause: Range<f64>,
    /// Number of events. `None` for no limit.
    pub steps: Option<u32>,
    /// Relative probability of each event. Events that are impossible at the moment are left out.
    pub weights: Vec<(Happening, u32)>,
    /// Whether the next event waits until Moonraker has noticed the previous one, such as the end of a print. Its
    /// history mixes up two events in the same status update.
    pub one_at_a_time: bool,
}

/// An event on a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
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
            (Happening::Print, 20),
            (Happening::Reprint, 4),
            (Happening::Pause, 1),
            (Happening::Resume, 6),
            (Happening::Cancel, 1),
            (Happening::Fail, 1),
            (Happening::ResetFile, 2),
            (Happening::Wait, 20),
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
        use Happening::{
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
    pub fn without(mut self, left_out: &[Happening]) -> Self {
        self.weights
            .retain(|(happening, _)| !left_out.contains(happening));
        self
    }
}

impl SimPrinter {
    /// Runs the schedule to its end and returns the events. The same seed draws the same numbers; their effect also
    /// depends on how far a print has progressed.
    pub async fn run_schedule(&self, seed: u64, schedule: &Schedule) -> Vec<Happening> {
        let mut dice = Dice::new(seed);
        let mut happened = Vec::new();
        let mut last_file = None;
        let mut step = 0;
        while schedule.steps.is_none_or(|steps| step < steps) {
            step += 1;
            if schedule.one_at_a_time {
                self.wait_until(|view| view.is_told).await;
            }
            let happening = self.draw(&mut dice, schedule, last_file.is_some());
            self.happen(happening, &mut dice, schedule, &mut last_file).await;
            // An unlimited schedule records no events, because the list would grow without bound.
            if schedule.steps.is_some() {
                happened.push(happening);
            }
            self.wait(dice.between(schedule.pause.clone())).await;
        }
        happened
    }

    fn draw(&self, dice: &mut Dice, schedule: &Schedule, printed: bool) -> Happening {
        let view = self.view();
        let ready = view.ready && view.klippy == Some("ready");
        let (printing, paused) = (view.print == Some("printing"), view.print == Some("paused"));
        let possible = |happening: Happening| match happening {
            Happening::Print => ready && !printing,
            Happening::Reprint => ready && !printing && !paused && printed,
            Happening::Pause | Happening::ReplaceAtOnce => ready && printing,
            Happening::Resume => ready && paused,
            Happening::Cancel | Happening::Fail => ready && (printing || paused),
            Happening::ResetFile => ready && !printing,
            _ => true,
        };
        let weights: Vec<(Happening, u32)> = schedule
            .weights
            .iter()
            .copied()
            .filter(|(happening, _)| possible(*happening))
            .collect();
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let mut left = dice.below(usize::try_from(sum).unwrap_or(1));
        for (happening, weight) in weights {
            let weight = usize::try_from(weight).unwrap_or(0);
            if left < weight {
                return happening;
            }
            left -= weight;
        }
        Happening::Wait
    }

    async fn happen(
        &self,
        happening: Happening,
        dice: &mut Dice,
        schedule: &Schedule,
        last: &mut Option<(String, PrintPlan)>,
    ) {
        // An event that became impossible since the draw is refused; the refusal is ignored.
        let _refused = match happening {
            Happening::Print => {
                let (name, plan) = self.new_file(dice, schedule, last);
                self.start_print(&name, plan)
            }
            Happening::Reprint => match last.clone() {
                Some((name, plan)) => self.start_print(&name, plan),
                None => Ok(()),
            },
            Happening::ReplaceAtOnce => {
                let (name, plan) = self.new_file(dice, schedule, last);
                self.replace_at_once(&name, plan)
            }
            Happening::Pause => self.pause(),
            Happening::Resume => self.resume(),
            Happening::Cancel => self.cancel(),
            Happening::ResetFile => self.reset_file(),
            Happening::Fail => self.fail("Move out of range: 400.000 10.000 0.200 [0.000]"),
            _ => {
                self.trouble(happening, dice, schedule, last).await;
                Ok(())
            }
        };
    }

    async fn trouble(
        &self,
        happening: Happening,
        dice: &mut Dice,
        schedule: &Schedule,
        last: &mut Option<(String, PrintPlan)>,
    ) {
        let a_while = dice.between(schedule.pause.clone());
        match happening {
            Happening::EmergencyStop => {
                self.emergency_stop();
                self.wait(a_while).await;
                self.firmware_restart();
            }
            Happening::RestartKlippy => self.firmware_restart(),
            Happening::RestartIntoPrint => {
                let (name, plan) = self.new_file(dice, schedule, last);
                self.restart_into_print(&name, plan);
            }
            Happening::RestartMoonraker => {
                self.stop_moonraker();
                self.wait(a_while).await;
                self.start_moonraker();
            }
            Happening::KillMoonraker => {
                self.kill_moonraker();
                self.wait(a_while).await;
                self.start_moonraker();
            }
            Happening::PowerCycle => {
                self.power_off();
                self.wait(a_while).await;
                self.power_on();
            }
            Happening::CutLink => {
                self.cut_link();
                self.wait(a_while * 2.0).await;
                self.restore_link();
            }
            Happening::DropSubscriptions => self.drop_subscriptions(),
            Happening::DeleteNewestJob => {
                if let Some(id) = self
                    .history()
                    .last()
                    .and_then(|job| job["job_id"].as_str().map(str::to_owned))
                {
                    self.delete_history_job(&id);
                }
            }
            Happening::WipeHistory => self.wipe_history(),
            Happening::ClockJump => self.set_clock_offset(dice.between(-7200.0..7200.0)),
            _ => {}
        }
    }

    fn new_file(
        &self,
        dice: &mut Dice,
        schedule: &Schedule,
        last: &mut Option<(String, PrintPlan)>,
    ) -> (String, PrintPlan) {
        let seconds = dice.between(schedule.print.clone());
        let file = catalog::sliced_file(dice, seconds, self.wall_clock() - 30.0);
        let (name, plan) = (file.name.clone(), file.plan.clone());
        self.add_file(file, None);
        *last = Some((name.clone(), plan.clone()));
        (name, plan)
    }
}
