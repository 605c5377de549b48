//! Files by how often they were printed and how that ended.

use analytics::FileOrder;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::{FiguresBody, thousandths},
            query::{
                AnalyticsQuery, Asked, FilterParameters, PeriodBody, PrinterParameters, TableParameters,
            },
            sheet::{self, Sheet},
            table,
        },
        http::{error::ApiResult, query::parameters},
        schema_enums,
        state::Core,
    },
    export::{Cell, Language, Style, Word},
    input::{whole, word},
};

/// Default number of files.
const USUAL: usize = 50;
/// Maximum number of files.
pub(super) const MOST: usize = 500;

/// Files, with the outcomes of their jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FileAnalytics)]
pub(super) struct FilesBody {
    period: PeriodBody,
    /// In the order of `sort`.
    items: Vec<FileBody>,
    /// Number of all files.
    total: u64,
    /// Jobs whose file is unknown.
    jobs_without_file: u64,
}

/// Figures of a file, on all printers.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = FileFigures)]
struct FileBody {
    /// Relative to the folder of G-code files.
    filename: String,
    /// Jobs that failed (`error`, `interrupted`).
    failed: u64,
    /// Filament in mm of jobs that did not complete: failed and cancelled ones.
    filament_lost_mm: f64,
    /// Such jobs whose filament length is unknown.
    jobs_without_filament_lost_mm: u64,
    /// Filament in g of these jobs.
    filament_lost_g: f64,
    /// The part of `filament_lost_g` that is computed with the usual density of the material.
    filament_lost_g_estimated: f64,
    /// Such jobs whose filament weight is unknown.
    jobs_without_filament_lost_g: u64,
    #[serde(flatten)]
    figures: FiguresBody,
}

parameters! {
    /// Order and length of the list.
    pub(super) struct FilesParameters {
        /// Maximum number of files.
        #[param(value_type = Option<u64>, minimum = 1, maximum = 500, default = 50)]
        limit: usize = one_or(USUAL, whole(1, MOST)),
        /// Sort order: the most `jobs` (the default), `failed` jobs or `filament_lost` first, or the lowest
        /// `success_rate` of files with at least three jobs that completed or failed. Files without any are omitted.
        #[param(value_type = Option<schema_enums::FileOrder>)]
        sort: FileOrder = one_or(FileOrder::default(), word),
    }
}

/// Show the files that were printed
///
/// Each file with the number of its jobs, their outcomes, their sums, and the filament lost.
#[utoipa::path(get, path = "/api/analytics/files", tag = "analytics", params(FilesParameters, PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((FilesBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_files(core: Core, query: AnalyticsQuery<FilesParameters>) -> ApiResult<Response> {
    let FilesParameters { limit, sort } = query.own;
    let body = read(&core, &query.asked, limit, sort).await?;
    table::respond(query.format, &body, |body| body.items.clone())
}

pub(super) async fn read(core: &Core, asked: &Asked, limit: usize, sort: FileOrder) -> ApiResult<FilesBody> {
    let (outcomes, figures, bodies) = compute(core, &asked.filter, move |jobs| {
        let outcomes = jobs.file_outcomes(sort, limit)?;
        let numbers: Vec<u32> = outcomes.iter().map(|(file, _)| *file).collect();
        let files = jobs.sums_of_files(&numbers)?;
        let bodies: Vec<FiguresBody> = files
            .files
            .iter()
            .map(|(_, sums)| FiguresBody::new(sums, jobs))
            .collect();
        Ok((outcomes, files, bodies))
    })
    .await?;
    let names = core
        .store
        .job_texts(figures.files.iter().map(|(file, _)| *file))
        .await?;
    let items = outcomes
        .iter()
        .zip(bodies)
        .map(|((file, outcomes), figures)| FileBody {
            filename: names.get(file).cloned().unwrap_or_default(),
            failed: outcomes.failed,
            filament_lost_mm: thousandths(outcomes.lost_length),
            jobs_without_filament_lost_mm: outcomes.without_lost_length,
            filament_lost_g: thousandths(outcomes.lost_weight),
            filament_lost_g_estimated: thousandths(outcomes.lost_weight_estimated),
            jobs_without_filament_lost_g: outcomes.without_lost_weight,
            figures,
        });
    Ok(FilesBody {
        period: asked.period(),
        items: items.collect(),
        total: figures.total,
        jobs_without_file: figures.unknown,
    })
}

impl FilesBody {
    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let mut sheet = Sheet::new(Word::Files, language, &[(Word::File, 48, Style::Plain)]);
        let currencies = sheet::currencies(self.items.iter().map(|file| &file.figures));
        sheet.add_figure_columns(&currencies);
        sheet.add_column(Word::FilamentLostGrams.of(language), 18, Style::OneDecimal);
        for file in &self.items {
            let mut cells = vec![Cell::Text(file.filename.clone().into())];
            cells.extend(Sheet::figures(&file.figures, &currencies));
            cells.push(Cell::Number(file.filament_lost_g));
            sheet.row(cells);
        }
        sheet
    }
}
