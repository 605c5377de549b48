//! The server side of a connection, driven frame by frame by the test.

use futures_util::{SinkExt, StreamExt};
use moonraker::{Client, ConnectOptions, Endpoint, Notifications, Value};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
    },
};

/// A listening port.
pub(crate) struct FakeServer {
    listener: TcpListener,
}

/// One accepted WebSocket.
pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<TcpStream>,
    /// `X-Api-Key` of the handshake.
    pub(crate) api_key: Option<String>,
    /// Path of the handshake.
    pub(crate) path: String,
}

impl FakeServer {
    pub(crate) async fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(crate) fn endpoint(&self, api_key: Option<&str>) -> Endpoint {
        Endpoint::parse(&format!("127.0.0.1:{}", self.port()), api_key).unwrap()
    }

    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    pub(crate) async fn accept(&self) -> Peer {
        let mut api_key = None;
        let mut path = String::new();
        let stream = self.accept_tcp().await;
        #[expect(clippy::result_large_err, reason = "the library's type")]
        let note = |request: &Request, response: Response| {
            api_key = request
                .headers()
                .get("x-api-key")
                .map(|key| key.to_str().unwrap().to_owned());
            path = request.uri().path().to_owned();
            Ok(response)
        };
        let socket = accept_hdr_async(stream, note).await.unwrap();
        Peer {
            socket,
            api_key,
            path,
        }
    }

    /// Both ends of a connection.
    pub(crate) async fn connected(&self, options: &ConnectOptions) -> (Client, Notifications, Peer) {
        let endpoint = self.endpoint(None);
        let (connection, peer) = tokio::join!(moonraker::connect(&endpoint, options), self.accept());
        let (client, notifications) = connection.unwrap();
        (client, notifications, peer)
    }
}

impl Peer {
    /// Sends a frame. Errors are ignored, because the client may close the connection in the middle of a frame.
    pub(crate) async fn send(&mut self, frame: impl Into<String>) {
        self.socket.send(Message::text(frame.into())).await.ok();
    }

    /// The next request.
    pub(crate) async fn request(&mut self) -> Value {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a request, not {other:?}"),
            }
        }
    }

    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.send(json!({ "jsonrpc": "2.0", "result": result, "id": request["id"] }).to_string())
            .await;
    }

    pub(crate) async fn refuse(&mut self, request: &Value, code: i64, message: &str) {
        let error = json!({ "code": code, "message": message });
        self.send(json!({ "jsonrpc": "2.0", "error": error, "id": request["id"] }).to_string())
            .await;
    }

    /// Keeps reading and answering pings until the client closes the connection. Returns the close code, if any.
    pub(crate) async fn closed(mut self) -> Option<u16> {
        while let Some(Ok(message)) = self.socket.next().await {
            if let Message::Close(close) = message {
                // The answer to the close frame is sent with the next poll.
                while let Some(Ok(_)) = self.socket.next().await {}
                return Some(close.map_or(1005, |close| close.code.into()));
            }
        }
        None
    }
}
