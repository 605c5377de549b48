//! The real binary under faults of its environment: killed at any moment, database unavailable, disk full. Afterwards
//! every print is recorded once, the totals equal the sums, and the database is intact.
//!
//! The short form runs with the other tests; `make test-faults` kills the server 200 times.

mod clock;
mod cluster;
mod ending;
mod full_disk;
mod housekeeping;
mod links;
mod mysql;
mod own_mysql;
mod sql_proxy;
mod sqlite;

use std::{sync::Arc, time::Duration};

use simulator::{Faults, PrinterConfig, Random, Schedule, SimPrinter, Version};
use testbed::Proxy;
use tokio::time::{Instant, sleep};

use crate::{
    capture::logger::{Logger, wait_for},
    schedules::{Watched, compare, rows, wait_until_quiet},
};

/// A fleet that prints continuously, a few seconds per print, until it is stopped.
pub(crate) struct BusyFleet {
    watched: Vec<Watched>,
    schedules: Vec<tokio::task::JoinHandle<()>>,
}

impl BusyFleet {
    pub(crate) async fn start(logger: &Logger, seed: u64) -> Self {
        Self::start_many(logger, seed, 4).await
    }

    pub(crate) async fn start_many(logger: &Logger, seed: u64, number: usize) -> Self {
        Self::start_at(logger, seed, number, Faults::default(), None).await
    }

    /// Starts printers with these delivery faults, each behind its own link.
    pub(crate) async fn start_at_links(
        logger: &Logger,
        seed: u64,
        number: usize,
        faults: Faults,
    ) -> (Self, Vec<Proxy>) {
        let mut links = Vec::new();
        let fleet = Self::start_at(logger, seed, number, faults, Some(&mut links)).await;
        (fleet, links)
    }

    async fn start_at(
        logger: &Logger,
        seed: u64,
        number: usize,
        faults: Faults,
        mut links: Option<&mut Vec<Proxy>>,
    ) -> Self {
        let versions = [Version::V0_8, Version::V0_9, Version::V0_10, Version::V0_11];
        let (mut watched, mut schedules) = (Vec::new(), Vec::new());
        for (place, version) in (0..).zip(versions.into_iter().cycle().take(number)) {
            let config = PrinterConfig {
                version,
                faults,
                seed: seed + place,
                ..PrinterConfig::default()
            };
            let printer = Arc::new(SimPrinter::start(config, 0).await.unwrap());
            let mut url = printer.url();
            if let Some(links) = &mut links {
                let link = Proxy::start(printer.port()).await.unwrap();
                url = link.url();
                links.push(link);
            }
            let id = logger.add_printer(&format!("Printer {place}"), &url, None).await;
            logger.wait_for_connection(id, "connected").await;
            let plays = Arc::clone(&printer);
            let schedule = Schedule {
                pause: 1.0..3.0,
                one_at_a_time: true,
                ..Schedule::busy(1.0..6.0)
            };
            schedules.push(tokio::spawn(async move {
                plays.run_schedule(seed + place, &schedule).await;
            }));
            watched.push(Watched {
                printer,
                id,
                looks: Vec::new(),
            });
        }
        Self { watched, schedules }
    }

    /// Waits for the prints to end and compares the rows with the true prints. Returns the number of prints.
    pub(crate) async fn end(self, logger: &Logger) -> usize {
        for schedule in &self.schedules {
            schedule.abort();
        }
        for one in &self.watched {
            if one.printer.view().print == Some("paused") {
                one.printer.cancel().unwrap();
            }
            one.printer
                .wait_until(|view| !matches!(view.print, Some("printing" | "paused")))
                .await;
            logger.wait_for_connection(one.id, "connected").await;
        }
        wait_until_quiet(logger).await;
        let mut prints = 0;
        for one in &self.watched {
            let truth = one.printer.truth();
            let rows = rows(logger, one.id).await;
            let wrong = compare(one, &truth, &rows);
            assert!(
                wrong.is_empty(),
                "printer {}: {wrong:#?}\nruns: {truth:#?}\nrows: {rows:#?}\nhistory: {:#?}",
                one.id,
                one.printer.history()
            );
            prints += truth.len();
        }
        logger.totals_are_right().await;
        prints
    }
}

/// `PRINTLOG_TEST_KILLS` sets the number of kills.
#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    let kills = std::env::var("PRINTLOG_TEST_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let mut logger = Logger::start().await;
    let fleet = BusyFleet::start(&logger, 4000).await;
    let mut random = Random::new(4000);
    let begun = Instant::now();
    for _ in 0..kills {
        // Ranges from the middle of the startup to several prints later.
        sleep(Duration::from_secs_f64(random.between(0.0..2.0))).await;
        logger.kill().await;
        sleep(Duration::from_secs_f64(random.between(0.0..0.5))).await;
        logger.start_without_waiting();
    }
    logger.wait_for_answer().await;
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    assert!(prints > 4, "only {prints} prints");
    println!(
        "{kills} kills in {:.0} s, {prints} prints: each there once, totals right, database sound",
        begun.elapsed().as_secs_f64()
    );
}

#[tokio::test]
async fn prints_while_the_disk_is_full_are_all_there_when_it_is_not() {
    let details = [("PRINTLOG_DETAILS__ENABLED", "false")];
    let Some(reason) = fill_the_disk_twice(&details, 6000).await else {
        return;
    };
    assert!(reason.contains("in memory"), "{reason}");
}

#[tokio::test]
async fn details_that_cannot_be_stored_are_reported_and_delay_no_print() {
    let Some(reason) = fill_the_disk_twice(&[], 7000).await else {
        return;
    };
    assert!(
        reason.contains("in memory") || reason.contains("details"),
        "{reason}"
    );
}

/// Returns the first reason in the health report. `None` if no disk can be filled.
async fn fill_the_disk_twice(variables: &[(&str, &str)], seed: u64) -> Option<String> {
    let mut logger = Logger::start_on_small_disk("12M", variables).await?;
    let fleet = BusyFleet::start(&logger, seed).await;
    let mut reasons = Vec::new();
    for _ in 0..2 {
        sleep(Duration::from_secs(3)).await;
        // SQLite's WAL has not had its first checkpoint, so every write needs new space.
        logger.disk.as_ref().unwrap().fill();
        let reason = wait_for("the health to report that writing waits", async || {
            let (_, health) = logger.health().await?;
            (health["writing"]["status"] == "warning").then(|| health["writing"]["reason"].to_string())
        })
        .await;
        reasons.push(reason);
        // Prints start and end in the meantime.
        sleep(Duration::from_secs(6)).await;
        logger.disk.as_ref().unwrap().empty();
        wait_for("everything to be stored", async || {
            let (_, health) = logger.health().await?;
            (health["writing"]["status"] == "ok").then_some(())
        })
        .await;
    }
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    assert!(prints > 4, "only {prints} prints");
    reasons.into_iter().next()
}
