//! Figures over all jobs, and their change since another period.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use domain::JobFilter;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            comparison::{self, ComparisonBase},
            compute,
            figures::{FiguresBody, as_f64},
            query::{
                AnalyticsQuery, Asked, FilterParameters, PeriodBody, PrinterParameters, TableParameters,
            },
            sheet::{self, Sheet},
            table,
        },
        http::{error::ApiResult, query::parameters},
        schema_enums,
        state::{ApiState, Core},
    },
    export::{Cell, Language, Style, Word, spreadsheet_days},
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
    let body = read(&core, &query.asked, query.own.compare, state.clock.now()).await?;
    table::respond(query.format, &body, rows)
}

pub(super) async fn read(
    core: &Core,
    asked: &Asked,
    base: ComparisonBase,
    now: Timestamp,
) -> ApiResult<SummaryBody> {
    let filter = &asked.filter;
    let (sums, active_printers) = compute(core, filter, |jobs| {
        Ok((
            FiguresBody::new(&jobs.groups()?.sums(), jobs),
            jobs.running().len(),
        ))
    })
    .await?;
    let period = filter.since.zip(Some(filter.until));
    let before = period.and_then(|(since, until)| comparison::base(base, since, until, &asked.zone, now));
    let previous = match before {
        None => None,
        Some(period) => {
            let filter = JobFilter {
                since: Some(period.since),
                until: Some(period.until),
                ..filter.clone()
            };
            let figures = compute(core, &filter, |jobs| {
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
    Ok(SummaryBody {
        period: asked.period(),
        change: previous.as_ref().map(|previous| change(&previous.figures, &sums)),
        figures: sums,
        active_printers,
        previous,
    })
}

impl SummaryBody {
    /// One row for each figure, with the period before next to it.
    pub(super) fn sheet(&self, language: Language, zone: &TimeZone) -> Sheet {
        let mut columns = vec![
            (Word::Figure, 26, Style::Plain),
            (Word::ThisPeriod, 20, Style::Plain),
        ];
        columns.extend(
            self.previous
                .iter()
                .map(|_| (Word::PreviousPeriod, 20, Style::Plain)),
        );
        columns.push((Word::Missing, 20, Style::Whole));
        let mut sheet = Sheet::new(Word::Summary, language, &columns);
        let periods: Vec<&FiguresBody> = [&self.figures]
            .into_iter()
            .chain(self.previous.iter().map(|previous| &previous.figures))
            .collect();
        self.add_bounds(&mut sheet, language, zone);
        let currencies = sheet::currencies(periods.iter().copied());
        for line in &LINES {
            let values = periods.iter().map(|figures| (line.value)(figures));
            let missing = line.missing.map(|missing| missing(&self.figures));
            add_line(
                &mut sheet,
                line.title.of(language).to_owned(),
                line.style,
                values,
                missing,
            );
        }
        for currency in &currencies {
            let title = sheet::cost_title(language, currency.as_deref());
            let values = periods.iter().map(|figures| sheet::cost(figures, currency));
            let missing = Some(self.figures.jobs_without_cost);
            add_line(&mut sheet, title, Style::TwoDecimals, values, missing);
        }
        sheet
    }

    /// Begin and end of the periods, in the time zone below them.
    fn add_bounds(&self, sheet: &mut Sheet, language: Language, zone: &TimeZone) {
        let before = self.previous.as_ref();
        let since = before.map(|previous| Some(previous.since));
        let until = before.map(|previous| Some(previous.until));
        for (title, times) in [
            (Word::Since, [self.period.since].into_iter().chain(since)),
            (Word::Until, [self.period.until].into_iter().chain(until)),
        ] {
            let title = (sheet::word(title, language), Style::Plain);
            let cells = times.map(|time| {
                let days = time.map(|time| spreadsheet_days(time, zone));
                (sheet::number(days), Style::LocalTime)
            });
            sheet.styled_row([title].into_iter().chain(cells));
        }
        let title = (sheet::word(Word::TimeZone, language), Style::Plain);
        let name = (Cell::Text(self.period.tz.clone().into()), Style::Plain);
        sheet.styled_row([title, name]);
    }
}

fn add_line(
    sheet: &mut Sheet,
    title: String,
    style: Style,
    values: impl Iterator<Item = Cell<'static>>,
    missing: Option<u64>,
) {
    let title = (Cell::Text(title.into()), Style::Plain);
    let missing = missing.map(|missing| (sheet::count(missing), Style::Whole));
    let values = values.map(|value| (value, style));
    sheet.styled_row([title].into_iter().chain(values).chain(missing));
}

/// A figure of the sheet.
struct Line {
    title: Word,
    style: Style,
    value: fn(&FiguresBody) -> Cell<'static>,
    /// How many jobs are without it. `None` if no job can be.
    missing: Option<fn(&FiguresBody) -> u64>,
}

impl Line {
    const fn new(title: Word, style: Style, value: fn(&FiguresBody) -> Cell<'static>) -> Self {
        Self {
            title,
            style,
            value,
            missing: None,
        }
    }

    const fn without(mut self, missing: fn(&FiguresBody) -> u64) -> Self {
        self.missing = Some(missing);
        self
    }
}

const LINES: [Line; 10] = [
    Line::new(Word::Jobs, Style::Whole, |f| sheet::count(f.jobs)),
    Line::new(Word::Completed, Style::Whole, |f| {
        sheet::count(f.by_status.completed)
    }),
    Line::new(Word::Failed, Style::Whole, |f| sheet::count(f.by_status.failed())),
    Line::new(Word::Cancelled, Style::Whole, |f| {
        sheet::count(f.by_status.cancelled)
    }),
    Line::new(Word::SuccessRate, Style::Percent, |f| {
        sheet::number(f.success_rate)
    }),
    Line::new(Word::PrintTime, Style::Duration, |f| {
        sheet::duration(f.print_time)
    })
    .without(|f| f.jobs_without_print_time),
    Line::new(Word::TotalTime, Style::Duration, |f| {
        sheet::duration(f.total_time)
    })
    .without(|f| f.jobs_without_total_time),
    Line::new(Word::LongestJob, Style::Duration, |f| {
        sheet::duration(f.longest_job)
    })
    .without(|f| f.jobs_without_total_time),
    Line::new(Word::FilamentMetres, Style::OneDecimal, |f| {
        sheet::number(f.filament_mm.map(|mm| mm / 1000.0))
    })
    .without(|f| f.jobs_without_filament_mm),
    Line::new(Word::FilamentGrams, Style::OneDecimal, |f| {
        sheet::number(f.filament_g)
    })
    .without(|f| f.jobs_without_filament_g),
];

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
