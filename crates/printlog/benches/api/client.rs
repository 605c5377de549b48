//! HTTP clients for the measurements: one connection for latency, many for throughput.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::Instant};

/// A kept-alive connection.
pub(crate) struct Client {
    sender: http1::SendRequest<Empty<Bytes>>,
    key: String,
}

/// Response time, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Requests before the measurement starts.
const WARM_UP: usize = 10;
/// Maximum number of measurements; more do not change the result.
const ENOUGH: usize = 2_000;

impl Latency {
    /// Statistics of a non-empty list of times in seconds.
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share).round() as usize];
        Self {
            p50: at(0.5),
            p99: at(0.99),
        }
    }

    pub(crate) fn text(seconds: f64) -> String {
        match seconds * 1e3 {
            ms if ms < 10.0 => format!("{ms:.2} ms"),
            ms if ms < 100.0 => format!("{ms:.1} ms"),
            ms => format!("{ms:.0} ms"),
        }
    }
}

/// Collects measurements until there are enough.
pub(crate) struct Samples {
    until: Instant,
    taken: Vec<f64>,
    warm_up: usize,
}

impl Samples {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            until: Instant::now() + limit,
            taken: Vec::new(),
            warm_up: WARM_UP,
        }
    }

    /// Adds a measurement that started at `began`. `false` when there are enough.
    pub(crate) fn add(&mut self, began: Instant) -> bool {
        let now = Instant::now();
        if self.warm_up > 0 && now < self.until {
            self.warm_up -= 1;
            return true;
        }
        self.taken.push((now - began).as_secs_f64());
        now < self.until && self.taken.len() < ENOUGH
    }

    pub(crate) fn latency(self) -> Latency {
        Latency::of(self.taken)
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            key: key.to_owned(),
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Bytes> {
        Ok(self.ask(path).await?.into_body().collect().await?.to_bytes())
    }

    pub(crate) async fn json(&mut self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.get(path).await?)?)
    }

    /// Reads a response body without storing it. Returns its length.
    pub(crate) async fn read_all(&mut self, path: &str) -> anyhow::Result<u64> {
        let mut body = self.ask(path).await?.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        Ok(bytes)
    }

    pub(crate) async fn measure(&mut self, path: &str, limit: Duration) -> anyhow::Result<(Latency, usize)> {
        let mut samples = Samples::new(limit);
        loop {
            let began = Instant::now();
            let bytes = self.get(path).await?.len();
            if !samples.add(began) {
                return Ok((samples.latency(), bytes));
            }
        }
    }

    async fn ask(&mut self, path: &str) -> anyhow::Result<Response<Incoming>> {
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .body(Empty::new())?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        ensure!(response.status().is_success(), "{path}: {}", response.status());
        Ok(response)
    }
}

/// Responses per second for this many concurrent connections.
pub(crate) async fn throughput(
    address: SocketAddr,
    key: &str,
    path: &str,
    connections: usize,
    limit: Duration,
) -> anyhow::Result<f64> {
    let mut tasks = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let mut client = Client::connect(address, key).await?;
        let path = path.to_owned();
        tasks.spawn(async move {
            let mut answers = 0_u32;
            while began.elapsed() < limit {
                client.get(&path).await?;
                answers += 1;
            }
            anyhow::Ok(answers)
        });
    }
    let mut answers = 0;
    while let Some(done) = tasks.join_next().await {
        answers += done.context("a client has crashed")??;
    }
    Ok(f64::from(answers) / began.elapsed().as_secs_f64())
}
