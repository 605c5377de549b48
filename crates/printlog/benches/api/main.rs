//! Measures the API's response times on one large database. `make bench` runs it on several and writes
//! docs/performance.md.
//!
//! printlog runs as a separate process. Each route is compared with a bare server that sends as many bytes, and on
//! SQLite with the same statements on a bare connection; both run in this process, in the same run.

mod client;
mod process;
mod reference;
mod routes;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use client::{Client, Latency};
use process::Process;
use store::{KeyScope, Location, Store};
use tokio::time::Instant;

/// Measures printlog's API on a database filled by `seed`.
#[derive(Debug, Parser)]
struct Options {
    /// SQLite database file, or URL of a MySQL or MariaDB database
    #[arg(long)]
    database: String,
    /// Duration of each measurement, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Number of connections for the throughput measurement
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Python interpreter with FastAPI and SQLAlchemy, to measure scripts/bench_peer.py as well; SQLite only
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Only routes whose name starts with this, such as `list,` or `export`
    #[arg(long, default_value = "")]
    only: String,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let limit = Duration::from_secs_f64(options.seconds);
    let location = match options.database.parse::<url::Url>() {
        Ok(url) if url.scheme() == "mysql" => Location::MySql { url },
        _ => Location::Sqlite {
            path: PathBuf::from(&options.database),
        },
    };
    let store = Store::open(&location).await?;
    let key = store
        .create_key("bench", KeyScope::Admin, None, jiff::Timestamp::UNIX_EPOCH)
        .await?;
    let info = store.info().await?;
    store.close().await?;

    let process = Process::start(&location).await?;
    let mut client = Client::connect(process.address, &key.secret).await?;
    let routes = routes::all(&mut client).await?;
    let jobs = client.json("/api/jobs?limit=1").await?["total"].clone();
    println!(
        "#### {} {}, {jobs} jobs\n\n\
         Start-up {:.0} ms; database {:.0} MB.\n\n\
         | route | p50 | p99 | statements alone, p50 | a bare server, p50 | FastAPI, p50 | requests/s at {} connections | FastAPI, requests/s | bytes |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        info.engine,
        info.version,
        process.started_in.as_secs_f64() * 1e3,
        info.size_bytes.unwrap_or_default() as f64 / 1e6,
        options.connections
    );
    let mut reference = reference::Sqlite::open(&location)?;
    let mut peer = match (&options.peer, &location) {
        (Some(python), Location::Sqlite { path }) => {
            Some(Process::start_peer(python, path, &key.secret).await?)
        }
        _ => None,
    };
    for route in routes
        .iter()
        .filter(|route| route.name.starts_with(&options.only))
    {
        // The previous connection may have been closed as idle while the other servers were measured.
        let mut client = Client::connect(process.address, &key.secret).await?;
        let (latency, bytes) = client.measure(&route.path, limit).await?;
        let bare = reference::bare_server(bytes, limit, &key.secret).await?;
        let statements = match &mut reference {
            Some(reference) => reference.measure(&route.statements, limit)?,
            None => None,
        };
        let rate = client::throughput(
            process.address,
            &key.secret,
            &route.path,
            options.connections,
            limit,
        )
        .await?;
        let of_peer = match &mut peer {
            Some(peer) => peer.measure(&route.path, &key.secret, &options, limit).await,
            None => (None, None),
        };
        let text = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), Latency::text);
        let number = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.0}"));
        println!(
            "| {} | {} | {} | {} | {} | {} | {rate:.0} | {} | {bytes} |",
            route.name,
            Latency::text(latency.p50),
            Latency::text(latency.p99),
            text(statements.map(|latency| latency.p50)),
            Latency::text(bare.p50),
            text(of_peer.0.map(|latency| latency.p50)),
            number(of_peer.1),
        );
    }
    drop(peer);
    let memory = process.peak_memory()?;
    let mut client = Client::connect(process.address, &key.secret).await?;
    for format in ["ndjson", "csv", "xlsx", "parquet"] {
        let name = format!("export of all jobs as {format}");
        if !name.starts_with(&options.only) {
            continue;
        }
        let began = Instant::now();
        let bytes = client
            .read_all(&format!("/api/jobs/export?format={format}"))
            .await
            .with_context(|| format!("no export as {format}"))?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "| {name} | {seconds:.1} s | | | | | | | {:.0} MB |",
            bytes as f64 / 1e6
        );
    }
    println!(
        "\nMemory of the server, at most: {memory:.0} MB over all routes, {:.0} MB with the exports.\n",
        process.peak_memory()?
    );
    Ok(())
}
