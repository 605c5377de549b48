//! Figures over all jobs, and their change since the previous period.

use analytics::is_start_of_day;
use axum::{extract::State, response::Response};
use domain::JobFilter;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{
    analytics::{
        compute,
        figures::FiguresBody,
        query::{AnalyticsQuery, FilterParameters, PeriodBody, PrinterParameters, TableParameters},
        table,
    },
    http::error::ApiResult,
    state::{ApiState, Core},
};

/// The figures of all jobs of a period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsSummary)]
pub(super) struct SummaryBody {
    period: PeriodBody,
    #[serde(flatten)]
    figures: FiguresBody,
    /// Printers that print now, or are paused in a print, whatever the filter says beyond `printer_id`.
    active_printers: usize,
    /// The period of the same length before. `null` without `since`, and before the year 0.
    previous: Option<PreviousBody>,
    /// How the figures have changed since then. `null` without `since`.
    change: Option<ChangeBody>,
}

/// A period before, with its figures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviousPeriod)]
struct PreviousBody {
    since: Timestamp,
    until: Timestamp,
    #[serde(flatten)]
    figures: FiguresBody,
}

/// Growth: 0.1 is a tenth more than before. `null` where there was nothing before, or one of the two is unknown.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Change)]
struct ChangeBody {
    jobs: Option<f64>,
    completed: Option<f64>,
    /// The difference of the two rates, not their ratio.
    success_rate: Option<f64>,
    print_time: Option<f64>,
    total_time: Option<f64>,
    filament_mm: Option<f64>,
    filament_g: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    period: &'static str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(flatten)]
    figures: FiguresBody,
}

/// Sum up all jobs
///
/// With `since` the same figures of the period before come with them, and the change: of whole days the same number of
/// days before, else the same time. Without `until` a period ends now. As CSV a row for each of the two.
#[utoipa::path(get, path = "/api/analytics/summary", tag = "analytics", params(PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((SummaryBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_summary(
    State(state): State<ApiState>,
    core: Core,
    query: AnalyticsQuery,
) -> ApiResult<Response> {
    let now = state.clock.now();
    let (sums, active_printers) = compute(&core, &query.filter, |jobs| {
        Ok((
            FiguresBody::new(&jobs.groups()?.sums(), jobs),
            jobs.running().len(),
        ))
    })
    .await?;
    let before = previous(&query.filter, &query.zone, now);
    let previous = match before {
        None => None,
        Some((since, until)) => {
            let filter = JobFilter {
                since: Some(since),
                until: Some(until),
                ..query.filter.clone()
            };
            let figures = compute(&core, &filter, |jobs| {
                Ok(FiguresBody::new(&jobs.groups()?.sums(), jobs))
            })
            .await?;
            Some(PreviousBody {
                since,
                until,
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
    table::respond(query.format, &body, |body| {
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
    })
}

/// The period before that of the filter. Whole days are counted as days, including those on which clocks change.
/// `None` if it would begin before the year 0, which RFC 3339 cannot represent.
fn previous(filter: &JobFilter, zone: &TimeZone, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let since = filter.since?;
    let until = filter.until.unwrap_or(now);
    if until <= since {
        return None;
    }
    let (first, end) = (since.to_zoned(zone.clone()), until.to_zoned(zone.clone()));
    let before = match is_start_of_day(&first) && is_start_of_day(&end) {
        true => {
            let days = first.date().until(end.date()).ok()?.get_days();
            let date = first.date().checked_sub(days.days()).ok()?;
            date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp()
        }
        false => since.checked_sub(until.duration_since(since)).ok()?,
    };
    (before.to_zoned(TimeZone::UTC).year() >= 0).then_some((before, since))
}

fn change(before: &FiguresBody, now: &FiguresBody) -> ChangeBody {
    let growth = |before: Option<f64>, now: Option<f64>| {
        let (before, now) = (before.filter(|before| *before > 0.0)?, now?);
        Some(now / before - 1.0)
    };
    let count = |before: u64, now: u64| {
        growth(
            Some(crate::api::analytics::figures::as_f64(before)),
            Some(crate::api::analytics::figures::as_f64(now)),
        )
    };
    let rates = before.success_rate.zip(now.success_rate);
    ChangeBody {
        jobs: count(before.jobs, now.jobs),
        completed: count(before.by_status.completed, now.by_status.completed),
        success_rate: rates.map(|(before, now)| now - before),
        print_time: growth(before.print_time, now.print_time),
        total_time: growth(before.total_time, now.total_time),
        filament_mm: growth(before.filament_mm, now.filament_mm),
        filament_g: growth(before.filament_g, now.filament_g),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(zone: &str, since: &str, until: &str) -> Option<(String, String)> {
        let filter = JobFilter {
            since: Some(since.parse().unwrap()),
            until: Some(until.parse().unwrap()),
            ..JobFilter::default()
        };
        let period = previous(&filter, &TimeZone::get(zone).unwrap(), Timestamp::UNIX_EPOCH);
        period.map(|(since, until)| (since.to_string(), until.to_string()))
    }

    #[test]
    fn the_period_before_has_as_many_days() {
        // The week in which the clocks change, and the week before.
        assert_eq!(
            before("Europe/Berlin", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"),
            Some((
                "2026-03-15T23:00:00Z".to_owned(),
                "2026-03-22T23:00:00Z".to_owned()
            ))
        );
        assert_eq!(
            before("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"),
            Some((
                "2026-03-22T23:00:00Z".to_owned(),
                "2026-03-29T22:00:00Z".to_owned()
            ))
        );
    }

    #[test]
    fn the_period_before_is_as_long() {
        assert_eq!(
            before("UTC", "2026-01-01T12:00:00Z", "2026-01-01T18:30:00Z"),
            Some((
                "2026-01-01T05:30:00Z".to_owned(),
                "2026-01-01T12:00:00Z".to_owned()
            ))
        );
        assert_eq!(
            before("UTC", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"),
            None
        );
    }

    #[test]
    fn no_period_begins_before_the_year_0() {
        assert_eq!(
            before("UTC", "1013-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
            Some((
                "0000-01-01T12:00:00Z".to_owned(),
                "1013-01-01T12:00:00Z".to_owned()
            ))
        );
        assert_eq!(
            before("UTC", "0006-01-25T12:56:36Z", "2026-01-25T00:00:00Z"),
            None
        );
        assert_eq!(
            before("UTC", "0006-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            None
        );
    }
}
