//! Plain HTTP requests to a local server.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// Timeout. Some calls wait for Klippy, but none should take longer than this.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends one request to a local server over a new connection.
///
/// # Errors
/// If the server cannot be reached or does not respond in time.
pub async fn send(port: u16, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
    tokio::time::timeout(TIMEOUT, exchange(port, request))
        .await
        .context("no answer within a minute")?
}

async fn exchange(port: u16, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
