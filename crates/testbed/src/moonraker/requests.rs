//! Requests of tests to a Moonraker, over the API that front ends use.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Moonraker, POLL_INTERVAL, TIMEOUT, http, socket};

impl Moonraker {
    /// Calls a JSON-RPC method with the rights of a front end and returns its result.
    ///
    /// # Errors
    /// If Moonraker does not respond or refuses.
    pub async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        let context = || format!("could not call {method}");
        if self.setup.version == "0.8.0" {
            // 0.8 has no JSON-RPC over HTTP.
            return socket::call(&self.own_socket(), method, parameters)
                .await
                .with_context(context);
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let (_, answer) = self
            .request(
                Method::POST,
                "/server/jsonrpc",
                "application/json",
                body.to_string().into(),
            )
            .await
            .with_context(context)?;
        let mut answer: Value = serde_json::from_slice(&answer).with_context(context)?;
        match answer.get("error") {
            Some(error) => bail!("Moonraker refused {method}: {error}"),
            None => Ok(answer["result"].take()),
        }
    }

    /// Uploads a G-code file as `path` below the gcodes folder, and prints it if `print` is set.
    ///
    /// # Errors
    /// If Moonraker does not respond or refuses.
    pub async fn upload(&self, path: &str, gcode: &[u8], print: bool) -> Result<()> {
        const BOUNDARY: &str = "testbed-d51cf2b1a8";
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut body = Vec::new();
        for (field, value) in [
            ("root", "gcodes"),
            ("path", folder),
            ("print", if print { "true" } else { "false" }),
        ] {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        let header = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(header.into_bytes());
        body.extend(gcode);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let (status, answer) = self
            .request(Method::POST, "/server/files/upload", &kind, body.into())
            .await?;
        ensure!(
            status.is_success(),
            "upload of {path} failed with {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(())
    }

    /// Starts a print of an uploaded file, as a front end does.
    ///
    /// # Errors
    /// If Moonraker does not respond or Klippy refuses.
    pub async fn start_print(&self, path: &str) -> Result<()> {
        self.call("printer.print.start", json!({ "filename": path }))
            .await
            .map(drop)
    }

    /// Pauses the print.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn pause(&self) -> Result<()> {
        self.call("printer.print.pause", json!({})).await.map(drop)
    }

    /// Resumes the print.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn resume(&self) -> Result<()> {
        self.call("printer.print.resume", json!({})).await.map(drop)
    }

    /// Cancels the print.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn cancel(&self) -> Result<()> {
        self.call("printer.print.cancel", json!({})).await.map(drop)
    }

    /// Triggers an emergency stop.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn emergency_stop(&self) -> Result<()> {
        self.call("printer.emergency_stop", json!({})).await.map(drop)
    }

    /// FIRMWARE_RESTART, which also ends a shutdown.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn firmware_restart(&self) -> Result<()> {
        self.call("printer.firmware_restart", json!({})).await.map(drop)
    }

    /// Runs G-code.
    ///
    /// # Errors
    /// As [`Self::start_print`].
    pub async fn gcode(&self, script: &str) -> Result<()> {
        self.call("printer.gcode.script", json!({ "script": script }))
            .await
            .map(drop)
    }

    /// All jobs in `server.history.list`, oldest first.
    ///
    /// # Errors
    /// If Moonraker does not respond.
    pub async fn history(&self) -> Result<Vec<Value>> {
        let mut answer = self
            .call("server.history.list", json!({ "limit": 0, "order": "asc" }))
            .await?;
        serde_json::from_value(answer["jobs"].take()).context("server.history.list has no jobs")
    }

    /// Waits until the history matches `wanted` and returns it.
    ///
    /// # Errors
    /// If it does not match within a minute.
    pub async fn wait_for_history(&self, mut wanted: impl FnMut(&[Value]) -> bool) -> Result<Vec<Value>> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let jobs = self.history().await?;
            if wanted(&jobs) {
                return Ok(jobs);
            }
            ensure!(
                Instant::now() < deadline,
                "Moonraker's history did not get there; it is {jobs:#?}"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until there are at least `count` jobs and none is in progress, and returns all jobs.
    ///
    /// # Errors
    /// If this takes more than a minute.
    pub async fn wait_for_ended_jobs(&self, count: usize) -> Result<Vec<Value>> {
        self.wait_for_history(|jobs| {
            jobs.len() >= count && jobs.iter().all(|job| job["status"] != "in_progress")
        })
        .await
    }

    /// Waits until `klippy_state` in `server.info` is `state`, for example `ready`.
    ///
    /// # Errors
    /// If this takes more than a minute.
    pub async fn wait_for_klippy(&self, state: &str) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let info = self.call("server.info", json!({})).await?;
            if info["klippy_state"] == state {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "Klippy did not become {state}; it is {}",
                info["klippy_state"]
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Deletes all jobs through the API. The next job gets the id 000001 again.
    ///
    /// # Errors
    /// If Moonraker does not respond.
    pub async fn delete_history(&self) -> Result<()> {
        self.call("server.history.delete_job", json!({ "all": true }))
            .await
            .map(drop)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "127.0.0.1")
            .header("Content-Type", kind);
        if self.setup.key_required {
            request = request.header("X-Api-Key", &self.api_key);
        }
        http::send(self.port, request.body(Full::new(body))?).await
    }
}
