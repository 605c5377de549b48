//! All jobs of a list as a file.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, State},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use domain::JobFilter;
use futures_util::stream;
use store::Store;
use tokio::{runtime::Handle, sync::mpsc};
use tracing::warn;
use utoipa::IntoParams;

use super::{
    ApiState, Core,
    error::{ApiResult, Problem},
    jobs::{FilterParameters, job_filter},
    query::Query,
    words,
};
use crate::export::{ExportFormat, Exporter};

/// Parts of the file that wait for the client.
const AHEAD: usize = 2;
/// Bytes of a part, at most: while one waits, nothing more is read.
const PART: usize = 64 * 1024;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter that `ExportQuery` reads")]
struct FormatParameter {
    /// What kind of file; `csv` if left out.
    #[param(inline, value_type = Option<words::ExportFormat>)]
    format: Option<String>,
}

pub(super) struct ExportQuery {
    filter: JobFilter,
    format: ExportFormat,
}

/// Export jobs, newest first
///
/// All that a list with these filters has, as a file that is made while it is sent. The columns and their units are those
/// of docs/export.md. No text in it is taken for a formula by a spreadsheet.
#[utoipa::path(get, path = "/api/jobs/export", tag = "jobs", params(FilterParameters, FormatParameter),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"),
        (Vec<Value> = "application/json"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (Vec<u8> = "application/vnd.apache.parquet"),
    ))))]
pub(super) async fn export_jobs(
    State(state): State<ApiState>,
    core: Core,
    query: ExportQuery,
) -> ApiResult<Response> {
    // What can fail at once still has an answer of its own.
    let export = core.store.begin_export(&query.filter).await?;
    let exporter = Exporter::new(query.format).map_err(|_| Problem::internal())?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let runtime = Handle::current();
    // One thread for all of it: nobody else waits for it, and what it allocates stays in one place.
    tokio::task::spawn_blocking(move || send(&runtime, &core.store, export, exporter, &sender));
    let parts = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|part| (part, receiver))
    });
    let name = format!(
        "attachment; filename=\"printlog-jobs-{}.{}\"",
        state.clock.now().strftime("%Y-%m-%d"),
        query.format.as_str()
    );
    let disposition = HeaderValue::from_str(&name).map_err(|_| Problem::internal())?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(query.format.media_type()),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

type Part = Result<Bytes, std::io::Error>;

/// Sends the file until it ends or nobody takes it any more. When something fails, the connection breaks: a file that
/// merely ended would look complete.
fn send(
    runtime: &Handle,
    store: &Store,
    export: store::Export,
    exporter: Exporter,
    sender: &mpsc::Sender<Part>,
) {
    if let Err(cause) = write(runtime, store, export, exporter, sender) {
        warn!("an export was cut off: {cause:#}");
        sender.blocking_send(Err(std::io::Error::other(cause))).ok();
    }
}

fn write(
    runtime: &Handle,
    store: &Store,
    mut export: store::Export,
    mut exporter: Exporter,
    sender: &mpsc::Sender<Part>,
) -> anyhow::Result<()> {
    loop {
        let jobs = runtime.block_on(store.next_of_export(&mut export))?;
        if jobs.is_empty() {
            hand_over(exporter.end()?, sender);
            return Ok(());
        }
        if !hand_over(exporter.add(&jobs)?, sender) {
            return Ok(());
        }
    }
}

/// Whether somebody takes it.
fn hand_over(written: Vec<u8>, sender: &mpsc::Sender<Part>) -> bool {
    let mut rest = Bytes::from(written);
    while !rest.is_empty() {
        let part = rest.split_to(rest.len().min(PART));
        if sender.blocking_send(Ok(part)).is_err() {
            return false;
        }
    }
    true
}

impl<S: Send + Sync> FromRequestParts<S> for ExportQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut query = Query::new(parts.uri.query());
        let filter = job_filter(&mut query);
        let format = query.one("format", |text| {
            ExportFormat::ALL
                .into_iter()
                .find(|format| format.as_str() == text)
                .ok_or_else(|| {
                    let all = ExportFormat::ALL.map(ExportFormat::as_str);
                    format!("must be one of {}", all.join(", "))
                })
        });
        query.finish(Self {
            filter,
            format: format.unwrap_or(ExportFormat::Csv),
        })
    }
}
