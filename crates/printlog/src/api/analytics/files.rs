//! The most printed files.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::FiguresBody,
            query::{AnalyticsQuery, FilterParameters, PeriodBody, PrinterParameters, TableParameters},
            table,
        },
        http::{error::ApiResult, query::parameters},
        state::Core,
    },
    input::whole,
};

/// Default number of files.
const USUAL: usize = 50;
/// Maximum number of files.
const MOST: usize = 500;

/// The files that were printed most.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FileAnalytics)]
pub(super) struct FilesBody {
    period: PeriodBody,
    /// The most printed first.
    items: Vec<FileBody>,
    /// Files in all.
    total: u64,
    /// Jobs whose file is not known.
    jobs_without_file: u64,
}

/// How it went with a file, on all printers.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = FileFigures)]
struct FileBody {
    /// Relative to the gcodes folder.
    filename: String,
    #[serde(flatten)]
    figures: FiguresBody,
}

parameters! {
    /// Length of the list.
    pub(super) struct FilesParameters {
        /// Maximum number of files.
        #[param(value_type = Option<u64>, minimum = 1, maximum = 500, default = 50)]
        limit: usize = one_or(USUAL, whole(1, MOST)),
    }
}

/// Show the most printed files
///
/// How often each was printed, how that ended, and what it took.
#[utoipa::path(get, path = "/api/analytics/files", tag = "analytics", params(FilesParameters, PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((FilesBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_files(core: Core, query: AnalyticsQuery<FilesParameters>) -> ApiResult<Response> {
    let limit = query.own.limit;
    let (figures, bodies) = compute(&core, &query.filter, move |jobs| {
        let files = jobs.files(limit)?;
        let bodies: Vec<FiguresBody> = files
            .files
            .iter()
            .map(|(_, sums)| FiguresBody::new(sums, jobs))
            .collect();
        Ok((files, bodies))
    })
    .await?;
    let names = core
        .store
        .job_texts(figures.files.iter().map(|(file, _)| *file))
        .await?;
    let items = figures
        .files
        .iter()
        .zip(bodies)
        .map(|((file, _), figures)| FileBody {
            filename: names.get(file).cloned().unwrap_or_default(),
            figures,
        });
    let body = FilesBody {
        period: query.period(),
        items: items.collect(),
        total: figures.total,
        jobs_without_file: figures.unknown,
    };
    table::respond(query.format, &body, |body| body.items.clone())
}
