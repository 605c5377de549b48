//! Filament usage and outcomes by filament.

use std::collections::BTreeMap;

use analytics::{Selection, Sums};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::FiguresBody,
            printer_names,
            query::{
                AnalyticsQuery, Asked, FilterParameters, PeriodBody, PrinterParameters, TableParameters,
            },
            sheet::{self, Sheet},
            table,
        },
        http::error::ApiResult,
        state::Core,
    },
    export::{Language, Style, Word},
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
    let body = read(&core, &query.asked).await?;
    table::respond(query.format, &body, |body| {
        let rows = body.groups().into_iter().flat_map(|(group, bodies)| {
            bodies.iter().map(move |body| Row {
                group,
                body: body.clone(),
            })
        });
        rows.collect()
    })
}

pub(super) async fn read(core: &Core, asked: &Asked) -> ApiResult<FilamentBody> {
    let names = printer_names(core).await?;
    let period = asked.period();
    compute(core, &asked.filter, move |jobs| {
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
    .await
}

impl FilamentBody {
    fn groups(&self) -> [(&'static str, &Vec<GroupBody>); 4] {
        [
            ("type", &self.by_type),
            ("brand", &self.by_brand),
            ("color", &self.by_color),
            ("printer", &self.by_printer),
        ]
    }

    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let mut sheet = Sheet::new(
            Word::FilamentUsed,
            language,
            &[
                (Word::GroupedBy, 16, Style::Plain),
                (Word::Group, 24, Style::Plain),
            ],
        );
        let figures = self.groups().into_iter().flat_map(|(_, groups)| groups);
        let currencies = sheet::currencies(figures.map(|group| &group.figures));
        sheet.add_figure_columns(&currencies);
        let titles = [Word::Material, Word::Brand, Word::Colour, Word::Printer];
        for (title, (_, groups)) in titles.into_iter().zip(self.groups()) {
            for group in groups {
                let key = sheet::name(group.key.as_deref(), Word::Unknown, language);
                let figures = Sheet::figures(&group.figures, &currencies);
                sheet.row([sheet::word(title, language), key].into_iter().chain(figures));
            }
        }
        sheet
    }
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
