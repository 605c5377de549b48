//! The SQLite file is locked by another process, made read-only or overwritten while printlog writes to it.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hyper::StatusCode;
use tokio::time::{Instant, sleep};

use super::{BusyFleet, mysql::number};
use crate::capture::logger::{Logger, wait_for};

/// Allowed memory growth in MiB while changes are pending.
const GROWTH: u64 = 24;

async fn wait_until_changes_wait(logger: &Logger) {
    wait_for("the health to tell that changes wait", async || {
        let (status, health) = logger.health().await?;
        assert_eq!(
            status,
            StatusCode::OK,
            "a warning requires no restart: {health:#}"
        );
        // At first, the reason may be a failed write of slicer data instead of a job.
        let reason = health["writing"]["reason"].as_str()?;
        reason.contains("in memory").then_some(())
    })
    .await;
}

async fn wait_until_all_is_in(logger: &Logger) {
    wait_for("all of it to be in", async || {
        let (_, health) = logger.health().await?;
        (health["status"] == "ok").then_some(())
    })
    .await;
}

/// Pending changes of all printers, from `/metrics`.
async fn changes_waiting(logger: &Logger) -> u64 {
    let metrics = logger.bytes("/metrics").await;
    String::from_utf8_lossy(&metrics)
        .lines()
        .filter(|line| line.starts_with("printlog_printer_changes_waiting{"))
        .map(|line| {
            let (_, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap() as u64
        })
        .sum()
}

/// The lock lasts longer than one statement waits and longer than one write is retried. `PRINTLOG_TEST_OUTAGE` sets
/// how many seconds longer.
#[tokio::test(flavor = "multi_thread")]
async fn prints_of_many_while_the_database_is_locked_are_all_there_and_memory_is_bounded() {
    let outage = Duration::from_secs(number("PRINTLOG_TEST_OUTAGE", 10));
    let mut logger = Logger::start_with(&[("PRINTLOG_LOGGING__FILE", "log")]).await;
    let fleet = BusyFleet::start_many(&logger, 12_000, 24).await;
    sleep(Duration::from_secs(5)).await;
    let before = logger.resident_memory();
    let database = rusqlite::Connection::open(logger.path("data/printlog.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = Instant::now();
    wait_until_changes_wait(&logger).await;
    sleep(outage).await;
    let after = logger.resident_memory();
    let waiting = changes_waiting(&logger).await;
    // Most printers have at least one pending change, and none has more than 100 in that time.
    assert!((12..24 * 100).contains(&waiting), "{waiting} changes wait");
    let locked = locked.elapsed().as_secs();
    database.execute_batch("ROLLBACK").unwrap();
    drop(database);
    wait_until_all_is_in(&logger).await;
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    let log = logger.log();
    assert!(
        log.contains("cannot write a job, retrying until the database accepts it"),
        "{log}"
    );
    assert!(log.contains("the database accepts jobs again"), "{log}");
    assert!(prints > 48, "only {prints} prints");
    let growth = after.saturating_sub(before);
    assert!(
        growth < GROWTH * 1024,
        "the process grew from {before} to {after} KiB"
    );
    println!(
        "database locked for {locked} s, {prints} prints of 24 printers: each there once, totals right; \
         {waiting} changes waited, {before} KiB of memory grew by {growth}"
    );
}

/// Files that cannot be written, even through open file handles.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// `None`, with a message, if the account or the file system does not allow it, or if open file handles can still
    /// write, as on tmpfs.
    fn make(folder: &Path) -> Option<Self> {
        let probe = Self(vec![folder.join("probe")]);
        let mut file = fs::File::create(&probe.0[0]).unwrap();
        if !probe.change("+i") || file.write_all(b"x").is_ok() {
            eprintln!("not run: chattr +i does not keep a file from being written here");
            return None;
        }
        let files = ["printlog.db", "printlog.db-wal"].map(|file| folder.join(file));
        let made = Self(files.to_vec());
        assert!(made.change("+i"), "{files:?}");
        Some(made)
    }

    fn change(&self, attribute: &str) -> bool {
        let done = Command::new("chattr").arg(attribute).args(&self.0).status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        // Also safe if setting the attribute failed.
        self.change("-i");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prints_while_the_database_is_read_only_are_all_there_when_it_is_not() {
    let mut logger = Logger::start().await;
    let fleet = BusyFleet::start(&logger, 13_000).await;
    for _ in 0..2 {
        sleep(Duration::from_secs(3)).await;
        let Some(read_only) = Immutable::make(&logger.path("data")) else {
            return;
        };
        wait_until_changes_wait(&logger).await;
        // Prints start and end in the meantime.
        sleep(Duration::from_secs(6)).await;
        drop(read_only);
        wait_until_all_is_in(&logger).await;
    }
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    assert!(prints > 4, "only {prints} prints");
    println!("database read-only twice, {prints} prints: each there once, totals right, database sound");
}

/// Overwrites all pages but the first. The file keeps its length, as on failing storage.
fn damage(file: &Path) {
    let size = fs::metadata(file).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    let first = 4096;
    file.seek(SeekFrom::Start(first)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(size - first).unwrap()])
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_is_told_and_a_backup_and_the_printers_bring_all_back() {
    let mut logger = Logger::start_with(&[("PRINTLOG_LOGGING__FILE", "log")]).await;
    let fleet = BusyFleet::start(&logger, 14_000).await;
    sleep(Duration::from_secs(6)).await;
    let backup = logger.command(&["backup", "--json"]).await;
    let backup = backup["path"].as_str().unwrap();
    sleep(Duration::from_secs(4)).await;
    // After a clean shutdown, all data is in the file, and the next process has little of it in memory.
    logger.signal("-TERM");
    assert_eq!(logger.wait_for_end().await.code(), Some(0));
    logger.start_again().await;
    damage(&logger.path("data/printlog.db"));
    let reason = wait_for("the health to tell of the damage", async || {
        // A request that reads from the damaged file.
        logger.try_get("/api/jobs").await;
        let (status, health) = logger.health().await?;
        (health["database"]["status"] == "error").then(|| {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            health["database"]["reason"].to_string()
        })
    })
    .await;
    assert!(
        reason.contains("damaged") && reason.contains("printlog restore"),
        "{reason}"
    );
    let log = logger.log();
    assert_eq!(log.matches("the database file is damaged").count(), 1, "{log}");
    logger.signal("-TERM");
    logger.wait_for_end().await;

    // A restart does not repair the file.
    logger.start_without_waiting();
    assert_eq!(logger.wait_for_end().await.code(), Some(1));
    logger.command(&["restore", backup, "--json"]).await;
    logger.start_again().await;
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    assert!(prints > 4, "only {prints} prints");
    println!("file damaged, backup restored, {prints} prints: each there once, totals right, database sound");
}
