//! Events over a stable connection.

use domain::PrintState::{Cancelled, Complete, Paused, Printing, Standby};
use domain::{Cause, Figures, HistoryEnd, JobStatus, KlippyState, PrintState, Source, tracker::Event};

use crate::bench_printer::{BenchPrinter, at, row, stats};

/// A printer that is connected and idle.
fn idle() -> BenchPrinter {
    let mut printer = BenchPrinter::new();
    printer.sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[]);
    printer
}

/// A printer that has printed `a.gcode` for ten seconds.
fn printing() -> BenchPrinter {
    let mut printer = idle();
    printer.after(1.0).status(Printing, "a.gcode", 0.2);
    printer.added(&row("000001", "a.gcode", "in_progress", 1.0, None, 0.2));
    printer.after(9.8).status(Printing, "a.gcode", 10.0);
    printer
}

#[test]
fn an_idle_printer_causes_no_write() {
    let mut printer = idle();
    for _ in 0..1000 {
        printer.after(0.25).status(Standby, "", 0.0);
    }
    assert_eq!(printer.writes, 0);
}

#[test]
fn a_job_is_saved_at_its_start_and_completed_by_the_notification() {
    let mut printer = printing();
    assert_eq!(printer.row().status, JobStatus::Printing);
    assert_eq!(printer.row().start_time, Some(at(1.0)));
    printer.after(50.0).status(Complete, "a.gcode", 60.0);
    printer
        .finished(&row("000001", "a.gcode", "completed", 1.0, Some(61.0), 60.0))
        .settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.cause.as_ref()),
        (JobStatus::Completed, Some(&Cause::Completed))
    );
    assert_eq!((job.start_time, job.end_time), (Some(at(1.0)), Some(at(61.0))));
    assert_eq!(job.figures.total_duration, Some(60.0));
    assert_eq!(job.end_source, Some(Source::History));
}

#[test]
fn order_and_number_of_notifications_do_not_matter() {
    let end = row("000001", "a.gcode", "completed", 1.0, Some(61.0), 60.0);
    let mut expected = None;
    for order in 0..4 {
        let mut printer = printing();
        printer.after(50.0);
        match order {
            0 => printer.status(Complete, "a.gcode", 60.0).finished(&end),
            1 => printer
                .finished(&end)
                .status(Printing, "a.gcode", 59.9)
                .status(Complete, "a.gcode", 60.0),
            2 => printer
                .finished(&end)
                .finished(&end)
                .status(Complete, "a.gcode", 60.0)
                .finished(&end),
            _ => printer
                .finished(&end)
                .status(Complete, "a.gcode", 60.0)
                .status(Complete, "a.gcode", 60.0),
        };
        printer.settle().status(Complete, "a.gcode", 60.0).settle();
        let job = printer.row().clone();
        let job = domain::Job {
            last_seen: None,
            ..job
        };
        assert_eq!(&job, expected.get_or_insert_with(|| job.clone()), "order {order}");
    }
}

/// Moonraker 0.10 and later miss one update after they connect to Klippy.
#[test]
fn a_print_that_moonraker_notices_late_under_the_previous_file_is_one_job() {
    // Before and after the job was recorded without the history.
    for paused_at in [1.7, 3.0] {
        let mut printer = idle();
        printer.after(1.0).status(Printing, "b.gcode", 0.2);
        printer
            .after(paused_at - 0.2)
            .status(Paused, "b.gcode", paused_at);
        let start = 0.8 + paused_at;
        printer.added(&row("000002", "a.gcode", "in_progress", start, None, paused_at));
        printer.after(5.0).status(Printing, "b.gcode", paused_at + 5.0);
        let total = paused_at + 10.0;
        printer.after(5.0).status(Complete, "b.gcode", total);
        printer
            .finished(&row(
                "000002",
                "a.gcode",
                "completed",
                start,
                Some(0.8 + total),
                total,
            ))
            .settle();
        let job = printer.row();
        assert_eq!(
            (job.status, job.job_id.as_deref(), job.filename.as_deref()),
            (JobStatus::Completed, Some("000002"), Some("b.gcode"))
        );
        assert_eq!(job.start_time, Some(at(0.8)));
        assert_eq!(job.figures.total_duration, Some(total));
        assert_eq!(job.metadata, None, "it belongs to another file");
    }
}

#[test]
fn a_start_notification_after_the_end_of_a_short_print_belongs_to_it() {
    let mut printer = idle();
    printer.after(1.0).status(Printing, "a.gcode", 0.2);
    printer.after(1.4).status(Complete, "a.gcode", 1.6);
    printer
        .added(&row("000001", "a.gcode", "in_progress", 1.0, None, 0.2))
        .finished(&row("000001", "a.gcode", "completed", 1.0, Some(2.4), 1.6))
        .settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.job_id.as_deref()),
        (JobStatus::Completed, Some("000001"))
    );
    assert_eq!(job.figures.total_duration, Some(1.6));
}

#[test]
fn a_start_notification_repeated_after_the_end_starts_no_job() {
    let start = row("000001", "a.gcode", "in_progress", 1.0, None, 0.2);
    let end = row("000001", "a.gcode", "error", 1.0, Some(61.0), 60.0);
    // The end is reported by the history, or by the status alone.
    for reported in [true, false] {
        let mut printer = printing();
        printer.after(50.0).status(PrintState::Error, "a.gcode", 60.0);
        if reported {
            printer.finished(&end);
        }
        printer.settle();
        let job = printer.row().clone();
        assert_eq!(job.status, JobStatus::Error);
        printer.added(&start);
        assert_eq!(*printer.row(), job);
        // The next print does not end the job again.
        printer.after(1.0).status(Printing, "b.gcode", 0.2);
        printer
            .added(&row("000002", "b.gcode", "in_progress", 65.0, None, 0.2))
            .added(&start);
        assert_eq!(printer.rows.len(), 2);
        assert_eq!(printer.rows[0], job);
        assert_eq!(printer.rows[1].status, JobStatus::Printing);
    }
}

#[test]
fn a_running_job_is_written_every_30_seconds_at_most() {
    let mut printer = printing();
    let before = printer.writes;
    for second in 11..=310 {
        printer.after(1.0).status(Printing, "a.gcode", f64::from(second));
    }
    assert!(
        printer.writes - before <= 10,
        "{} writes in 300 s",
        printer.writes - before
    );
    assert!(printer.row().figures.total_duration > Some(275.0));
}

#[test]
fn a_pause_is_saved_at_once_and_belongs_to_the_same_job() {
    let mut printer = printing();
    printer.after(1.0).status(Paused, "a.gcode", 11.0);
    assert_eq!(printer.row().status, JobStatus::Paused);
    printer
        .after(100.0)
        .status(Paused, "a.gcode", 111.0)
        .after(0.3)
        .status(Printing, "a.gcode", 111.3);
    assert_eq!(printer.row().status, JobStatus::Printing);
}

#[test]
fn a_reprint_of_the_same_file_is_another_job() {
    let mut printer = printing();
    printer.after(1.0).status(Cancelled, "a.gcode", 11.0);
    printer.finished(&row("000001", "a.gcode", "cancelled", 1.0, Some(12.0), 11.0));
    printer.after(5.0).status(Printing, "a.gcode", 0.2);
    printer.added(&row("000002", "a.gcode", "in_progress", 16.8, None, 0.2));
    printer
        .after(3.0)
        .status(Paused, "a.gcode", 3.2)
        .after(3.0)
        .status(Printing, "a.gcode", 6.2);
    printer.after(3.0).status(Complete, "a.gcode", 9.2);
    printer
        .finished(&row("000002", "a.gcode", "completed", 16.8, Some(26.0), 9.2))
        .settle();
    assert_eq!(
        printer.outcomes(),
        [
            (Some("a.gcode"), JobStatus::Cancelled),
            (Some("a.gcode"), JobStatus::Completed)
        ]
    );
}

#[test]
fn a_file_that_replaces_a_paused_print_may_be_reported_before_its_end() {
    let mut printer = printing();
    printer.after(1.0).status(Paused, "a.gcode", 11.0);
    printer.after(1.0).status(Printing, "b.gcode", 0.2);
    printer.finished(&row("000001", "a.gcode", "cancelled", 1.0, Some(12.0), 11.0));
    printer
        .added(&row("000002", "b.gcode", "in_progress", 12.8, None, 0.2))
        .settle();
    assert_eq!(
        printer.outcomes(),
        [
            (Some("a.gcode"), JobStatus::Cancelled),
            (Some("b.gcode"), JobStatus::Printing)
        ]
    );
    assert_eq!(printer.rows[0].end_source, Some(Source::History));
}

#[test]
fn the_same_file_restarted_within_a_tick_is_another_job() {
    let mut printer = printing();
    printer.after(1.0).status(Printing, "a.gcode", 0.3);
    for second in 1..4 {
        printer
            .after(1.0)
            .status(Printing, "a.gcode", 0.3 + f64::from(second));
    }
    assert_eq!(
        printer.outcomes(),
        [
            (Some("a.gcode"), JobStatus::Cancelled),
            (Some("a.gcode"), JobStatus::Printing)
        ]
    );
    assert_eq!(printer.rows[0].cause, Some(Cause::Replaced));
    assert_eq!(printer.rows[0].figures.total_duration, Some(10.0));
    // Moonraker has one job for both prints, with the start of the first and the figures of the second.
    printer.after(1.0).status(Complete, "a.gcode", 4.3);
    let moonrakers = row("000001", "a.gcode", "completed", 1.0, Some(16.0), 4.3);
    printer.finished(&moonrakers).settle();
    assert_eq!(printer.rows[0].figures.total_duration, Some(10.0));
    assert_eq!(printer.rows[1].status, JobStatus::Completed);
    let before = printer.rows.clone();
    printer
        .restart()
        .sync(KlippyState::Ready, Some(stats(Standby, "", 0.0)), &[moonrakers]);
    assert_eq!(printer.rows, before);
}

#[test]
fn a_start_that_moonraker_missed_is_recorded_with_file_and_figures() {
    let mut printer = idle();
    printer.after(1.0).status(Printing, "early.gcode", 0.25);
    printer
        .after(4.5)
        .status(Printing, "early.gcode", 4.7)
        .status(Complete, "early.gcode", 4.7);
    let mut late = row("000001", "", "in_progress", 5.5, None, 4.7);
    (late.figures, late.metadata) = (
        Figures {
            print_duration: Some(0.0),
            filament_used: Some(0.0),
            ..late.figures
        },
        None,
    );
    printer.added(&late);
    (late.end, late.cause) = (HistoryEnd::Seen(JobStatus::Completed), Cause::Completed);
    late.end_time = Some(at(5.502));
    printer.finished(&late).settle();
    let job = printer.row();
    assert_eq!(job.filename.as_deref(), Some("early.gcode"));
    assert_eq!(job.job_id.as_deref(), Some("000001"));
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(job.figures.filament_used, Some(47.0));
    assert_eq!(job.start_time, Some(at(0.75)));
    printer.restart().sync(
        KlippyState::Ready,
        Some(stats(Complete, "early.gcode", 4.7)),
        &[late],
    );
    assert_eq!(printer.row().figures.filament_used, Some(47.0));
}

#[test]
fn a_shutdown_keeps_its_counters_and_the_error_text() {
    let mut printer = printing();
    printer.after(0.25).play(Event::Status {
        stats: stats(Printing, "a.gcode", 10.2),
        klippy: KlippyState::Shutdown,
        klippy_message: Some("Lost communication with MCU 'mcu'".to_owned()),
    });
    printer.play(Event::KlippyShutdown);
    printer.finished(&row(
        "000001",
        "a.gcode",
        "klippy_shutdown",
        1.0,
        Some(11.2),
        10.2,
    ));
    printer.after(60.0).play(Event::Status {
        stats: stats(Paused, "a.gcode", 70.2),
        klippy: KlippyState::Shutdown,
        klippy_message: None,
    });
    printer.settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.cause.as_ref()),
        (JobStatus::Error, Some(&Cause::KlippyShutdown))
    );
    assert_eq!(job.message.as_deref(), Some("Lost communication with MCU 'mcu'"));
    assert_eq!(job.figures.total_duration, Some(10.2));
}

#[test]
fn an_end_without_figures_keeps_the_observed_figures() {
    let mut printer = printing();
    printer
        .after(7200.0)
        .status(Printing, "a.gcode", 7210.0)
        .status(Standby, "", 0.0);
    let mut end = row("000001", "a.gcode", "cancelled", 1.0, Some(7211.0), 0.0);
    end.metadata = None;
    printer.finished(&end).settle();
    let job = printer.row();
    assert_eq!(
        (job.status, job.figures.total_duration),
        (JobStatus::Cancelled, Some(7210.0))
    );
    assert_eq!(job.figures_source, Source::PrintStats);
    assert!(job.metadata.is_some(), "the metadata of the start is kept");
}

#[test]
fn the_error_text_of_print_stats_is_kept() {
    let mut printer = printing();
    let mut failed = stats(PrintState::Error, "a.gcode", 12.0);
    failed.message = Some("Move out of range".to_owned());
    printer.after(2.0).play(Event::Status {
        stats: failed,
        klippy: KlippyState::Ready,
        klippy_message: None,
    });
    printer
        .finished(&row("000001", "a.gcode", "error", 1.0, Some(13.0), 12.0))
        .settle();
    assert_eq!(printer.row().message.as_deref(), Some("Move out of range"));
    assert_eq!(printer.row().status, JobStatus::Error);
}

#[test]
fn a_job_deleted_by_the_user_during_the_print_is_not_recorded_again() {
    let mut printer = printing();
    let start = printer.row().start_time.expect("a live job has a start");
    printer.rows.clear();
    printer.play(Event::DeletedByUser(start));
    for second in 11..100 {
        printer.after(1.0).status(Printing, "a.gcode", f64::from(second));
    }
    assert!(printer.rows.is_empty());
    printer
        .status(Complete, "a.gcode", 100.0)
        .after(3.0)
        .status(Printing, "a.gcode", 0.2)
        .settle();
    assert_eq!(printer.rows.len(), 1, "the next print is recorded");
}

#[test]
fn every_state_of_print_stats_is_handled() {
    for (state, expected) in [
        (PrintState::Standby, JobStatus::Cancelled),
        (Complete, JobStatus::Completed),
        (PrintState::Cancelled, JobStatus::Cancelled),
        (PrintState::Error, JobStatus::Error),
        (Printing, JobStatus::Printing),
        (PrintState::Paused, JobStatus::Paused),
    ] {
        let mut printer = printing();
        let file = if state == PrintState::Standby {
            ""
        } else {
            "a.gcode"
        };
        let total = if state == PrintState::Standby { 0.0 } else { 12.0 };
        printer.after(2.0).status(state, file, total).settle();
        assert_eq!(printer.row().status, expected, "{state:?}");
    }
}
