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
    export::{Language, Style, Word},
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
    let format = query.format;
    read(&core, &query.asked, move |body| match view {
        View::Week => table::respond(format, &body, |body| body.week.clone()),
        View::Calendar => table::respond(format, &body, |body| body.calendar.clone()),
    })
    .await?
}

/// Computes the heat map, and what `finish` makes of it.
pub(super) async fn read<T: Send + 'static>(
    core: &Core,
    asked: &Asked,
    finish: impl FnOnce(HeatmapBody) -> T + Send + 'static,
) -> ApiResult<T> {
    let (period, zone) = (asked.period(), asked.zone.clone());
    compute(core, &asked.filter, move |jobs| {
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
        Ok(finish(HeatmapBody {
            period,
            week: hours.collect(),
            calendar: days.collect(),
            undated_jobs: map.undated,
        }))
    })
    .await
}

impl HeatmapBody {
    /// Jobs by weekday and hour.
    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let mut sheet = Sheet::new(Word::HoursOfWeek, language, &[(Word::Weekday, 14, Style::Plain)]);
        for hour in 0..24 {
            sheet.add_column(format!("{hour}:00"), 7, Style::Whole);
        }
        sheet.add_column(Word::Total.of(language), 9, Style::Whole);
        for (weekday, hours) in Word::WEEKDAYS.into_iter().zip(self.week.chunks(24)) {
            let jobs = hours.iter().map(|hour| hour.cell.jobs);
            let cells = jobs.clone().chain([jobs.sum()]).map(sheet::count);
            sheet.row([sheet::word(weekday, language)].into_iter().chain(cells));
        }
        sheet
    }
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
