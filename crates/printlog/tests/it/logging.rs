//! The log of the real binary.

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
use tokio_tungstenite::tungstenite::{
    self,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::binary::Binary;

/// A host that is reachable but has no Moonraker: it closes every connection at once. Also returns a connection
/// counter.
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
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("not connected to Voron"))
        .collect();
    // A connection may fail before, during or after the handshake. Each kind of failure is logged once, not per
    // attempt.
    assert!((1..=4).contains(&lines.len()), "{lines:#?}");
    assert!(
        lines[0].contains("printer{printer.id=1 printer.name=\"Voron\"}"),
        "{}",
        lines[0]
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
    // The second attempt starts after the first one has been logged.
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

/// A printer that closes its WebSocket at once, with this reason.
fn closing_printer(reason: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&closed);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut socket = tungstenite::accept(stream.unwrap()).unwrap();
            let frame = CloseFrame {
                code: CloseCode::Normal,
                reason: reason.into(),
            };
            socket.close(Some(frame)).ok();
            while socket.read().is_ok() {}
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (url, closed)
}

#[test]
fn a_close_reason_cannot_forge_lines() {
    let forged = "bye\n2026-11-29T00:00:00.000000Z ERROR forged: line two\r\u{1b}[31mred\u{2028}three";
    let binary = Binary::new();
    let (url, closed) = closing_printer(forged);
    let config = "moonraker:\n  reconnect_delay: 0.1\n  max_reconnect_delay: 0.1\n";
    fs::write(binary.path("config.yml"), config).unwrap();
    assert_eq!(binary.run(&["printers", "add", "Voron", &url]).code, 0);
    let server = binary.serve();
    wait_for(&closed, 3);
    let (status, _, log) = server.end("-TERM");
    assert!(status.success(), "{log}");
    let file = fs::read_to_string(binary.path("logs/printlog.log")).unwrap();
    for text in [log, file] {
        assert!(
            text.contains("bye\\n2026-11-29T00:00:00.000000Z ERROR forged"),
            "{text}"
        );
        let begins_with_a_level = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            words
                .next()
                .is_some_and(|level| ["INFO", "WARN", "ERROR"].contains(&level))
                && !line.starts_with("2026-11-29T00:00:00.000000Z")
        };
        assert!(text.lines().all(begins_with_a_level), "{text}");
        assert!(!text.contains(['\r', '\u{1b}', '\u{2028}']), "{text}");
    }
}

#[test]
fn names_of_printers_are_on_one_line() {
    let binary = Binary::new();
    for name in ["a\nb", "a\rb", "a\u{1b}[31mb", "a\tb", "a\u{85}b"] {
        let output = binary.run(&["printers", "add", name, "voron"]);
        assert_eq!(output.code, 2, "{name:?}");
        let output = binary.run(&["printers", "add", "Voron", "voron", "--location", name]);
        assert_eq!(output.code, 2, "{name:?}");
    }
    assert_eq!(
        binary.run(&["printers", "add", "Würfel 日本 🙂", "voron"]).code,
        0
    );
}
