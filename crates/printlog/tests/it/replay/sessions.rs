//! The recorded sessions with their prints, determined manually from the recordings.

use domain::JobStatus::{Cancelled, Completed, Error, Interrupted};

use super::rows_are_what_was_printed;

macro_rules! sessions {
    ($($name:ident: $file:literal => [$($printed:expr),* $(,)?];)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                rows_are_what_was_printed($file, &[$($printed),*]).await;
            }
        )*
    };
}

const BENCHY: &str = "Player Tray Lid_PLA_40m34s.gcode";

sessions! {
    auth_api_key: "auth-api-key.jsonl" => [];
    auth_force_logins: "auth-force-logins.jsonl" => [];
    auth_trusted_wrong_key: "auth-trusted-wrong-key.jsonl" => [];
    back_to_back: "back-to-back.jsonl" => [("a.gcode", Completed, 1.91), ("b.gcode", Completed, 3.99)];
    cancel: "cancel.jsonl" => [("gear.gcode", Cancelled, 6.51)];
    cancel_while_paused: "cancel-while-paused.jsonl" => [("gear.gcode", Cancelled, 4.73)];
    client_offline: "client-offline.jsonl" => [("clip.gcode", Completed, 4.7)];
    clock_jump: "clock-jump.jsonl" => [("clock.gcode", Completed, 3.5), ("clock.gcode", Completed, 3.13)];
    complete: "complete.jsonl" => [("bracket.gcode", Completed, 9.73)];
    complete_fake_orca: "complete-fake-orca.jsonl" => [(BENCHY, Completed, 4.51)];
    console_start: "console-start.jsonl" => [("console.gcode", Completed, 1.9)];
    database_wiped: "database-wiped.jsonl" => [("cube.gcode", Completed, 1.9), ("other.gcode", Completed, 1.93)];
    error: "error.jsonl" => [("broken.gcode", Error, 8.56)];
    file_deleted: "file-deleted.jsonl" => [("gone.gcode", Completed, 5.91), ("changed.gcode", Completed, 3.89)];
    job_deleted: "job-deleted.jsonl" => [
        ("cube.gcode", Completed, 1.9),
        ("cube.gcode", Completed, 3.42),
        ("cube.gcode", Completed, 3.47),
        ("cube.gcode", Completed, 3.23),
        ("cube.gcode", Completed, 3.85),
    ];
    job_queue: "job-queue.jsonl" => [("q1.gcode", Completed, 0.7), ("q2.gcode", Completed, 1.32)];
    klippy_disconnect: "klippy-disconnect.jsonl" => [("tower.gcode", Interrupted, 2.24)];
    klippy_host_restart: "klippy-host-restart.jsonl" => [("tower.gcode", Interrupted, 5.03)];
    klippy_never_seen: "klippy-never-seen.jsonl" => [];
    klippy_not_ready: "klippy-not-ready.jsonl" => [];
    klippy_not_ready_fake: "klippy-not-ready-fake.jsonl" => [];
    klippy_restart: "klippy-restart.jsonl" => [("tower.gcode", Interrupted, 5.27)];
    klippy_shutdown: "klippy-shutdown.jsonl" => [("tower.gcode", Error, 7.51)];
    m112: "m112.jsonl" => [("tower.gcode", Error, 1.5)];
    mcu_lost: "mcu-lost.jsonl" => [("tower.gcode", Error, 5.51)];
    moonraker_kill: "moonraker-kill.jsonl" => [("box.gcode", Completed, 13.9)];
    moonraker_restart: "moonraker-restart.jsonl" => [("box.gcode", Completed, 13.9)];
    moonraker_restart_api: "moonraker-restart-api.jsonl" => [("box.gcode", Completed, 13.9)];
    new_print_while_paused: "new-print-while-paused.jsonl" => [("one.gcode", Cancelled, 1.99), ("two.gcode", Completed, 3.9)];
    pause_resume: "pause-resume.jsonl" => [("vase.gcode", Completed, 11.15)];
    reprint: "reprint.jsonl" => [("cube.gcode", Completed, 1.9), ("cube.gcode", Completed, 3.1)];
    reset_file_midprint: "reset-file-midprint.jsonl" => [("gear.gcode", Cancelled, 2.49)];
    restart_print_at_once: "restart-print-at-once.jsonl" => [
        ("a.gcode", Cancelled, 2.5),
        ("a.gcode", Cancelled, 2.75),
        ("a.gcode", Cancelled, 2.28),
    ];
    rpc_errors: "rpc-errors.jsonl" => [("x.gcode", Cancelled, 0.66)];
    spoolman: "spoolman.jsonl" => [("spool.gcode", Completed, 13.73)];
    start_at_ready: "start-at-ready.jsonl" => [("early.gcode", Completed, 4.7)];
    subfolder_unicode: "subfolder-unicode.jsonl" => [("Kunden Müller/Test 3½ – Größe ✓.gcode", Completed, 1.9)];
    upload_and_print: "upload-and-print.jsonl" => [("now.gcode", Completed, 3.51)];
    v0_10_auth_trusted_wrong_key: "v0.10.0/auth-trusted-wrong-key.jsonl" => [];
    v0_10_complete: "v0.10.0/complete.jsonl" => [("bracket.gcode", Completed, 8.73)];
    v0_10_complete_fake_orca: "v0.10.0/complete-fake-orca.jsonl" => [(BENCHY, Completed, 4.52)];
    v0_10_job_deleted: "v0.10.0/job-deleted.jsonl" => [
        ("cube.gcode", Completed, 1.9),
        ("cube.gcode", Completed, 3.45),
        ("cube.gcode", Completed, 3.5),
        ("cube.gcode", Completed, 3.26),
        ("cube.gcode", Completed, 3.86),
    ];
    v0_10_moonraker_kill: "v0.10.0/moonraker-kill.jsonl" => [("box.gcode", Completed, 13.9)];
    v0_10_rpc_errors: "v0.10.0/rpc-errors.jsonl" => [("x.gcode", Cancelled, 0.66)];
    v0_10_start_at_ready: "v0.10.0/start-at-ready.jsonl" => [("early.gcode", Completed, 4.7)];
    v0_8_complete: "v0.8.0/complete.jsonl" => [("bracket.gcode", Completed, 9.74)];
    v0_8_complete_fake_orca: "v0.8.0/complete-fake-orca.jsonl" => [(BENCHY, Completed, 4.51)];
    v0_8_error: "v0.8.0/error.jsonl" => [("broken.gcode", Error, 7.49)];
    v0_8_job_deleted: "v0.8.0/job-deleted.jsonl" => [
        ("cube.gcode", Completed, 1.9),
        ("cube.gcode", Completed, 3.45),
        ("cube.gcode", Completed, 3.49),
        ("cube.gcode", Completed, 3.27),
        ("cube.gcode", Completed, 3.77),
    ];
    v0_8_moonraker_kill: "v0.8.0/moonraker-kill.jsonl" => [("box.gcode", Completed, 13.9)];
    v0_8_rpc_errors: "v0.8.0/rpc-errors.jsonl" => [("x.gcode", Cancelled, 0.77)];
    v0_9_auth_trusted_wrong_key: "v0.9.3/auth-trusted-wrong-key.jsonl" => [];
    v0_9_complete: "v0.9.3/complete.jsonl" => [("bracket.gcode", Completed, 9.73)];
    v0_9_complete_fake_orca: "v0.9.3/complete-fake-orca.jsonl" => [(BENCHY, Completed, 4.5)];
    v0_9_job_deleted: "v0.9.3/job-deleted.jsonl" => [
        ("cube.gcode", Completed, 1.91),
        ("cube.gcode", Completed, 3.42),
        ("cube.gcode", Completed, 3.45),
        ("cube.gcode", Completed, 3.46),
        ("cube.gcode", Completed, 3.95),
    ];
    v0_9_moonraker_kill: "v0.9.3/moonraker-kill.jsonl" => [("box.gcode", Completed, 13.9)];
    v0_9_rpc_errors: "v0.9.3/rpc-errors.jsonl" => [("x.gcode", Cancelled, 0.62)];
}

/// A recording missing from the list above would not be tested.
#[test]
fn every_recording_is_replayed() {
    let mut recordings = Vec::new();
    let mut folders = vec![super::transcripts()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of recordings") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                Some(extension) if extension == "jsonl" => recordings.push(path),
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    let listed = include_str!("sessions.rs").matches(".jsonl\" =>").count();
    assert_eq!(
        recordings.len(),
        listed,
        "add the new recording to the sessions: {recordings:#?}"
    );
}
