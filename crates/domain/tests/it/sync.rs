//! Lost connections, and what the printer did meanwhile.

use domain::PrintState::{Complete, Printing, Standby};
use domain::{Cause, HistoryJob, JobStatus, KlippyState, Source, tracker::Event};

use crate::bench_printer::{BenchPrinter, at, row, stats};

/// A printer that had printed `a.gcode` for 100 s when the connection was lost.
fn cut_at_100_s() -> BenchPrinter {
    let mut printer = BenchPrinter::new();
    printer.sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[]);
    printer.after(1.0).status(Printing, "a.gcode", 0.2);
    printer.added(&running());
    printer
        .after(99.8)
        .status(Printing, "a.gcode", 100.0)
        .play(Event::LinkLost);
    printer
}

fn running() -> HistoryJob {
    row("000001", "a.gcode", "in_progress", 1.0, None, 0.2)
}

/// Moonraker's row after it was killed during a print.
fn interrupted() -> HistoryJob {
    row("000001", "a.gcode", "interrupted", 1.0, None, 0.2)
}

#[test]
fn connecting_ten_times_to_a_printer_that_finished_yesterday_changes_nothing() {
    let mut printer = BenchPrinter::new();
    let history = [row(
        "000001",
        "a.gcode",
        "completed",
        -86_400.0,
        Some(-80_000.0),
        6400.0,
    )];
    for _ in 0..10 {
        printer
            .sync(
                KlippyState::Ready,
                Some(stats(Complete, "a.gcode", 6400.0)),
                &history,
            )
            .settle();
        printer.play(Event::LinkLost);
        assert_eq!(printer.row().end_time, Some(at(-80_000.0)));
    }
    assert_eq!(printer.writes, 0);
}

#[test]
fn a_print_that_ended_while_disconnected_ends_as_the_history_reports() {
    for restarted in [false, true] {
        let mut printer = cut_at_100_s();
        if restarted {
            printer.restart();
        }
        let end = row("000001", "a.gcode", "completed", 1.0, Some(501.0), 500.0);
        printer
            .after(1000.0)
            .sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[end])
            .settle();
        let job = printer.row();
        assert_eq!(
            (job.status, job.end_time),
            (JobStatus::Completed, Some(at(501.0)))
        );
        assert_eq!(job.figures.total_duration, Some(500.0));
    }
}

#[test]
fn a_print_continues_after_moonraker_was_killed_and_ends_with_correct_figures() {
    for restarted in [false, true] {
        let mut printer = cut_at_100_s();
        if restarted {
            printer.restart();
        }
        printer
            .after(50.0)
            .sync(KlippyState::Startup, None, &[interrupted()]);
        assert_eq!(
            printer.row().status,
            JobStatus::Printing,
            "nothing is decided before Klippy speaks"
        );
        printer.after(2.0).sync(
            KlippyState::Ready,
            Some(stats(Printing, "a.gcode", 152.0)),
            &[interrupted()],
        );
        assert_eq!(printer.row().status, JobStatus::Printing);
        printer.after(100.0).status(Complete, "a.gcode", 250.0).settle();
        let job = printer.row();
        assert_eq!(
            (job.status, job.end_source),
            (JobStatus::Completed, Some(Source::PrintStats))
        );
        assert_eq!((job.start_time, job.end_time), (Some(at(1.0)), Some(at(251.0))));
        assert_eq!(job.figures.total_duration, Some(250.0));
        // Moonraker keeps the status `interrupted` for good.
        let before = printer.row().clone();
        printer
            .restart()
            .sync(
                KlippyState::Ready,
                Some(stats(Standby, "", 0.0)),
                &[interrupted()],
            )
            .settle();
        assert_eq!(printer.row(), &before);
    }
}

#[test]
fn a_print_that_ended_while_moonraker_was_down_ends_as_print_stats_shows() {
    let mut printer = cut_at_100_s();
    printer.restart().after(1000.0);
    printer
        .sync(
            KlippyState::Ready,
            Some(stats(Complete, "a.gcode", 250.0)),
            &[interrupted()],
        )
        .settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.end_time),
        (JobStatus::Completed, Some(at(251.0)))
    );
}

#[test]
fn a_print_whose_end_was_not_observed_is_interrupted_with_its_last_figures() {
    let mut printer = cut_at_100_s();
    let weeks = 3.0 * 7.0 * 86_400.0;
    printer
        .restart()
        .after(weeks)
        .sync(
            KlippyState::Ready,
            Some(stats(Standby, "", 0.0)),
            &[interrupted()],
        )
        .settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.cause.as_ref()),
        (JobStatus::Interrupted, Some(&Cause::Interrupted))
    );
    assert_eq!((job.end_time, job.figures.total_duration), (None, Some(100.0)));
}

#[test]
fn a_clean_stop_of_moonraker_does_not_end_the_job() {
    let mut printer = cut_at_100_s();
    printer.sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 100.1)),
        &[running()],
    );
    let exit = row("000001", "a.gcode", "server_exit", 1.0, Some(111.0), 110.0);
    printer
        .after(10.0)
        .status(Printing, "a.gcode", 110.0)
        .finished(&exit);
    printer.play(Event::KlippyDisconnected).play(Event::LinkLost);
    assert_eq!(printer.row().status, JobStatus::Printing);
    printer.after(20.0).sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 130.0)),
        std::slice::from_ref(&exit),
    );
    printer.after(10.0).status(Complete, "a.gcode", 140.0).settle();
    assert_eq!(printer.row().status, JobStatus::Completed);
    assert_eq!(printer.row().figures.total_duration, Some(140.0));

    let mut never_back = cut_at_100_s();
    never_back
        .after(5000.0)
        .sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[exit])
        .settle();
    assert_eq!(never_back.row().cause, Some(Cause::ServerExit));
    assert_eq!(never_back.row().status, JobStatus::Interrupted);
}

#[test]
fn the_next_print_of_the_same_file_is_another_job() {
    let mut printer = cut_at_100_s();
    let next = row("000002", "a.gcode", "in_progress", 2000.0, None, 0.2);
    printer.restart().after(4900.0);
    printer
        .sync(
            KlippyState::Ready,
            Some(stats(Printing, "a.gcode", 3000.0)),
            &[interrupted(), next],
        )
        .settle();
    assert_eq!(
        printer.outcomes(),
        [
            (Some("a.gcode"), JobStatus::Interrupted),
            (Some("a.gcode"), JobStatus::Printing)
        ]
    );
    assert_eq!(printer.rows[1].start_time, Some(at(2000.0)));
}

#[test]
fn a_print_running_at_the_first_contact_is_recorded_with_its_start() {
    let mut printer = BenchPrinter::new();
    let running = row("000009", "a.gcode", "in_progress", -3600.0, None, 0.2);
    printer.sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 3600.0)),
        &[running],
    );
    assert_eq!(printer.row().start_time, Some(at(-3600.0)));
    assert_eq!(printer.row().figures.total_duration, Some(3600.0));
}

/// Moonraker connected to Klippy while it was already printing: its row has no file and its own start time.
#[test]
fn a_start_that_moonraker_missed_is_computed_from_the_counter() {
    let mut printer = BenchPrinter::new();
    let running = row("000003", "", "in_progress", -1.5, None, 0.2);
    printer.sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 3.0)),
        &[running],
    );
    assert_eq!(printer.row().start_time, Some(at(-3.0)));
    printer.after(5.0).status(Complete, "a.gcode", 8.0);
    printer
        .finished(&row("000003", "", "completed", -1.5, Some(5.0), 8.0))
        .settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.start_time),
        (JobStatus::Completed, Some(at(-3.0)))
    );
    assert_eq!(job.filename.as_deref(), Some("a.gcode"));
}

#[test]
fn a_print_that_survived_a_kill_of_moonraker_is_recorded_at_the_first_contact() {
    let mut printer = BenchPrinter::new();
    let killed = row("000009", "a.gcode", "interrupted", -3600.0, None, 0.2);
    printer.sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 3600.0)),
        std::slice::from_ref(&killed),
    );
    assert_eq!(
        (printer.row().status, printer.row().start_time),
        (JobStatus::Printing, Some(at(-3600.0)))
    );
    printer.after(60.0).status(Complete, "a.gcode", 3660.0).settle();
    assert_eq!(printer.row().status, JobStatus::Completed);
}

#[test]
fn a_row_that_moonraker_never_closed_is_interrupted() {
    let mut printer = BenchPrinter::new();
    let stale = row("000003", "a.gcode", "in_progress", -86_400.0, None, 0.2);
    printer
        .sync(
            KlippyState::Ready,
            Some(stats(Standby, "", 0.0)),
            std::slice::from_ref(&stale),
        )
        .settle();
    assert_eq!(printer.row().status, JobStatus::Interrupted);
    let writes = printer.writes;
    printer
        .sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[stale])
        .settle();
    assert_eq!(printer.rows.len(), 1);
    assert_eq!(printer.writes, writes);
}

#[test]
fn a_klippy_in_an_error_state_after_reconnecting_ends_the_job() {
    let mut printer = cut_at_100_s();
    printer
        .restart()
        .after(500.0)
        .sync(KlippyState::Error, None, &[interrupted()])
        .settle();
    assert_eq!(printer.row().status, JobStatus::Interrupted);
    assert_eq!(printer.row().figures.total_duration, Some(100.0));
}

#[test]
fn reconnecting_200_times_leaves_one_job() {
    let mut printer = cut_at_100_s();
    for flap in 0..200 {
        let total = 101.0 + f64::from(flap);
        printer.after(1.0).sync(
            KlippyState::Ready,
            Some(stats(Printing, "a.gcode", total)),
            &[running()],
        );
        printer.play(Event::LinkLost);
    }
    assert_eq!(printer.row().status, JobStatus::Printing);
    assert_eq!(printer.row().start_time, Some(at(1.0)));
}

/// The history was read while `a.gcode` ran; the print was read after the next run of the file had begun.
fn ended_between_two_reads() -> BenchPrinter {
    let mut printer = cut_at_100_s();
    printer.after(2.0).sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 0.3)),
        &[running()],
    );
    printer
}

/// Moonraker's row of the run that ended in between.
fn completed() -> HistoryJob {
    row("000001", "a.gcode", "completed", 1.0, Some(102.0), 101.0)
}

#[test]
fn an_end_between_reading_the_history_and_the_print_is_as_the_history_reports() {
    let mut printer = ended_between_two_reads();
    printer
        .finished(&completed())
        .added(&row("000002", "a.gcode", "in_progress", 102.5, None, 0.2))
        .settle();
    assert_eq!(
        printer.outcomes(),
        [
            (Some("a.gcode"), JobStatus::Completed),
            (Some("a.gcode"), JobStatus::Printing)
        ]
    );
    assert_eq!(printer.rows[0].figures.total_duration, Some(101.0));
}

#[test]
fn an_end_followed_by_a_lost_connection_is_as_the_history_reports() {
    let mut printer = ended_between_two_reads();
    printer.play(Event::LinkLost).after(3.0).sync(
        KlippyState::Ready,
        Some(stats(Printing, "a.gcode", 3.3)),
        &[
            completed(),
            row("000002", "a.gcode", "in_progress", 102.5, None, 0.2),
        ],
    );
    printer.settle();
    assert_eq!(
        printer.outcomes(),
        [
            (Some("a.gcode"), JobStatus::Completed),
            (Some("a.gcode"), JobStatus::Printing)
        ]
    );
}

#[test]
fn a_run_recorded_as_replaced_ends_as_its_history_row_reports() {
    let mut printer = ended_between_two_reads();
    // The notification arrives after the grace period.
    printer.settle();
    assert_eq!(printer.rows[0].cause, Some(Cause::Replaced));
    printer.finished(&completed()).settle();
    assert_eq!(printer.rows[0].status, JobStatus::Completed);
    assert_eq!(printer.rows[0].figures.total_duration, Some(101.0));
}
