//! Startup and shutdown of the server.

use hyper::StatusCode;
use printlog::server;
use store::Location;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::test_app::{Answer, TestApp, defaults, send};

async fn ask(address: std::net::SocketAddr, path: &str, key: &str) -> Answer {
    let request = hyper::Request::builder()
        .uri(path)
        .header("host", "printlog")
        .header("authorization", format!("Bearer {key}"))
        .body(http_body_util::Full::default())
        .unwrap();
    send(address, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_that_it_is_well_and_ends_in_order() {
    let app = TestApp::start().await;
    let health = app.get("/health").await.expect(200).json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["database"]["status"], "ok");
    assert_eq!(health["fleet"]["status"], "ok");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_that_is_away_is_waited_for() {
    let mut config = defaults();
    // Nothing listens on port 1.
    config.database = Location::mysql("127.0.0.1", 1, "printlog", Some("s3cret"), "printlog");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(server::run(config, listener, stop.clone()));

    let health = ask(address, "/health", "").await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.json()["status"], "error");
    assert_eq!(health.json()["database"]["status"], "error");
    let answer = ask(address, "/api/jobs", "3dp_whatever").await;
    answer.problem(503);
    assert!(answer.header("retry-after").is_some());
    ask(address, "/", "").await.expect(200);
    assert!(!server.is_finished());

    stop.cancel();
    server.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("printlog.db");
    std::fs::write(
        &path,
        "this is a text, and long enough to be read as a page of something else".repeat(100),
    )
    .unwrap();
    let mut config = defaults();
    config.database = Location::Sqlite { path: path.clone() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = server::run(config, listener, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains(path.to_str().unwrap()), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = defaults();
    config.api.host = "127.0.0.1".to_owned();
    config.api.port = first.local_addr().unwrap().port();
    let said = format!("{:#}", server::listen(&config.api).await.unwrap_err());
    assert!(said.contains(&format!("127.0.0.1:{}", config.api.port)), "{said}");
    assert!(said.contains("is another printlog running?"), "{said}");
}
