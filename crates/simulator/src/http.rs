//! Just enough HTTP/1.1 for Moonraker's WebSocket handshake and its file routes.

use std::{io, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::files::File;

/// Maximum size of a request head, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;

/// The head of a request.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Percent-decoded path, without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) api_key: Option<String>,
    range: Option<String>,
    websocket_key: Option<String>,
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Bytes(Vec<u8>),
    /// A byte range of a file, written in chunks.
    File(Box<File>, std::ops::Range<u64>),
}

impl Head {
    /// Reads a request head. `None` if the client disconnects first or sends something that is not HTTP. Bytes that
    /// follow the head stay in `buffer`.
    pub(crate) async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Self>> {
        loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = Self::parse(&buffer[..end + 4]);
                buffer.drain(..end + 4);
                return Ok(head);
            }
            if buffer.len() > HEAD_LIMIT || stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(bytes).ok()?;
        let (path, query) = request.path?.split_once('?').unwrap_or((request.path?, ""));
        let header = |name: &str| {
            let header = request
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name))?;
            String::from_utf8(header.value.to_vec()).ok()
        };
        Some(Self {
            method: request.method?.to_owned(),
            path: percent_decoded(path),
            query: query.to_owned(),
            api_key: header("x-api-key"),
            range: header("range"),
            websocket_key: header("sec-websocket-key"),
        })
    }

    pub(crate) fn wants_websocket(&self) -> bool {
        self.websocket_key.is_some() && self.path.ends_with("/websocket")
    }

    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decoded(value))
    }

    /// Sends the response that upgrades the connection to a WebSocket.
    pub(crate) async fn accept_websocket(&self, stream: &mut TcpStream) -> io::Result<()> {
        let key = derive_accept_key(self.websocket_key.as_deref().unwrap_or_default().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-Websocket-Accept: {key}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await
    }
}

impl Response {
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self {
            status: 200,
            headers,
            body: Body::Bytes(value.to_string().into_bytes()),
        }
    }

    /// An error in Moonraker's format, with the traceback that clients must not show to users.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let traceback = "Traceback (most recent call last):\n\n  File \"/home/pi/moonraker-env/application.py\", line 1\n";
        let error = json!({ "error": { "code": status, "message": message, "traceback": traceback } });
        Self {
            status,
            ..Self::json(&error)
        }
    }

    /// Moonraker's response when the limit on WebSockets is reached.
    pub(crate) fn too_many_websockets() -> Self {
        let body = b"<html><title>500: Internal Server Error</title></html>".to_vec();
        Self {
            status: 500,
            headers: vec![("Content-Type", "text/html".to_owned())],
            body: Body::Bytes(body),
        }
    }

    pub(crate) fn bytes(content_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: Body::Bytes(bytes),
        }
    }

    /// A file or the requested range of it. A range that covers the whole file gets a 200. Anything other than a
    /// single byte range is ignored.
    pub(crate) fn file(file: &File, head: &Head) -> Self {
        let size = file.size;
        let mut headers = vec![
            ("Accept-Ranges", "bytes".to_owned()),
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ];
        let whole = |headers| Self {
            status: 200,
            headers,
            body: Body::File(Box::new(file.clone()), 0..size),
        };
        let asked = head
            .range
            .as_deref()
            .and_then(|range| range.strip_prefix("bytes="));
        let Some((from, to)) = asked.and_then(|range| range.split_once('-')) else {
            return whole(headers);
        };
        let range = match (from.parse::<u64>(), to.parse::<u64>()) {
            (Ok(from), Ok(to)) if from <= to => from..to.saturating_add(1).min(size),
            (Ok(from), Err(_)) if to.is_empty() => from..size,
            (Err(_), Ok(last)) if from.is_empty() => size.saturating_sub(last)..size,
            (Ok(_), Ok(_)) => size..size,
            _ => return whole(headers),
        };
        if range.start >= range.end {
            headers.push(("Content-Range", format!("bytes */{size}")));
            return Self {
                status: 416,
                headers,
                body: Body::Bytes(Vec::new()),
            };
        }
        if range == (0..size) {
            return whole(headers);
        }
        headers.push((
            "Content-Range",
            format!("bytes {}-{}/{size}", range.start, range.end - 1),
        ));
        Self {
            status: 206,
            headers,
            body: Body::File(Box::new(file.clone()), range),
        }
    }

    /// Size of the body, in bytes.
    pub(crate) fn length(&self) -> u64 {
        match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(_, range) => range.end - range.start,
        }
    }

    /// Writes the response. With a `file_pause`, files are sent byte by byte.
    pub(crate) async fn write(
        &self,
        stream: &mut TcpStream,
        with_body: bool,
        file_pause: Option<Duration>,
    ) -> io::Result<()> {
        let length = self.length();
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nContent-Length: {length}\r\n",
            self.status,
            reason(self.status)
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        if !with_body {
            return Ok(());
        }
        match &self.body {
            Body::Bytes(bytes) => stream.write_all(bytes).await,
            Body::File(file, range) => {
                if let Some(pause) = file_pause {
                    for at in range.clone() {
                        stream.write_all(&file.bytes(at, at + 1)).await?;
                        tokio::time::sleep(pause).await;
                    }
                    return Ok(());
                }
                for from in range.clone().step_by(PIECE) {
                    let piece = file.bytes(from, (from + PIECE as u64).min(range.end));
                    stream.write_all(&piece).await?;
                }
                Ok(())
            }
        }
    }
}

/// Bytes of a file held in memory at a time.
const PIECE: usize = 64 * 1024;

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        416 => "Requested Range Not Satisfiable",
        _ => "Internal Server Error",
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = tail.get(..2).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|_| *first == b'%')?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head = Head::parse(
            b"GET /p1/websocket?token=A%20B&x=1 HTTP/1.1\r\nHost: x\r\nx-api-KEY: k\r\nSec-WebSocket-Key: abc\r\n\r\n",
        )
        .unwrap();
        assert!(head.wants_websocket());
        assert_eq!(
            (head.method.as_str(), head.path.as_str()),
            ("GET", "/p1/websocket")
        );
        assert_eq!(
            (head.api_key.as_deref(), head.query_value("token").as_deref()),
            (Some("k"), Some("A B"))
        );
        assert_eq!(percent_decoded("/M%C3%BCller/100%/%zz"), "/Müller/100%/%zz");
    }
}
