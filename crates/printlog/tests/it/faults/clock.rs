//! The clock of printlog's machine steps by hours during prints.

use std::{fs, time::Duration};

use simulator::Random;
use tokio::time::sleep;

use super::BusyFleet;
use crate::{
    capture::logger::{Logger, wait_for},
    schedules::unix,
};

#[tokio::test(flavor = "multi_thread")]
async fn prints_while_the_clock_of_the_server_steps_are_there_once_with_their_true_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    let set = |offset: &str| {
        // libfaketime reads the file at every clock access, so it is replaced atomically.
        let new = folder.path().join("new");
        fs::write(&new, offset).unwrap();
        fs::rename(new, &clock).unwrap();
    };
    set("+0");
    let library = testbed::libfaketime().unwrap();
    let mut logger = Logger::start_with(&[
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        // libfaketime's workaround for an old glibc makes thread waits last for seconds.
        ("FAKETIME_FORCE_MONOTONIC_FIX", "0"),
    ])
    .await;
    let fleet = BusyFleet::start(&logger, 11_000).await;
    let mut random = Random::new(11_000);
    let path = format!("/api/printers/{}/status", fleet.watched[0].id);
    let steps = [3, -5, 26, -1, 1, 0];
    for hours in steps {
        sleep(Duration::from_secs_f64(random.between(3.0..6.0))).await;
        set(&format!("{hours:+}h"));
        wait_for("printlog to look at its clock", async || {
            let seen = unix(&logger.get(&path).await["last_seen"]);
            let ahead = seen - fleet.watched[0].printer.wall_clock();
            ((ahead / 3600.0).round() == f64::from(hours)).then_some(())
        })
        .await;
    }
    sleep(Duration::from_secs(3)).await;
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    assert!(prints > 4, "only {prints} prints");
    println!(
        "{} steps of the clock, {prints} prints: each there once, with its true start and length",
        steps.len()
    );
}
