//! Jobs over time.

use analytics::{Bucket, Series, Stack, StackKey, buckets};
use axum::response::Response;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        analytics::{
            compute,
            figures::thousandths,
            printer_names,
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
    export::{Cell, Language, Style, Word, spreadsheet_days},
    input::word,
};

/// Maximum number of buckets in a timeline.
const MOST: usize = 30_000;

/// Jobs by start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timeline)]
pub(super) struct TimelineBody {
    period: PeriodBody,
    /// Length of the buckets: as requested, or the next larger one that gives at most 30,000.
    #[schema(value_type = schema_enums::Bucket)]
    bucket: &'static str,
    #[schema(value_type = schema_enums::Stack)]
    stack: &'static str,
    /// The buckets, without gaps, from `since` (or the first job) to `until` (or the last job).
    buckets: Vec<BucketBody>,
    /// One series per status, printer or material with jobs, the largest first. From the 25th on, all are combined.
    series: Vec<SeriesBody>,
    /// Jobs that are in no bucket, because their start is unknown.
    undated_jobs: u64,
}

/// A bucket of a timeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineBucket)]
struct BucketBody {
    start: Timestamp,
    /// Start of the next bucket.
    end: Timestamp,
    /// Label in the time zone: `2026-01-31 13:00`, `2026-01-31`, `2026-W05`, `2026-01` or `2026`.
    #[schema(example = "2026-W05")]
    label: String,
}

/// A series of a timeline; each list has one value per bucket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineSeries)]
struct SeriesBody {
    /// Status, name of the printer, or material. `null` if unknown, and for the combined series.
    key: Option<String>,
    /// Id of the printer, in groups by printer.
    printer_id: Option<i64>,
    /// Whether this series combines all others.
    is_other: bool,
    /// Number of jobs.
    jobs: Vec<u64>,
    /// In s, without pauses, of jobs with a known duration.
    print_time: Vec<f64>,
    /// In mm, of jobs with a known length.
    filament_mm: Vec<f64>,
    /// In g, known plus estimated.
    filament_g: Vec<f64>,
    /// The part of `filament_g` that is computed with the usual density of the material.
    filament_g_estimated: Vec<f64>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    start: Timestamp,
    end: Timestamp,
    label: String,
    stack: &'static str,
    key: Option<String>,
    printer_id: Option<i64>,
    is_other: bool,
    jobs: u64,
    print_time: f64,
    filament_mm: f64,
    filament_g: f64,
    filament_g_estimated: f64,
}

parameters! {
    /// How jobs are grouped.
    pub(super) struct TimelineParameters {
        /// Length of the buckets. Weeks are those of ISO 8601.
        #[param(value_type = Option<schema_enums::Bucket>, default = "day")]
        bucket: Bucket = one_or(Bucket::Day, word),
        /// How the jobs of each bucket are divided into series.
        #[param(value_type = Option<schema_enums::Stack>, default = "status")]
        stack: Stack = one_or(Stack::Status, word),
    }
}

/// Show jobs over time
///
/// Buckets are hours, days, weeks, months or years in the time zone, including those without a job. A job belongs to
/// the bucket in which it started. CSV has one row per bucket and series.
#[utoipa::path(get, path = "/api/analytics/timeline", tag = "analytics",
    params(TimelineParameters, PrinterParameters, FilterParameters, TableParameters),
    responses((status = 200, content((TimelineBody = "application/json"), (String = "text/csv")))))]
pub(super) async fn get_timeline(
    core: Core,
    query: AnalyticsQuery<TimelineParameters>,
) -> ApiResult<Response> {
    let TimelineParameters { bucket, stack } = query.own;
    let format = query.format;
    read(&core, &query.asked, bucket, stack, move |body| {
        table::respond(format, &body, rows)
    })
    .await?
}

/// Computes the timeline, and what `finish` makes of it, which may take as long.
pub(super) async fn read<T: Send + 'static>(
    core: &Core,
    asked: &Asked,
    bucket: Bucket,
    stack: Stack,
    finish: impl FnOnce(TimelineBody) -> T + Send + 'static,
) -> ApiResult<T> {
    let names = printer_names(core).await?;
    let (period, zone, filter) = (asked.period(), asked.zone.clone(), asked.filter.clone());
    compute(core, &asked.filter, move |jobs| {
        let (extent, undated_jobs) = jobs.extent()?;
        let instant = |time: i64| Timestamp::from_millisecond(time).ok();
        let first = filter.since.or_else(|| instant(extent?.0));
        let last = match filter.until {
            Some(until) => until.checked_sub(jiff::SignedDuration::from_millis(1)).ok(),
            None => extent.and_then(|(_, last)| instant(last)).max(filter.since),
        };
        let (bucket, bounds) = match first.zip(last) {
            Some((first, last)) if first <= last => at_most(&zone, bucket, first, last),
            _ => (bucket, Vec::new()),
        };
        let milliseconds: Vec<i64> = bounds.iter().map(|bound| bound.as_millisecond()).collect();
        let body = TimelineBody {
            period,
            bucket: bucket.as_str(),
            stack: stack.as_str(),
            buckets: bounds
                .windows(2)
                .map(|pair| BucketBody {
                    start: pair[0],
                    end: pair[1],
                    label: label(&zone, bucket, pair[0]),
                })
                .collect(),
            series: jobs
                .timeline(&milliseconds, stack)?
                .into_iter()
                .map(|series| {
                    let (key, printer_id) = match &series.key {
                        StackKey::Status(word) => (Some((*word).to_owned()), None),
                        StackKey::Printer(id) => (names.get(id).cloned(), Some(id.0)),
                        StackKey::Material(material) => (material.clone(), None),
                        StackKey::Other => (None, None),
                    };
                    SeriesBody::new(key, printer_id, &series)
                })
                .collect(),
            undated_jobs,
        };
        Ok(finish(body))
    })
    .await
}

/// The buckets, in the wanted length or the next larger one that stays within [`MOST`].
fn at_most(zone: &TimeZone, wanted: Bucket, first: Timestamp, last: Timestamp) -> (Bucket, Vec<Timestamp>) {
    Bucket::ALL
        .into_iter()
        .skip_while(|bucket| *bucket != wanted)
        .find_map(|bucket| Some((bucket, buckets(zone, bucket, first, last, MOST).ok()?)))
        .unwrap_or((Bucket::Year, Vec::new()))
}

fn label(zone: &TimeZone, bucket: Bucket, start: Timestamp) -> String {
    let zoned = start.to_zoned(zone.clone());
    let date = zoned.date();
    match bucket {
        Bucket::Hour => format!("{date} {:02}:{:02}", zoned.hour(), zoned.minute()),
        Bucket::Day => date.to_string(),
        Bucket::Week => {
            let week = date.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        Bucket::Month => format!("{:04}-{:02}", date.year(), date.month()),
        Bucket::Year => format!("{:04}", date.year()),
    }
}

impl SeriesBody {
    fn new(key: Option<String>, printer_id: Option<i64>, series: &Series) -> Self {
        let each = |amount: fn(&analytics::Cell) -> u64| -> Vec<f64> {
            series
                .cells
                .iter()
                .map(|cell| thousandths(amount(cell)))
                .collect()
        };
        Self {
            key,
            printer_id,
            is_other: series.key == StackKey::Other,
            jobs: series.cells.iter().map(|cell| cell.jobs).collect(),
            print_time: each(|cell| cell.print),
            filament_mm: each(|cell| cell.length),
            filament_g: each(|cell| cell.weight),
            filament_g_estimated: each(|cell| cell.weight_estimated),
        }
    }
}

impl TimelineBody {
    /// One row for each bucket, with the jobs of each series in a column.
    pub(super) fn sheet(&self, language: Language, zone: &TimeZone) -> Sheet {
        let columns = [
            (Word::Time, 18, Style::Plain),
            (Word::Started, 18, Style::LocalTime),
            (Word::Jobs, 10, Style::Whole),
        ];
        let mut sheet = Sheet::new(Word::Timeline, language, &columns);
        for series in &self.series {
            sheet.add_column(self.title(series, language), 15, Style::Whole);
        }
        sheet.add_column(Word::PrintTime.of(language), 14, Style::Duration);
        sheet.add_column(Word::FilamentGrams.of(language), 14, Style::OneDecimal);
        for (index, bucket) in self.buckets.iter().enumerate() {
            let sum =
                |of: fn(&SeriesBody) -> &[f64]| self.series.iter().map(|series| of(series)[index]).sum();
            let jobs = self.series.iter().map(|series| series.jobs[index]);
            let mut cells = vec![
                Cell::Text(bucket.label.clone().into()),
                Cell::Number(spreadsheet_days(bucket.start, zone)),
                sheet::count(jobs.clone().sum()),
            ];
            cells.extend(jobs.map(sheet::count));
            cells.push(sheet::duration(Some(sum(|series| &series.print_time))));
            cells.push(Cell::Number(sum(|series| &series.filament_g)));
            sheet.row(cells);
        }
        sheet
    }

    fn title(&self, series: &SeriesBody, language: Language) -> String {
        let status = |word: &str| Some(Word::status(word.parse().ok()?).of(language).to_owned());
        match &series.key {
            _ if series.is_other => Word::Others.of(language).to_owned(),
            None => Word::Unknown.of(language).to_owned(),
            Some(key) if self.stack == Stack::Status.as_str() => status(key).unwrap_or_else(|| key.clone()),
            Some(key) => key.clone(),
        }
    }
}

fn rows(body: &TimelineBody) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, bucket) in body.buckets.iter().enumerate() {
        for series in &body.series {
            rows.push(Row {
                start: bucket.start,
                end: bucket.end,
                label: bucket.label.clone(),
                stack: body.stack,
                key: series.key.clone(),
                printer_id: series.printer_id,
                is_other: series.is_other,
                jobs: series.jobs[index],
                print_time: series.print_time[index],
                filament_mm: series.filament_mm[index],
                filament_g: series.filament_g[index],
                filament_g_estimated: series.filament_g_estimated[index],
            });
        }
    }
    rows
}
