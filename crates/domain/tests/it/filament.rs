//! Measured filament: replays of recorded prints, single rules, and random schedules.

use std::collections::BTreeMap;

use domain::{
    FilamentEvent, FilamentMeter, FilamentReading, FilamentSource, FilamentUse, SpoolCandidates, SpoolSource,
    Supply, UseKind, choose_spool, grams_per_mm, is_reported_too_low, measured_length,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::bench_printer::at;

/// Two extruders, six tool changes, M221 S110 over 100 mm, and a purge of 30 mm during a pause, recorded with a real Klippy.
/// The file extrudes 383 mm and 160 mm.
const RECORDINGS: [(&str, &str); 2] = [
    (
        "2025-06",
        include_str!("../../test_data/filament/two-extruders-klipper-2025-06.csv"),
    ),
    (
        "before 2025-06",
        include_str!("../../test_data/filament/two-extruders-klipper-before-2025-06.csv"),
    ),
];

/// A meter with a clock that collects the uses.
struct Bench {
    meter: FilamentMeter,
    now: Timestamp,
    ended: Vec<FilamentUse>,
}

impl Bench {
    fn new() -> Self {
        Self {
            meter: FilamentMeter::default(),
            now: at(0.0),
            ended: Vec::new(),
        }
    }

    fn ready() -> Self {
        let mut bench = Self::new();
        bench.play(FilamentEvent::Ready);
        bench
    }

    fn play(&mut self, event: FilamentEvent) -> &mut Self {
        self.now += SignedDuration::from_millis(250);
        self.ended.extend(self.meter.step(self.now, event));
        self
    }

    fn read(&mut self, reading: FilamentReading) -> &mut Self {
        self.play(FilamentEvent::Reading(Box::new(reading)))
    }

    /// A reading of the job's first tool.
    fn print(&mut self, position: f64) -> &mut Self {
        self.read(reading("extruder", position))
    }

    /// Kills printlog: only the stored state survives.
    fn restart(&mut self) -> &mut Self {
        self.meter = FilamentMeter::restore(self.meter.state().clone());
        self.play(FilamentEvent::Connected { same_session: true })
    }

    /// All uses, ended and open.
    fn uses(&self) -> Vec<FilamentUse> {
        self.ended
            .iter()
            .chain(&self.meter.state().open)
            .cloned()
            .collect()
    }

    fn length(&self, wanted: impl Fn(&FilamentUse) -> bool) -> f64 {
        let uses = self.uses();
        uses.iter()
            .filter(|usage| wanted(usage))
            .map(|usage| usage.length)
            .sum()
    }
}

fn fed(tool: u32, spool: Option<i64>) -> Supply {
    Supply {
        tool: Some(tool),
        spool,
        ..Supply::default()
    }
}

fn reading(extruder: &str, position: f64) -> FilamentReading {
    FilamentReading {
        extruder: extruder.to_owned(),
        position,
        print_time: None,
        job: Some(at(0.0)),
        is_paused: false,
        reported: None,
        supply: fed(u32::from(extruder == "extruder1"), None),
        copy: None,
    }
}

/// The readings, each with the number of Klippy's session.
fn recorded(csv: &str) -> Vec<(u32, FilamentReading)> {
    let rows = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>());
    rows.map(|row| {
        let (session, state) = (row[1].parse().expect("a number"), row[4]);
        let reading = FilamentReading {
            job: matches!(state, "printing" | "paused").then(|| job_of(session)),
            is_paused: state == "paused",
            reported: row[5].parse().ok(),
            ..reading(row[2], row[3].parse().expect("a position"))
        };
        (session, reading)
    })
    .collect()
}

/// Each session has one job.
fn job_of(session: u32) -> Timestamp {
    at(f64::from(session) * 1_000.0)
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.001
}

#[test]
fn recorded_prints_measure_what_the_file_extrudes() {
    for (klipper, csv) in RECORDINGS {
        let readings = recorded(csv);
        // Without a break, and with a restart after each reading.
        for restarts in [false, true] {
            let mut bench = Bench::new();
            let mut last_session = 0;
            for (session, reading) in &readings {
                if *session != last_session {
                    bench.play(FilamentEvent::KlippyLost).play(FilamentEvent::Ready);
                    last_session = *session;
                }
                bench.read(reading.clone());
                if restarts {
                    bench.restart();
                }
            }
            let of = |extruder: &str| {
                bench.length(|usage| usage.job == Some(job_of(1)) && usage.extruder == extruder)
            };
            assert!(near(of("extruder"), 383.0), "{klipper}: {}", of("extruder"));
            assert!(near(of("extruder1"), 160.0), "{klipper}: {}", of("extruder1"));
            let purged = bench.length(|usage| usage.kind == UseKind::Pause);
            assert!(near(purged, 28.0), "{klipper}: {purged}");
            // A print of 100 mm after FIRMWARE_RESTART, of which Moonraker reported nothing to Spoolman.
            let second = bench.length(|usage| usage.job == Some(job_of(2)));
            let expected = if last_session > 1 { 100.0 } else { 0.0 };
            assert!(near(second, expected), "{klipper}: {second}");
            assert!(near(measured_length(&bench.uses()), 543.0 + expected));
        }
        let of_first = readings
            .iter()
            .filter(|(session, reading)| *session == 1 && reading.job.is_some());
        let reported = of_first
            .filter_map(|(_, reading)| reading.reported)
            .next_back()
            .expect("a figure");
        assert_eq!(
            is_reported_too_low(reported, 543.0, 2),
            klipper == "before 2025-06"
        );
    }
}

#[test]
fn a_retraction_and_its_return_count_nothing() {
    let mut bench = Bench::ready();
    for position in [10.0, 8.0, 10.0, 5.0, 9.0, 12.0] {
        bench.print(position);
    }
    assert!(near(bench.length(|_| true), 12.0));
}

#[test]
fn a_use_ends_where_tool_job_or_purpose_changes() {
    let mut bench = Bench::ready();
    bench.print(10.0).read(reading("extruder1", 5.0));
    bench.read(FilamentReading {
        is_paused: true,
        ..reading("extruder1", 7.0)
    });
    bench.read(FilamentReading {
        job: None,
        ..reading("extruder1", 8.0)
    });
    bench.read(FilamentReading {
        job: Some(at(500.0)),
        ..reading("extruder1", 9.0)
    });
    let found: Vec<_> = bench
        .uses()
        .iter()
        .map(|usage| (usage.kind, usage.length))
        .collect();
    let expected = [
        (UseKind::Print, 10.0),
        (UseKind::Print, 5.0),
        (UseKind::Pause, 2.0),
        (UseKind::Outside, 1.0),
        (UseKind::Print, 1.0),
    ];
    assert_eq!(found, expected);
    assert!(
        near(measured_length(&bench.uses()), 18.0),
        "what is outside of a job does not count"
    );
    let ended = bench
        .ended
        .iter()
        .all(|usage| usage.ended_at.is_some_and(|end| end >= usage.started_at));
    assert!(ended && bench.meter.state().open[0].ended_at.is_none());
}

#[test]
fn filament_extruded_at_a_tool_change_belongs_to_the_tool_that_used_it() {
    let mut bench = Bench::ready();
    bench.print(10.0).read(reading("extruder1", 0.0));
    // 5 mm went through the first extruder after its last reading.
    bench.print(15.0);
    assert!(near(bench.length(|usage| usage.extruder == "extruder"), 15.0));
}

#[test]
fn a_filament_change_on_one_nozzle_neither_hides_nor_repeats_filament() {
    let spool = |spool: i64, position: f64| FilamentReading {
        supply: fed(0, Some(spool)),
        ..reading("extruder", position)
    };
    let mut bench = Bench::ready();
    bench.read(spool(1, 100.0)).read(spool(1, 20.0));
    // The new filament is loaded at 90 mm, below the mark of the old one, and purges 30 mm.
    bench
        .read(spool(1, 90.0))
        .read(spool(2, 90.0))
        .read(spool(2, 120.0));
    let of = |number| bench.length(|usage| usage.supply.spool == Some(number));
    assert!(near(of(1), 100.0) && near(of(2), 30.0), "{} {}", of(1), of(2));
}

#[test]
fn what_was_extruded_during_a_lost_connection_is_bridged() {
    let mut bench = Bench::ready();
    bench.print(10.0).restart().print(1_500.0).print(1_510.0);
    let uses = bench.uses();
    assert_eq!(uses.len(), 1);
    assert!(near(uses[0].length, 1_510.0) && uses[0].flags.bridged && !uses[0].flags.implausible_jump);
}

#[test]
fn filament_of_a_gap_in_which_the_spool_changed_belongs_to_no_spool() {
    let spool = |spool: i64, position: f64| FilamentReading {
        supply: fed(0, Some(spool)),
        ..reading("extruder", position)
    };
    let mut bench = Bench::ready();
    bench.read(spool(1, 10.0)).restart();
    bench.read(spool(2, 50.0)).read(spool(2, 60.0));
    let of = |number| bench.length(|usage| usage.supply.spool == number);
    assert!(near(of(Some(1)), 10.0) && near(of(None), 40.0) && near(of(Some(2)), 10.0));
    let unknown = bench
        .uses()
        .into_iter()
        .find(|usage| usage.supply.spool.is_none())
        .expect("a use");
    assert!(unknown.flags.bridged && unknown.supply.tool.is_none());
}

#[test]
fn a_print_that_runs_at_the_first_contact_begins_with_the_reported_length() {
    let mut bench = Bench::new();
    bench.play(FilamentEvent::Connected { same_session: false });
    bench.read(FilamentReading {
        reported: Some(480.0),
        ..reading("extruder", 500.0)
    });
    bench
        .print(520.0)
        .read(reading("extruder1", 70.0))
        .read(reading("extruder1", 75.0));
    let found: Vec<_> = bench
        .uses()
        .iter()
        .map(|usage| (usage.source, usage.length, usage.flags.assumed))
        .collect();
    let expected = [
        (FilamentSource::PrintStats, 480.0, true),
        (FilamentSource::Measured, 20.0, true),
        (FilamentSource::Measured, 5.0, true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_idle_printer_at_the_first_contact_has_used_nothing() {
    for reported in [None, Some(0.0), Some(-2.5), Some(f64::NAN), Some(300.0)] {
        let mut bench = Bench::new();
        bench.play(FilamentEvent::Connected { same_session: false });
        bench.read(FilamentReading {
            job: None,
            reported,
            ..reading("extruder", 500.0)
        });
        assert!(near(bench.length(|_| true), 0.0));
    }
}

#[test]
fn an_implausible_jump_is_marked_and_not_counted() {
    for (jump, expected, is_marked) in [
        (999.0, 1_009.0, false),
        (1_001.0, 10.0, true),
        (f64::NAN, 10.0, false),
    ] {
        let mut bench = Bench::ready();
        bench.print(10.0).print(10.0 + jump);
        assert!(near(bench.length(|_| true), expected), "{jump}");
        assert_eq!(bench.uses()[0].flags.implausible_jump, is_marked, "{jump}");
    }
}

#[test]
fn a_restart_of_klippy_begins_a_session_with_or_without_a_notification() {
    let at_time = |position, print_time| FilamentReading {
        print_time: Some(print_time),
        ..reading("extruder", position)
    };
    let mut bench = Bench::ready();
    bench
        .print(100.0)
        .play(FilamentEvent::KlippyLost)
        .play(FilamentEvent::Ready)
        .print(30.0);
    assert!(near(bench.length(|_| true), 130.0));
    // Without a notification; what the new session extruded before its first reading is unknown.
    let mut bench = Bench::ready();
    bench.read(at_time(800.0, 400.0)).read(at_time(1_600.0, 800.0));
    bench.read(at_time(50.0, 20.0)).read(at_time(60.0, 25.0));
    assert!(near(bench.length(|_| true), 1_610.0));
    // A long unload.
    let mut bench = Bench::ready();
    bench.read(at_time(800.0, 400.0)).read(at_time(1_600.0, 800.0));
    bench.read(at_time(50.0, 820.0)).read(at_time(1_610.0, 900.0));
    assert!(near(bench.length(|_| true), 1_610.0));
}

#[test]
fn a_carriage_that_copies_uses_as_much_again() {
    let mut bench = Bench::ready();
    bench.read(FilamentReading {
        copy: Some(fed(1, Some(7))),
        ..reading("extruder", 40.0)
    });
    bench.print(50.0);
    assert!(near(bench.length(|usage| usage.supply.tool == Some(0)), 50.0));
    assert!(near(
        bench.length(|usage| usage.supply.spool == Some(7) && usage.flags.copied),
        40.0
    ));
}

#[test]
fn the_first_source_that_knows_a_spool_decides() {
    let map = |spool| Some((SpoolSource::Mmu, spool));
    for (map, assigned, active, has_one_tool, expected, is_conflict) in [
        (
            map(Some(1)),
            Some(2),
            Some(1),
            true,
            Some((1, SpoolSource::Mmu)),
            false,
        ),
        (
            map(Some(1)),
            None,
            Some(3),
            false,
            Some((1, SpoolSource::Mmu)),
            true,
        ),
        (
            map(None),
            Some(2),
            Some(3),
            true,
            Some((2, SpoolSource::User)),
            false,
        ),
        (
            None,
            None,
            Some(3),
            true,
            Some((3, SpoolSource::MoonrakerActive)),
            false,
        ),
        (None, None, Some(3), false, None, false),
        (None, None, None, true, None, false),
    ] {
        let candidates = SpoolCandidates {
            map,
            assigned,
            active,
            has_one_tool,
        };
        let supply = choose_spool(Some(0), None, &candidates);
        assert_eq!(supply.spool.zip(supply.spool_source), expected, "{candidates:?}");
        assert_eq!(supply.is_conflict, is_conflict, "{candidates:?}");
    }
}

#[test]
fn a_millimetre_weighs_what_its_volume_and_density_give() {
    // Spoolman 0.26.1 recorded 2.9825 g for 1,000 mm.
    let grams = grams_per_mm(1.75, 1.24).expect("a weight");
    assert!((grams * 1000.0 - 2.982_549_525_501_809_7).abs() < 1e-9);
    for (diameter, density) in [
        (0.0, 1.24),
        (1.75, 0.0),
        (-1.75, 1.24),
        (f64::NAN, 1.24),
        (1.75, f64::INFINITY),
    ] {
        assert_eq!(grams_per_mm(diameter, density), None);
    }
}

/// A step of a random schedule.
#[derive(Debug, Clone, Copy)]
enum Step {
    Move(f64),
    Tool(usize),
    Pause(bool),
    EndJob,
    Restart,
}

impl Step {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            10 => (-20.0..60.0_f64).prop_map(Self::Move),
            3 => (0_usize..3).prop_map(Self::Tool),
            1 => any::<bool>().prop_map(Self::Pause),
            1 => Just(Self::EndJob),
            1 => Just(Self::Restart),
        ]
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uses_add_up_to_what_each_extruder_pushed(steps in prop::collection::vec(Step::any(), 1..60)) {
        const EXTRUDERS: [&str; 3] = ["extruder", "extruder1", "extruder2"];
        let mut bench = Bench::ready();
        let mut positions = [0.0_f64; 3];
        let mut highest = BTreeMap::new();
        let (mut tool, mut job, mut is_paused) = (0, 0.0, false);
        for step in steps {
            match step {
                Step::Move(length) => positions[tool] += length,
                Step::Tool(next) => tool = next,
                Step::Pause(paused) => is_paused = paused,
                Step::EndJob => job += 100.0,
                Step::Restart => { bench.restart(); }
            }
            let before = bench.length(|_| true);
            bench.read(FilamentReading { job: Some(at(job)), is_paused, ..reading(EXTRUDERS[tool], positions[tool]) });
            prop_assert!(bench.length(|_| true) >= before - 1e-9, "a use never shrinks");
            let high = highest.entry(EXTRUDERS[tool]).or_insert(0.0_f64);
            *high = high.max(positions[tool]);
        }
        for (extruder, high) in highest {
            prop_assert!(near(bench.length(|usage| usage.extruder == extruder), high), "{extruder}");
        }
        prop_assert!(bench.uses().iter().all(|usage| usage.length >= 0.0));
    }
}
