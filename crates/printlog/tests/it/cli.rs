//! The command line, run as a process.

use std::fs;

use serde_json::{Value, json};
use store::{Location, Store};

use crate::{
    binary::{Binary, names_in},
    test_app::{job, stored_at},
};

#[test]
fn keys_are_made_listed_and_revoked_before_the_first_start() {
    let binary = Binary::new();
    let made = binary.json(&["keys", "create", "laptop", "--json"]);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("3dp_"), "{made}");
    assert_eq!(made["key_prefix"], key[..12]);
    let id = made["id"].to_string();

    let listed = binary.json(&["keys", "list", "--json"]);
    assert_eq!(listed["items"][0]["name"], "laptop");
    assert!(!listed.to_string().contains(key));

    assert_eq!(
        (&made["scope"], &listed["items"][0]["scope"]),
        (&json!("admin"), &json!("admin"))
    );
    let reader = binary.json(&["keys", "create", "grafana", "--scope", "read", "--json"]);
    assert_eq!(reader["scope"], "read");
    assert_eq!(binary.run(&["keys", "revoke", &reader["id"].to_string()]).code, 0);
    assert_eq!(
        binary
            .run(&["keys", "create", "grafana", "--scope", "write"])
            .code,
        2
    );

    let said = binary.run(&["keys", "create", "phone", "--expires", "90d"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout.starts_with("3dp_") && said.stdout.lines().count() == 1,
        "only the key: {}",
        said.stdout
    );

    let said = binary.run(&["keys", "list"]);
    assert_eq!(said.stdout.lines().count(), 4, "{}", said.stdout);
    assert!(
        said.stdout.contains("laptop") && said.stdout.contains("works"),
        "{}",
        said.stdout
    );

    let revoked = binary.json(&["keys", "revoke", &id, "--json"]);
    assert_eq!(
        revoked,
        json!({"id": made["id"], "name": "laptop", "revoked": true})
    );
    assert_eq!(
        binary.json(&["keys", "list", "--json"])["items"][0]["is_active"],
        false
    );
    // Revokes a key by its prefix. It is the last one, which only the command line may revoke.
    let said = binary.run(&["keys", "revoke", &said_key(&binary)]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr
            .contains("There is no valid key with the scope `admin` any more"),
        "{}",
        said.stderr
    );
    assert_eq!(binary.run(&["keys", "revoke", "99"]).code, 1);
    assert_eq!(binary.run(&["keys", "revoke", "3dp_unknownkey"]).code, 1);
}

fn said_key(binary: &Binary) -> String {
    binary.json(&["keys", "list", "--json"])["items"][2]["key_prefix"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn printers_are_added_listed_and_removed_before_the_first_start() {
    let binary = Binary::new();
    fs::write(binary.path("key"), "s3cret\n").unwrap();
    let arguments = [
        "printers",
        "add",
        "Voron",
        "127.0.0.1:1",
        "--location",
        "Workshop",
        "--api-key-file",
        "key",
        "--json",
    ];
    let made = binary.json(&arguments);
    assert_eq!(made["name"], "Voron");
    assert_eq!(made["location"], "Workshop");
    assert_eq!(made["moonraker_url"], "http://127.0.0.1:1");
    assert_eq!(made["has_moonraker_api_key"], true);
    assert_eq!(made["is_active"], true);
    assert!(!made.to_string().contains("s3cret"));
    assert_eq!(
        binary.json(&["printers", "list", "--json"]),
        json!({"items": [made]})
    );

    let said = binary.run(&["printers", "add", "voron ", "127.0.0.1:2"]);
    assert_eq!(
        (said.code, said.stderr.contains("already a printer")),
        (1, true),
        "{}",
        said.stderr
    );
    let said = binary.run(&["printers", "add", "", "ftp://a"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("name:") && said.stderr.contains("moonraker_url:"),
        "{}",
        said.stderr
    );

    let said = binary.run(&["printers", "list"]);
    assert!(
        said.stdout.contains("Voron") && said.stdout.contains("Workshop"),
        "{}",
        said.stdout
    );
    let edited = binary.json(&[
        "printers",
        "edit",
        "voron",
        "--url",
        "127.0.0.1:3",
        "--inactive",
        "--json",
    ]);
    assert_eq!(edited["moonraker_url"], "http://127.0.0.1:3");
    assert_eq!(edited["is_active"], false);
    assert_eq!(edited["has_moonraker_api_key"], true, "what is not named stays");
    assert_eq!(edited["location"], "Workshop");
    let edited = binary.json(&[
        "printers",
        "edit",
        "1",
        "--no-api-key",
        "--location",
        "",
        "--active",
        "--json",
    ]);
    assert_eq!(edited["has_moonraker_api_key"], false);
    assert_eq!(
        (&edited["location"], &edited["is_active"]),
        (&Value::Null, &json!(true))
    );
    let said = binary.run(&["printers", "edit", "Voron", "--name", "Trident"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    let said = binary.run(&["printers", "edit", "Trident", "--name", "Voron"]);
    assert!(
        said.stdout.contains("Changed printer 1, Voron"),
        "{}",
        said.stdout
    );
    assert_eq!(
        binary.run(&["printers", "edit", "Voron"]).code,
        2,
        "nothing to change"
    );
    assert_eq!(
        binary
            .run(&["printers", "edit", "Voron", "--url", "ftp://a"])
            .code,
        2
    );
    assert_eq!(binary.run(&["printers", "edit", "Prusa", "--inactive"]).code, 1);
    assert_eq!(binary.run(&["printers", "remove", "Prusa"]).code, 1);
    let removed = binary.json(&["printers", "remove", "VORON", "--json"]);
    assert_eq!(removed["removed"], true);
    assert_eq!(binary.json(&["printers", "list", "--json"]), json!({"items": []}));
}

#[test]
fn a_printer_that_cannot_be_reached_fails_the_test_with_3() {
    let binary = Binary::new();
    binary.json(&["printers", "add", "Voron", "http://127.0.0.1:1", "--json"]);
    for printer in ["Voron", "1", "http://127.0.0.1:1"] {
        let said = binary.run(&["printers", "test", printer]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert!(
            said.stdout.contains("nothing listens at 127.0.0.1:1"),
            "{}",
            said.stdout
        );
    }
    let said = binary.run(&["printers", "test", "Voron", "--json"]);
    assert_eq!(said.code, 3);
    let verdict: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&verdict["ok"], &verdict["outcome"]),
        (&json!(false), &json!("unreachable"))
    );
}

#[test]
fn check_says_what_is_wrong_and_what_to_do() {
    let binary = Binary::new();
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("No problems found"), "{}", said.stdout);

    binary.json(&[
        "printers",
        "add",
        "Off",
        "http://127.0.0.1:1",
        "--inactive",
        "--json",
    ]);
    assert_eq!(binary.run(&["check"]).code, 0);
    binary.json(&["printers", "add", "Away", "http://127.0.0.1:1", "--json"]);
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stdout.contains("WRONG  printer Away"), "{}", said.stdout);
    assert!(
        said.stdout.contains("to do: make sure that Moonraker runs there"),
        "{}",
        said.stdout
    );
    let said = binary.run(&["check", "--json"]);
    assert_eq!(said.code, 3);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let away = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["subject"] == "printer Away");
    assert_eq!(away.unwrap()["ok"], false);

    let said = binary.run_with(
        &["check"],
        &[("PRINTLOG_DATABASE__URL", "mysql://me:s3cret@127.0.0.1:1/prints")],
    );
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stdout.contains("WRONG  database"), "{}", said.stdout);
    assert!(said.stdout.contains("is the server running"), "{}", said.stdout);
    assert!(!said.stdout.contains("s3cret") && !said.stderr.contains("s3cret"));

    let newer = "INSERT INTO schema_migrations (version, applied_at) VALUES ('m9999_later', 0)";
    assert!(sqlite(&binary, newer), "sqlite3 of Python works");
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(
        said.stdout.contains("to do: use the newer printlog"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_file_of_certificates_that_cannot_be_used_is_named() {
    let binary = Binary::new();
    fs::write(binary.path("config.yml"), "moonraker:\n  ca_file: ca.pem\n").unwrap();
    for (pem, wrong) in [
        (None, "cannot read the certificates in"),
        (Some("no certificate"), "contains no certificate; expected PEM"),
    ] {
        if let Some(pem) = pem {
            fs::write(binary.path("ca.pem"), pem).unwrap();
        }
        let said = binary.run(&["check"]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        for part in [wrong, "ca.pem", "correct `moonraker.ca_file`"] {
            assert!(said.stdout.contains(part), "{}", said.stdout);
        }
        let said = binary.run(&["printers", "test", "http://127.0.0.1:1"]);
        assert!(said.code != 0 && said.stderr.contains(wrong), "{}", said.stderr);
    }
}

#[test]
fn a_printer_that_is_just_off_is_no_trouble_for_check() {
    let binary = Binary::new();
    binary.json(&["printers", "add", "Away", "http://printer.invalid:7125", "--json"]);
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 3, "it has never responded: {}", said.stdout);
    assert!(
        said.stdout
            .contains("to do: it has never responded at this address"),
        "{}",
        said.stdout
    );
    assert!(sqlite(&binary, "UPDATE printers SET last_seen = 1780000000000"));
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(said.stdout.contains("note   printer Away"), "{}", said.stdout);
    assert!(
        said.stdout.contains("It last responded at 2026-05-28T20:26:40Z"),
        "{}",
        said.stdout
    );
}

#[tokio::test]
async fn check_finds_totals_that_are_not_the_sums() {
    let binary = Binary::new();
    seed(&binary).await;
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let database = sqlite(&binary, "UPDATE job_totals SET total_jobs = 7");
    assert!(database, "sqlite3 of Python works");
    let said = binary.run(&["check"]);
    assert_eq!(said.code, 3, "{}", said.stdout);
    assert!(
        said.stdout
            .contains("WRONG  totals: printer Voron has the totals 7 jobs"),
        "{}",
        said.stdout
    );
}

/// Changes the database directly.
fn sqlite(binary: &Binary, statement: &str) -> bool {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", script])
        .arg(binary.path("data/printlog.db"))
        .arg(statement);
    command.status().unwrap().success()
}

async fn seed(binary: &Binary) {
    binary.json(&[
        "printers",
        "add",
        "Voron",
        "http://127.0.0.1:1",
        "--inactive",
        "--json",
    ]);
    let store = Store::open(&Location::Sqlite {
        path: binary.path("data/printlog.db"),
    })
    .await
    .unwrap();
    let printer = store.printers().await.unwrap()[0].id;
    for (index, name) in [
        "cube.gcode",
        "=cmd|' /C calc'!A0",
        "a, \"quoted\"\nname ü 🐤.gcode",
    ]
    .iter()
    .enumerate()
    {
        let mut job = job(
            printer,
            &format!("{index:06X}"),
            &format!("2026-01-0{}T00:00:00Z", index + 1),
        );
        job.filename = Some((*name).to_owned());
        job.metadata = Some(json!({"big": "x".repeat(1000)}).into());
        store.save_job(&job, stored_at()).await.unwrap();
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn jobs_are_listed_as_the_api_does() {
    let binary = Binary::new();
    seed(&binary).await;
    let page = binary.json(&["jobs", "list", "--limit", "2", "--json"]);
    assert_eq!(page["total"], 3);
    assert_eq!(page["items"][0]["start_time"], "2026-01-03T00:00:00Z");
    let next = page["next"].as_str().unwrap();
    let page = binary.json(&["jobs", "list", "--cursor", next, "--json"]);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["next"], Value::Null);

    for (arguments, count) in [
        (vec!["--printer", "voron"], 3),
        (vec!["--printer-id", "1"], 3),
        (vec!["--status", "completed,error"], 3),
        (vec!["--status", "failed"], 0),
        (vec!["--since", "2026-01-02"], 2),
        (vec!["--until", "2026-01-02T00:00:00Z"], 1),
        (vec!["--q", "CUBE"], 1),
        (vec!["--filament-type", "PLA"], 0),
        (vec!["--filament-type", "PLA", "--filament-type", ""], 3),
        (vec!["--cause", "COMPLETED", "--user", ""], 3),
        (vec!["--cause", "klippy_shutdown"], 0),
        (vec!["--print-duration-max", "0"], 0),
        (vec!["--filament-used-min", "1"], 3),
        (vec!["--verdict-reason", ""], 0),
    ] {
        let arguments: Vec<_> = ["jobs", "list", "--json"].into_iter().chain(arguments).collect();
        assert_eq!(binary.json(&arguments)["total"], count, "{arguments:?}");
    }
    for wrong in [
        ["--status", "done"],
        ["--printer", "Prusa"],
        ["--since", "soon"],
        ["--limit", "501"],
        ["--cursor", "x"],
    ] {
        let arguments: Vec<_> = ["jobs", "list"].into_iter().chain(wrong).collect();
        assert_eq!(binary.run(&arguments).code, 2, "{wrong:?}");
    }
    let said = binary.run(&["jobs", "list"]);
    assert_eq!(
        said.stdout.lines().count(),
        4,
        "a file name is one line: {}",
        said.stdout
    );
    assert!(
        said.stdout.contains("1:00:00") && said.stdout.contains("1.23 m"),
        "{}",
        said.stdout
    );
}

#[test]
fn jobs_are_filtered_by_all_that_the_api_filters_by() {
    let document: Value = serde_json::from_str(include_str!("../../../../openapi.json")).unwrap();
    let help = Binary::new().run(&["jobs", "list", "--help"]).stdout;
    let parameters = document["paths"]["/api/jobs"]["get"]["parameters"]
        .as_array()
        .unwrap();
    assert!(parameters.len() > 15, "{parameters:?}");
    for parameter in parameters {
        let option = format!("--{}", parameter["name"].as_str().unwrap().replace('_', "-"));
        assert!(help.contains(&option), "{option} is missing");
    }
}

#[tokio::test]
async fn exports_hold_every_job_and_no_formula() {
    let binary = Binary::new();
    seed(&binary).await;
    let mut listed = binary.json(&["jobs", "list", "--json"])["items"].clone();
    for item in listed.as_array_mut().unwrap() {
        // The export contains only data from the printer. User notes and images stay in the database.
        let own = [
            "title",
            "tags",
            "verdict",
            "verdict_reason",
            "has_thumbnail",
            "is_unobserved",
        ];
        let item = item.as_object_mut().unwrap();
        item.retain(|name, _| !own.contains(&name.as_str()));
    }
    let exported = binary.json(&["jobs", "export", "--format", "json"]);
    for (exported, listed) in exported
        .as_array()
        .unwrap()
        .iter()
        .zip(listed.as_array().unwrap())
    {
        for (field, value) in listed.as_object().unwrap() {
            assert_eq!(&exported[field], value, "{field} is as in the API");
        }
    }
    let lines = binary.run(&["jobs", "export", "--format", "ndjson"]).stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(Value::Array(lines), exported);

    let said = binary.run(&["jobs", "export", "--output", "jobs.csv", "--since", "2026-01-02"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    assert_eq!(names_in(binary.folder.path()), ["data", "jobs.csv"]);
    let mut reader = csv::Reader::from_path(binary.path("jobs.csv")).unwrap();
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let fields: Vec<_> = exported[0].as_object().unwrap().keys().cloned().collect();
    let mut sorted = header.clone();
    sorted.sort();
    assert_eq!(sorted, fields, "the same in every format");
    let names: Vec<_> = reader
        .records()
        .map(|record| record.unwrap()[header.iter().position(|name| name == "filename").unwrap()].to_owned())
        .collect();
    assert_eq!(names, ["a, \"quoted\"\nname ü 🐤.gcode", "'=cmd|' /C calc'!A0"]);

    let empty = Binary::new();
    assert_eq!(empty.json(&["jobs", "export", "--format", "json"]), json!([]));
    assert_eq!(
        empty.run(&["jobs", "export"]).stdout.lines().count(),
        1,
        "the header"
    );
    assert_eq!(
        empty.run(&["jobs", "export", "-o", "/no/such/folder/x.csv"]).code,
        1
    );
}

#[test]
fn help_documents_every_column_of_an_export() {
    let binary = Binary::new();
    let header = binary.run(&["jobs", "export"]).stdout;
    let help = binary.run(&["jobs", "export", "--help"]).stdout;
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/export.md")).unwrap();
    for column in header.trim().split(',') {
        assert!(help.contains(&format!("  {column} ")), "--help: {column}");
        assert!(
            page.contains(&format!("| `{column}` |")),
            "docs/export.md: {column}"
        );
    }
}

#[test]
fn help_teaches() {
    let binary = Binary::new();
    for (arguments, expected) in [
        (vec!["--help"], "Exit codes:"),
        (vec!["printers", "add", "--help"], "http://voron.local:7125"),
        (vec!["keys", "create", "--help"], "--expires 90d"),
        (vec!["jobs", "list", "--help"], "--status error"),
        (vec!["check", "--help"], "totals"),
    ] {
        let said = binary.run(&arguments);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stdout.contains(expected), "{arguments:?}: {}", said.stdout);
    }
    assert_eq!(binary.run(&[]).code, 2);
    assert_eq!(binary.run(&["print"]).code, 2);
    assert_eq!(
        binary.run(&["--version"]).stdout.trim(),
        concat!("printlog ", env!("CARGO_PKG_VERSION"))
    );
    assert!(names_in(binary.folder.path()).is_empty(), "help touches nothing");
}

#[test]
fn a_wrong_configuration_ends_every_command_with_2() {
    let binary = Binary::new();
    fs::write(binary.path("config.yml"), "api:\n  prot: 1\n").unwrap();
    fs::write(binary.path("right.yml"), "database:\n  path: other.db\n").unwrap();
    for arguments in [
        &["serve"][..],
        &["check"],
        &["keys", "list"],
        &["printers", "list"],
        &["jobs", "list"],
    ] {
        let said = binary.run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}");
        assert!(
            said.stderr.contains("config.yml:2: unknown key `prot`"),
            "{}",
            said.stderr
        );
        assert_eq!(said.stdout, "");
    }
    assert_eq!(binary.run(&["keys", "list", "--config", "right.yml"]).code, 0);
    assert_eq!(
        binary
            .run_with(&["keys", "list"], &[("CONFIG_PATH", "right.yml")])
            .code,
        0
    );
    assert_eq!(binary.run(&["keys", "list", "--config", "missing.yml"]).code, 2);
    let said = binary.run_with(&["keys", "list"], &[("CONFIG_PATH", "")]);
    assert!(
        said.stderr.contains("config.yml:2"),
        "an empty variable names no file: {}",
        said.stderr
    );
    assert_eq!(
        names_in(binary.folder.path()),
        ["config.yml", "other.db", "right.yml", "secret.key"]
    );
}

#[test]
fn the_first_start_shows_a_key_once_on_the_terminal() {
    let binary = Binary::new();
    let server = binary.serve();
    // Commands work while the server is running.
    let made = binary.json(&[
        "printers",
        "add",
        "Voron",
        "http://127.0.0.1:1",
        "--inactive",
        "--json",
    ]);
    assert_eq!(made["id"], 1);
    let address = server.address.clone();
    let (status, stdout, stderr) = server.end("-TERM");
    assert_eq!(status.code(), Some(0), "{stderr}");
    let key = stdout
        .split_whitespace()
        .find(|word| word.starts_with("3dp_"))
        .expect("a key is shown");
    assert!(
        stdout.contains("printers add") && stdout.contains("curl -X POST"),
        "{stdout}"
    );
    assert!(
        stdout.contains(&address.replace("127.0.0.1", "http://localhost")),
        "{stdout}"
    );
    let log = fs::read_to_string(binary.path("logs/printlog.log")).unwrap();
    assert!(log.contains("listening on"), "{log}");
    assert!(!log.contains(key) && !stderr.contains(key), "no key in the log");
    assert_eq!(
        binary.json(&["keys", "list", "--json"])["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let (status, stdout, _) = binary.serve().end("-INT");
    assert_eq!(
        (status.code(), stdout.as_str()),
        (Some(0), ""),
        "the second start shows none"
    );
}

#[test]
fn no_log_file_is_written_if_none_is_wanted() {
    let binary = Binary::new();
    fs::write(binary.path("config.yml"), "logging:\n  file: null\n").unwrap();
    binary.serve().end("-TERM");
    assert_eq!(names_in(binary.folder.path()), ["config.yml", "data"]);
}

#[test]
fn a_second_server_on_the_same_port_says_so() {
    let binary = Binary::new();
    let server = binary.serve();
    let port = server.address.rsplit(':').next().unwrap();
    let said = binary.run_with(
        &["serve"],
        &[("PRINTLOG_API__HOST", "127.0.0.1"), ("PRINTLOG_API__PORT", port)],
    );
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains("is another printlog running?"),
        "{}",
        said.stderr
    );
    server.end("-TERM");
}

#[test]
fn diagnostics_hold_no_secret() {
    let binary = Binary::new();
    let keys = ["moonraker-s3cret-key", "another-s3cret"];
    for (name, key) in ["Voron", "Prusa"].into_iter().zip(keys) {
        let add = [
            "printers",
            "add",
            name,
            "http://127.0.0.1:1",
            "--api-key",
            key,
            "--inactive",
        ];
        assert_eq!(binary.run(&add).code, 0);
    }
    let own = binary.json(&["keys", "create", "laptop", "--json"]);
    let own = own["key"].as_str().unwrap();
    // For example, a proxy may have written them into the log.
    fs::create_dir(binary.path("logs")).unwrap();
    let log = format!("INFO a line\nWARN with {own} and {}\n", keys[0]);
    fs::write(binary.path("logs/printlog.log"), log).unwrap();
    let said = binary.run(&["diagnostics", "-o", "bundle.zip"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let bundle = fs::read(binary.path("bundle.zip")).unwrap();
    let holds = |text: &str| bundle.windows(text.len()).any(|window| window == text.as_bytes());
    // The archive is not compressed, so its content can be searched.
    for expected in [
        "about.txt",
        "Voron",
        "findings.json",
        "INFO a line",
        "configuration.txt",
        &own[..12],
    ] {
        assert!(holds(expected), "{expected}");
    }
    let secret = fs::read_to_string(binary.path("data/secret.key")).unwrap();
    for hidden in [keys[0], keys[1], own, secret.trim(), "sealed:1:"] {
        assert!(!holds(hidden), "{hidden}");
    }
    assert_ne!(
        binary.run(&["diagnostics", "-o", "bundle.zip"]).code,
        0,
        "nothing is overwritten"
    );

    let password = "pa55 w%rd+";
    let config =
        format!("database:\n  type: mysql\n  host: 127.0.0.1\n  port: 1\n  password: \"{password}\"\n");
    fs::write(binary.path("mysql.yml"), config).unwrap();
    let said = binary.run(&["diagnostics", "-o", "mysql.zip", "--config", "mysql.yml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let bundle = fs::read(binary.path("mysql.zip")).unwrap();
    assert!(!bundle.windows(4).any(|window| window == b"pa55"));
}

#[test]
fn the_running_server_is_asked_for_its_health() {
    let binary = Binary::new();
    let server = binary.serve();
    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    let variables = [("PRINTLOG_API__PORT", port.as_str())];

    // The server listens before its database is open and reports that.
    let mut said = binary.run_with(&["health"], &variables);
    for _ in 0..1000 {
        if said.code == 0 {
            break;
        }
        assert!(said.stdout.contains("waits for the database"), "{}", said.stdout);
        said = binary.run_with(&["health"], &variables);
    }
    assert_eq!((said.code, said.stdout.as_str()), (0, "ok\n"), "{}", said.stderr);
    let said = binary.run_with(&["health", "--json"], &variables);
    let health: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(health["database"]["status"], "ok");

    server.end("-TERM");
    // Its port may have been reused by another server; nothing listens on port 1.
    let said = binary.run_with(&["health"], &[("PRINTLOG_API__PORT", "1")]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(
        said.stderr.contains("the server at 127.0.0.1:1 does not work"),
        "{}",
        said.stderr
    );
}
