//! Users' verdicts on jobs, and the cost of scrap.

use std::collections::BTreeMap;

use analytics::{Selection, VerdictSums};
use axum::response::Response;
use domain::{BuiltInReason, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{
    analytics::{
        compute,
        figures::{CostBody, FiguresBody},
        printer_names,
        query::{AnalyticsQuery, FilterParameters, PeriodBody, PrinterParameters, TableParameters},
        table,
    },
    http::error::ApiResult,
    schema_enums,
    state::Core,
};

/// Users' verdicts on jobs, independent of the printer's status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictAnalytics)]
pub(super) struct VerdictsBody {
    period: PeriodBody,
    all: GroupBody,
    /// Jobs with a verdict, by reason; the most frequent first.
    by_reason: Vec<GroupBody>,
    by_printer: Vec<GroupBody>,
    by_material: Vec<GroupBody>,
}

/// A group of jobs by verdict.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = VerdictGroup)]
struct GroupBody {
    /// Reason, name of the printer, or material. `null` if unknown or not given, and for the group of all jobs.
    key: Option<String>,
    printer_id: Option<i64>,
    /// Stable name of a built-in reason, for translations. `null` otherwise.
    #[schema(value_type = Option<schema_enums::BuiltInReason>)]
    reason_key: Option<&'static str>,
    /// All jobs of the group, with or without a verdict.
    jobs: u64,
    by_verdict: ByVerdictBody,
    /// Jobs with a verdict.
    judged: u64,
    /// Share of good jobs among those with a verdict, 0 to 1. `null` if there are none.
    good_share: Option<f64>,
    scrap: ScrapBody,
}

/// Number of jobs by verdict.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = JobsByVerdict)]
struct ByVerdictBody {
    good: u64,
    partly_good: u64,
    scrap: u64,
    /// Jobs without a verdict.
    none: u64,
}

/// Cost of scrap. Sums include known values only; the field next to each sum counts the jobs without one.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Scrap)]
struct ScrapBody {
    /// Sum of `print_duration`, in s.
    print_time: Option<f64>,
    jobs_without_print_time: u64,
    /// Sum of `filament_used`, in mm.
    filament_mm: Option<f64>,
    jobs_without_filament_mm: u64,
    /// Filament used, in g: known plus estimated.
    filament_g: Option<f64>,
    jobs_without_filament_g: u64,
    /// Cost of the filament used, at the slicer's price, one entry per currency. Empty if no cost is known.
    cost: Vec<CostBody>,
    jobs_without_cost: u64,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    group: &'static str,
    #[serde(flatten)]
    body: GroupBody,
}

/// Show users' verdicts
///
/// Jobs by verdict, the share of good ones, and the cost of scrap; for all jobs, and by reason, printer and material.
#[utoipa::path(get, path = "/api/analytics/verdicts", tag = "analytics",
    params(PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((VerdictsBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_verdicts(core: Core, query: AnalyticsQuery) -> ApiResult<Response> {
    let names = printer_names(&core).await?;
    let judgements = core.store.judgements().await?;
    let period = query.period();
    let body = compute(&core, &query.filter, move |jobs| {
        let verdicts = jobs.verdicts(&judgements)?;
        let printers = verdicts.printers.iter();
        let by_printer = printers.map(|(id, sums)| GroupBody {
            printer_id: Some(id.0),
            ..GroupBody::new(names.get(id).cloned(), sums, jobs)
        });
        Ok(VerdictsBody {
            period,
            all: GroupBody::new(None, &verdicts.all, jobs),
            by_reason: by_name(&verdicts.reasons, jobs)
                .into_iter()
                .map(GroupBody::of_reason)
                .collect(),
            by_printer: sorted(by_printer.collect()),
            by_material: by_name(&verdicts.materials, jobs),
        })
    })
    .await?;
    table::respond(query.format, &body, |body| {
        let groups = [
            ("all", std::slice::from_ref(&body.all)),
            ("reason", &body.by_reason),
            ("printer", &body.by_printer),
            ("material", &body.by_material),
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

fn by_name(groups: &BTreeMap<Option<String>, VerdictSums>, jobs: &Selection) -> Vec<GroupBody> {
    let groups = groups.iter();
    sorted(
        groups
            .map(|(key, sums)| GroupBody::new(key.clone(), sums, jobs))
            .collect(),
    )
}

fn sorted(mut groups: Vec<GroupBody>) -> Vec<GroupBody> {
    groups.sort_by(|one, other| (other.judged, &one.key).cmp(&(one.judged, &other.key)));
    groups
}

impl GroupBody {
    fn of_reason(self) -> Self {
        Self {
            reason_key: self
                .key
                .as_deref()
                .and_then(BuiltInReason::with_text)
                .map(BuiltInReason::as_str),
            ..self
        }
    }

    fn new(key: Option<String>, sums: &VerdictSums, jobs: &Selection) -> Self {
        Self {
            key,
            printer_id: None,
            reason_key: None,
            jobs: sums.jobs,
            by_verdict: ByVerdictBody {
                good: sums.of(Verdict::Good),
                partly_good: sums.of(Verdict::PartlyGood),
                scrap: sums.of(Verdict::Scrap),
                none: sums.unjudged(),
            },
            judged: sums.judged(),
            good_share: sums.good_share(),
            scrap: ScrapBody::new(FiguresBody::new(&sums.scrap, jobs)),
        }
    }
}

impl ScrapBody {
    fn new(figures: FiguresBody) -> Self {
        Self {
            print_time: figures.print_time,
            jobs_without_print_time: figures.jobs_without_print_time,
            filament_mm: figures.filament_mm,
            jobs_without_filament_mm: figures.jobs_without_filament_mm,
            filament_g: figures.filament_g,
            jobs_without_filament_g: figures.jobs_without_filament_g,
            cost: figures.cost,
            jobs_without_cost: figures.jobs_without_cost,
        }
    }
}
