//! Failing backups and failing retention cause a warning in the health report until they succeed again.

use std::{fs, time::Duration};

use hyper::{Request, StatusCode};
use serde_json::Value;

use crate::{
    binary::{Binary, Server, names_in},
    test_app::send,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_due_and_cannot_be_made_is_told_until_one_is_made() {
    let binary = Binary::new();
    fs::write(binary.path("config.yml"), "backup:\n  folder: disk/backups\n").unwrap();
    // The folder cannot be created, as when a disk is not mounted.
    fs::write(binary.path("disk"), "").unwrap();
    let server = binary.serve();
    wait_for_housekeeping(&server, "ok").await;
    server.signal("-HUP");
    let reason = wait_for_housekeeping(&server, "warning").await;
    assert!(
        reason.contains("a scheduled backup has failed: Not a directory"),
        "{reason}"
    );
    assert!(!reason.contains("disk"), "anybody may read this: {reason}");

    fs::remove_file(binary.path("disk")).unwrap();
    server.signal("-HUP");
    wait_for_housekeeping(&server, "ok").await;
    assert_eq!(names_in(&binary.path("disk/backups")).len(), 1);
    let (status, _, log) = server.end("-TERM");
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("cannot back up the database").count(), 1, "{log}");
    assert!(log.contains("can back up the database again"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_fails_is_told_and_keeps_no_backup_from_being_made() {
    let binary = Binary::new();
    fs::write(binary.path("config.yml"), "retention:\n  thumbnails: 30\n").unwrap();
    let server = binary.serve();
    wait_for_housekeeping(&server, "ok").await;
    let database = rusqlite::Connection::open(binary.path("data/printlog.db")).unwrap();
    database
        .execute_batch("ALTER TABLE thumbnails RENAME TO gone")
        .unwrap();
    server.signal("-HUP");
    let reason = wait_for_housekeeping(&server, "warning").await;
    assert!(
        reason.contains("expired data cannot be removed") && !reason.contains("backup"),
        "{reason}"
    );
    assert_eq!(names_in(&binary.path("data/backups")).len(), 1);

    database
        .execute_batch("ALTER TABLE gone RENAME TO thumbnails")
        .unwrap();
    server.signal("-HUP");
    wait_for_housekeeping(&server, "ok").await;
    drop(database);
    server.end("-TERM");
}

/// The housekeeping status from the health report. `None` before the server has started.
async fn housekeeping(server: &Server) -> Option<Value> {
    let request = Request::builder()
        .uri("/health")
        .header("host", "printlog")
        .body(http_body_util::Full::default())
        .unwrap();
    let health = send(server.address.parse().unwrap(), request).await;
    // A warning does not change the HTTP status, so the server is not restarted.
    (health.status == StatusCode::OK).then(|| health.json()["housekeeping"].clone())
}

/// Returns the reason.
async fn wait_for_housekeeping(server: &Server, status: &str) -> String {
    for _ in 0..1200 {
        if let Some(housekeeping) = housekeeping(server).await
            && housekeeping["status"] == status
        {
            return housekeeping["reason"].as_str().unwrap_or_default().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "the housekeeping is not {status}: {:?}",
        housekeeping(server).await
    );
}
