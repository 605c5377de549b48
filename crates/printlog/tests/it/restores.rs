//! A restore changes nothing until the replacement is complete, and a dry run reports the same problems as the
//! restore.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    process::Command,
};

use crate::{
    binary::{Binary, Said, names_in},
    capture::small_disk::SmallDisk,
};

fn backup(binary: &Binary) -> String {
    binary.json(&["backup", "--json"])["path"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn on(disk: &SmallDisk, arguments: &[&str]) -> Said {
    let mut command = disk.command(env!("CARGO_BIN_EXE_printlog"));
    command.args(arguments).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("PRINTLOG_BACKUP__FOLDER", "backups");
    command.output().unwrap().into()
}

#[test]
fn a_full_disk_leaves_the_database_as_it_is() {
    let binary = Binary::new();
    let Some(disk) = SmallDisk::over(&binary.path("data"), "6M") else {
        return;
    };
    for name in ["Voron", "Prusa"] {
        let said = on(
            &disk,
            &["printers", "add", name, "http://127.0.0.1:7125", "--inactive"],
        );
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    let said = on(&disk, &["backup", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let made: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let file = made["path"].as_str().unwrap();
    disk.fill();
    let state = || {
        let database = disk.outside("printlog.db");
        let metadata = database.metadata().unwrap();
        let mut names = names_in(&disk.outside(""));
        names.retain(|name| [".lock", "-wal", "-shm"].iter().all(|end| !name.ends_with(end)));
        (
            metadata.ino(),
            metadata.len(),
            names,
            fs::read(disk.outside("secret.key")).unwrap(),
        )
    };
    let before = state();
    for arguments in [
        &["restore", file, "--dry-run"] as &[_],
        &["restore", file],
        &["restore", file],
    ] {
        let said = on(&disk, arguments);
        assert_eq!(said.code, 1, "{arguments:?}: {}", said.stdout);
        assert!(
            said.stderr.contains("No space left") || said.stderr.contains("disk is full"),
            "{}",
            said.stderr
        );
        assert_eq!(state(), before, "{arguments:?}");
    }
    disk.empty();
    let listed = on(&disk, &["printers", "list"]);
    assert!(
        listed.stdout.contains("Voron") && listed.stdout.contains("Prusa"),
        "{}",
        listed.stdout
    );
    let said = on(&disk, &["restore", file]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("-before-restore.db"), "{}", said.stdout);
}

#[test]
fn what_is_there_stays_if_it_cannot_be_backed_up_though_it_is_sound() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let file = backup(&binary);
    binary.add_printer("Prusa");
    fs::write(binary.path("no folder"), "").unwrap();
    let before = binary.path("data/printlog.db").metadata().unwrap().ino();
    let variables = [("PRINTLOG_BACKUP__FOLDER", "no folder/backups")];
    let said = binary.run_with(&["restore", &file], &variables);
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stderr.contains("no folder"), "{}", said.stderr);
    let names = names_in(&binary.path("data"));
    assert!(
        !names
            .iter()
            .any(|name| name.contains("damaged") || name.contains("restoring")),
        "{names:?}"
    );
    assert_eq!(binary.path("data/printlog.db").metadata().unwrap().ino(), before);
    assert_eq!(binary.printer_count(), 2);
}

#[test]
fn a_dry_run_finds_what_the_restore_finds() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let good = backup(&binary);
    binary.add_printer("Prusa");
    let newer = "INSERT INTO schema_migrations (version, applied_at) VALUES ('m9999_of_the_future', 0)";
    for (number, (sql, words)) in [
        (newer, "newer printlog"),
        (
            "INSERT INTO schema_migrations (version, applied_at) VALUES ('unfinished_restore', 0)",
            "was interrupted",
        ),
        ("UPDATE printers SET created_at = 'yesterday'", ""),
        ("UPDATE printers SET name = x'ff00'", ""),
        ("UPDATE job_totals SET total_jobs = 7", "totals"),
        ("DELETE FROM schema_migrations", "not a database of printlog"),
        (
            "PRAGMA foreign_keys = OFF; INSERT INTO job_notes (print_job_id) VALUES (99)",
            "rows that are missing",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("bad {number}.db");
        fs::copy(binary.path(&good), binary.path(&name)).unwrap();
        rusqlite::Connection::open(binary.path(&name))
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        let dry = binary.run(&["restore", &name, "--dry-run"]);
        let real = binary.run(&["restore", &name]);
        assert_eq!(
            (dry.code, real.code),
            (1, 1),
            "{sql}: {}{}",
            dry.stderr,
            real.stderr
        );
        assert_eq!(dry.stderr, real.stderr, "{sql}");
        assert!(dry.stderr.contains(words), "{sql}: {}", dry.stderr);
        assert_eq!(binary.printer_count(), 2, "{sql}");
    }
    let server = binary.serve();
    let dry = binary.run(&["restore", &good, "--dry-run"]);
    let real = binary.run(&["restore", &good]);
    assert_eq!((dry.code, real.code), (1, 1));
    assert_eq!(dry.stderr, real.stderr);
    server.end("-TERM");
    // Without an existing database, nothing is compared, but it is still a dry run.
    let elsewhere = [("PRINTLOG_DATABASE__PATH", "new/printlog.db")];
    let dry = binary.run_with(&["restore", &good, "--dry-run", "--json"], &elsewhere);
    assert!(
        dry.stdout.contains("\"done\": false"),
        "{}{}",
        dry.stdout,
        dry.stderr
    );
}

#[test]
fn a_database_of_a_newer_printlog_is_kept_when_an_older_backup_takes_its_place() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let file = backup(&binary);
    binary.add_printer("Prusa");
    let newer = "INSERT INTO schema_migrations (version, applied_at) VALUES ('m9999_of_the_future', 0)";
    rusqlite::Connection::open(binary.path("data/printlog.db"))
        .unwrap()
        .execute_batch(newer)
        .unwrap();
    let restored = binary.json(&["restore", &file, "--json"]);
    assert_eq!(binary.printer_count(), 1);
    let kept = rusqlite::Connection::open(binary.path(restored["replaced"].as_str().unwrap())).unwrap();
    let printers: i64 = kept
        .query_row("SELECT COUNT(*) FROM printers", [], |row| row.get(0))
        .unwrap();
    assert_eq!(printers, 2);
}

#[test]
fn the_log_next_to_a_copied_database_is_restored_with_it() {
    let binary = Binary::new();
    let server = binary.serve();
    for name in ["Voron", "Prusa"] {
        binary.add_printer(name);
    }
    server.end("-KILL");
    fs::create_dir(binary.path("copy")).unwrap();
    for name in ["printlog.db", "printlog.db-wal"] {
        fs::copy(binary.path("data").join(name), binary.path("copy").join(name)).unwrap();
    }
    binary.add_printer("Ender");
    binary.json(&["restore", "copy/printlog.db", "--json"]);
    assert_eq!(binary.printer_count(), 2);
    let names = names_in(&binary.path("copy"));
    assert_eq!(
        names,
        ["printlog.db", "printlog.db-wal"],
        "the copy stays as it is"
    );
}

#[test]
fn a_link_stays_a_link_and_its_target_is_replaced() {
    let binary = Binary::new();
    fs::create_dir_all(binary.path("data")).unwrap();
    fs::create_dir_all(binary.path("disk")).unwrap();
    symlink("../disk/prints.db", binary.path("data/printlog.db")).unwrap();
    binary.add_printer("Voron");
    let file = backup(&binary);
    binary.add_printer("Prusa");
    let server = binary.serve();
    let port = ("PRINTLOG_API__PORT", "0");
    fs::hard_link(binary.path("disk/prints.db"), binary.path("disk/hard.db")).unwrap();
    for name in ["disk/prints.db", "disk/../data/printlog.db", "disk/hard.db"] {
        let second = binary.run_with(&["serve"], &[("PRINTLOG_DATABASE__PATH", name), port]);
        assert_eq!(second.code, 1, "{name}: {}", second.stderr);
        assert!(
            second.stderr.contains("another printlog"),
            "{name}: {}",
            second.stderr
        );
    }
    fs::remove_file(binary.path("disk/hard.db")).unwrap();
    server.end("-TERM");
    binary.json(&["restore", &file, "--json"]);
    assert!(binary.path("data/printlog.db").is_symlink());
    assert_eq!(binary.printer_count(), 1);
    let names = names_in(&binary.path("disk"));
    assert!(
        names
            .iter()
            .all(|name| name == "prints.db" || name.ends_with(".lock")),
        "{names:?}"
    );
}

#[test]
fn leftovers_of_a_restore_that_was_killed_are_removed_by_the_server() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    backup(&binary);
    let file = |name: &str, age: &str| {
        fs::write(binary.path(name), "x").unwrap();
        let touched = Command::new("touch")
            .args(["-d", age])
            .arg(binary.path(name))
            .status();
        assert!(touched.unwrap().success());
        binary.path(name)
    };
    let old = [
        file("data/printlog.db.restoring", "2 hours ago"),
        file("data/printlog.db.restoring-wal", "2 hours ago"),
        file("data/backups/printlog-20260130T000000Z.part", "2 hours ago"),
    ];
    let kept = [
        file("data/notes.restoring", "2 hours ago"),
        file("data/backups/film.part", "2 hours ago"),
        file("data/backups/printlog-20260131T000000Z.part", "1 minute ago"),
    ];
    let (status, _, log) = binary.serve().end("-TERM");
    assert!(status.success(), "{log}");
    assert!(old.iter().all(|path| !path.exists()));
    assert!(kept.iter().all(|path| path.exists()));
}
