//! `printlog backup`, `restore`, `migrate-database` and `space`.

use std::{fs, os::unix::fs::FileExt as _};

use serde_json::Value;

use crate::binary::Binary;

fn rows(tables: &Value, table: &str) -> Option<u64> {
    let found = tables
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["table"] == table);
    found.map(|entry| entry["rows"].as_u64().unwrap())
}

#[test]
fn a_backup_is_made_beside_the_server_and_restored_without_it() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let server = binary.serve();
    let backup = binary.json(&["backup", "--json"]);
    assert_eq!(rows(&backup["tables"], "printers"), Some(1));
    let file = backup["path"].as_str().unwrap();
    assert!(file.starts_with("./data/backups/printlog-2"), "{file}");
    binary.add_printer("Prusa");

    let refused = binary.run(&["restore", file]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("another printlog (process "),
        "{}",
        refused.stderr
    );
    server.end("-TERM");

    let dry = binary.json(&["restore", file, "--dry-run", "--json"]);
    assert_eq!(dry["done"], false);
    let of_printers = dry["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["table"] == "printers")
        .unwrap();
    assert_eq!(
        (&of_printers["rows"], &of_printers["rows_now"]),
        (&1.into(), &2.into())
    );
    assert_eq!(binary.printer_count(), 2, "nothing was changed");

    let restored = binary.json(&["restore", file, "--json"]);
    assert_eq!(restored["done"], true);
    assert_eq!(binary.printer_count(), 1);
    // The replaced database can be restored.
    let before = restored["replaced"].as_str().unwrap();
    binary.json(&["restore", before, "--json"]);
    assert_eq!(binary.printer_count(), 2);
    let (status, _, log) = binary.serve().end("-TERM");
    assert!(status.success(), "{log}");
}

#[test]
fn a_damaged_database_is_said_to_be_so_and_a_backup_takes_its_place() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let backup = binary.json(&["backup", "--json"]);
    let file = backup["path"].as_str().unwrap();
    fs::write(
        binary.path("data/printlog.db"),
        "no database at all, but a long text. ".repeat(500),
    )
    .unwrap();
    let checked = binary.run(&["check"]);
    assert_eq!(checked.code, 3, "{}", checked.stderr);
    assert!(
        checked.stdout.contains("to do: stop the server"),
        "{}",
        checked.stdout
    );
    let refused = binary.run_with(&["serve"], &[("PRINTLOG_API__PORT", "0")]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("printlog restore"), "{}", refused.stderr);
    let said = binary.run(&["restore", file]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains(".damaged-"), "{}", said.stdout);
    assert_eq!(binary.printer_count(), 1);
}

#[test]
fn check_reads_all_of_the_file() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let said = binary.run(&["check"]);
    assert!(
        said.stdout
            .contains("ok     file: the database file is not damaged"),
        "{}",
        said.stdout
    );
    let path = binary.path("data/printlog.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    let (page, size): (u32, u32) = database
        .query_row(
            "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'thumbnails'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    database.close().unwrap();
    // Damages a page that is not read at startup.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xa5; 512], u64::from(page - 1) * u64::from(size))
        .unwrap();
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stdout.contains("WRONG  file"), "{}", said.stdout);
    assert!(said.stdout.contains("printlog restore"), "{}", said.stdout);
}

#[test]
fn everything_moves_to_another_database() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let moved = binary.json(&[
        "migrate-database",
        "--from",
        "sqlite://data/printlog.db",
        "--to",
        "sqlite://elsewhere/new.db",
        "--json",
    ]);
    assert_eq!(rows(&moved["tables"], "printers"), Some(1));
    let variables = [("PRINTLOG_DATABASE__PATH", "elsewhere/new.db")];
    let listed = binary.run_with(&["printers", "list"], &variables);
    assert!(listed.stdout.contains("Voron"), "{}", listed.stdout);
    let again = binary.run(&[
        "migrate-database",
        "--from",
        "sqlite://data/printlog.db",
        "--to",
        "sqlite://elsewhere/new.db",
    ]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    let wrong = binary.run(&[
        "migrate-database",
        "--from",
        "postgres://x/y",
        "--to",
        "sqlite://new.db",
    ]);
    assert_eq!(wrong.code, 2);
    // A password file needs a server URL without a password.
    fs::write(binary.path("password"), "s3cret\n").unwrap();
    for (to, code, words) in [
        ("sqlite://new.db", 2, "has no password"),
        (
            "mysql://me:other@127.0.0.1:1/prints",
            2,
            "remove --to-password-file",
        ),
        (
            "mysql://me@127.0.0.1:1/prints",
            1,
            "cannot open the database mysql://127.0.0.1:1/prints",
        ),
    ] {
        let from = "sqlite://data/printlog.db";
        let said = binary.run(&[
            "migrate-database",
            "--from",
            from,
            "--to",
            to,
            "--to-password-file",
            "password",
        ]);
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(said.stderr.contains(words), "{}", said.stderr);
        assert!(!said.stderr.contains("s3cret"));
    }
    let missing = binary.run(&[
        "migrate-database",
        "--from",
        "sqlite://nothing.db",
        "--to",
        "sqlite://new.db",
    ]);
    assert_eq!(missing.code, 2, "{}", missing.stderr);
    assert!(!binary.path("nothing.db").exists());
}

#[test]
fn tables_are_told_with_rows_and_bytes() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let spaces = binary.json(&["space", "--json"]);
    assert_eq!(rows(&spaces, "printers"), Some(1));
    assert!(
        spaces
            .as_array()
            .unwrap()
            .iter()
            .all(|table| table["bytes"].as_u64() > Some(0)),
        "{spaces:#}"
    );
}

#[test]
fn a_file_that_is_no_backup_is_said_to_be_that_file() {
    let binary = Binary::new();
    binary.add_printer("Voron");
    let file = binary.path("notes.txt");
    std::fs::write(&file, "no database at all, ".repeat(1000)).unwrap();
    let said = binary.run(&["restore", file.to_str().unwrap(), "--dry-run"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("notes.txt"), "{}", said.stderr);
    assert!(
        !said.stderr.contains("the database file is damaged"),
        "{}",
        said.stderr
    );
}
