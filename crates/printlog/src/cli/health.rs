//! `printlog health`: checks whether the server of this configuration works. For health checks of containers and
//! services.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time};

use crate::{
    cli::{
        Exit, Output, load,
        output::{print_json, print_line},
    },
    config::ApiConfig,
};

/// Time limit for the response. The server itself gives its database 3 s.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum bytes of a response that are read.
const MOST_BYTES: usize = 64 * 1024;

pub(super) async fn health(file: Option<&Path>, output: Output) -> anyhow::Result<Exit> {
    let config = load(file)?;
    let (host, port) = reached_at(&config.api)?;
    let health = time::timeout(TIMEOUT, request_health(&host, port))
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("no response within {} s", TIMEOUT.as_secs())))
        .with_context(|| format!("the server at {host}:{port} does not work"))?;
    let verdict = health["status"]
        .as_str()
        .context("the response does not come from printlog")?;
    if output.json {
        print_json(&health)?;
    } else {
        print_line(verdict)?;
        for (part, reason) in reasons(&health) {
            print_line(&format!("{part}: {reason}"))?;
        }
    }
    Ok(if verdict == "error" {
        Exit::FoundTrouble
    } else {
        Exit::Done
    })
}

/// Address at which a program on this machine reaches the server.
fn reached_at(config: &ApiConfig) -> anyhow::Result<(String, u16)> {
    if config.port == 0 {
        bail!("api.port is 0, so the system chooses the port, and it is not known here");
    }
    let host = config.host.trim_start_matches('[').trim_end_matches(']');
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        other => other,
    };
    Ok((host.to_owned(), config.port))
}

async fn request_health(host: &str, port: u16) -> anyhow::Result<Value> {
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get("/health")
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let body = Limited::new(response.into_body(), MOST_BYTES)
        .collect()
        .await
        .map_err(anyhow::Error::from_boxed)?;
    connection.abort();
    serde_json::from_slice(&body.to_bytes()).context("the response does not come from printlog")
}

/// The failing parts and their reasons.
fn reasons(health: &Value) -> impl Iterator<Item = (&str, &str)> {
    let parts = health.as_object().into_iter().flatten();
    parts.filter_map(|(part, state)| Some((part.as_str(), state["reason"].as_str()?)))
}
