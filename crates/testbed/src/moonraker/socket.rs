//! JSON-RPC over Moonraker's own unix socket, which needs no authentication.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

const END_OF_MESSAGE: u8 = 0x03;
const TIMEOUT: Duration = Duration::from_secs(60);
const REQUEST_ID: u64 = 1;

/// Calls `method` and returns its result.
///
/// # Errors
/// If Moonraker is not running, does not respond in time, or responds with an error.
pub(crate) async fn call(socket: &Path, method: &str, parameters: Value) -> Result<Value> {
    let answer = tokio::time::timeout(TIMEOUT, exchange(socket, method, parameters));
    let mut answer = answer.await.context("no answer within a minute")??;
    match answer.get("error") {
        Some(error) => bail!("Moonraker refused: {error}"),
        None => Ok(answer["result"].take()),
    }
}

async fn exchange(socket: &Path, method: &str, parameters: Value) -> Result<Value> {
    let mut stream = BufReader::new(UnixStream::connect(socket).await?);
    let request = json!({ "jsonrpc": "2.0", "id": REQUEST_ID, "method": method, "params": parameters });
    let mut bytes = request.to_string().into_bytes();
    bytes.push(END_OF_MESSAGE);
    stream.write_all(&bytes).await?;
    loop {
        let mut message = Vec::new();
        stream.read_until(END_OF_MESSAGE, &mut message).await?;
        if message.pop() != Some(END_OF_MESSAGE) {
            bail!("Moonraker closed its socket before it answered");
        }
        let message: Value = serde_json::from_slice(&message)?;
        if message["id"] == REQUEST_ID {
            return Ok(message);
        }
    }
}
