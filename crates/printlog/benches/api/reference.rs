//! Lower bounds for the response time: the SQL statements on a bare connection, and a server with a fixed response.

use std::time::Duration;

use axum::{Router, body::Bytes, http::header, routing::get};
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use store::Location;
use tokio::{net::TcpListener, time::Instant};

use crate::client::{Client, Latency, Samples};

/// A bare connection to the SQLite database under test.
pub(crate) struct Sqlite(Connection);

impl Sqlite {
    /// `None` for other database engines.
    pub(crate) fn open(location: &Location) -> anyhow::Result<Option<Self>> {
        let Location::Sqlite { path } = location else {
            return Ok(None);
        };
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // The same cache size as printlog's readers.
        connection.pragma_update(None, "cache_size", -2000)?;
        Ok(Some(Self(connection)))
    }

    /// Runs all statements and reads every column. `None` if there are no statements.
    pub(crate) fn measure(
        &mut self,
        statements: &[String],
        limit: Duration,
    ) -> anyhow::Result<Option<Latency>> {
        if statements.is_empty() {
            return Ok(None);
        }
        let mut samples = Samples::new(limit);
        loop {
            let began = Instant::now();
            for statement in statements {
                let mut statement = self.0.prepare_cached(statement)?;
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    for column in 0..columns {
                        if let ValueRef::Text(text) = row.get_ref(column)? {
                            std::hint::black_box(text.to_vec());
                        }
                    }
                }
            }
            if !samples.add(began) {
                return Ok(Some(samples.latency()));
            }
        }
    }
}

/// Measures a server with one route, which responds with this many bytes.
pub(crate) async fn bare_server(bytes: usize, limit: Duration, key: &str) -> anyhow::Result<Latency> {
    let body = Bytes::from(vec![b' '; bytes]);
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server =
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(answer))).await });
    let (latency, _) = Client::connect(address, key).await?.measure("/", limit).await?;
    server.abort();
    Ok(latency)
}
