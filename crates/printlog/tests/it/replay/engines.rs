//! A session results in the same rows on every database.

use domain::{Job, PrinterId};
use store::{Location, Store};
use url::Url;

use super::{Killed, Logger, Transcript, transcripts};

/// Sessions that cover most kinds of events.
const SESSIONS: [&str; 6] = [
    "complete-fake-orca.jsonl",
    "job-deleted.jsonl",
    "klippy-shutdown.jsonl",
    "moonraker-kill.jsonl",
    "restart-print-at-once.jsonl",
    "v0.8.0/moonraker-kill.jsonl",
];

#[tokio::test]
async fn mysql_holds_what_sqlite_holds() {
    holds_what_sqlite_holds("PRINTLOG_TEST_MYSQL_URL").await;
}

#[tokio::test]
async fn mariadb_holds_what_sqlite_holds() {
    holds_what_sqlite_holds("PRINTLOG_TEST_MARIADB_URL").await;
}

async fn holds_what_sqlite_holds(variable: &str) {
    let Ok(server) = std::env::var(variable) else {
        assert!(
            std::env::var_os("PRINTLOG_TEST_ALL_ENGINES").is_none(),
            "{variable} is not set; scripts/with-databases.sh sets it"
        );
        eprintln!("not run: {variable} is not set");
        return;
    };
    let mut url: Url = server.parse().expect("a URL");
    url.set_path(&format!("printlog_replay_{:016x}", rand::random::<u64>()));
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = Location::Sqlite {
        path: folder.path().join("replay.db"),
    };
    let (sqlite, other) = (rows_in(&sqlite).await, rows_in(&Location::MySql { url }).await);
    assert_eq!(sqlite, other);
    assert!(sqlite.len() > SESSIONS.len(), "the sessions have prints");
}

/// The rows of all sessions, each replayed without a break and with a kill after each frame.
async fn rows_in(location: &Location) -> Vec<Job> {
    let store = Store::open(location).await.expect("a database");
    let mut rows = Vec::new();
    for session in SESSIONS {
        let transcript = Transcript::read(&transcripts().join(session));
        for killed in [Killed::Never, Killed::AfterEachFrame] {
            let mut logger = Logger::start(&store, &transcript, &format!("{session} {killed:?}")).await;
            logger.hear_all(killed).await;
            // Printer ids depend on the database.
            rows.extend(logger.rows().await.into_iter().map(|job| Job {
                printer_id: PrinterId(0),
                ..job
            }));
        }
    }
    assert!(
        store.check_totals().await.expect("totals").is_empty(),
        "the totals are the sums"
    );
    store.close().await.expect("the database closes");
    rows
}
