//! Jobs: listing and showing.

pub(crate) mod bulk;
pub(crate) mod deleted;
pub(crate) mod details;
pub(crate) mod export;
pub(crate) mod facets;
pub(crate) mod gcode_file;
pub(crate) mod notes;

use std::collections::HashMap;

use axum::Json;
use domain::{
    AmountBounds, BuiltInReason, JobFilter, JobId, JobNotes, JobStatus, ListOrder, PrinterId, Source, Verdict,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use store::{FullJob, JobPage, JobRow, ListedDetails, StoredJob};
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::PathId,
            fault::Fault,
            query::{Query, parameters},
        },
        jobs::details::{DetailsBody, RawParameters},
        schema_enums,
        state::Core,
    },
    details::reason::DetailsReason,
    ingest::ConnectionState,
    input::{self, page},
};

/// Default number of jobs on a page.
const PAGE: u64 = 50;
/// Maximum number of jobs on a page.
const LARGEST_PAGE: u64 = 500;
/// Maximum length of a search text in characters.
const TEXT: usize = 255;

/// A job: one run of one G-code file.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobBody {
    pub(crate) id: i64,
    pub(crate) printer_id: i64,
    pub(crate) printer_name: String,
    /// Moonraker's id. Not unique: Moonraker reuses ids. `null` if its history does not contain the run.
    pub(crate) job_id: Option<String>,
    /// User who started it, as Moonraker reports it.
    pub(crate) user: Option<String>,
    /// File name, relative to the folder of G-code files.
    pub(crate) filename: Option<String>,
    #[schema(value_type = schema_enums::JobStatus)]
    pub(crate) status: &'static str,
    /// Why it ended, as Moonraker reports it, such as `klippy_shutdown`. `null` while it runs.
    pub(crate) cause: Option<String>,
    /// Error text of Klipper.
    pub(crate) message: Option<String>,
    pub(crate) start_time: Option<Timestamp>,
    /// `null` while it runs, and if the end is unknown.
    pub(crate) end_time: Option<Timestamp>,
    /// Seconds, without pauses.
    pub(crate) print_duration: Option<f64>,
    /// Seconds, with pauses.
    pub(crate) total_duration: Option<f64>,
    /// Filament in mm.
    pub(crate) filament_used: Option<f64>,
    /// Source of the outcome: `history` (Moonraker's) or `print_stats` (Klipper's, observed by printlog). `null` while
    /// the job runs, and if the outcome is unknown.
    #[schema(value_type = Option<schema_enums::Source>)]
    pub(crate) end_source: Option<&'static str>,
    /// Source of the durations and the filament: `history` or `print_stats`.
    #[schema(value_type = schema_enums::Source)]
    pub(crate) figures_source: &'static str,
    /// Whether its times contradict each other because the printer's clock was set.
    pub(crate) clock_jumped: bool,
    /// Whether its `status` is `printing` or `paused`, but its printer is switched off in printlog or not connected, so
    /// that the state of the print is unknown. `null` if the server is not asked: on the command line.
    pub(crate) is_unobserved: Option<bool>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobItem)]
pub(crate) struct JobItemBody {
    #[serde(flatten)]
    pub(crate) job: JobBody,
    /// A user's title. `null` if there is none.
    title: Option<String>,
    /// A user's tags, in alphabetical order.
    tags: Vec<String>,
    /// A user's rating of the printed object. `null` if there is none.
    #[schema(value_type = Option<schema_enums::JobVerdict>)]
    verdict: Option<&'static str>,
    /// A user's reason for the verdict.
    verdict_reason: Option<String>,
    /// Stable name of the reason, if it is a built-in one, for translations. `null` otherwise.
    #[schema(value_type = Option<schema_enums::BuiltInReason>)]
    verdict_reason_key: Option<&'static str>,
    /// Whether `GET /api/jobs/{id}/thumbnail` has an image.
    has_thumbnail: bool,
    /// Material, the main one by weight.
    filament_type: Option<String>,
    /// Maker of the filament.
    filament_brand: Option<String>,
    /// `#RRGGBB`, or a word.
    filament_color: Option<String>,
    /// Slicer that wrote the file.
    slicer: Option<String>,
    /// mm
    layer_height: Option<f64>,
    /// Filament used in g, from the measured length.
    filament_used_g: Option<f64>,
    /// Whether `filament_used_g` is computed with the usual density of the material, because the file has no weight.
    /// `null` if the weight is unknown.
    filament_used_g_estimated: Option<bool>,
    /// Cost of the filament used, by the slicer's price. `null` if it is unknown.
    cost: Option<JobCostBody>,
}

/// Cost of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobCost)]
pub(crate) struct JobCostBody {
    amount: f64,
    /// As the file names it, or else the one of `GET /api/settings/currency`. `null` without both.
    currency: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobList)]
pub(crate) struct JobListBody {
    /// In the requested order.
    pub(crate) items: Vec<JobItemBody>,
    /// `cursor` of the next page. `null` on the last page.
    pub(crate) next: Option<String>,
    /// Number of jobs on all pages.
    pub(crate) total: u64,
}

/// A job with all its data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobWithDetails)]
pub(crate) struct FullJobBody {
    #[serde(flatten)]
    job: JobItemBody,
    /// A user's notes.
    notes: Option<String>,
    /// Start time in Moonraker's history. Differs from `start_time` if Moonraker missed the start.
    history_start_time: Option<Timestamp>,
    /// Moonraker's file metadata at the start of the job.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// Data of other Moonraker components, such as spools.
    auxiliary_data: Option<Value>,
    /// Status of the details: `pending`, `done`, `partial` (only Moonraker's metadata) or `failed`.
    #[schema(value_type = schema_enums::DetailsStatus)]
    details_status: &'static str,
    /// Why details are incomplete. `null` if there is no reason.
    details_reason: Option<String>,
    /// Stable name of the reason, for translations. `null` if there is none, or only the sentence.
    #[schema(value_type = Option<schema_enums::DetailsReason>)]
    details_reason_key: Option<&'static str>,
    /// Slicer data. `null` if there is none.
    details: Option<DetailsBody>,
    /// Pauses that printlog observed, in chronological order.
    pauses: Vec<PauseBody>,
}

/// A pause of a job, in printlog's time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobPause)]
pub(crate) struct PauseBody {
    paused_at: Timestamp,
    /// When the job was resumed or ended. `null` while it is paused, and if that was not observed.
    resumed_at: Option<Timestamp>,
}

parameters! {
    /// Which printers.
    pub(crate) struct PrinterParameters {
        /// Only jobs of these printers. May be repeated or contain several, separated by commas.
        #[param(value_type = Option<Vec<i64>>, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
        printer_id: Vec<PrinterId> = several(|text| input::id(text).map(PrinterId)),
    }
}

parameters! {
    /// Which of their jobs.
    pub(crate) struct FilterParameters {
        /// Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
        /// several, separated by commas.
        #[param(value_type = Option<Vec<schema_enums::StatusFilter>>)]
        status: Vec<Vec<JobStatus>> = several(input::job::statuses),
        /// Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
        /// zone of the request (UTC for routes without `tz`).
        #[param(inline, value_type = Option<schema_enums::Instant>, example = "2026-01-31")]
        since: Option<Timestamp> = instant(),
        /// Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
        /// of the request (UTC for routes without `tz`).
        #[param(inline, value_type = Option<schema_enums::Instant>, example = "2026-01-31T12:00:00Z")]
        until: Option<Timestamp> = instant(),
        /// Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form.
        #[param(min_length = 1, max_length = 255, pattern = r"^[^\x00]*$")]
        q: Option<String> = one(input::text(TEXT)),
        /// Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
        /// material is unknown.
        #[param(value_type = Option<Vec<schema_enums::WordOrUnknown>>, example = json!(["PLA", "PETG"]))]
        filament_type: Vec<Option<String>> = repeated(input::job::word_or_unknown),
        /// Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
        /// jobs whose slicer is unknown.
        #[param(value_type = Option<Vec<schema_enums::WordOrUnknown>>, example = json!(["OrcaSlicer"]))]
        slicer: Vec<Option<String>> = repeated(input::job::word_or_unknown),
        /// Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
        /// user is unknown.
        #[param(value_type = Option<Vec<schema_enums::WordOrUnknown>>)]
        user: Vec<Option<String>> = repeated(input::job::word_or_unknown),
        /// Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
        /// is unknown.
        #[param(value_type = Option<Vec<schema_enums::WordOrUnknown>>, example = json!(["klippy_shutdown"]))]
        cause: Vec<Option<String>> = repeated(input::job::word_or_unknown),
        /// Only jobs with at least this `print_duration`, in s.
        #[param(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
        print_duration_min: Option<u64> = one(input::job::amount),
        /// Only jobs with at most this `print_duration`, in s.
        #[param(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
        print_duration_max: Option<u64> = one(input::job::amount),
        /// Only jobs with at least this `filament_used`, in mm.
        #[param(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
        filament_used_min: Option<u64> = one(input::job::amount),
        /// Only jobs with at most this `filament_used`, in mm.
        #[param(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
        filament_used_max: Option<u64> = one(input::job::amount),
        /// Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas.
        #[param(value_type = Option<Vec<schema_enums::JobVerdict>>)]
        verdict: Vec<Verdict> = several(input::word),
        /// Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
        /// rated jobs without a reason.
        #[param(value_type = Option<Vec<schema_enums::WordOrUnknown>>)]
        verdict_reason: Vec<Option<String>> = repeated(input::job::word_or_unknown),
        /// Only jobs to which a user gave one of these tags, ignoring case. May be repeated.
        #[param(value_type = Option<Vec<schema_enums::Tag>>)]
        tag: Vec<String> = repeated(input::job::tag),
    }
}

parameters! {
    /// Position in a list of jobs.
    pub(crate) struct PageParameters {
        /// Sort order: `newest` (jobs whose start is unknown come last), its reverse `oldest`, or a column, ascending, or
        /// descending with a leading `-`. Jobs whose value in that column is unknown come last in both directions.
        #[param(inline, value_type = Option<schema_enums::JobOrder>)]
        sort: ListOrder = one_or(ListOrder::default(), page::order),
        /// Number of jobs on a page.
        #[param(value_type = Option<u64>, minimum = 1, maximum = 500, default = 50)]
        limit: u64 = one_or(PAGE, input::whole(1, LARGEST_PAGE)),
        /// Start of the page: `next` of the previous page, unchanged.
        #[param(
            value_type = Option<String>,
            pattern = "^(A[Q-Za-z0-9_-]|B[A-Za-z0-9_-])[A-Za-z0-9_-]{10}A[AB][A-Za-z0-9_-]{8}[AEIMQUYcgkosw048]$"
        )]
        cursor: Option<page::Place> = one(page::place),
    }
}

/// List jobs
///
/// Newest first by default. Every page takes the same time. For the next page, send `next` as `cursor`, with the same
/// filters and `sort`.
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", params(PrinterParameters, FilterParameters, PageParameters),
    responses(
        (status = 200, body = JobListBody),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The cursor belongs to a list with another sort order."),
    ))]
pub(crate) async fn list_jobs(
    core: Core,
    Query((printers, filter, page)): Query<(PrinterParameters, FilterParameters, PageParameters)>,
) -> ApiResult<Json<JobListBody>> {
    let order = page.sort;
    let after = page
        .cursor
        .map(|place| place.within(order).ok_or_else(of_another_order));
    let jobs = core
        .store
        .list_jobs_in(
            order,
            &filter.of_printers(printers),
            page.limit,
            after.transpose()?,
        )
        .await?;
    let mut list = JobListBody::new(order, jobs);
    let connections = core.fleet.connections();
    for item in &mut list.items {
        item.job.observe(&connections);
    }
    Ok(Json(list))
}

/// Show a job, with its metadata and details
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs",
    params(
        ("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job."),
        RawParameters,
    ),
    responses(
        (status = 200, body = FullJobBody),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job."),
    ))]
pub(crate) async fn get_job(
    core: Core,
    id: PathId,
    Query(query): Query<RawParameters>,
) -> ApiResult<Json<FullJobBody>> {
    let id = JobId(id.0);
    Ok(Json(FullJobBody::read(&core, id, query.raw).await?))
}

pub(crate) fn no_such_job(id: JobId) -> Problem {
    Problem::not_found(Fault::JobNotFound { id: id.0 })
}

impl FilterParameters {
    pub(crate) fn of_printers(self, printers: PrinterParameters) -> JobFilter {
        JobFilter {
            printer_ids: printers.printer_id,
            ..self.of_all_printers()
        }
    }

    pub(crate) fn of_all_printers(self) -> JobFilter {
        JobFilter {
            printer_ids: Vec::new(),
            statuses: self.status.into_iter().flatten().collect(),
            since: self.since,
            until: self.until,
            text: self.q,
            filament_types: self.filament_type,
            slicers: self.slicer,
            users: self.user,
            causes: self.cause,
            print_duration: AmountBounds {
                min: self.print_duration_min,
                max: self.print_duration_max,
            },
            filament_used: AmountBounds {
                min: self.filament_used_min,
                max: self.filament_used_max,
            },
            verdicts: self.verdict,
            verdict_reasons: self.verdict_reason,
            tags: self.tag,
        }
    }
}

fn of_another_order() -> Problem {
    Problem::conflict(Fault::CursorOfOtherSort)
}

impl JobListBody {
    /// A page of a list in the given order.
    pub(crate) fn new(order: ListOrder, page: JobPage) -> Self {
        Self {
            items: page.items.into_iter().map(JobItemBody::from).collect(),
            next: page.next.map(|next| page::encode(order, next)),
            total: page.total,
        }
    }
}

impl JobItemBody {
    fn new(job: JobBody, notes: JobNotes, has_thumbnail: bool, details: ListedDetails) -> Self {
        let weight = details.used_grams(job.filament_used);
        let cost = details.used_cost(job.filament_used);
        Self {
            job,
            filament_used_g: weight.map(|(grams, _)| grams),
            filament_used_g_estimated: weight.map(|(_, is_estimated)| is_estimated),
            cost: cost.map(|amount| JobCostBody {
                amount,
                currency: details.currency,
            }),
            filament_type: details.filament_type,
            filament_brand: details.filament_brand,
            filament_color: details.filament_color,
            slicer: details.slicer,
            layer_height: details.layer_height,
            title: notes.title,
            tags: notes.tags,
            verdict: notes.verdict.map(Verdict::as_str),
            verdict_reason_key: notes
                .verdict_reason
                .as_deref()
                .and_then(BuiltInReason::with_text)
                .map(BuiltInReason::as_str),
            verdict_reason: notes.verdict_reason,
            has_thumbnail,
        }
    }
}

impl JobBody {
    /// Sets whether an open job is observed.
    fn observe(&mut self, connections: &HashMap<PrinterId, ConnectionState>) {
        let state = connections.get(&PrinterId(self.printer_id));
        if self.is_unobserved.is_none() {
            self.is_unobserved = Some(state != Some(&ConnectionState::Connected));
        }
    }
}

impl FullJobBody {
    /// The job with all its data.
    pub(crate) async fn read(core: &Core, id: JobId, with_raw: bool) -> ApiResult<Self> {
        let job = core.store.full_job(id, with_raw).await?;
        let mut body = Self::from(job.ok_or_else(|| no_such_job(id))?);
        body.job.job.observe(&core.fleet.connections());
        Ok(body)
    }
}

impl From<FullJob> for FullJobBody {
    fn from(mut whole: FullJob) -> Self {
        let has_thumbnail = !whole.thumbnails.is_empty();
        let pauses = whole.pauses.iter().map(|pause| PauseBody {
            paused_at: pause.paused_at,
            resumed_at: pause.resumed_at,
        });
        let pauses = pauses.collect();
        let details = details::of_job(&mut whole);
        let FullJob {
            mut stored,
            mut notes,
            listed,
            ..
        } = whole;
        Self {
            history_start_time: stored.job.history_start_time,
            metadata: stored.job.metadata.take().map(|json| json.to_value()),
            auxiliary_data: stored.job.auxiliary_data.take().map(|json| json.to_value()),
            details_status: whole.details_status.as_str(),
            details_reason_key: whole
                .details_reason
                .as_deref()
                .and_then(DetailsReason::of)
                .map(DetailsReason::as_str),
            details_reason: whole.details_reason,
            details,
            pauses,
            notes: notes.notes.take(),
            job: JobItemBody::new(stored.into(), notes, has_thumbnail, listed),
        }
    }
}

impl From<JobRow> for JobItemBody {
    fn from(row: JobRow) -> Self {
        Self::new(row.stored.into(), row.notes, row.has_thumbnail, row.details)
    }
}

impl From<StoredJob> for JobBody {
    fn from(stored: StoredJob) -> Self {
        let job = stored.job;
        Self {
            id: stored.id.0,
            printer_id: job.printer_id.0,
            printer_name: stored.printer_name,
            job_id: job.job_id,
            user: job.user,
            filename: job.filename,
            status: job.status.as_str(),
            cause: job.cause.map(String::from),
            message: job.message,
            start_time: job.start_time,
            end_time: job.end_time,
            print_duration: job.figures.print_duration,
            total_duration: job.figures.total_duration,
            filament_used: job.figures.filament_used,
            end_source: job.end_source.map(Source::as_str),
            figures_source: job.figures_source.as_str(),
            clock_jumped: job.clock_jumped,
            is_unobserved: (!job.status.is_open()).then_some(false),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}
