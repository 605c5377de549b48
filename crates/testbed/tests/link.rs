//! Tests of the proxy and of a Moonraker that requires the API key.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::time::Duration;

use testbed::{Printer, Proxy, Setup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// Requests `/server/info` and returns the first line of the response.
async fn ask(port: u16, header: &str) -> String {
    let mut stream = connect(port).await;
    let request =
        format!("GET /server/info HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn moonraker_that_trusts_nobody_wants_its_key() {
    let printer = Printer::with(Setup::default().key_required()).await.unwrap();
    let port = printer.moonraker.port();
    let key = format!("X-Api-Key: {}\r\n", printer.moonraker.api_key());
    assert_eq!(ask(port, "").await, "HTTP/1.1 401 Unauthorized");
    assert_eq!(
        ask(port, "X-Api-Key: wrong\r\n").await,
        "HTTP/1.1 401 Unauthorized"
    );
    assert_eq!(ask(port, &key).await, "HTTP/1.1 200 OK");
    assert!(printer.moonraker.history().await.unwrap().is_empty());
}

/// A link to an echo server.
async fn link_to_an_echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    Proxy::start(port).await.unwrap()
}

async fn echo(stream: &mut TcpStream, word: &[u8; 4]) -> std::io::Result<[u8; 4]> {
    stream.write_all(word).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn cut_link_resets_old_and_new_connections_until_it_is_restored() {
    let link = link_to_an_echo().await;
    let mut old = connect(link.port()).await;
    assert_eq!(&echo(&mut old, b"ping").await.unwrap(), b"ping");
    assert_eq!((link.open_connections(), link.connections_made()), (1, 1));

    link.cut();
    let reset = old.read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(echo(&mut connect(link.port()).await, b"ping").await.is_err());
    assert_eq!((link.open_connections(), link.connections_made()), (0, 1));

    link.restore();
    assert_eq!(
        &echo(&mut connect(link.port()).await, b"ping").await.unwrap(),
        b"ping"
    );
    assert_eq!(link.connections_made(), 2);
}

#[tokio::test]
async fn frozen_link_holds_everything_back_until_it_is_restored() {
    let link = link_to_an_echo().await;
    let mut stream = connect(link.port()).await;
    assert_eq!(&echo(&mut stream, b"ping").await.unwrap(), b"ping");
    link.freeze();
    let mut answer = Box::pin(echo(&mut stream, b"pong"));
    assert!(
        tokio::time::timeout(Duration::from_millis(300), &mut answer)
            .await
            .is_err(),
        "something came through"
    );
    assert_eq!(link.open_connections(), 1);
    link.restore();
    assert_eq!(&answer.await.unwrap(), b"pong");
}
