//! Firmwares that report odd values for a moment: each print must still become one job with its true figures.

use domain::{Figures, JobStatus, KlippyState, PrintState, PrintStats, tracker::Event};
use proptest::prelude::*;

use crate::bench_printer::{BenchPrinter, row, stats};

/// The oddities of one update.
#[derive(Debug, Clone)]
struct Odd {
    /// Index of the update.
    at: usize,
    state: Option<PrintState>,
    name: Option<Option<String>>,
    counter: bool,
}

impl Odd {
    fn any() -> impl Strategy<Value = Self> {
        let state = prop_oneof![3 => Just(PrintState::Unknown), 1 => Just(PrintState::Printing)];
        let name = prop_oneof![Just(None), "[a-z]{1,8}".prop_map(Some)];
        (
            // One update is clear while the tracker waits for the history; data that no update has cannot be known.
            0..UPDATES - 1,
            prop::option::of(state),
            prop::option::of(name),
            any::<bool>(),
        )
            .prop_map(|(at, state, name, counter)| Self {
                at,
                state,
                name,
                counter,
            })
    }

    fn garble(&self, stats: &mut PrintStats) {
        // `Printing` after the end would be another print.
        if let Some(state) = self
            .state
            .filter(|state| *state == PrintState::Unknown || stats.state.is_active())
        {
            stats.state = state;
        }
        // A wrong name is sent only with a counter and not in the first update: the running counter then shows that the
        // print is the same.
        match &self.name {
            Some(Some(name)) if !self.counter && self.at > 0 => stats.filename = Some(name.clone()),
            Some(_) => stats.filename = None,
            None => {}
        }
        if self.counter {
            stats.figures = Figures::default();
        }
    }
}

/// Updates of a print, one per second; the last two report its completion.
const UPDATES: usize = 14;

/// What happens during the test.
#[derive(Debug, Clone, Copy)]
struct Circumstances {
    /// Whether Moonraker's history reports the print.
    reported: bool,
    /// After which update the connection is cut and made again.
    reconnect: Option<usize>,
}

fn play(file: &str, circumstances: Circumstances, oddities: &[Odd]) -> BenchPrinter {
    let mut printer = BenchPrinter::new();
    printer.sync(KlippyState::Ready, Some(stats(PrintState::Standby, "", 0.0)), &[]);
    printer.after(1.0);
    let mut history = Vec::new();
    for index in 0..=UPDATES {
        let is_over = index + 2 >= UPDATES;
        let state = match is_over {
            true => PrintState::Complete,
            false => PrintState::Printing,
        };
        let total = index.min(UPDATES - 2) as f64 + 0.2;
        let mut now = stats(state, file, total);
        for odd in oddities.iter().filter(|odd| odd.at == index) {
            odd.garble(&mut now);
        }
        printer.play(Event::Status {
            stats: now.clone(),
            klippy: KlippyState::Ready,
            klippy_message: None,
        });
        if circumstances.reported && index == 0 {
            history.push(row("000001", file, "in_progress", 1.0, None, 0.2));
            printer.added(&history[0].clone());
        }
        if circumstances.reported && index + 2 == UPDATES {
            history[0] = row("000001", file, "completed", 1.0, Some(1.0 + total), total);
            printer.finished(&history[0].clone());
        }
        if circumstances.reconnect == Some(index) {
            printer
                .play(Event::LinkLost)
                .sync(KlippyState::Ready, Some(now), &history);
            // The printer task reads everything again at the first known state.
            if oddities.iter().any(|odd| odd.at == index && odd.state.is_some()) {
                let clear = stats(state, file, total);
                printer.sync(KlippyState::Ready, Some(clear), &history);
            }
        }
        printer.after(1.0);
    }
    printer.settle();
    printer
}

/// Odd updates, one at a time, with clear updates between them.
fn apart(oddities: Vec<Odd>) -> Vec<Odd> {
    let mut kept: Vec<Odd> = Vec::new();
    for odd in oddities {
        if kept.iter().all(|other| other.at.abs_diff(odd.at) >= 4) {
            kept.push(odd);
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_print_is_one_correct_row_despite_odd_updates(
        file in "[^/]{1,20}",
        reported in any::<bool>(),
        reconnect in prop::option::of(0..UPDATES),
        oddities in prop::collection::vec(Odd::any(), 0..4),
    ) {
        let oddities = apart(oddities);
        let circumstances = Circumstances { reported, reconnect };
        let printer = play(&file, circumstances, &oddities);
        let rows = &printer.rows;
        prop_assert_eq!(rows.len(), 1, "{:#?}", rows);
        let job = &rows[0];
        prop_assert_eq!(job.status, JobStatus::Completed, "{:#?}", job);
        prop_assert_eq!(job.job_id.is_some(), reported);
        let total = job.figures.total_duration.unwrap_or(-1.0);
        prop_assert!((total - 12.2).abs() < 1.5, "{:#?}", job);
    }
}
