//! Why, where and when jobs fail.

use std::collections::BTreeMap;

use analytics::{FileOrder, FileOutcomes, Sums};
use axum::response::Response;
use domain::Cause;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::as_f64,
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
    export::{Cell, Language, Style, Word},
};

/// Failed jobs: those with status `error` or `interrupted`. Cancelled jobs do not count as failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FailureAnalytics)]
pub(super) struct FailuresBody {
    period: PeriodBody,
    all: FailureBody,
    /// By cause, as Moonraker reports it.
    by_cause: Vec<FailureBody>,
    by_printer: Vec<FailureBody>,
    by_material: Vec<FailureBody>,
    /// The 20 files with the most failed jobs.
    by_file: Vec<FailureBody>,
    /// By the hour of the print (with pauses) in which it failed, from hour 0. Hours without a failure are omitted.
    by_hour: Vec<HourBody>,
    /// Failed jobs of unknown duration.
    jobs_without_hour: u64,
}

/// Maximum number of files.
const FILES: usize = 20;

/// Failures of a group of jobs.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = FailureGroup)]
struct FailureBody {
    /// Cause, name of the printer, name of the file, or material. `null` if unknown, and for the group of all jobs.
    key: Option<String>,
    printer_id: Option<i64>,
    failed: u64,
    /// Jobs that completed or failed. `null` by cause.
    of_jobs: Option<u64>,
    /// `failed` divided by `of_jobs`, 0 to 1; for a cause, its share of all failures.
    rate: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FailureHour)]
struct HourBody {
    hour: u64,
    failed: u64,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    group: &'static str,
    #[serde(flatten)]
    body: FailureBody,
}

/// Show why, where and when jobs failed
#[utoipa::path(get, path = "/api/analytics/failures", tag = "analytics",
    params(PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((FailuresBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_failures(core: Core, query: AnalyticsQuery) -> ApiResult<Response> {
    let body = read(&core, &query.asked).await?;
    table::respond(query.format, &body, rows)
}

pub(super) async fn read(core: &Core, asked: &Asked) -> ApiResult<FailuresBody> {
    let names = printer_names(core).await?;
    let (mut failures, files) = compute(core, &asked.filter, |jobs| {
        Ok((jobs.failures()?, jobs.file_outcomes(FileOrder::Failed, FILES)?))
    })
    .await?;
    let mut numbers: Vec<u32> = failures.causes.keys().copied().flatten().collect();
    numbers.extend(files.iter().map(|(file, _)| file));
    let texts = core.store.job_texts(numbers).await?;
    let all = FailureBody::new(None, None, &failures.all);
    let failed = all.failed;
    #[expect(clippy::cast_precision_loss, reason = "counts of jobs")]
    let by_cause = failures.causes.iter().map(|(cause, jobs)| FailureBody {
        key: cause.and_then(|cause| texts.get(&cause).cloned()),
        printer_id: None,
        failed: *jobs,
        of_jobs: None,
        rate: Some(*jobs as f64 / failed as f64),
    });
    let by_printer = failures
        .printers
        .iter()
        .map(|(id, sums)| FailureBody::new(names.get(id).cloned(), Some(id.0), sums));
    let by_file = files
        .iter()
        .map(|(file, outcomes)| FailureBody::of_file(texts.get(file).cloned(), outcomes));
    Ok(FailuresBody {
        period: asked.period(),
        by_file: by_file.collect(),
        by_cause: sorted(by_cause.collect()),
        by_printer: sorted(by_printer.collect()),
        by_material: by_name(std::mem::take(&mut failures.materials)),
        by_hour: failures
            .hours
            .iter()
            .filter_map(|(hour, failed)| {
                Some(HourBody {
                    hour: (*hour)?,
                    failed: *failed,
                })
            })
            .collect(),
        jobs_without_hour: failures.hours.get(&None).copied().unwrap_or(0),
        all,
    })
}

impl FailuresBody {
    fn groups(&self) -> [(&'static str, &[FailureBody]); 5] {
        [
            ("all", std::slice::from_ref(&self.all)),
            ("cause", &self.by_cause),
            ("printer", &self.by_printer),
            ("material", &self.by_material),
            ("file", &self.by_file),
        ]
    }

    pub(super) fn sheet(&self, language: Language) -> Sheet {
        let columns = [
            (Word::GroupedBy, 20, Style::Plain),
            (Word::Group, 40, Style::Plain),
            (Word::Failed, 12, Style::Whole),
            (Word::CompletedOrFailed, 24, Style::Whole),
            (Word::Share, 12, Style::Percent),
        ];
        let mut sheet = Sheet::new(Word::Failures, language, &columns);
        let titles = [Word::All, Word::Cause, Word::Printer, Word::Material, Word::File];
        for (title, (_, groups)) in titles.into_iter().zip(self.groups()) {
            for group in groups {
                let cause = |key| {
                    (title == Word::Cause)
                        .then(|| Word::cause(&Cause::from(key)))
                        .flatten()
                };
                let key = match (title, group.key.as_deref()) {
                    (Word::All, _) => Cell::Nothing,
                    (_, key) => match key.and_then(cause) {
                        Some(cause) => sheet::word(cause, language),
                        None => sheet::name(key, Word::Unknown, language),
                    },
                };
                sheet.row([
                    sheet::word(title, language),
                    key,
                    sheet::count(group.failed),
                    group.of_jobs.map_or(Cell::Nothing, sheet::count),
                    sheet::number(group.rate),
                ]);
            }
        }
        for hour in &self.by_hour {
            let title = sheet::word(Word::HourOfPrint, language);
            sheet.row([title, sheet::count(hour.hour + 1), sheet::count(hour.failed)]);
        }
        sheet
    }
}

fn by_name(groups: BTreeMap<Option<String>, Sums>) -> Vec<FailureBody> {
    sorted(
        groups
            .into_iter()
            .map(|(key, sums)| FailureBody::new(key, None, &sums))
            .collect(),
    )
}

fn sorted(mut groups: Vec<FailureBody>) -> Vec<FailureBody> {
    groups.sort_by(|one, other| (other.failed, &one.key).cmp(&(one.failed, &other.key)));
    groups
}

fn rows(body: &FailuresBody) -> Vec<Row> {
    let hours = body.by_hour.iter().map(|hour| Row {
        group: "hour",
        body: FailureBody {
            key: Some(hour.hour.to_string()),
            failed: hour.failed,
            ..FailureBody::default()
        },
    });
    let rows = body.groups().into_iter().flat_map(|(group, bodies)| {
        bodies.iter().map(move |body| Row {
            group,
            body: body.clone(),
        })
    });
    rows.chain(hours).collect()
}

impl FailureBody {
    fn of_file(key: Option<String>, outcomes: &FileOutcomes) -> Self {
        let FileOutcomes {
            completed, failed, ..
        } = *outcomes;
        let of_jobs = completed + failed;
        Self {
            key,
            printer_id: None,
            failed,
            of_jobs: Some(of_jobs),
            rate: (of_jobs > 0).then(|| as_f64(failed) / as_f64(of_jobs)),
        }
    }

    fn new(key: Option<String>, printer_id: Option<i64>, sums: &Sums) -> Self {
        Self {
            key,
            printer_id,
            failed: sums.failed(),
            of_jobs: Some(sums.rated()),
            rate: sums.success_rate().map(|rate| 1.0 - rate),
        }
    }
}
