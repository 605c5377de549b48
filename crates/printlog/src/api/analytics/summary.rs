//! Figures over all jobs, and their change since another period.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use domain::JobFilter;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            comparison::{self, ComparisonBase},
            compute,
            figures::{FiguresBody, as_f64},
            query::{AnalyticsQuery, FilterParameters, PeriodBody, PrinterParameters, TableParameters},
            table,
        },
        http::{error::ApiResult, query::parameters},
        schema_enums,
        state::{ApiState, Core},
    },
    input::word,
};

/// The figures of all jobs of a period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsSummary)]
pub(super) struct SummaryBody {
    period: PeriodBody,
    #[serde(flatten)]
    figures: FiguresBody,
    /// Printers that are printing or paused now. Only the filter `printer_id` applies.
    active_printers: usize,
    /// The base of the comparison. `null` without `since`, and before the year 0.
    previous: Option<PreviousBody>,
    /// Change of the figures since the previous period. `null` without `since`.
    change: Option<ChangeBody>,
}

/// The period that another one is compared with, with its figures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviousPeriod)]
struct PreviousBody {
    #[schema(value_type = schema_enums::ComparisonBase)]
    compare: &'static str,
    since: Timestamp,
    /// Up to the same point as now, if the period has not ended.
    until: Timestamp,
    /// Whether the period has not ended, so that both periods are compared up to this point only.
    is_running: bool,
    #[serde(flatten)]
    figures: FiguresBody,
}

/// Relative change: 0.1 means 10 % more than before. `null` if the previous value is 0, if one of the two is unknown,
/// or if the value is missing for more than 5 % of the jobs of either period (`jobs_without_…`).
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Change)]
struct ChangeBody {
    jobs: Option<f64>,
    completed: Option<f64>,
    /// Difference of the two rates, not their ratio.
    success_rate: Option<f64>,
    print_time: Option<f64>,
    total_time: Option<f64>,
    filament_mm: Option<f64>,
    filament_g: Option<f64>,
    longest_job: Option<f64>,
    /// One entry for each currency of both periods.
    cost: Vec<CostChangeBody>,
}

/// Relative change of the cost in one currency.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = CostChange)]
struct CostChangeBody {
    currency: Option<String>,
    change: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    period: &'static str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(flatten)]
    figures: FiguresBody,
}

parameters! {
    /// The base of the comparison.
    pub(super) struct CompareParameters {
        /// The period that the figures are compared with; `previous` by default.
        #[param(value_type = Option<schema_enums::ComparisonBase>)]
        compare: ComparisonBase = one_or(ComparisonBase::default(), word),
    }
}

/// Sum up all jobs
///
/// With `since` the figures are compared with those of another period, which `compare` chooses: the same number of days
/// (or the same time, if the period does not begin and end at midnight) before; the same days of the month before; or
/// the same days of the year before. A period that has not ended is compared only up to now. CSV has one row for each
/// of the two periods.
#[utoipa::path(get, path = "/api/analytics/summary", tag = "analytics",
    params(CompareParameters, PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((SummaryBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_summary(
    State(state): State<ApiState>,
    core: Core,
    query: AnalyticsQuery<CompareParameters>,
) -> ApiResult<Response> {
    let base = query.own.compare;
    let now = state.clock.now();
    let (sums, active_printers) = compute(&core, &query.filter, |jobs| {
        Ok((
            FiguresBody::new(&jobs.groups()?.sums(), jobs),
            jobs.running().len(),
        ))
    })
    .await?;
    let asked = query.filter.since.zip(Some(query.filter.until));
    let before = asked.and_then(|(since, until)| comparison::base(base, since, until, &query.zone, now));
    let previous = match before {
        None => None,
        Some(period) => {
            let filter = JobFilter {
                since: Some(period.since),
                until: Some(period.until),
                ..query.filter.clone()
            };
            let figures = compute(&core, &filter, |jobs| {
                Ok(FiguresBody::new(&jobs.groups()?.sums(), jobs))
            })
            .await?;
            Some(PreviousBody {
                compare: base.as_str(),
                since: period.since,
                until: period.until,
                is_running: period.is_running,
                figures,
            })
        }
    };
    let body = SummaryBody {
        period: query.period(),
        change: previous.as_ref().map(|previous| change(&previous.figures, &sums)),
        figures: sums,
        active_printers,
        previous,
    };
    table::respond(query.format, &body, rows)
}

fn rows(body: &SummaryBody) -> Vec<Row> {
    let current = Row {
        period: "current",
        since: body.period.since,
        until: body.period.until,
        figures: body.figures.clone(),
    };
    let previous = body.previous.as_ref().map(|previous| Row {
        period: "previous",
        since: Some(previous.since),
        until: Some(previous.until),
        figures: previous.figures.clone(),
    });
    [current].into_iter().chain(previous).collect()
}

/// Largest share of jobs without a value up to which a change of the value is meaningful.
const MISSING: f64 = 0.05;

fn change(before: &FiguresBody, now: &FiguresBody) -> ChangeBody {
    let is_known = |missing: fn(&FiguresBody) -> u64| {
        [before, now]
            .iter()
            .all(|figures| as_f64(missing(figures)) <= MISSING * as_f64(figures.jobs))
    };
    let of = |value: fn(&FiguresBody) -> Option<f64>, missing: fn(&FiguresBody) -> u64| {
        growth(value(before), value(now)).filter(|_| is_known(missing))
    };
    let count =
        |value: fn(&FiguresBody) -> u64| growth(Some(as_f64(value(before))), Some(as_f64(value(now))));
    let rates = before.success_rate.zip(now.success_rate);
    ChangeBody {
        jobs: count(|figures| figures.jobs),
        completed: count(|figures| figures.by_status.completed),
        success_rate: rates.map(|(before, now)| now - before),
        print_time: of(
            |figures| figures.print_time,
            |figures| figures.jobs_without_print_time,
        ),
        total_time: of(
            |figures| figures.total_time,
            |figures| figures.jobs_without_total_time,
        ),
        filament_mm: of(
            |figures| figures.filament_mm,
            |figures| figures.jobs_without_filament_mm,
        ),
        filament_g: of(
            |figures| figures.filament_g,
            |figures| figures.jobs_without_filament_g,
        ),
        longest_job: of(
            |figures| figures.longest_job,
            |figures| figures.jobs_without_total_time,
        ),
        cost: costs(before, now, is_known(|figures| figures.jobs_without_cost)),
    }
}

fn growth(before: Option<f64>, now: Option<f64>) -> Option<f64> {
    let (before, now) = (before.filter(|before| *before > 0.0)?, now?);
    Some(now / before - 1.0)
}

fn costs(before: &FiguresBody, now: &FiguresBody, is_known: bool) -> Vec<CostChangeBody> {
    let currencies = [now, before].map(|figures| figures.cost.iter().map(|cost| &cost.currency));
    let currencies: BTreeSet<_> = currencies.into_iter().flatten().collect();
    let amount = |figures: &FiguresBody, currency: &Option<String>| {
        let cost = figures.cost.iter().find(|cost| cost.currency == *currency);
        Some(cost.map_or(0.0, |cost| cost.amount))
    };
    let change = |currency: &Option<String>| CostChangeBody {
        currency: currency.clone(),
        change: growth(amount(before, currency), amount(now, currency)).filter(|_| is_known),
    };
    currencies.into_iter().map(change).collect()
}
