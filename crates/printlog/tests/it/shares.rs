//! Data on file systems that lack features of a local disk: no sync of folders, no shared memory. A preloaded library
//! simulates them.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::binary::{Binary, names_in};

/// Compiles the C source to a library in the folder of the binary.
fn shim(binary: &Binary, source: &str) -> String {
    let library = binary.path("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/shims")
        .join(source);
    // The C compiler that also builds SQLite.
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(built.success());
    library.to_str().unwrap().to_owned()
}

fn add_printer(binary: &Binary, name: &str, variables: &[(&str, &str)]) {
    let arguments = ["printers", "add", name, "http://127.0.0.1:7125", "--inactive"];
    let said = binary.run_with(&arguments, variables);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

fn printers(binary: &Binary, variables: &[(&str, &str)]) -> usize {
    let said = binary.run_with(&["printers", "list", "--json"], variables);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let list: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    list["items"].as_array().unwrap().len()
}

fn journal_mode(binary: &Binary) -> String {
    let database = rusqlite::Connection::open(binary.path("data/printlog.db")).unwrap();
    database
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_folder_that_cannot_be_synced_takes_backups_restores_and_upgrades() {
    // EINVAL of CIFS, EOPNOTSUPP, ENOSYS, EBADF, EPERM, EISDIR, ENOTTY.
    for errno in ["22", "95", "38", "9", "1", "21", "25"] {
        let binary = Binary::new();
        let shim = shim(&binary, "no_folder_sync.c");
        let variables = [("LD_PRELOAD", shim.as_str()), ("FOLDER_SYNC_ERRNO", errno)];
        add_printer(&binary, "Voron", &variables);
        let said = binary.run_with(&["backup", "--json"], &variables);
        assert_eq!(said.code, 0, "{errno}: {}", said.stderr);
        let backup: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        let file = backup["path"].as_str().unwrap();
        add_printer(&binary, "Prusa", &variables);
        let said = binary.run_with(&["restore", file], &variables);
        assert_eq!(said.code, 0, "{errno}: {}", said.stderr);
        assert_eq!(printers(&binary, &variables), 1);

        let database = rusqlite::Connection::open(binary.path("data/printlog.db")).unwrap();
        let old = "DROP TABLE corrected_outcomes; \
                   DELETE FROM schema_migrations WHERE version = 'm0009_corrected_outcomes'";
        database.execute_batch(old).unwrap();
        drop(database);
        binary.serve_with(&variables).end("-TERM");
        binary.serve_with(&variables).end("-TERM");
        let backups = names_in(&binary.path("data/backups"));
        let of = |part: &str| backups.iter().filter(|name| name.contains(part)).count();
        assert_eq!(backups.len(), 3, "{errno}: {backups:?}");
        assert_eq!((of("-before-upgrade.db"), of("-before-restore.db")), (1, 1));
    }
}

#[test]
fn a_folder_on_a_broken_disk_is_reported_and_no_attempt_leaves_a_file() {
    // EIO, ENOSPC, EDQUOT.
    for errno in ["5", "28", "122"] {
        let binary = Binary::new();
        let shim = shim(&binary, "no_folder_sync.c");
        let variables = [("LD_PRELOAD", shim.as_str()), ("FOLDER_SYNC_ERRNO", errno)];
        add_printer(&binary, "Voron", &[]);
        for _ in 0..2 {
            let said = binary.run_with(&["backup"], &variables);
            assert_eq!(said.code, 1, "{errno}");
            assert!(said.stderr.contains("data/backups"), "{}", said.stderr);
        }
        assert!(names_in(&binary.path("data/backups")).is_empty());
    }
}

/// Copies a backup to files of earlier days, and lets a server make the due backup, with `keep: 2`. Returns the backups
/// as soon as `is_done`.
fn scheduled_backup(binary: &Binary, errno: &str, is_done: impl Fn(&[String]) -> bool) -> Vec<String> {
    add_printer(binary, "Voron", &[]);
    let said = binary.run_with(&["backup", "--json"], &[]);
    let backup: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let made = binary.path(backup["path"].as_str().unwrap());
    for day in 1..=3 {
        fs::copy(
            &made,
            made.with_file_name(format!("printlog-2026010{day}T000000Z.db")),
        )
        .unwrap();
    }
    fs::remove_file(&made).unwrap();
    let folder = made.parent().unwrap();
    let shim = shim(binary, "no_folder_sync.c");
    let server = binary.serve_with(&[
        ("LD_PRELOAD", shim.as_str()),
        ("FOLDER_SYNC_ERRNO", errno),
        ("PRINTLOG_BACKUP__KEEP", "2"),
    ]);
    // A reload starts the due work.
    for _ in 0..600 {
        server.signal("-HUP");
        std::thread::sleep(Duration::from_millis(100));
        let names = names_in(folder);
        if is_done(&names) {
            let (_, _, log) = server.end("-TERM");
            assert_eq!(log.contains("cannot back up the database"), errno == "5", "{log}");
            return names;
        }
    }
    panic!("{errno}: {:?}; {}", names_in(folder), server.end("-TERM").2);
}

#[test]
fn backups_beyond_keep_are_removed_from_a_folder_that_cannot_be_synced() {
    // None, EINVAL of CIFS, EOPNOTSUPP, ENOTTY.
    for errno in ["0", "22", "95", "25"] {
        let binary = Binary::new();
        let names = scheduled_backup(&binary, errno, |names| names.len() == 2);
        assert_eq!(names[0], "printlog-20260103T000000Z.db", "{errno}: {names:?}");
    }
}

#[test]
fn a_backup_that_failed_replaces_none() {
    // EIO: what is on the disk is unknown.
    let binary = Binary::new();
    let log = binary.path("log");
    fs::write(
        binary.path("config.yml"),
        format!("logging:\n  file: {}\n", log.display()),
    )
    .unwrap();
    let has_failed = || fs::read_to_string(&log).is_ok_and(|log| log.contains("cannot back up the database"));
    let mut names = scheduled_backup(&binary, "5", |_| has_failed());
    // The next attempt, which runs already.
    names.retain(|name| !name.ends_with(".part"));
    let days = [1, 2, 3].map(|day| format!("printlog-2026010{day}T000000Z.db"));
    assert_eq!(names, days);
}

#[test]
fn without_shared_memory_everything_works_and_the_way_back_is_open() {
    let binary = Binary::new();
    let shim = shim(&binary, "no_shared_memory.c");
    let without = [("LD_PRELOAD", shim.as_str())];
    // The server was killed on a disk with shared memory: the last changes are in the WAL.
    let server = binary.serve();
    add_printer(&binary, "Voron", &[]);
    server.end("-KILL");
    assert!(binary.path("data/printlog.db-wal").metadata().unwrap().len() > 0);
    assert_eq!(journal_mode(&binary), "wal");

    let server = binary.serve_with(&without);
    add_printer(&binary, "Prusa", &without);
    assert_eq!(
        printers(&binary, &without),
        2,
        "a command works next to the server"
    );
    let checked = binary.run_with(&["check"], &without);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert!(checked.stdout.contains("no shared memory"), "{}", checked.stdout);
    let said = binary.run_with(&["backup", "--json"], &without);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let backup: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let (status, _, log) = server.end("-TERM");
    assert!(status.success(), "{log}");
    assert!(log.contains("no shared memory"), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
    assert_eq!(
        journal_mode(&binary),
        "delete",
        "a connection of its own has the default"
    );
    let names = names_in(&binary.path("data"));
    assert!(
        !names
            .iter()
            .any(|name| name.contains("-wal") || name.contains(".trial")),
        "{names:?}"
    );

    add_printer(&binary, "Ender", &without);
    let file = backup["path"].as_str().unwrap();
    let said = binary.run_with(&["restore", file], &without);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(printers(&binary, &without), 2);

    assert_eq!(printers(&binary, &[]), 2, "a disk with shared memory again");
    assert_eq!(journal_mode(&binary), "wal");
}

#[test]
fn a_first_start_without_shared_memory_leaves_no_trace_of_the_trial() {
    let binary = Binary::new();
    let shim = shim(&binary, "no_shared_memory.c");
    let without = [("LD_PRELOAD", shim.as_str())];
    let server = binary.serve_with(&without);
    for name in ["a", "b", "c"] {
        add_printer(&binary, name, &without);
    }
    // The state after a server was killed.
    server.end("-KILL");
    assert_eq!(printers(&binary, &without), 3);
    fs::remove_dir_all(binary.path("data/backups")).ok();
    let names = names_in(&binary.path("data"));
    assert!(
        names.iter().all(|name| [
            "printlog.db",
            "printlog.db-journal",
            "printlog.db.lock",
            "secret.key",
            "printlog.log"
        ]
        .contains(&name.as_str())),
        "{names:?}"
    );
}
