//! The log of the real program.

use std::{
    fs,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::binary::Binary;

/// A host that is on, and whose Moonraker is not: every connection ends at once. Counts them.
fn dead_printer() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (url, attempts)
}

fn wait_for(attempts: &AtomicUsize, number: usize) {
    while attempts.load(Ordering::Relaxed) < number {
        thread::yield_now();
    }
}

#[test]
fn a_printer_that_is_off_does_not_fill_the_log() {
    let binary = Binary::new();
    let (url, attempts) = dead_printer();
    let config = "moonraker:\n  reconnect_delay: 0.1\n  max_reconnect_delay: 0.1\n";
    fs::write(binary.path("config.yml"), config).unwrap();
    assert_eq!(binary.run(&["printers", "add", "Voron", &url]).code, 0);
    let server = binary.serve();
    wait_for(&attempts, 30);
    let (status, _, log) = server.end("-TERM");
    assert!(status.success(), "{log}");
    let told: Vec<_> = log
        .lines()
        .filter(|line| line.contains("not connected to Voron"))
        .collect();
    // A connection may be hung up on before, in or after the handshake: one line for each way, not for each attempt.
    assert!((1..=4).contains(&told.len()), "{told:#?}");
    assert!(
        told[0].contains("printer{printer.id=1 printer.name=\"Voron\"}"),
        "{}",
        told[0]
    );
    assert!(log.lines().count() < 30, "{log}");
}

#[test]
fn lines_can_be_json() {
    let binary = Binary::new();
    let (url, attempts) = dead_printer();
    fs::write(binary.path("config.yml"), "logging:\n  format: json\n").unwrap();
    assert_eq!(binary.run(&["printers", "add", "Voron", &url]).code, 0);
    let server = binary.serve();
    // The second attempt comes when the first was told.
    wait_for(&attempts, 2);
    let (status, _, log) = server.end("-TERM");
    assert!(status.success(), "{log}");
    let file = fs::read_to_string(binary.path("logs/printlog.log")).unwrap();
    for text in [log, file] {
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(
            lines
                .iter()
                .all(|line| line["level"].is_string() && line["fields"]["message"].is_string())
        );
        let lost = lines
            .iter()
            .find(|line| {
                line["fields"]["message"]
                    .as_str()
                    .unwrap()
                    .contains("not connected")
            })
            .unwrap();
        let span = &lost["span"];
        assert_eq!(
            (&span["name"], &span["printer.id"], &span["printer.name"]),
            (&json!("printer"), &json!(1), &json!("Voron"))
        );
    }
}
