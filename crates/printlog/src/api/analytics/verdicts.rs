//! Users' verdicts on jobs, and the cost of scrap.

use std::collections::BTreeMap;

use analytics::{Selection, VerdictSums};
use axum::response::Response;
use domain::{BuiltInReason, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::{CostBody, FiguresBody},
            printer_names,
            query::{
                AnalyticsQuery, Asked, FilterParameters, PeriodBody, PrinterParameters, TableParameters,
            },
            sheet::{self, Sheet},
            table,
        },
        http::error::ApiResult,
        schema_enums,
        state::Core,
    },
    export::{Cell, Language, Style, Word},
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
    /// The part of `filament_g` that is computed with the usual density of the material.
    filament_g_estimated: Option<f64>,
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

pub(super) async fn read(core: &Core, asked: &Asked) -> ApiResult<VerdictsBody> {
    let names = printer_names(core).await?;
    let judgements = core.store.judgements().await?;
    let period = asked.period();
    compute(core, &asked.filter, move |jobs| {
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
    .await
}

impl VerdictsBody {
    fn groups(&self) -> [(&'static str, &[GroupBody]); 4] {
        [
            ("all", std::slice::from_ref(&self.all)),
            ("reason", &self.by_reason),
            ("printer", &self.by_printer),
            ("material", &self.by_material),
        ]
    }

    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let columns = [
            (Word::GroupedBy, 16, Style::Plain),
            (Word::Group, 28, Style::Plain),
            (Word::Good, 10, Style::Whole),
            (Word::Usable, 12, Style::Whole),
            (Word::Scrap, 12, Style::Whole),
            (Word::NotRated, 14, Style::Whole),
            (Word::GoodShare, 14, Style::Percent),
            (Word::ScrapTime, 20, Style::Duration),
            (Word::FilamentLostGrams, 22, Style::OneDecimal),
        ];
        let mut sheet = Sheet::new(Word::Ratings, language, &columns);
        let titles = [Word::All, Word::Reason, Word::Printer, Word::Material];
        for (title, (_, groups)) in titles.into_iter().zip(self.groups()) {
            for group in groups {
                sheet.row(group.cells(title, language));
            }
        }
        sheet
    }
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
    fn cells(&self, title: Word, language: Language) -> [Cell<'static>; 9] {
        let key = self.key.as_deref();
        let group = match (title, key.and_then(Word::reason)) {
            (Word::All, _) => Cell::Nothing,
            (Word::Reason, Some(reason)) => sheet::word(reason, language),
            (Word::Reason, None) => sheet::name(key, Word::NoReason, language),
            _ => sheet::name(key, Word::Unknown, language),
        };
        [
            sheet::word(title, language),
            group,
            sheet::count(self.by_verdict.good),
            sheet::count(self.by_verdict.partly_good),
            sheet::count(self.by_verdict.scrap),
            sheet::count(self.by_verdict.none),
            sheet::number(self.good_share),
            sheet::duration(self.scrap.print_time),
            sheet::number(self.scrap.filament_g),
        ]
    }

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
            filament_g_estimated: figures.filament_g_estimated,
            jobs_without_filament_g: figures.jobs_without_filament_g,
            cost: figures.cost,
            jobs_without_cost: figures.jobs_without_cost,
        }
    }
}
