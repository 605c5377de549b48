//! A client that records the frames it receives.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::digest;

/// Longer than any test takes, so that a test fails instead of hanging.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Observer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    /// All notifications, and responses without a pending call.
    pub(crate) frames: Vec<Value>,
    /// Summaries of the frames.
    pub(crate) digest: Vec<String>,
}

impl Observer {
    pub(crate) async fn open(url: &str, key: Option<&str>) -> Option<Self> {
        let url = url.replacen("http", "ws", 1);
        let url = if url.contains("/websocket") {
            url
        } else {
            format!("{url}/websocket")
        };
        let mut request = url.into_client_request().unwrap();
        if let Some(key) = key {
            request.headers_mut().insert("X-Api-Key", key.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.ok()?;
        Some(Self {
            socket,
            next_id: 1,
            frames: Vec::new(),
            digest: Vec::new(),
        })
    }

    /// Connects and subscribes like the recorder.
    pub(crate) async fn watching(url: &str) -> Self {
        let mut observer = Self::open(url, None).await.unwrap();
        observer.watch().await;
        observer
    }

    /// Reconnects while the printer's time is frozen, and subscribes as soon as Moonraker is connected to Klippy.
    pub(crate) async fn watching_again(&mut self, printer: &simulator::SimPrinter) {
        self.socket = Self::open(&printer.url(), None).await.unwrap().socket;
        printer.release();
        while self.call("server.info", json!({})).await.unwrap()["klippy_state"] != "ready" {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.watch().await;
    }

    pub(crate) async fn watch(&mut self) {
        let objects = json!({
            "webhooks": null, "print_stats": null, "virtual_sdcard": null, "display_status": null,
            "pause_resume": null, "heater_bed": ["temperature", "target"], "extruder": ["temperature", "target"],
        });
        self.call("printer.objects.subscribe", json!({ "objects": objects }))
            .await
            .unwrap();
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// Calls a method. An error response is returned as its code and message.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, (i64, String)> {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id });
        self.send(&request.to_string()).await;
        loop {
            let frame = self.next().await.expect("an answer");
            if frame["id"] == id {
                return match frame.get("error") {
                    None => Ok(frame["result"].clone()),
                    Some(error) => Err((
                        error["code"].as_i64().unwrap(),
                        error["message"].as_str().unwrap().to_owned(),
                    )),
                };
            }
        }
    }

    /// Lists the history and adds it to the digest.
    pub(crate) async fn list(&mut self) {
        let listed = self
            .call("server.history.list", json!({ "limit": 50, "order": "asc" }))
            .await
            .unwrap();
        self.digest.push(digest::list(&listed));
    }

    /// The next frame. `None` at the end of the connection, whose close code is added to the digest.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(TIMEOUT, self.socket.next())
                .await
                .expect("a frame in time")
            {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.digest.extend(digest::line(&frame));
                    self.frames.push(frame.clone());
                    return Some(frame);
                }
                Some(Ok(Message::Close(close))) => {
                    let code = close.map_or(1005, |close| close.code.into());
                    self.digest.push(format!("closed {code}"));
                    while let Some(Ok(_)) = self.socket.next().await {}
                    return None;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.digest.push("closed 1006".to_owned());
                    return None;
                }
            }
        }
    }

    /// Reads until a new line of the digest starts with `begins`.
    pub(crate) async fn until(&mut self, begins: &str) {
        self.until_after(self.digest.len(), begins).await;
    }

    /// Reads until a line of the digest, after the first `seen` ones, starts with `begins`.
    pub(crate) async fn until_after(&mut self, seen: usize, begins: &str) {
        let read = async {
            while !self.digest[seen..].iter().any(|line| line.starts_with(begins)) {
                let frame = self.next().await;
                assert!(
                    frame.is_some(),
                    "the connection ended before `{begins}`: {:#?}",
                    self.digest
                );
            }
        };
        let result = timeout(TIMEOUT, read).await;
        assert!(result.is_ok(), "`{begins}` never came: {:#?}", self.digest);
    }

    /// Reads for at least a second of status updates. A Moonraker that has just noticed that Klippy is ready misses one of
    /// its first updates.
    pub(crate) async fn second_of_updates(&mut self) {
        for _ in 0..2 {
            while self.next().await.expect("a frame")["method"] != "notify_proc_stat_update" {}
        }
    }

    pub(crate) async fn closed(&mut self) {
        while self.next().await.is_some() {}
    }
}
