//! Starts of jobs by weekday, hour and day.

use analytics::{HourCell, LocalClock};
use axum::response::Response;
use domain::UnknownName;
use serde::Serialize;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::thousandths,
            query::{AnalyticsQuery, FilterParameters, PeriodBody, PrinterParameters, TableParameters},
            table,
        },
        http::{error::ApiResult, query::parameters},
        schema_enums,
        state::Core,
    },
    input::word,
};

/// Jobs by weekday and hour, and by day, of their starts in the time zone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Heatmap)]
pub(super) struct HeatmapBody {
    period: PeriodBody,
    /// All 168 hours of a week, Monday first. The repeated hour when clocks go back counts as one.
    week: Vec<HourBody>,
    /// Days with jobs, in ascending order.
    calendar: Vec<DayBody>,
    /// Jobs that are in neither list, because their start is unknown.
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
    /// Jobs with status `error` or `interrupted`.
    failed: u64,
    /// In s, without pauses, of jobs with a known duration.
    print_time: f64,
}

/// The view that a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub(crate) enum View {
    Week,
    Calendar,
}

parameters! {
    /// Which part is written as CSV.
    pub(super) struct HeatmapParameters {
        /// Which of the two parts CSV contains. JSON contains both.
        #[param(value_type = Option<schema_enums::HeatmapView>, default = "week")]
        view: View = one_or(View::Week, word),
    }
}

/// Show when jobs start
#[utoipa::path(get, path = "/api/analytics/heatmap", tag = "analytics",
    params(HeatmapParameters, PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((HeatmapBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_heatmap(core: Core, query: AnalyticsQuery<HeatmapParameters>) -> ApiResult<Response> {
    let view = query.own.view;
    let (period, zone) = (query.period(), query.zone.clone());
    compute(&core, &query.filter, move |jobs| {
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
            View::Week => table::respond(query.format, &body, |body| body.week.clone()),
            View::Calendar => table::respond(query.format, &body, |body| body.calendar.clone()),
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
