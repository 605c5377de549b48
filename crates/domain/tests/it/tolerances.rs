//! For each tolerance of the tracker and of the merge with the history: a case just inside and one just outside.

use domain::PrintState::{Cancelled, Complete, Printing, Standby};
use domain::{Figures, HistoryJob, Job, JobStatus, KlippyState, PrintStats, tracker::Event};

use crate::bench_printer::{BenchPrinter, PRINTER, at, row, stats};

fn idle() -> BenchPrinter {
    let mut printer = BenchPrinter::new();
    printer.sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[]);
    printer
}

/// A print of `a.gcode` that began at 1 s and runs since `total` seconds.
fn printing(total: f64) -> BenchPrinter {
    let mut printer = idle();
    printer.after(1.2).status(Printing, "a.gcode", 0.2);
    printer.added(&row("000001", "a.gcode", "in_progress", 1.2, None, 0.2));
    printer.after(total - 0.2).status(Printing, "a.gcode", total);
    printer
}

/// The same, but without reports of the history.
fn unreported(total: f64) -> BenchPrinter {
    let mut printer = idle();
    printer.after(1.2).status(Printing, "a.gcode", 0.2);
    printer.after(total - 0.2).status(Printing, "a.gcode", total);
    printer
}

/// A job that was recorded from `print_stats` alone, with this start and length. Open if it has no end.
fn unreported_job(start: f64, total: f64, is_open: bool) -> Job {
    let mut job = Job::from_history(
        PRINTER,
        &row(
            "000009",
            "a.gcode",
            "completed",
            start,
            Some(start + total),
            total,
        ),
    );
    (job.job_id, job.history_start_time) = (None, None);
    if is_open {
        (job.status, job.end_time) = (JobStatus::Printing, None);
    }
    job
}

#[test]
fn report_grace() {
    for (late, ends) in [(1.9, 1), (2.1, 2)] {
        let mut printer = printing(10.0);
        printer.status(Complete, "a.gcode", 10.0);
        let writes = printer.writes;
        printer
            .after(late)
            .finished(&row("000001", "a.gcode", "completed", 1.2, Some(11.0), 10.0));
        assert_eq!(printer.row().status, JobStatus::Completed);
        assert_eq!(printer.writes - writes, ends, "{late} s late");
    }
}

#[test]
fn checkpoint() {
    for (seconds, writes) in [(29.9, 0), (30.0, 1)] {
        let mut printer = printing(0.2);
        let before = printer.writes;
        printer.after(seconds).status(Printing, "a.gcode", 0.2 + seconds);
        assert_eq!(printer.writes - before, writes, "{seconds} s");
    }
}

#[test]
fn same_counter() {
    for (late, jobs) in [(0.45, 1), (0.55, 2)] {
        let mut printer = printing(10.0);
        printer.after(5.0).status(Printing, "b.gcode", 15.0 - late);
        printer.settle();
        assert_eq!(printer.rows.len(), jobs, "{late} s late");
    }
}

#[test]
fn stale_start() {
    for (later, jobs) in [(0.85, 1), (0.95, 2)] {
        let mut printer = printing(10.0);
        printer.finished(&row("000001", "a.gcode", "cancelled", 1.2, Some(11.0), 10.0));
        printer.after(5.0).status(Printing, "a.gcode", 15.0 - later);
        printer.settle();
        assert_eq!(printer.rows.len(), jobs, "started {later} s later");
    }
}

#[test]
fn seen_running() {
    for (restarted, later, jobs) in [
        (false, 0.45, 1),
        (false, 0.55, 2),
        (true, 0.45, 1),
        (true, 0.55, 2),
    ] {
        let mut printer = printing(0.2);
        printer.play(Event::LinkLost);
        if restarted {
            printer.restart();
        }
        printer.after(20.0).sync(
            KlippyState::Ready,
            Some(stats(Printing, "a.gcode", 20.0 - later)),
            &[],
        );
        printer.settle();
        assert_eq!(printer.rows.len(), jobs, "started {later} s later, {restarted}");
    }
}

#[test]
fn late_start() {
    for (total, jobs) in [(9.9, 1), (10.1, 2)] {
        let mut printer = unreported(total);
        let late = row("000001", "a.gcode", "in_progress", 4.0, None, 0.2);
        printer.added(&late).settle();
        assert_eq!(printer.rows.len(), jobs, "{total} s");
    }
}

#[test]
fn noticed_late() {
    for (total, jobs) in [(1.6, 1), (1.4, 2)] {
        let mut printer = idle();
        printer.after(1.0).status(Printing, "b.gcode", 0.2);
        printer.after(total - 0.2).status(Printing, "b.gcode", total);
        printer.added(&row("000002", "a.gcode", "in_progress", 0.8 + total, None, total));
        // Both are one print, or a print of `a.gcode` has replaced that of `b.gcode`.
        let file = if jobs == 1 { "b.gcode" } else { "a.gcode" };
        printer.after(3.0).status(Printing, file, total + 3.0).settle();
        let names: Vec<_> = printer
            .rows
            .iter()
            .filter_map(|job| job.filename.as_deref())
            .collect();
        assert_eq!(names, [file], "{total} s");
    }
}

#[test]
fn remembered_runs() {
    for (later_runs, expected) in [(7, 0), (8, 1)] {
        let mut printer = idle();
        let start = |n: usize| 10.0 * n as f64;
        for n in 0..=later_runs {
            let id = format!("{n:06X}");
            printer.added(&row(&id, "a.gcode", "in_progress", start(n), None, 0.2));
            let end = row(&id, "a.gcode", "completed", start(n), Some(start(n) + 5.0), 5.0);
            printer.after(5.0).finished(&end).after(5.0);
        }
        printer.added(&row("000000", "a.gcode", "in_progress", 0.0, None, 0.2));
        let opened = printer.rows.iter().filter(|job| job.status.is_open()).count();
        assert_eq!(opened, expected, "{later_runs} runs later");
    }
}

#[test]
fn history_start() {
    for (later, jobs) in [(1.4, 1), (1.6, 2)] {
        let mut printer = BenchPrinter::new();
        let running = row("000001", "a.gcode", "in_progress", 0.0, None, 0.0);
        // A stored job that printlog has seen only at its very start.
        printer.sync(KlippyState::Ready, Some(stats(Printing, "a.gcode", 0.0)), &[]);
        printer.added(&running).play(Event::LinkLost);
        printer.after(20.0).sync(
            KlippyState::Ready,
            Some(stats(Printing, "a.gcode", 20.0 - later)),
            &[running],
        );
        printer.settle();
        assert_eq!(printer.rows.len(), jobs, "started {later} s later");
    }
}

#[test]
fn unwatched() {
    for (later, jobs) in [(4.9, 1), (5.1, 2)] {
        let mut printer = BenchPrinter::new();
        let killed = row("000001", "a.gcode", "interrupted", -100.0, None, 0.0);
        printer.sync(
            KlippyState::Ready,
            Some(stats(Printing, "a.gcode", 100.0 - later)),
            &[killed],
        );
        printer.settle();
        assert_eq!(printer.rows.len(), jobs, "started {later} s later");
    }
}

#[test]
fn since_row_start() {
    for (earlier, status) in [(4.9, JobStatus::Completed), (5.1, JobStatus::Interrupted)] {
        let mut printer = BenchPrinter::new();
        let killed = row("000001", "a.gcode", "interrupted", -100.0, None, 0.2);
        let ended = stats(Complete, "a.gcode", 100.0 + earlier);
        printer.sync(KlippyState::Ready, Some(ended), &[killed]).settle();
        assert_eq!(printer.row().status, status, "{earlier} s before the start");
    }
}

#[test]
fn just_started() {
    for (age, jobs) in [(9.9, 0), (10.1, 1)] {
        let mut printer = BenchPrinter::new();
        let running = row("000001", "a.gcode", "in_progress", -age, None, 0.2);
        printer.sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[running]);
        assert_eq!(printer.rows.len(), jobs, "{age} s old");
    }
}

#[test]
fn missed_start() {
    // The start is noted near the end, or long after the run began.
    for (start, end, total, is_missed) in [
        (100.0, 100.9, 100.9, true),
        (100.0, 101.1, 1.1, false),
        (100.0, 110.0, 11.1, true),
        (100.0, 110.0, 10.9, false),
    ] {
        let row = row("000001", "", "completed", start, Some(end), total);
        assert_eq!(row.missed_start(), is_missed, "{start} to {end}, {total} s");
    }
}

#[test]
fn computed_start() {
    let missed = row("000001", "", "completed", 100.0, Some(100.0), 90.0);
    for (start, is_same) in [(11.9, true), (12.1, false), (8.1, true), (7.9, false)] {
        let open = unreported_job(start, 2.0, true);
        assert_eq!(missed.is_late_report_of(&open), is_same, "{start}");
    }
}

#[test]
fn late_end() {
    let missed = row("000001", "", "completed", 100.0, Some(100.0), 90.0);
    for (start, is_same) in [(19.9, true), (20.1, false), (0.1, true), (-0.1, false)] {
        let ended = unreported_job(start, 90.0, false);
        assert_eq!(missed.is_late_report_of(&ended), is_same, "{start}");
    }
}

#[test]
fn unreported_start() {
    for (start, is_same) in [(10.9, true), (11.1, false), (9.1, true), (8.9, false)] {
        let row = row("000001", "a.gcode", "completed", 10.0, Some(100.0), 90.0);
        let job = unreported_job(start, 50.0, false);
        assert_eq!(row.is_late_report_of(&job), is_same, "{start}");
    }
}

#[test]
fn one_print() {
    for (total, status) in [(99.1, JobStatus::Completed), (98.9, JobStatus::Cancelled)] {
        let mut replaced =
            Job::from_history(PRINTER, &row("000001", "a.gcode", "in_progress", 0.0, None, 0.2));
        let printer = {
            let mut printer = printing(10.0);
            printer.after(1.0).status(Printing, "a.gcode", 0.3).settle();
            printer
        };
        replaced.clone_from(&printer.rows[0]);
        assert_eq!(replaced.status, JobStatus::Cancelled, "replaced");
        let end = row("000001", "a.gcode", "completed", 1.2, Some(101.2), total);
        let merged = replaced.merged_with(&end).unwrap_or(replaced);
        assert_eq!(merged.status, status, "{total} s of 100 s");
    }
}

#[test]
fn final_lag() {
    for (total, kept) in [(9.1, 9.1), (8.9, 10.0)] {
        let mut printer = printing(10.0);
        printer
            .status(Cancelled, "a.gcode", 10.0)
            .finished(&row("000001", "a.gcode", "cancelled", 1.2, Some(11.0), total))
            .settle();
        assert_eq!(printer.row().figures.total_duration, Some(kept));
    }
}

#[test]
fn mirror_lag() {
    let at = |total: f64| PrintStats {
        state: Printing,
        filename: Some("a.gcode".to_owned()),
        figures: Figures::reported(Some(total), Some(total), None),
        message: None,
    };
    assert!(!at(10.0).is_behind(&at(12.9)));
    assert!(at(10.0).is_behind(&at(13.1)));
}

#[test]
fn clock_jump() {
    let ended = |end: f64| -> HistoryJob { row("000001", "a.gcode", "completed", 0.0, Some(end), 100.0) };
    for (end, jumped) in [(159.9, false), (160.1, true), (40.1, false), (39.9, true)] {
        let job = Job::from_history(PRINTER, &ended(end));
        assert_eq!(job.clock_jumped, jumped, "{end}");
        assert_eq!(job.end_time, Some(at(end)));
    }
}
