//! The handshake: the request that is sent, and the errors when it fails.

use std::time::Duration;

use moonraker::{ConnectError, ConnectOptions, Endpoint, connect};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fake::FakeServer;

/// The error of `connect` when the server answers with these bytes and closes the connection.
async fn refused_with(answer: &str) -> ConnectError {
    let server = FakeServer::bind().await;
    let endpoint = server.endpoint(None);
    let serve = async {
        let mut stream = server.accept_tcp().await;
        let mut request = [0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        assert!(request[..read].starts_with(b"GET /websocket HTTP/1.1\r\n"));
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let (result, ()) = tokio::join!(
        async { connect(&endpoint, &ConnectOptions::default()).await },
        serve
    );
    result.unwrap_err()
}

/// The head of the next request, in lower case except for values.
async fn head_of(server: &FakeServer, answer: &str) -> String {
    let mut stream = server.accept_tcp().await;
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&request[..read]).into_owned()
}

#[tokio::test]
async fn the_login_of_a_proxy_goes_with_every_request() {
    let server = FakeServer::bind().await;
    let url = format!("http://me:s3cret@127.0.0.1:{}", server.port());
    let endpoint = Endpoint::parse(&url, Some("k3y")).unwrap();
    let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let options = ConnectOptions::default();
    let (connection, handshake) = tokio::join!(connect(&endpoint, &options), head_of(&server, refusal));
    let error = connection.unwrap_err().to_string();
    assert!(
        error.contains("USER:PASSWORD@HOST") && !error.contains("s3cret"),
        "{error}"
    );
    let (part, request) = tokio::join!(
        moonraker::read_gcode_part(&endpoint, "a.gcode", 0..5),
        head_of(&server, refusal)
    );
    assert!(!part.unwrap_err().to_string().contains("s3cret"));
    for head in [handshake, request] {
        let head = head.to_ascii_lowercase();
        assert!(head.contains("authorization: basic bwu6cznjcmv0"), "{head}");
        assert!(head.contains("x-api-key: k3y"), "{head}");
    }
}

#[tokio::test]
async fn the_key_goes_into_the_handshake_and_into_identify() {
    let server = FakeServer::bind().await;
    for key in [Some("s3cret"), None] {
        let endpoint = Endpoint::parse(
            &format!("ws://127.0.0.1:{}/p17/", server.port()),
            key.or(Some("")),
        )
        .unwrap();
        let (connection, mut peer) = tokio::join!(
            async { connect(&endpoint, &ConnectOptions::default()).await },
            server.accept()
        );
        let (client, _notifications) = connection.unwrap();
        assert_eq!(peer.api_key.as_deref(), key);
        assert_eq!(peer.path, "/p17/websocket");
        let serve = async {
            let request = peer.request().await;
            peer.answer(&request, json!({ "connection_id": 7 })).await;
            request
        };
        let (identified, request) = tokio::join!(client.identify("printlog", "0.1"), serve);
        identified.unwrap();
        assert_eq!(request["method"], "server.connection.identify");
        assert_eq!(request["params"].get("api_key").and_then(|key| key.as_str()), key);
        assert_eq!(request["params"]["type"], "other");
    }
}

#[tokio::test]
async fn http_answers_are_told_apart() {
    let empty = "Content-Length: 0\r\n\r\n";
    let error = refused_with(&format!("HTTP/1.1 500 Internal Server Error\r\n{empty}")).await;
    assert!(
        matches!(error, ConnectError::TooManyConnections { .. }),
        "{error}"
    );
    let error = refused_with(&format!("HTTP/1.1 401 Unauthorized\r\n{empty}")).await;
    assert!(
        matches!(error, ConnectError::ProxyLogin { status: 401, .. }),
        "{error}"
    );
    let error = refused_with(&format!("HTTP/1.1 502 Bad Gateway\r\n{empty}")).await;
    assert!(
        matches!(error, ConnectError::Gateway { status: 502, .. }),
        "{error}"
    );
    for status in [200, 301, 400, 404] {
        let error = refused_with(&format!("HTTP/1.1 {status} Whatever\r\n{empty}")).await;
        assert!(
            matches!(error, ConnectError::NotMoonraker { status: given, .. } if given == status),
            "{error}"
        );
    }
    let error = refused_with("").await;
    assert!(matches!(error, ConnectError::HungUp { .. }), "{error}");
    let error = refused_with("SSH-2.0-OpenSSH_9.2\r\n").await;
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn absent_printers_are_told_apart() {
    let server = FakeServer::bind().await;
    let endpoint = server.endpoint(None);
    let options = ConnectOptions {
        connect_timeout: Duration::from_millis(100),
        ..ConnectOptions::default()
    };
    // The port listens, but no process accepts the connection.
    let error = connect(&endpoint, &options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");
    drop(server);
    let error = connect(&endpoint, &ConnectOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    let endpoint = Endpoint::parse("no-such-printer.invalid", None).unwrap();
    let error = connect(&endpoint, &ConnectOptions::default()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot find the host `no-such-printer.invalid`; check the name, or use the printer's IP address"
    );
}

#[tokio::test]
async fn plain_http_at_a_tls_address_is_called_a_tls_problem() {
    let server = FakeServer::bind().await;
    let endpoint = Endpoint::parse(&format!("https://127.0.0.1:{}", server.port()), None).unwrap();
    let serve = async {
        let mut stream = server.accept_tcp().await;
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    };
    let options = ConnectOptions::default();
    let (result, ()) = tokio::join!(connect(&endpoint, &options), serve);
    let error = result.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
}
