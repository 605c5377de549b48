//! A malicious printer: frames that are huge, deeply nested, of wrong types, or not text. The client never panics, and
//! its memory stays bounded.

use futures_util::{SinkExt, StreamExt};
use moonraker::{Closed, ConnectOptions, Endpoint, FileError, Notification, Value, read_gcode_part};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_tungstenite::tungstenite::Message;

use crate::fake::FakeServer;

/// Peak memory of this process, in bytes. `None` if the system does not report it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn nasty() -> Vec<String> {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    let update = |status: &str| format!(r#"{{"method":"notify_status_update","params":[{status},1]}}"#);
    let mut frames = vec![
        deep("[", "]"),
        deep(r#"{"a":"#, "}"),
        "[".repeat(1_000_000),
        update(&deep(r#"{"a":"#, "}")),
        update(&format!(
            r#"{{"print_stats":{{"message":"{}"}}}}"#,
            "x".repeat(3_000_000)
        )),
        // Each member takes two bytes here and far more in memory.
        update(&format!("[{}1]", "1,".repeat(2_000_000))),
        format!("[{}1]", "1,".repeat(2_000_000)),
        format!("[{}{{}}]", r#"{"":0},"#.repeat(500_000)),
        format!(r#"{{"id":1,"result":[{}{{}}]}}"#, r#"{"":0},"#.repeat(500_000)),
        format!(r#"{{"method":"{}"}}"#, "m".repeat(1_000_000)),
        "\u{0}".to_owned(),
        "\u{feff}{}".to_owned(),
        r#"{"method":"notify_status_update","params":"\ud800"}"#.to_owned(),
        r#"{"id":99999999999999999999999999,"result":1e999999}"#.to_owned(),
    ];
    let values = [
        "null",
        "true",
        "-1",
        "1e308",
        "\"\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[null,null]",
        "[{\"print_stats\":[]},\"x\"]",
        "[{\"action\":\"added\",\"job\":{\"start_time\":1e300,\"end_time\":-1e300,\"metadata\":[[]]}}]",
        "[{\"action\":{},\"job\":null}]",
        "[{\"moonraker_stats\":{\"time\":{}}}]",
    ];
    for method in [
        "notify_status_update",
        "notify_history_changed",
        "notify_proc_stat_update",
        "notify_filelist_changed",
        "notify_klippy_ready",
        "notify_gcode_response",
        "",
    ] {
        frames.extend(
            values
                .iter()
                .map(|value| format!(r#"{{"method":"{method}","params":{value}}}"#)),
        );
    }
    frames
}

#[tokio::test]
async fn nasty_frames_are_passed_over_within_bounded_memory() {
    let server = FakeServer::bind().await;
    let (client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let read = tokio::spawn(async move {
        let mut count = 0_u64;
        while notifications.recv().await.is_some() {
            count += 1;
        }
        count
    });
    for frame in nasty() {
        peer.send(frame).await;
    }
    peer.socket
        .send(Message::binary(vec![0xff; 1 << 20]))
        .await
        .unwrap();
    let serve = async {
        let request = peer.request().await;
        peer.answer(&request, json!("alive")).await;
    };
    let (answer, ()) = tokio::join!(client.call("still.there", Value::Null), serve);
    assert_eq!(answer.unwrap(), json!("alive"));
    drop((client, peer));
    assert!(read.await.unwrap() > 0);
    if let Some(peak) = peak_memory() {
        assert!(peak < 400 << 20, "{} MB", peak >> 20);
    }
}

#[tokio::test]
async fn answers_of_wrong_types_are_errors_and_no_panics() {
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let results = [
        "null",
        "true",
        "-1",
        "\"x\"",
        "[]",
        "{}",
        "[[[]]]",
        r#"{"status":5,"jobs":{},"count":"x","objects":9}"#,
    ];
    for result in results {
        let serve = async {
            for _ in 0..6 {
                let request = peer.request().await;
                let frame = format!(r#"{{"id":{},"result":{result}}}"#, request["id"]);
                peer.send(frame).await;
            }
        };
        let ask = async {
            let _ = client.server_info().await;
            let _ = client.printer_info().await;
            let _ = client.printer_objects_list().await;
            let _ = client.query_print().await;
            let _ = client.host_time().await;
            let _ = client.files_metadata("a.gcode").await;
        };
        tokio::join!(ask, serve);
    }
    assert_eq!(client.closed_reason().map(|reason| reason.to_string()), None);
}

#[tokio::test]
async fn a_text_that_is_not_utf8_ends_the_connection_with_its_reason() {
    let server = FakeServer::bind().await;
    let endpoint = server.endpoint(None);
    let options = ConnectOptions::default();
    let (connection, mut peer) = tokio::join!(moonraker::connect(&endpoint, &options), server.accept());
    let (_client, mut notifications) = connection.unwrap();
    // A text frame with invalid text, written by hand because no client library would send it.
    let stream = peer.socket.get_mut();
    stream.write_all(&[0x81, 2, 0xc3, 0x28]).await.unwrap();
    assert_eq!(notifications.recv().await, None);
    assert!(matches!(notifications.closed_reason(), Some(Closed::Broken(_))));
}

#[tokio::test]
async fn a_flood_that_nobody_reads_ends_the_connection_within_bounded_memory() {
    let server = FakeServer::bind().await;
    let (client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let flood = tokio::spawn(async move {
        // While a call waits, the connection keeps reading, because the answer may come after the notifications.
        peer.request().await;
        let text = "x".repeat(200_000);
        let frame =
            json!({"method": "notify_status_update", "params": [{"print_stats": {"message": text}}, 1]})
                .to_string();
        for _ in 0..2_000 {
            if peer.socket.send(Message::text(frame.clone())).await.is_err() {
                break;
            }
        }
        while let Some(Ok(_)) = peer.socket.next().await {}
    });
    assert!(client.call("never.answered", Value::Null).await.is_err());
    assert!(
        matches!(client.closed_reason(), Some(Closed::Overrun { .. })),
        "{:?}",
        client.closed_reason()
    );
    let mut waiting = 0;
    while let Some(notification) = notifications.recv().await {
        assert!(matches!(notification, Notification::StatusUpdate { .. }));
        waiting += 1;
    }
    assert!(waiting < 40, "{waiting} of 200 KB each");
    flood.await.unwrap();
    if let Some(peak) = peak_memory() {
        assert!(peak < 400 << 20, "{} MB", peak >> 20);
    }
}

/// A web server that gives every request this answer, and records the requests.
async fn answering(answer: String) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (requests_sender, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            requests_sender
                .send(String::from_utf8_lossy(&head[..length]).into_owned())
                .ok();
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    (port, asked)
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_key_goes_elsewhere() {
    let (elsewhere, mut asked_elsewhere) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("http://127.0.0.1:{elsewhere}/server/files/gcodes/a.gcode");
        let answer = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let (port, mut asked) = answering(answer).await;
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}"), Some("s3cret")).unwrap();
        let error = read_gcode_part(&endpoint, "a.gcode", 0..10).await.unwrap_err();
        assert!(error.to_string().contains("HTTP status 30"), "{error}");
        assert!(
            asked.recv().await.unwrap().contains("s3cret"),
            "the key goes where it belongs"
        );
        assert!(
            moonraker::connect(&endpoint, &ConnectOptions::default())
                .await
                .is_err()
        );
    }
    assert!(asked_elsewhere.try_recv().is_err(), "a request went elsewhere");
}

#[tokio::test]
async fn a_file_is_read_no_further_than_it_was_asked_for() {
    let endless = format!(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-9/99999999999\r\ncontent-length: 9999999999\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let (port, _asked) = answering(endless).await;
    let endpoint = Endpoint::parse(&format!("127.0.0.1:{port}"), None).unwrap();
    let part = read_gcode_part(&endpoint, "a.gcode", 0..10).await.unwrap();
    assert_eq!(part.bytes, b"xxxxxxxxxx");
}

#[tokio::test]
async fn a_name_of_a_file_cannot_leave_its_root() {
    let (port, mut asked) = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    let endpoint = Endpoint::parse(&format!("127.0.0.1:{port}"), None).unwrap();
    for name in [
        "../../../etc/passwd",
        "a/../../b",
        "..",
        "%2e%2e/x",
        "a\r\nX-Evil: 1",
        "//evil.example/x",
        "?x#y",
    ] {
        let error = read_gcode_part(&endpoint, name, 0..10).await.unwrap_err();
        if matches!(error, FileError::Name { .. }) {
            // No request was made.
            assert!(name.split('/').any(|part| part == ".."), "{name}");
            continue;
        }
        let request = asked.recv().await.unwrap();
        let first = request.lines().next().unwrap();
        assert!(first.starts_with("GET /server/files/gcodes"), "{name}: {first}");
        assert!(
            !first.contains("/../") && !first.contains("/.. "),
            "{name}: {first}"
        );
        assert!(!request.to_lowercase().contains("\nx-evil"), "{name}: {request}");
    }
}
