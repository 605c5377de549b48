//! The most printed files.

use axum::{extract::FromRequestParts, http::request::Parts, response::Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::{
    analytics::{
        compute,
        figures::FiguresBody,
        query::{AnalyticsQuery, JobParameters, PeriodBody, PrinterParameters, whole},
        sheet,
    },
    http::{
        error::{ApiResult, Problem},
        query::Query,
    },
    state::{ApiState, Core},
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

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter that `FilesQuery` reads")]
pub(super) struct FilesParameters {
    /// How many files, at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u64>,
}

pub(super) struct FilesQuery {
    asked: AnalyticsQuery,
    limit: usize,
}

impl FromRequestParts<ApiState> for FilesQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let mut query = Query::new(parts.uri.query());
        let limit = query.one("limit", whole(1, MOST)).unwrap_or(USUAL);
        let asked = AnalyticsQuery::take(&mut query, parts, state, true);
        query.finish(Self { asked, limit })
    }
}

/// Show the most printed files
///
/// How often each was printed, how that ended, and what it took.
#[utoipa::path(get, path = "/api/analytics/files", tag = "analytics", params(FilesParameters, PrinterParameters, JobParameters),
    responses((status = 200, content((FilesBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_files(core: Core, query: FilesQuery) -> ApiResult<Response> {
    let FilesQuery { asked, limit } = query;
    let (figures, bodies) = compute(&core, &asked.filter, move |jobs| {
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
        period: asked.period(),
        items: items.collect(),
        total: figures.total,
        jobs_without_file: figures.unknown,
    };
    sheet::answer(asked.format, &body, |body| body.items.clone())
}
