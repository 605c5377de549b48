//! MySQL is killed, unavailable or frozen, or the result of a COMMIT is lost.

use std::time::Duration;

use hyper::StatusCode;
use simulator::Random;
use tokio::time::{Instant, sleep};

use super::{
    BusyFleet,
    own_mysql::{OwnMysql, tables_are_sound, url},
    sql_proxy::SqlProxy,
};
use crate::capture::logger::{Logger, wait_for};

/// A number from an environment variable; `make test-faults` sets larger values.
pub(super) fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

async fn wait_until_well(logger: &Logger) {
    wait_for("printlog to be well again", async || {
        let (status, health) = logger.health().await?;
        (status == StatusCode::OK && health["status"] == "ok").then_some(())
    })
    .await;
}

/// The number of kills is a tenth of `PRINTLOG_TEST_KILLS`.
#[tokio::test(flavor = "multi_thread")]
async fn prints_while_mysql_is_killed_and_started_again_are_all_there() {
    let Some(mysql) = OwnMysql::start() else { return };
    let kills = (number("PRINTLOG_TEST_KILLS", 30) / 10).max(3);
    let logger = Logger::start_with(&[("PRINTLOG_DATABASE__URL", &mysql.url())]).await;
    let fleet = BusyFleet::start(&logger, 5000).await;
    let mut random = Random::new(5000);
    for _ in 0..kills {
        sleep(Duration::from_secs_f64(random.between(2.0..5.0))).await;
        mysql.kill();
        sleep(Duration::from_secs_f64(random.between(1.0..6.0))).await;
        mysql.start_again();
        wait_until_well(&logger).await;
    }
    let prints = fleet.end(&logger).await;
    tables_are_sound(mysql.port());
    assert!(prints > 4, "only {prints} prints");
    println!("MySQL killed {kills} times, {prints} prints: each there once, totals right, tables sound");
}

/// `PRINTLOG_TEST_CUTS` sets the number of lost COMMITs.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_with_unknown_outcome_doubles_and_loses_nothing() {
    let Some(mysql) = OwnMysql::start() else { return };
    let wanted = number("PRINTLOG_TEST_CUTS", 20);
    let proxy = SqlProxy::start(mysql.port(), 8000).await;
    let logger = Logger::start_with(&[("PRINTLOG_DATABASE__URL", &url(proxy.port()))]).await;
    let fleet = BusyFleet::start(&logger, 8000).await;
    proxy.cut_commits(0.4);
    let begun = Instant::now();
    while proxy.cuts().iter().sum::<u64>() < wanted || proxy.cuts().contains(&0) {
        assert!(
            begun.elapsed() < Duration::from_secs(30 * wanted),
            "only {:?} COMMITs were cut",
            proxy.cuts()
        );
        sleep(Duration::from_millis(100)).await;
    }
    proxy.cut_commits(0.0);
    let [before, meanwhile, after] = proxy.cuts();
    let prints = fleet.end(&logger).await;
    tables_are_sound(mysql.port());
    assert!(prints > 4, "only {prints} prints");
    println!(
        "{before} COMMITs cut before they arrived, {meanwhile} while they were done, {after} before the answer, \
         {prints} prints: each there once, totals right, tables sound"
    );
}

/// `PRINTLOG_TEST_OUTAGE` sets the duration of the outage in seconds.
#[tokio::test(flavor = "multi_thread")]
async fn prints_while_mysql_is_away_for_long_are_all_there_when_it_is_back() {
    let Some(mysql) = OwnMysql::start() else { return };
    let outage = number("PRINTLOG_TEST_OUTAGE", 15);
    let logger = Logger::start_with(&[("PRINTLOG_DATABASE__URL", &mysql.url())]).await;
    let fleet = BusyFleet::start(&logger, 9000).await;
    sleep(Duration::from_secs(5)).await;
    mysql.kill();
    let begun = Instant::now();
    wait_for("the health to tell that the database is away", async || {
        let (status, health) = logger.health().await?;
        (status == StatusCode::SERVICE_UNAVAILABLE && health["database"]["status"] == "error").then_some(())
    })
    .await;
    // The server still responds and reports the outage, while prints start and end.
    while begun.elapsed() < Duration::from_secs(outage) {
        let (status, health) = logger.health().await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{health:#}");
        assert_eq!(health["fleet"]["status"], "ok", "{health:#}");
        sleep(Duration::from_secs(1)).await;
    }
    mysql.start_again();
    wait_until_well(&logger).await;
    let prints = fleet.end(&logger).await;
    tables_are_sound(mysql.port());
    assert!(prints > 4, "only {prints} prints");
    println!("MySQL away for {outage} s, {prints} prints: each there once, totals right, tables sound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_mysql_says_so_and_works_when_mysql_comes() {
    let Some(mysql) = OwnMysql::start() else { return };
    let url = mysql.url();
    let mut logger = Logger::start_with(&[
        ("PRINTLOG_DATABASE__URL", &url),
        ("PRINTLOG_LOGGING__FILE", "log"),
    ])
    .await;
    let fleet = BusyFleet::start(&logger, 10_000).await;
    logger.kill().await;
    mysql.kill();
    logger.start_without_waiting();
    let health = wait_for("printlog to say what it waits for", async || {
        let (status, health) = logger.health().await?;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{health:#}");
        Some(health)
    })
    .await;
    assert_eq!(
        health["database"]["reason"],
        "the database has not responded since the start; retrying"
    );
    wait_for("the log to say so", async || {
        logger
            .log()
            .contains("waiting for the database, next attempt in")
            .then_some(())
    })
    .await;
    mysql.start_again();
    wait_until_well(&logger).await;
    let prints = fleet.end(&logger).await;
    tables_are_sound(mysql.port());
    assert!(prints > 0);
}
