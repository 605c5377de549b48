//! Filament usage and outcomes by filament.

use std::collections::BTreeMap;

use analytics::{Selection, Sums};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{
    analytics::{
        compute,
        figures::FiguresBody,
        printer_names,
        query::{AnalyticsQuery, FilterParameters, PeriodBody, PrinterParameters, TableParameters},
        table,
    },
    http::error::ApiResult,
    state::Core,
};

/// Filament, grouped in four ways. Each job counts once in each grouping.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FilamentAnalytics)]
pub(super) struct FilamentBody {
    period: PeriodBody,
    /// By type, such as `PLA`. Jobs with several materials count for the main one.
    by_type: Vec<GroupBody>,
    by_brand: Vec<GroupBody>,
    by_color: Vec<GroupBody>,
    by_printer: Vec<GroupBody>,
}

/// A group of jobs.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Group)]
pub(super) struct GroupBody {
    /// Name that the jobs have in common. `null` if unknown.
    pub(super) key: Option<String>,
    /// Id of the printer, in groups by printer.
    pub(super) printer_id: Option<i64>,
    #[serde(flatten)]
    pub(super) figures: FiguresBody,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    group: &'static str,
    #[serde(flatten)]
    body: GroupBody,
}

/// Sum up filament
///
/// By type, brand, colour and printer; the group with the most jobs first. CSV contains all four in one table.
#[utoipa::path(get, path = "/api/analytics/filament", tag = "analytics",
    params(PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((FilamentBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_filament(core: Core, query: AnalyticsQuery) -> ApiResult<Response> {
    let names = printer_names(&core).await?;
    let period = query.period();
    let body = compute(&core, &query.filter, move |jobs| {
        let all = jobs.groups()?;
        Ok(FilamentBody {
            period,
            by_type: groups(jobs, all.by_profile(|profile| profile.filament_type.as_ref())),
            by_brand: groups(jobs, all.by_profile(|profile| profile.filament_brand.as_ref())),
            by_color: groups(jobs, all.by_profile(|profile| profile.filament_color.as_ref())),
            by_printer: sorted(
                all.by_printer()
                    .into_iter()
                    .map(|(id, sums)| GroupBody {
                        key: names.get(&id).cloned(),
                        printer_id: Some(id.0),
                        figures: FiguresBody::new(&sums, jobs),
                    })
                    .collect(),
            ),
        })
    })
    .await?;
    table::respond(query.format, &body, |body| {
        let groups = [
            ("type", &body.by_type),
            ("brand", &body.by_brand),
            ("color", &body.by_color),
            ("printer", &body.by_printer),
        ];
        let rows = groups.into_iter().flat_map(|(group, bodies)| {
            bodies.iter().map(move |body| Row {
                group,
                body: body.clone(),
            })
        });
        rows.collect()
    })
}

fn groups(jobs: &Selection, groups: BTreeMap<Option<String>, Sums>) -> Vec<GroupBody> {
    let body = |(key, sums): (Option<String>, Sums)| GroupBody {
        key,
        printer_id: None,
        figures: FiguresBody::new(&sums, jobs),
    };
    sorted(groups.into_iter().map(body).collect())
}

fn sorted(mut groups: Vec<GroupBody>) -> Vec<GroupBody> {
    groups.sort_by(|one, other| (other.figures.jobs, &one.key).cmp(&(one.figures.jobs, &other.key)));
    groups
}
