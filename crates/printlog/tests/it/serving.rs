//! The bounds within which the server answers, spoken to byte by byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::test_app::{TestApp, job};

/// What comes back until the server closes the connection.
async fn say(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has heard all of it.
    stream.write_all(request).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_are_refused() {
    let app = TestApp::start().await;
    let long = format!(
        "GET /health HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let answer = say(app.address, long.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.is_empty(),
        "{answer}"
    );
    let many = format!(
        "GET /health HTTP/1.1\r\nhost: x\r\n{}\r\n",
        "a: b\r\n".repeat(1000)
    );
    let answer = say(app.address, many.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.is_empty(),
        "{answer}"
    );
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
    let answer = say(app.address, path.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{answer}");
    app.get("/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_ends_its_head_is_hung_up_on() {
    let app = TestApp::start().await;
    // Ends when the server closes the connection, and not before.
    let answer = say(app.address, b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    app.get("/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_hurts_nobody() {
    let app = TestApp::start().await;
    let nonsense: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nhost: x\r\n\r\n0\r\n\r\nGET /api/jobs",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n\xff\xff\xff\r\n\r\n",
    ];
    for nonsense in nonsense {
        let answer = say(app.address, nonsense).await;
        assert!(!answer.contains("\"items\""), "{answer}");
    }
    app.get("/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_lead_nowhere_else() {
    let app = TestApp::start().await;
    for path in [
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/assets/..%2f..%2fCargo.toml",
        "//etc/passwd",
        "/api/docs/../../../etc/passwd",
        "/api/docs/%2e%2e%2fCargo.toml",
        "/api/jobs/..%2f..%2fadmin%2fkeys",
        "/assets/%00index.html",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = say(app.address, request.as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(
            !answer.contains("root:") && !answer.contains("[workspace]"),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_that_keep_browsers_safe() {
    let app = TestApp::start().await;
    let printer = app.add_printer("<script>alert(1)</script>").await;
    let mut job = job(printer, "000001", "2026-01-01T00:00:00Z");
    job.filename = Some("<img src=x onerror=alert(1)>\r\nX-Evil: 1.gcode".to_owned());
    app.add_job(&job).await;
    for path in [
        "/",
        "/health",
        "/metrics",
        "/nothing",
        "/api/jobs",
        "/api/jobs/1",
        "/api/jobs/2",
        "/api/printers",
        "/api/openapi.json",
        "/api/docs/",
        "/api/admin/keys",
        "/api/session",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src '") && !policy.contains("script-src 'unsafe"),
            "{path}: {policy}"
        );
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
        assert!(answer.header("x-evil").is_none(), "{path}");
        if path.starts_with("/api/jobs") || path.starts_with("/api/printers") {
            assert!(answer.header("content-type").unwrap().contains("json"), "{path}");
        }
    }
}
