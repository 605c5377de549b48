//! The figures of each printer.

use std::collections::BTreeMap;

use analytics::{Busy, Sums};
use axum::{extract::State, response::Response};
use domain::{JobFilter, PrinterId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::{FiguresBody, rounded, thousandths},
            printer_names,
            query::{
                AnalyticsQuery, Asked, FilterParameters, OfPrinter, PeriodBody, PrinterParameters,
                TableParameters,
            },
            sheet::{self, Sheet},
            table,
        },
        http::{
            error::{ApiResult, Problem},
            extract::PathId,
            fault::Fault,
        },
        state::{ApiState, Core},
    },
    export::{Cell, Language, Style, Word},
};

/// Figures of each printer in a period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrinterComparison)]
pub(super) struct ComparisonBody {
    period: PeriodBody,
    /// Printers by name, including those without a job.
    items: Vec<PrinterBody>,
}

/// Figures of a printer.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = PrinterFigures)]
pub(super) struct PrinterBody {
    printer_id: i64,
    printer_name: String,
    #[serde(flatten)]
    figures: FiguresBody,
    /// Share of the period in which the printer was busy, 0 to 1. Includes all its jobs, regardless of other filters;
    /// overlapping jobs count once. `null` without `since` if there is no job.
    utilisation: Option<f64>,
    /// Time in which the printer was busy with jobs, in s.
    busy_time: Option<f64>,
    /// Length of the period, in s: from `since` (or the first job) to `until`, at most now.
    period_time: Option<f64>,
    /// Start of the first job in the period.
    first_job: Option<Timestamp>,
    /// Start of the last job in the period.
    last_job: Option<Timestamp>,
    /// Jobs with status `error` or `interrupted`.
    failed: u64,
    /// `total_time` divided by the number of failed jobs, in s. `null` if none failed.
    mean_time_between_failures: Option<f64>,
}

/// Figures of one printer in a period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrinterAnalytics)]
pub(super) struct OnePrinterBody {
    period: PeriodBody,
    #[serde(flatten)]
    printer: PrinterBody,
}

/// Compare printers
///
/// Figures of each printer, including those without a job.
#[utoipa::path(get, path = "/api/analytics/printers", tag = "analytics",
    params(PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((ComparisonBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn compare_printers(
    State(state): State<ApiState>,
    core: Core,
    query: AnalyticsQuery,
) -> ApiResult<Response> {
    let body = read(&core, &query.asked, state.clock.now()).await?;
    table::respond(query.format, &body, |body| body.items.clone())
}

pub(super) async fn read(core: &Core, asked: &Asked, now: Timestamp) -> ApiResult<ComparisonBody> {
    let wanted = asked.filter.printer_ids.clone();
    let mut names = printer_names(core).await?;
    names.retain(|id, _| wanted.is_empty() || wanted.contains(id));
    let mut items = figures(core, &asked.filter, names, now).await?;
    items.sort_by(|one, other| one.printer_name.cmp(&other.printer_name));
    Ok(ComparisonBody {
        period: asked.period(),
        items,
    })
}

impl ComparisonBody {
    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let mut sheet = Sheet::new(Word::Printers, language, &[(Word::Printer, 24, Style::Plain)]);
        let currencies = sheet::currencies(self.items.iter().map(|printer| &printer.figures));
        sheet.add_figure_columns(&currencies);
        for (title, style) in [
            (Word::Utilisation, Style::Percent),
            (Word::BusyTime, Style::Duration),
            (Word::TimeBetweenFailures, Style::Duration),
        ] {
            sheet.add_column(title.of(language), 18, style);
        }
        for printer in &self.items {
            let mut cells = vec![Cell::Text(printer.printer_name.clone().into())];
            cells.extend(Sheet::figures(&printer.figures, &currencies));
            cells.push(sheet::number(printer.utilisation));
            cells.push(sheet::duration(printer.busy_time));
            cells.push(sheet::duration(printer.mean_time_between_failures));
            sheet.row(cells);
        }
        sheet
    }
}

/// Show the figures of a printer
#[utoipa::path(get, path = "/api/analytics/printers/{id}", tag = "analytics",
    params(
        ("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The printer."),
        FilterParameters, TableParameters
    ),
    responses(
        (status = 200, content((OnePrinterBody = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
    ))]
pub(super) async fn get_printer_analytics(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    OfPrinter(query): OfPrinter,
) -> ApiResult<Response> {
    let id = PrinterId(id.0);
    let no_such = || Problem::not_found(Fault::PrinterNotFound { id: id.0 });
    let printer = core.store.printer(id).await?.ok_or_else(no_such)?;
    let filter = JobFilter {
        printer_ids: vec![id],
        ..query.asked.filter.clone()
    };
    let names = BTreeMap::from([(id, printer.config.name)]);
    let items = figures(&core, &filter, names, state.clock.now()).await?;
    let body = OnePrinterBody {
        period: query.asked.period(),
        printer: items.into_iter().next().ok_or_else(no_such)?,
    };
    table::respond(query.format, &body, |body| vec![body.printer.clone()])
}

async fn figures(
    core: &Core,
    filter: &JobFilter,
    names: BTreeMap<PrinterId, String>,
    now: Timestamp,
) -> ApiResult<Vec<PrinterBody>> {
    let since = filter.since.map(Timestamp::as_millisecond);
    let until = filter.until.map_or(now, |until| until.min(now)).as_millisecond();
    compute(core, filter, move |jobs| {
        let mut sums = jobs.groups()?.by_printer();
        let busy = jobs.busy(since, until)?;
        let body = |(id, name): (PrinterId, String)| {
            let sums = sums.remove(&id).unwrap_or_default();
            // A printer without a job in the period was idle; without `since` the period has no length.
            let idle = since.map(|since| Busy::within(since, until));
            let busy = busy.get(&id).copied().or(idle);
            printer(id, name, &sums, busy.as_ref(), FiguresBody::new(&sums, jobs))
        };
        Ok(names.into_iter().map(body).collect())
    })
    .await
}

fn printer(
    id: PrinterId,
    name: String,
    sums: &Sums,
    busy: Option<&Busy>,
    figures: FiguresBody,
) -> PrinterBody {
    let time = |time: i64| Timestamp::from_millisecond(time).ok();
    PrinterBody {
        printer_id: id.0,
        printer_name: name,
        figures,
        utilisation: busy.and_then(Busy::utilisation),
        busy_time: busy.map(|busy| thousandths(busy.busy())),
        period_time: busy.map(|busy| thousandths(busy.window())),
        first_job: sums.starts.and_then(|(first, _)| time(first)),
        last_job: sums.starts.and_then(|(_, last)| time(last)),
        failed: sums.failed(),
        mean_time_between_failures: sums.time_between_failures().map(|time| rounded(time / 1000.0)),
    }
}
