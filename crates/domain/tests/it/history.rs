//! History rows alone: identity, buckets, clocks.

use domain::{Cause, Figures, HistoryEnd, Job, JobStatus};

use crate::bench_printer::{PRINTER, at, row};

#[test]
fn every_end_becomes_one_status() {
    for (word, expected) in [
        ("completed", HistoryEnd::Seen(JobStatus::Completed)),
        ("cancelled", HistoryEnd::Seen(JobStatus::Cancelled)),
        ("error", HistoryEnd::Seen(JobStatus::Error)),
        ("klippy_shutdown", HistoryEnd::Seen(JobStatus::Error)),
        ("klippy_disconnect", HistoryEnd::Seen(JobStatus::Interrupted)),
        ("interrupted", HistoryEnd::Unseen),
        ("server_exit", HistoryEnd::Unseen),
        ("in_progress", HistoryEnd::Running),
        ("abducted_by_aliens", HistoryEnd::Seen(JobStatus::Interrupted)),
    ] {
        let row = row("000001", "a.gcode", word, 0.0, None, 1.0);
        assert_eq!(row.end, expected, "{word}");
        let job = Job::from_history(PRINTER, &row);
        assert!(!job.status.is_open());
        assert_eq!(
            job.cause.as_ref().map(Cause::as_str),
            Some(word),
            "the raw word is kept"
        );
    }
}

#[test]
fn a_run_is_identified_by_its_start_and_the_id_or_the_file() {
    let job = Job::from_history(
        PRINTER,
        &row("000001", "a.gcode", "completed", 5.0, Some(9.0), 4.0),
    );
    let is_run = |id, file, start| row(id, file, "completed", start, Some(99.0), 4.0).is_run_of(&job);
    assert!(is_run("000001", "a.gcode", 5.0));
    assert!(is_run("00002A", "a.gcode", 5.0), "renumbered");
    assert!(is_run("000001", "", 5.0), "its file was lost");
    assert!(!is_run("000001", "a.gcode", 6.0), "the id was used again");
    assert!(!is_run("000002", "b.gcode", 5.0));
}

#[test]
fn a_row_without_a_start_is_identified_by_id_and_file() {
    let mut unknown = row("000001", "a.gcode", "completed", 0.0, Some(9.0), 4.0);
    unknown.start_time = None;
    let job = Job::from_history(PRINTER, &unknown);
    assert_eq!(job.start_time, None, "never now");
    assert!(unknown.is_run_of(&job));
    assert!(!row("000001", "a.gcode", "completed", 0.0, Some(9.0), 4.0).is_run_of(&job));
}

#[test]
fn a_clock_jump_is_marked_and_never_puts_the_end_before_the_start() {
    let forward = Job::from_history(
        PRINTER,
        &row("000001", "a.gcode", "completed", 0.0, Some(7205.0), 3.5),
    );
    assert!(forward.clock_jumped);
    assert_eq!(forward.end_time, Some(at(7205.0)));
    let back = Job::from_history(
        PRINTER,
        &row("000002", "a.gcode", "completed", 0.0, Some(-3597.0), 3.0),
    );
    assert!(back.clock_jumped);
    assert_eq!(back.end_time, Some(at(3.0)));
    let usual = Job::from_history(
        PRINTER,
        &row("000003", "a.gcode", "completed", 0.0, Some(3.0), 3.2),
    );
    assert!(!usual.clock_jumped);
}

#[test]
fn a_missed_start_is_computed_from_the_length_and_the_rest_is_unknown() {
    let mut missed = row("000001", "", "completed", 100.0, Some(100.002), 90.0);
    missed.figures = Figures {
        print_duration: Some(0.0),
        total_duration: Some(90.0),
        filament_used: Some(0.0),
    };
    let job = Job::from_history(PRINTER, &missed);
    assert_eq!(
        (job.start_time, job.end_time),
        (Some(at(10.002)), Some(at(100.002)))
    );
    assert_eq!(
        (job.figures.print_duration, job.figures.filament_used),
        (None, None)
    );
    assert_eq!(job.merged_with(&missed), None);
}

#[test]
fn a_missed_start_that_ended_while_disconnected_is_identified_by_its_computed_start() {
    let mut open = Job::from_history(PRINTER, &row("000009", "a.gcode", "in_progress", 10.3, None, 2.7));
    (open.job_id, open.history_start_time) = (None, None);
    open.status = JobStatus::Printing;
    let missed = row("000001", "", "completed", 100.0, Some(100.002), 90.0);
    assert!(missed.is_late_report_of(&open));
    open.end_by_history(&missed);
    assert_eq!(open.figures.total_duration, Some(90.0));
    let another = row("000001", "", "completed", 100.0, Some(100.002), 80.0);
    open.status = JobStatus::Printing;
    assert!(!another.is_late_report_of(&open));
}

/// Its state changed once more at an emergency stop, which Moonraker took for the start.
#[test]
fn a_missed_start_recorded_at_a_shutdown_is_identified_by_its_computed_start() {
    let mut open = Job::from_history(PRINTER, &row("000009", "a.gcode", "in_progress", 10.3, None, 1.1));
    (open.job_id, open.history_start_time) = (None, None);
    open.status = JobStatus::Printing;
    let missed = row("000001", "", "klippy_disconnect", 12.1, Some(14.0), 3.4);
    assert!(missed.is_late_report_of(&open));
    assert_eq!(Job::from_history(PRINTER, &missed).start_time, Some(at(10.6)));
    let without_file = row("000001", "", "completed", 12.1, Some(14.0), 1.9);
    assert!(
        !without_file.missed_start(),
        "it was seen from its start to its end"
    );
}

#[test]
fn merging_the_same_row_again_changes_nothing() {
    for status in [
        "completed",
        "interrupted",
        "server_exit",
        "klippy_disconnect",
        "in_progress",
        "new_word",
    ] {
        let row = row("000001", "a.gcode", status, 5.0, Some(9.0), 4.0);
        assert_eq!(
            Job::from_history(PRINTER, &row).merged_with(&row),
            None,
            "{status}"
        );
    }
}

#[test]
fn values_that_no_counter_can_have_are_unknown() {
    let figures = Figures::reported(Some(-1.0), Some(f64::NAN), Some(f64::INFINITY));
    assert_eq!(figures, Figures::default());
}
