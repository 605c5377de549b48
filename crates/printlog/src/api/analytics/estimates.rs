//! Accuracy of slicers' estimates.

use std::collections::BTreeMap;

use analytics::Distribution;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute, printer_names,
            query::{
                AnalyticsQuery, Asked, FilterParameters, PeriodBody, PrinterParameters, TableParameters,
            },
            sheet::{self, Sheet},
            table,
        },
        http::error::ApiResult,
        state::Core,
    },
    export::{Cell, Language, Style, Word},
};

/// Minimum number of jobs for meaningful quartiles.
const ENOUGH: u64 = 5;

/// Actual times (`print_duration`) of completed jobs, compared with the slicers' estimates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstimateAnalytics)]
pub(super) struct EstimatesBody {
    period: PeriodBody,
    /// Minimum number of jobs in a group for quartiles.
    enough_jobs: u64,
    /// Completed jobs without an actual time or an estimate.
    unknown_jobs: u64,
    all: RatioBody,
    by_printer: Vec<RatioBody>,
    by_material: Vec<RatioBody>,
    by_slicer: Vec<RatioBody>,
}

/// Actual time divided by estimated time: 1.1 means 10 % longer than estimated.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = EstimateRatio)]
struct RatioBody {
    /// Name of the printer, material or slicer. `null` if unknown, and for the group of all jobs.
    key: Option<String>,
    printer_id: Option<i64>,
    /// Number of jobs compared.
    jobs: u64,
    /// Whether the group has enough jobs for quartiles.
    enough_data: bool,
    /// `not enough data` if there are too few jobs, else `null`.
    note: Option<&'static str>,
    /// First quartile. `null` without enough data.
    lower_quartile: Option<f64>,
    median: Option<f64>,
    /// Third quartile. `null` without enough data.
    upper_quartile: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    group: &'static str,
    #[serde(flatten)]
    body: RatioBody,
}

/// Compare estimates with reality
///
/// Median and quartiles for all jobs, and by printer, material and slicer. Groups of fewer than five jobs have the note
/// `not enough data`.
#[utoipa::path(get, path = "/api/analytics/estimates", tag = "analytics",
    params(PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((EstimatesBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_estimates(core: Core, query: AnalyticsQuery) -> ApiResult<Response> {
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

pub(super) async fn read(core: &Core, asked: &Asked) -> ApiResult<EstimatesBody> {
    let names = printer_names(core).await?;
    let period = asked.period();
    compute(core, &asked.filter, move |jobs| {
        let estimates = jobs.estimates()?;
        let named = |groups: BTreeMap<Option<String>, Distribution>| {
            let groups = groups.into_iter();
            sorted(
                groups
                    .map(|(key, ratios)| RatioBody::new(key, None, &ratios))
                    .collect(),
            )
        };
        let printers = estimates
            .printers
            .iter()
            .map(|(id, ratios)| RatioBody::new(names.get(id).cloned(), Some(id.0), ratios));
        Ok(EstimatesBody {
            period,
            enough_jobs: ENOUGH,
            unknown_jobs: estimates.unknown,
            all: RatioBody::new(None, None, &estimates.all),
            by_printer: sorted(printers.collect()),
            by_material: named(estimates.materials),
            by_slicer: named(estimates.slicers),
        })
    })
    .await
}

impl EstimatesBody {
    fn groups(&self) -> [(&'static str, &[RatioBody]); 4] {
        [
            ("all", std::slice::from_ref(&self.all)),
            ("printer", &self.by_printer),
            ("material", &self.by_material),
            ("slicer", &self.by_slicer),
        ]
    }

    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let columns = [
            (Word::GroupedBy, 16, Style::Plain),
            (Word::Group, 24, Style::Plain),
            (Word::JobsCompared, 18, Style::Whole),
            (Word::LowerQuartile, 16, Style::Percent),
            (Word::Median, 16, Style::Percent),
            (Word::UpperQuartile, 16, Style::Percent),
        ];
        let mut sheet = Sheet::new(Word::Estimates, language, &columns);
        let titles = [Word::All, Word::Printer, Word::Material, Word::Slicer];
        for (title, (_, groups)) in titles.into_iter().zip(self.groups()) {
            for group in groups {
                let key = match title {
                    Word::All => Cell::Nothing,
                    _ => sheet::name(group.key.as_deref(), Word::Unknown, language),
                };
                sheet.row([
                    sheet::word(title, language),
                    key,
                    sheet::count(group.jobs),
                    sheet::number(group.lower_quartile),
                    sheet::number(group.median),
                    sheet::number(group.upper_quartile),
                ]);
            }
        }
        sheet
    }
}

fn sorted(mut groups: Vec<RatioBody>) -> Vec<RatioBody> {
    groups.sort_by(|one, other| (other.jobs, &one.key).cmp(&(one.jobs, &other.key)));
    groups
}

impl RatioBody {
    fn new(key: Option<String>, printer_id: Option<i64>, ratios: &Distribution) -> Self {
        let quartiles = ratios.quartiles().filter(|_| ratios.count() >= ENOUGH);
        Self {
            key,
            printer_id,
            jobs: ratios.count(),
            enough_data: quartiles.is_some(),
            note: quartiles.is_none().then_some("not enough data"),
            lower_quartile: quartiles.map(|quartiles| quartiles.lower / 1000.0),
            median: quartiles.map(|quartiles| quartiles.median / 1000.0),
            upper_quartile: quartiles.map(|quartiles| quartiles.upper / 1000.0),
        }
    }
}
