//! Unexpected frames, and connections that end badly.

use std::time::Duration;

use futures_util::SinkExt;
use moonraker::{Closed, ConnectOptions, Notification, RequestError, Value};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::fake::FakeServer;

fn impatient() -> ConnectOptions {
    ConnectOptions {
        call_timeout: Duration::from_secs(1),
        ping_interval: Duration::from_millis(100),
        dead_after: Duration::from_millis(1500),
        ..ConnectOptions::default()
    }
}

#[tokio::test]
async fn malformed_frames_are_skipped() {
    let server = FakeServer::bind().await;
    let (client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    for frame in [
        "",
        "not json",
        "{}",
        r#"{"jsonrpc":"2.0"}"#,
        r#"["#,
        r#"{"jsonrpc":"2.0","method":"notify_status_update","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notify_history_changed","params":[{"action":"added","job":{"status":1}}]}"#,
        r#"{"jsonrpc":"2.0","result":{},"id":999}"#,
        r#"{"jsonrpc":"2.0","result":{},"id":"7"}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#,
    ] {
        peer.send(frame).await;
    }
    peer.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    peer.send(r#"{"method":"notify_klippy_ready","extra":{"a":[]}}"#)
        .await;
    let call = async { client.server_info().await };
    let serve = async {
        let request = peer.request().await;
        // An answer in a batch, after a broken member and a notification, without `jsonrpc`.
        let batch = json!([5, {"method": "notify_klippy_shutdown"}, {"id": request["id"], "result": {"klippy_state": "ready", "moonraker_version": 3}}]);
        peer.send(batch.to_string()).await;
    };
    let (info, ()) = tokio::join!(call, serve);
    let info = info.unwrap();
    assert_eq!(
        (info.klippy_state.as_deref(), info.moonraker_version),
        (Some("ready"), None)
    );
    // An unreadable notification is delivered by its name, so that its reader can query the data instead.
    let other = |method: &str| Notification::Other {
        method: method.to_owned(),
    };
    assert_eq!(notifications.recv().await, Some(other("notify_status_update")));
    assert_eq!(notifications.recv().await, Some(other("notify_history_changed")));
    assert_eq!(notifications.recv().await, Some(Notification::KlippyReady));
    assert_eq!(notifications.recv().await, Some(Notification::KlippyShutdown));
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let serve = async {
        let mut requests = Vec::new();
        for _ in 0..20 {
            requests.push(peer.request().await);
        }
        for request in requests.iter().rev() {
            peer.answer(request, request["params"].clone()).await;
        }
    };
    let calls = futures_util::future::join_all((0..20).map(|n| client.call("echo", json!({ "n": n }))));
    let (answers, ()) = tokio::join!(calls, serve);
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), json!({ "n": n }));
    }
}

#[tokio::test]
async fn a_late_answer_is_ignored() {
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&impatient()).await;
    let error = client.call("slow", Value::Null).await.unwrap_err();
    assert!(
        matches!(error, RequestError::Timeout { method: "slow", .. }),
        "{error}"
    );
    let request = peer.request().await;
    let serve = async {
        peer.answer(&request, json!("late")).await;
        let next = peer.request().await;
        assert_eq!(next.get("params"), None);
        peer.answer(&next, json!("in time")).await;
    };
    let (answer, ()) = tokio::join!(client.call("quick", Value::Null), serve);
    assert_eq!(answer.unwrap(), json!("in time"));
}

#[tokio::test]
async fn refusals_are_typed() {
    let server = FakeServer::bind().await;
    let endpoint = server.endpoint(Some("key"));
    let (connection, mut peer) = tokio::join!(
        async { moonraker::connect(&endpoint, &ConnectOptions::default()).await },
        server.accept()
    );
    let (client, _notifications) = connection.unwrap();
    for (code, message, expected) in [
        (400, "SD busy", "printer refused `x` (code 400): SD busy"),
        (
            -32602,
            "Invalid params:",
            "printer refused `x` (code -32602): Invalid params:",
        ),
        (
            -32602,
            "Invalid API Key",
            "the printer does not accept the API key (Invalid API Key); Moonraker 0.11 and later refuse a wrong key \
             even from addresses that need none",
        ),
    ] {
        let serve = async {
            let request = peer.request().await;
            peer.refuse(&request, code, message).await;
        };
        let (answer, ()) = tokio::join!(client.call("x", Value::Null), serve);
        assert_eq!(answer.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn a_cut_link_fails_the_open_calls_with_its_reason() {
    let server = FakeServer::bind().await;
    let (client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    peer.send(r#"{"method":"notify_klippy_ready"}"#).await;
    let cut = async {
        peer.request().await;
        drop(peer);
    };
    let (answer, ()) = tokio::join!(client.server_info(), cut);
    let Err(RequestError::Lost {
        source: Closed::ByPrinter { code: None, .. },
        ..
    }) = answer
    else {
        panic!("expected a lost connection, not {answer:?}");
    };
    // Frames that arrived before the cut are not lost.
    assert_eq!(notifications.recv().await, Some(Notification::KlippyReady));
    assert_eq!(notifications.recv().await, None);
    assert_eq!(
        notifications.closed_reason().unwrap().to_string(),
        "the printer closed the connection (without a close frame)"
    );
    let error = client.server_info().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "lost the connection while waiting for `server.info`"
    );
}

#[tokio::test]
async fn a_closing_moonraker_says_why() {
    let server = FakeServer::bind().await;
    let (_client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let close = CloseFrame {
        code: CloseCode::Away,
        reason: "Server Shutdown".into(),
    };
    peer.socket.close(Some(close)).await.unwrap();
    let closed = tokio::spawn(peer.closed());
    assert_eq!(notifications.recv().await, None);
    assert_eq!(
        notifications.closed_reason().unwrap().to_string(),
        "the printer closed the connection (code 1001: Server Shutdown)"
    );
    closed.await.unwrap();
}

#[tokio::test]
async fn a_frozen_peer_is_noticed() {
    let server = FakeServer::bind().await;
    // The peer keeps the socket open, but neither reads nor sends anything, not even pongs.
    let (_client, mut notifications, _peer) = server.connected(&impatient()).await;
    assert_eq!(notifications.recv().await, None);
    assert!(matches!(
        notifications.closed_reason(),
        Some(Closed::Silent { .. })
    ));
}

#[tokio::test]
async fn a_quiet_peer_that_answers_pings_is_alive() {
    let server = FakeServer::bind().await;
    let (client, mut notifications, mut peer) = server.connected(&impatient()).await;
    let quiet = tokio::spawn(async move {
        let request = peer.request().await;
        peer.answer(&request, json!("alive")).await;
        peer
    });
    // Twice the time after which a silent connection is considered dead.
    tokio::select! {
        notification = notifications.recv() => panic!("{notification:?} {:?}", notifications.closed_reason()),
        () = tokio::time::sleep(Duration::from_secs(3)) => {}
    }
    assert_eq!(
        client.call("still.there", Value::Null).await.unwrap(),
        json!("alive")
    );
    drop(quiet.await.unwrap());
}

#[tokio::test]
async fn big_answers_come_through_up_to_the_limit() {
    let server = FakeServer::bind().await;
    let options = ConnectOptions {
        max_message_size: 6 << 20,
        ..ConnectOptions::default()
    };
    let (client, mut notifications, mut peer) = server.connected(&options).await;
    let serve = async {
        for megabytes in [5, 7] {
            let request = peer.request().await;
            peer.answer(&request, json!("x".repeat(megabytes << 20))).await;
        }
    };
    let ask = async {
        let big = client.call("big", Value::Null).await.unwrap();
        assert_eq!(big.as_str().unwrap().len(), 5 << 20);
        let error = client.call("bigger", Value::Null).await.unwrap_err();
        assert!(
            matches!(
                error,
                RequestError::Lost {
                    source: Closed::TooLarge { .. },
                    ..
                }
            ),
            "{error}"
        );
    };
    // The server's write of the big frame may fail when the client closes the connection: only the client's result
    // counts.
    tokio::select! {
        () = ask => {}
        () = async { serve.await; std::future::pending().await } => {}
    }
    assert_eq!(notifications.recv().await, None);
}

#[tokio::test]
async fn a_burst_waits_for_a_slow_reader_without_loss() {
    const BURST: u64 = 5000;
    let server = FakeServer::bind().await;
    let options = ConnectOptions {
        notification_queue: 16,
        ..ConnectOptions::default()
    };
    let (_client, mut notifications, mut peer) = server.connected(&options).await;
    let sending = tokio::spawn(async move {
        for n in 0..BURST {
            peer.send(json!({"method": "notify_status_update", "params": [{"a": {"n": n}}, n]}).to_string())
                .await;
        }
        peer
    });
    for n in 0..BURST {
        let Some(Notification::StatusUpdate { delta, eventtime }) = notifications.recv().await else {
            panic!("lost update {n}");
        };
        assert_eq!((&delta["a"]["n"], eventtime), (&json!(n), Some(n as f64)));
        if n % 500 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn an_answer_behind_a_burst_is_reached_though_nobody_reads_the_burst() {
    let server = FakeServer::bind().await;
    let options = ConnectOptions {
        notification_queue: 16,
        ..ConnectOptions::default()
    };
    let (client, mut notifications, mut peer) = server.connected(&options).await;
    let serve = async {
        let request = peer.request().await;
        for n in 0..200 {
            peer.send(json!({"method": "notify_status_update", "params": [{}, n]}).to_string())
                .await;
        }
        peer.answer(&request, json!(1)).await;
    };
    let (answer, ()) = tokio::join!(client.call("x", Value::Null), serve);
    assert_eq!(answer.unwrap(), json!(1));
    for n in 0..200 {
        let notification = notifications.recv().await;
        assert!(
            matches!(notification, Some(Notification::StatusUpdate { eventtime: Some(time), .. }) if time == f64::from(n))
        );
    }
}

#[tokio::test]
async fn a_reader_that_never_reads_loses_the_connection_and_learns_it() {
    let server = FakeServer::bind().await;
    let options = ConnectOptions {
        notification_queue: 4,
        ..ConnectOptions::default()
    };
    let (client, mut notifications, mut peer) = server.connected(&options).await;
    let flood = tokio::spawn(async move {
        peer.request().await;
        for n in 0..200 {
            let frame = json!({"method": "notify_status_update", "params": [{}, n]}).to_string();
            if peer.socket.send(Message::text(frame)).await.is_err() {
                break;
            }
        }
        peer
    });
    let error = client.call("never.answered", Value::Null).await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::Lost {
                source: Closed::Overrun { limit: 64 },
                ..
            }
        ),
        "{error}"
    );
    let mut received = 0;
    while notifications.recv().await.is_some() {
        received += 1;
    }
    // The queued notifications up to the limit, without a gap.
    assert_eq!(received, 4);
    drop(flood.await.unwrap());
}

#[tokio::test]
async fn the_socket_closes_when_its_users_are_gone() {
    let server = FakeServer::bind().await;
    let (client, notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let clone = client.clone();
    drop(client);
    drop(notifications);
    // One user is left.
    let serve = async {
        let request = peer.request().await;
        peer.answer(&request, json!(1)).await;
    };
    let (answer, ()) = tokio::join!(clone.call("x", Value::Null), serve);
    assert_eq!(answer.unwrap(), json!(1));
    drop(clone);
    assert_eq!(peer.closed().await, Some(1005));
}

#[tokio::test]
async fn notifications_go_on_without_a_client() {
    let server = FakeServer::bind().await;
    let (client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    drop(client);
    peer.send(r#"{"method":"notify_klippy_ready"}"#).await;
    assert_eq!(notifications.recv().await, Some(Notification::KlippyReady));
    drop(notifications);
    assert_eq!(peer.closed().await, Some(1005));
}

#[tokio::test]
async fn dropped_calls_leave_nothing_behind() {
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    for _ in 0..100 {
        tokio::select! {
            biased;
            _ = client.call("dropped", Value::Null) => panic!("there is no answer"),
            () = tokio::task::yield_now() => {}
        }
    }
    let serve = async {
        loop {
            let request = peer.request().await;
            if request["method"] == "last" {
                return peer.answer(&request, json!("here")).await;
            }
        }
    };
    let (answer, ()) = tokio::join!(client.call("last", Value::Null), serve);
    assert_eq!(answer.unwrap(), json!("here"));
}
