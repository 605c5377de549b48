//! Starts of jobs by weekday, hour and day.

use analytics::{HourCell, LocalClock};
use axum::{extract::FromRequestParts, http::request::Parts, response::Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::{
    analytics::{
        compute,
        figures::thousandths,
        query::{AnalyticsQuery, JobParameters, PeriodBody, PrinterParameters, word},
        sheet,
    },
    http::{
        error::{ApiResult, Problem},
        query::Query,
    },
    schema_enums,
    state::{ApiState, Core},
};

/// Jobs by weekday and hour, and by day, of their starts on the clocks of the time zone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Heatmap)]
pub(super) struct HeatmapBody {
    period: PeriodBody,
    /// All 168 hours of a week, Monday first. The hour that is there twice when clocks go back counts as one.
    week: Vec<HourBody>,
    /// The days with jobs, in order.
    calendar: Vec<DayBody>,
    /// Jobs that are in neither because nobody knows when they started.
    undated_jobs: u64,
}

#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = HeatmapHour)]
struct HourBody {
    /// 1 is Monday, 7 is Sunday.
    #[schema(minimum = 1, maximum = 7)]
    weekday: u8,
    #[schema(minimum = 0, maximum = 23)]
    hour: u8,
    #[serde(flatten)]
    cell: CellBody,
}

#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = HeatmapDay)]
struct DayBody {
    #[schema(example = "2026-01-31")]
    date: String,
    #[serde(flatten)]
    cell: CellBody,
}

#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = HeatmapCell)]
struct CellBody {
    jobs: u64,
    completed: u64,
    /// Ended by a fault, or nobody saw how.
    failed: u64,
    /// s, without pauses, where known.
    print_time: f64,
}

/// The view that a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Week,
    Calendar,
}

impl View {
    pub(crate) const ALL: [Self; 2] = [Self::Week, Self::Calendar];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Calendar => "calendar",
        }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter that `HeatmapQuery` reads")]
pub(super) struct HeatmapParameters {
    /// Which of the two is written as CSV; `week` if left out. JSON has both.
    #[param(value_type = Option<schema_enums::HeatmapView>)]
    view: Option<String>,
}

pub(super) struct HeatmapQuery {
    asked: AnalyticsQuery,
    view: View,
}

impl FromRequestParts<ApiState> for HeatmapQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let mut query = Query::new(parts.uri.query());
        let view = query
            .one("view", word(View::ALL, View::as_str))
            .unwrap_or(View::Week);
        let asked = AnalyticsQuery::take(&mut query, parts, state, true);
        query.finish(Self { asked, view })
    }
}

/// Show when jobs are started
#[utoipa::path(get, path = "/api/analytics/heatmap", tag = "analytics",
    params(HeatmapParameters, PrinterParameters, JobParameters),
    responses((status = 200, content((HeatmapBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_heatmap(core: Core, query: HeatmapQuery) -> ApiResult<Response> {
    let HeatmapQuery { asked, view } = query;
    let (period, zone) = (asked.period(), asked.zone.clone());
    compute(&core, &asked.filter, move |jobs| {
        let map = jobs.heatmap(&zone)?;
        let hours = map.week.iter().zip(1..).flat_map(|(hours, weekday)| {
            hours.iter().zip(0..).map(move |(cell, hour)| HourBody {
                weekday,
                hour,
                cell: cell.into(),
            })
        });
        let days = map.days.iter().filter_map(|(day, cell)| {
            Some(DayBody {
                date: LocalClock::date(*day)?.to_string(),
                cell: cell.into(),
            })
        });
        let body = HeatmapBody {
            period,
            week: hours.collect(),
            calendar: days.collect(),
            undated_jobs: map.undated,
        };
        Ok(match view {
            View::Week => sheet::answer(asked.format, &body, |body| body.week.clone()),
            View::Calendar => sheet::answer(asked.format, &body, |body| body.calendar.clone()),
        })
    })
    .await?
}

impl From<&HourCell> for CellBody {
    fn from(cell: &HourCell) -> Self {
        Self {
            jobs: cell.jobs,
            completed: cell.completed,
            failed: cell.failed,
            print_time: thousandths(cell.print),
        }
    }
}
