//! All analytics of a period as a workbook, with one sheet for each card of the dashboard.

use std::io;

use analytics::{Bucket, FileOrder, Stack};
use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use jiff::tz::TimeZone;

use crate::{
    api::{
        analytics::{
            comparison::ComparisonBase,
            estimates, failures, filament, files, heatmap, printers,
            query::{Asked, FilterParameters, PrinterParameters, time_zone},
            sheet::Sheet,
            summary, timeline, verdicts,
        },
        http::{
            error::{ApiResult, Problem},
            query::{Parameters as _, QueryReader, parameters},
        },
        schema_enums,
        state::{ApiState, Core},
    },
    export::{ExportFormat, Language, Workbook},
    input::word,
};

parameters! {
    /// Language, time zone and figures of a workbook.
    pub(super) struct WorkbookParameters {
        /// Language of titles and values. Defaults to the first known one of the header `Accept-Language`, else `en`.
        #[param(value_type = Option<schema_enums::Language>)]
        lang: Option<Language> = one(word),
        /// Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
        #[param(value_type = Option<schema_enums::TimeZone>, example = "Europe/Berlin")]
        tz: Option<TimeZone> = one(time_zone),
        /// The period that the summary is compared with.
        #[param(value_type = Option<schema_enums::ComparisonBase>)]
        compare: ComparisonBase = one_or(ComparisonBase::default(), word),
        /// Length of the buckets of the timeline.
        #[param(value_type = Option<schema_enums::Bucket>, default = "day")]
        bucket: Bucket = one_or(Bucket::Day, word),
        /// How the jobs of each bucket are divided into columns.
        #[param(value_type = Option<schema_enums::Stack>, default = "status")]
        stack: Stack = one_or(Stack::Status, word),
        /// Order of the files.
        #[param(value_type = Option<schema_enums::FileOrder>)]
        sort: FileOrder = one_or(FileOrder::default(), word),
    }
}

/// A request for a workbook.
pub(super) struct WorkbookQuery {
    own: WorkbookParameters,
    language: Language,
    asked: Asked,
}

impl FromRequestParts<ApiState> for WorkbookQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let mut query = QueryReader::new(parts.uri.query());
        let own = WorkbookParameters::read(&mut query);
        let zone = own.tz.clone().unwrap_or_else(|| state.zone.clone());
        query.zone = zone.clone();
        let printers = PrinterParameters::read(&mut query);
        let filter = FilterParameters::read(&mut query).of_printers(printers);
        let language = own.lang.unwrap_or_else(|| accepted_language(&parts.headers));
        query.finish(Self {
            own,
            language,
            asked: Asked { filter, zone },
        })
    }
}

/// The language that the client prefers, of those that workbooks have.
pub(crate) fn accepted_language(headers: &HeaderMap) -> Language {
    let list = headers.get(header::ACCEPT_LANGUAGE);
    let list = list.and_then(|list| list.to_str().ok()).unwrap_or_default();
    Language::accepted(list).unwrap_or_default()
}

/// Export all analytics
///
/// A workbook with one sheet for each card of the dashboard: summary, timeline, printers, filament, estimates, files (at most
/// 500), failures, ratings and hours of the week. Titles and values are translated. Durations are times of a spreadsheet,
/// shares are percentages, and the unit of any other number is in the title of its column.
#[utoipa::path(get, path = "/api/analytics/export", tag = "analytics",
    params(WorkbookParameters, PrinterParameters, FilterParameters),
    responses((status = 200, description = "The workbook.", content(
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))))]
pub(super) async fn export_analytics(
    State(state): State<ApiState>,
    core: Core,
    query: WorkbookQuery,
) -> ApiResult<Response> {
    let language = query.language;
    let now = state.clock.now();
    let sheets = sheets(&core, &query, now).await?;
    let bytes = tokio::task::spawn_blocking(move || write(sheets, language))
        .await
        .map_err(|_| Problem::internal())?
        .map_err(|_| Problem::internal())?;
    let day = now.to_zoned(query.asked.zone.clone()).date();
    let name = format!("attachment; filename=\"printlog-analytics-{day}.xlsx\"");
    let disposition = HeaderValue::from_str(&name).map_err(|_| Problem::internal())?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(ExportFormat::Xlsx.media_type()),
        ),
        (header::CONTENT_DISPOSITION, disposition),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ];
    Ok((headers, bytes).into_response())
}

async fn sheets(core: &Core, query: &WorkbookQuery, now: jiff::Timestamp) -> ApiResult<Vec<Sheet>> {
    let WorkbookQuery { own, language, asked } = query;
    let language = *language;
    let summary = summary::read(core, asked, own.compare, now).await?;
    let timeline = timeline::read(core, asked, own.bucket, own.stack, |body| body).await?;
    let printers = printers::read(core, asked, now).await?;
    let filament = filament::read(core, asked).await?;
    let estimates = estimates::read(core, asked).await?;
    let files = files::read(core, asked, files::MOST, own.sort).await?;
    let failures = failures::read(core, asked).await?;
    let verdicts = verdicts::read(core, asked).await?;
    let heatmap = heatmap::read(core, asked, |body| body).await?;
    Ok(vec![
        summary.sheet(language, &asked.zone),
        timeline.sheet(language, &asked.zone),
        printers.sheet(language),
        filament.sheet(language),
        estimates.sheet(language),
        files.sheet(language),
        failures.sheet(language),
        verdicts.sheet(language),
        heatmap.sheet(language),
    ])
}

fn write(sheets: Vec<Sheet>, language: Language) -> io::Result<Vec<u8>> {
    let mut workbook = Workbook::begin(Vec::new(), language)?;
    for sheet in sheets {
        sheet.write(&mut workbook)?;
    }
    workbook.end()
}
