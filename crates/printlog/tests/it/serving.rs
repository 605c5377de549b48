//! The server's limits, tested at the level of bytes.

use std::net::SocketAddr;

use hyper::StatusCode;
use serde_json::json;
use store::{DetailsStatus, JobRecord};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    capture::logger::{Logger, wait_for},
    test_app::{TestApp, job, stored_at},
};

/// Sends the bytes and returns everything received until the server closes the connection.
async fn say(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close the connection before it has read the whole request.
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
    // Returns only when the server closes the connection.
    let answer = say(app.address, b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    app.get("/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_http_affects_no_other_client() {
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

/// Starts a request without a key, with a body of `length` bytes of which only the first is sent.
async fn begin_sign_in(address: SocketAddr, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let head = format!(
        "POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
    );
    // A server at its limit may already have closed the connection.
    stream.write_all(head.as_bytes()).await.ok();
    stream
}

/// Whether the server has neither responded nor closed the connection.
fn is_waiting(stream: &TcpStream) -> bool {
    let nothing = stream.try_read(&mut [0]);
    nothing.is_err_and(|cause| cause.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_takes_the_memory_of_its_bytes_however_it_is_sent() {
    const LENGTH: usize = 1000;
    let logger = Logger::start().await;
    let before = logger.resident_memory();
    let mut streams = Vec::new();
    for _ in 0..60 {
        streams.push(begin_sign_in(logger.address(), LENGTH).await);
    }
    for _ in 2..LENGTH {
        for stream in &mut streams {
            // Fails if the server has dropped the connection because the body was too slow.
            stream.write_all(b" ").await.ok();
        }
    }
    let grown = logger.resident_memory().saturating_sub(before);
    // One buffer per byte would take 480 MB.
    assert!(grown < 64 * 1024, "{grown} KiB");
    drop(streams);
    logger.get("/health").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_all_places_are_taken_by_slow_bodies() {
    let logger = Logger::start().await;
    let mut slow = Vec::new();
    for _ in 0..1100 {
        slow.push(begin_sign_in(logger.address(), 100).await);
    }
    let (status, health) = logger.health().await.expect("an answer");
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("ok")));
    let other = logger.send("GET", "/api/jobs", None).await;
    // The last connection within the limit: it was open before that response and still is.
    assert!(is_waiting(&slow[1000]), "the server was not full");
    let (status, problem) = other.expect("an answer");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("connections"),
        "{problem}"
    );
    drop(slow);
    wait_for("places", async || logger.try_get("/api/jobs").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_a_part_of_the_places() {
    // A trusted proxy on this machine could use all connections.
    let app = TestApp::start_with(|config| config.api.trusted_proxies.clear()).await;
    let mut idle = Vec::new();
    for _ in 0..256 {
        idle.push(begin_sign_in(app.address, 100).await);
    }
    let refused = app.get("/api/jobs").await;
    let problem = refused.problem(503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("api.trusted_proxies"),
        "{problem}"
    );
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    app.get("/health").await.expect(200);
    assert!(is_waiting(&idle[255]), "the places were free");
    drop(idle);
    wait_for("a place", async || {
        (app.get("/api/jobs").await.status == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_given_up() {
    let app = TestApp::start().await;
    let mut stream = begin_sign_in(app.address, 100).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let long = app.request(
        "POST",
        "/api/session",
        format!("{{\"key\": \"{}\"}}", "x".repeat(5000)),
    );
    app.send(long).await.problem(413);
}

/// Starts an export and reads only the response head.
async fn unread_export(app: &TestApp) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(app.address).await.unwrap();
    let request = format!(
        "GET /api/jobs/export?format=json HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        app.key
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = vec![0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&head), "HTTP/1.1 200");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_exports_have_a_pool_of_their_own() {
    let app = TestApp::start().await;
    let printer = app.add_printer("Voron").await;
    // More than the buffers of a connection can hold.
    let records: Vec<_> = (0..12_000)
        .map(|n| JobRecord {
            id: None,
            job: job(
                printer,
                &format!("{n:06X}"),
                &(stored_at() - jiff::SignedDuration::from_mins(n * 60)).to_string(),
            ),
            created_at: stored_at(),
            updated_at: stored_at(),
            details_status: DetailsStatus::Done,
            details_reason: None,
            file: None,
            notes: domain::JobNotes::default(),
        })
        .collect();
    for batch in records.chunks(2000) {
        app.store.import_jobs(batch, stored_at()).await.unwrap();
    }
    let mut unread = Vec::new();
    for _ in 0..8 {
        unread.push(unread_export(&app).await);
    }
    let export = async || app.get("/api/jobs/export?format=csv").await;
    let refused = export().await;
    refused.problem(503);
    assert_eq!(refused.header("retry-after"), Some("5"));
    app.get("/api/analytics/summary").await.expect(200);
    app.get("/health").await.expect(200);
    unread.pop();
    wait_for("an export to end with its client", async || {
        (export().await.status == StatusCode::OK).then_some(())
    })
    .await;
}
