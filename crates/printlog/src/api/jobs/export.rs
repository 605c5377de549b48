//! Exports all jobs of a list as a file.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, State},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use domain::{JobFilter, UnknownName};
use futures_util::stream;
use jiff::tz::TimeZone;
use store::Store;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};
use tokio::{runtime::Handle, sync::mpsc};
use tracing::{debug, warn};

use crate::{
    api::{
        analytics::{time_zone, workbook::accepted_language},
        http::{
            error::{ApiResult, Problem},
            fault::Fault,
            query::{Parameters as _, QueryReader, parameters},
        },
        jobs::{FilterParameters, PrinterParameters},
        schema_enums,
        state::{ApiState, Core},
    },
    export::{ExportFormat, Exporter, Language, Layout, People},
    input::{self, word},
};

/// Maximum number of simultaneous exports.
pub(crate) const AT_ONCE: usize = 8;
/// Time limit for the client to read a part.
const READ_TIME: Duration = Duration::from_secs(60);
/// Maximum number of parts that wait for the client.
const AHEAD: usize = 2;
/// Maximum size of a part in bytes. While the queue is full, nothing more is read from the database.
const PART: usize = 64 * 1024;

parameters! {
    /// Format of an export.
    pub(crate) struct FormatParameters {
        /// Format of the file. Defaults to `csv`.
        #[param(inline, value_type = Option<schema_enums::ExportFormat>)]
        format: ExportFormat = one_or(ExportFormat::Csv, word),
        /// Whether CSV begins with a byte order mark. Without one, Excel assumes the legacy encoding of the system. No
        /// effect on other formats.
        #[param(value_type = Option<bool>)]
        bom: bool = one_or(false, input::truth),
        /// Layout of a workbook. `raw`: the columns of all formats, with times in UTC. `people`: translated columns, local
        /// times, durations as times of a spreadsheet, grams and costs, with a filter on each column. No effect on other
        /// formats.
        #[param(inline, value_type = Option<schema_enums::ExportLayout>)]
        layout: ExportLayout = one_or(ExportLayout::Raw, word),
        /// Language of the layout `people`. Defaults to the first known one of the header `Accept-Language`, else `en`.
        #[param(value_type = Option<schema_enums::Language>)]
        lang: Option<Language> = one(word),
        /// Time zone of the times of the layout `people`, and of dates in `since` and `until`. Defaults to `api.timezone` of
        /// the configuration for this layout, else to UTC.
        #[param(value_type = Option<schema_enums::TimeZone>, example = "Europe/Berlin")]
        tz: Option<TimeZone> = one(time_zone),
    }
}

/// Layout of a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub(crate) enum ExportLayout {
    Raw,
    People,
}

/// A request for an export.
pub(crate) struct ExportQuery {
    filter: JobFilter,
    format: FormatParameters,
    language: Language,
    zone: TimeZone,
}

impl FromRequestParts<ApiState> for ExportQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let mut query = QueryReader::new(parts.uri.query());
        let format = FormatParameters::read(&mut query);
        let usual = match format.layout {
            ExportLayout::Raw => TimeZone::UTC,
            ExportLayout::People => state.zone.clone(),
        };
        let zone = format.tz.clone().unwrap_or(usual);
        query.zone = zone.clone();
        let printers = PrinterParameters::read(&mut query);
        let filter = FilterParameters::read(&mut query).of_printers(printers);
        let language = format.lang.unwrap_or_else(|| accepted_language(&parts.headers));
        query.finish(Self {
            filter,
            format,
            language,
            zone,
        })
    }
}

impl ExportQuery {
    fn layout(&self, core: &Core) -> Layout {
        match self.format.layout {
            ExportLayout::Raw => Layout::Raw,
            ExportLayout::People => Layout::People(People {
                language: self.language,
                zone: self.zone.clone(),
                currency: core.store.currency(),
            }),
        }
    }
}

/// Export jobs, newest first
///
/// All jobs that match the filters, as a file that is generated while it is sent. docs/export.md describes the columns
/// and their units. Texts are escaped so that spreadsheets do not evaluate them as formulas. The connection is closed
/// if the client reads less than 64 KiB per minute.
#[utoipa::path(get, path = "/api/jobs/export", tag = "jobs", params(PrinterParameters, FilterParameters, FormatParameters),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"),
        (Vec<Value> = "application/json"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (Vec<u8> = "application/vnd.apache.parquet"),
    )), (status = 503, body = Problem, content_type = "application/problem+json",
        description = "Eight exports are already being sent, or the database does not respond.",
        headers(("Retry-After" = u64, description = "Seconds to wait.")))))]
pub(crate) async fn export_jobs(
    State(state): State<ApiState>,
    core: Core,
    query: ExportQuery,
) -> ApiResult<Response> {
    let place = core
        .exporting
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::unavailable(Fault::TooManyExports { limit: AT_ONCE }))?;
    // Errors at this stage can still be sent as a problem document.
    let export = core.store.begin_export(&query.filter).await?;
    let format = query.format.format;
    let exporter =
        Exporter::new(format, query.format.bom, query.layout(&core)).map_err(|_| Problem::internal())?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let runtime = Handle::current();
    // One thread for the whole export: it blocks no other request, and its allocations stay in one thread.
    tokio::task::spawn_blocking(move || {
        send(&runtime, &core.store, export, exporter, &sender);
        drop(place);
    });
    let parts = stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Part::End) => None,
            // Abort the connection: a response that merely ended would look complete.
            None => Some((Err(io::Error::other("the export was cut off")), None)),
        }
    });
    let name = format!(
        "attachment; filename=\"printlog-jobs-{}.{}\"",
        state.clock.now().strftime("%Y-%m-%d"),
        format.as_str()
    );
    let disposition = HeaderValue::from_str(&name).map_err(|_| Problem::internal())?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.media_type()),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// A part of the response.
enum Part {
    Bytes(Bytes),
    /// The file is complete.
    End,
}

/// Sends the file until it is complete, the client disconnects, or an error occurs.
fn send(
    runtime: &Handle,
    store: &Store,
    mut export: store::Export,
    mut exporter: Exporter,
    sender: &mpsc::Sender<Part>,
) {
    let write = || -> anyhow::Result<()> {
        loop {
            let jobs = runtime.block_on(store.next_of_export(&mut export))?;
            if jobs.is_empty() {
                break;
            }
            runtime.block_on(hand_over(exporter.add(&jobs)?, sender, READ_TIME))?;
        }
        runtime.block_on(hand_over(exporter.end()?, sender, READ_TIME))?;
        runtime.block_on(sender.send(Part::End)).ok();
        Ok(())
    };
    match write() {
        Ok(()) => {}
        Err(cause) if matches!(cause.downcast_ref(), Some(HandOverError::Closed)) => {
            debug!("an export was cut off: {cause}");
        }
        Err(cause) => warn!("an export was cut off: {cause:#}"),
    }
}

/// Why sending stopped early.
#[derive(Debug, thiserror::Error)]
enum HandOverError {
    #[error("the client closed the connection")]
    Closed,
    #[error("the client read less than {} KiB in {} s", PART / 1024, READ_TIME.as_secs())]
    Slow,
}

async fn hand_over(
    written: Vec<u8>,
    sender: &mpsc::Sender<Part>,
    read_time: Duration,
) -> Result<(), HandOverError> {
    let mut rest = Bytes::from(written);
    while !rest.is_empty() {
        let part = Part::Bytes(rest.split_to(rest.len().min(PART)));
        tokio::time::timeout(read_time, sender.send(part))
            .await
            .map_err(|_| HandOverError::Slow)?
            .map_err(|_| HandOverError::Closed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_export_that_its_client_does_not_read_ends() {
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let send = async |bytes| hand_over(vec![0; bytes], &sender, Duration::from_millis(10)).await;
        // The channel takes this much at once, and each part that is read makes room for another.
        send(AHEAD * PART).await.unwrap();
        receiver.recv().await;
        send(PART).await.unwrap();
        let unread = send(1).await;
        assert!(matches!(unread, Err(HandOverError::Slow)), "{unread:?}");
        drop(receiver);
        let closed = send(1).await;
        assert!(matches!(closed, Err(HandOverError::Closed)), "{closed:?}");
    }
}
