//! Printers: listing, adding, changing, testing and deleting.

pub(crate) mod discovery;
mod limitation;
pub(crate) mod moonraker_url;
pub(crate) mod status;
mod trouble;

use std::collections::HashMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use domain::{JobTotals, NewPrinter, Printer, PrinterId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{DeletedPrinter, Store};
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::{JsonBody, NoQuery, PathId, given},
            fault::Fault,
            query::{Query, parameters},
        },
        printers::{limitation::Limitation, moonraker_url::MoonrakerUrl, trouble::TroubleBody},
        schema_enums,
        state::{ApiState, Core},
    },
    input::{self, FieldError, Invalid},
    printers::{
        self,
        input::{API_KEY, URL, takes_stored_key},
        probe::{self, Outcome, Verdict},
    },
};

/// A printer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Printer)]
pub(crate) struct PrinterBody {
    pub(crate) id: i64,
    /// Name of the printer. Unique, ignoring case and surrounding whitespace.
    pub(crate) name: String,
    /// What printlog connects to.
    #[schema(value_type = schema_enums::PrinterKind)]
    pub(crate) kind: &'static str,
    /// Location of the printer. `null` if not given.
    pub(crate) location: Option<String>,
    /// Address of the printer's Moonraker.
    #[schema(example = "http://voron.local:7125")]
    pub(crate) moonraker_url: String,
    /// Whether an API key or a login for Moonraker is stored. Neither is ever returned.
    pub(crate) has_moonraker_api_key: bool,
    /// Whether printlog records this printer.
    pub(crate) is_active: bool,
    /// Last message from the printer, to the minute. `null` if there was none.
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) totals: Totals,
}

/// Sums over all jobs of a printer, of any status. Unknown values are left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobTotals)]
pub(crate) struct Totals {
    pub(crate) total_jobs: i64,
    /// Seconds, with pauses.
    pub(crate) total_time: f64,
    /// Seconds, without pauses.
    pub(crate) total_print_time: f64,
    /// Filament in mm.
    pub(crate) total_filament_used: f64,
    /// Duration of the longest job, in seconds. `null` if no job has a known duration.
    pub(crate) longest_job: Option<f64>,
    /// Time of the last change of a job. `null` if there is no job.
    pub(crate) last_updated: Option<Timestamp>,
}

/// All printers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrinterList {
    /// By name.
    pub(crate) items: Vec<PrinterBody>,
}

/// Settings of a printer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PrinterInput)]
pub(crate) struct PrinterInput {
    /// Name of the printer. Unique, ignoring case and surrounding whitespace.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$",
        example = "Voron"
    )]
    name: String,
    /// What printlog connects to. `null` or omitted: the stored kind, and `moonraker` for a new printer.
    #[serde(default)]
    #[schema(value_type = Option<schema_enums::PrinterKind>)]
    kind: Option<String>,
    /// Location of the printer. `null` or omitted: none.
    #[serde(default)]
    #[schema(max_length = 255, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$", example = "Workshop")]
    location: Option<String>,
    #[schema(value_type = MoonrakerUrl)]
    moonraker_url: String,
    /// Moonraker's API key, if it needs one. If omitted, the stored key and login stay; `null` removes both; a new key
    /// replaces both.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, max_length = 255, pattern = "^[!-~]*$", write_only)]
    moonraker_api_key: Option<Option<String>>,
    /// Whether printlog records this printer.
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_active: bool,
}

/// An address and a key to test.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PrinterTestInput)]
pub(crate) struct TestInput {
    /// Address of a Moonraker.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00]*$",
        example = "http://voron.local:7125"
    )]
    moonraker_url: String,
    /// Moonraker's API key, if it needs one.
    #[serde(default)]
    #[schema(max_length = 255, pattern = r"^[^\x00]*$", write_only)]
    moonraker_api_key: Option<String>,
    /// Id of a configured printer. Its stored key is used if none is given here, and only for the scheme, host and port
    /// that it was stored for.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    printer_id: Option<i64>,
}

/// Result of a connection test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrinterTest)]
pub(crate) struct TestBody {
    /// Whether printlog can record the printer.
    ok: bool,
    #[schema(value_type = schema_enums::TestOutcome)]
    outcome: &'static str,
    /// What is wrong and what to do, as text for users. `null` if there is nothing. A printer whose Klipper is not
    /// ready still counts as ok.
    reason: Option<String>,
    /// The same for programs and translations. `null` if there is no `reason`.
    trouble: Option<TroubleBody>,
    /// `null` if the printer was not reached.
    moonraker_version: Option<String>,
    /// `null` if the printer was not reached.
    klippy_state: Option<String>,
    /// Name of the printer's host. `null` if Klipper is not running.
    hostname: Option<String>,
    /// Address at which a Moonraker responds, with scheme and port; save this one. `null` if there is none.
    #[schema(example = "http://voron.local:7125")]
    moonraker_url: Option<String>,
    /// Parts of Moonraker's API that are missing. Prints are recorded anyway.
    limitations: Vec<Limitation>,
}

parameters! {
    /// Options of a deletion.
    pub(crate) struct DeletePrinter {
        /// Also delete the printer's jobs.
        #[param(value_type = Option<bool>, default = false)]
        delete_jobs: bool = one_or(false, input::truth),
    }
}

/// List printers
#[utoipa::path(get, path = "/api/printers", tag = "printers", responses((status = 200, body = PrinterList)))]
pub(crate) async fn list_printers(core: Core, _: NoQuery) -> ApiResult<Json<PrinterList>> {
    Ok(Json(PrinterList::read(&core.store).await?))
}

/// Add a printer
///
/// printlog connects at once and imports the printer's history in the background.
#[utoipa::path(post, path = "/api/printers", tag = "printers", request_body = PrinterInput, responses(
    (status = 201, body = PrinterBody, headers(("Location" = String, description = "Path of the printer."))),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken."),
))]
pub(crate) async fn create_printer(
    State(state): State<ApiState>,
    core: Core,
    _: NoQuery,
    JsonBody(input): JsonBody<PrinterInput>,
) -> ApiResult<impl IntoResponse> {
    let printer = input.checked(None)?;
    let printer = core
        .store
        .add_printer(&printer, state.clock.now())
        .await
        .map_err(refused)?;
    core.fleet.printers_changed();
    let location = format!("/api/printers/{}", printer.id.0);
    let body = PrinterBody::new(printer, JobTotals::default());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(body)))
}

/// Show a printer
#[utoipa::path(get, path = "/api/printers/{id}", tag = "printers",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The printer.")),
    responses(
        (status = 200, body = PrinterBody),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
    ))]
pub(crate) async fn get_printer(core: Core, id: PathId, _: NoQuery) -> ApiResult<Json<PrinterBody>> {
    let id = PrinterId(id.0);
    let printer = core.store.printer(id).await?.ok_or_else(|| no_such_printer(id))?;
    let totals = core.store.totals(id).await?.unwrap_or_default();
    Ok(Json(PrinterBody::new(printer, totals)))
}

/// Change a printer
///
/// Replaces all settings. If `moonraker_api_key` is omitted, the stored key stays, which requires the scheme, host and
/// port that it was stored for; with another address, give the key again, or `null`. Takes effect at once.
#[utoipa::path(put, path = "/api/printers/{id}", tag = "printers", request_body = PrinterInput,
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The printer.")),
    responses(
        (status = 200, body = PrinterBody),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The name is taken, or the stored key belongs to another address."),
    ))]
pub(crate) async fn replace_printer(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    _: NoQuery,
    JsonBody(input): JsonBody<PrinterInput>,
) -> ApiResult<Json<PrinterBody>> {
    let id = PrinterId(id.0);
    let stored = core.store.printer(id).await?.ok_or_else(|| no_such_printer(id))?;
    let removes_key = matches!(input.moonraker_api_key, Some(None));
    let keeps_key = input.moonraker_api_key.is_none() && has_key(&stored);
    let stored_for = &stored.config.moonraker_url;
    if keeps_key && !takes_stored_key(stored_for, &input.moonraker_url) {
        return Err(needs_key_again(stored_for));
    }
    let printer = input.checked(Some(stored.config))?;
    if removes_key && stored.key_is_unreadable {
        core.store.remove_printer_key(id, state.clock.now()).await?;
    }
    let updated = core
        .store
        .update_printer(id, &printer, state.clock.now())
        .await
        .map_err(refused)?;
    let printer = updated.ok_or_else(|| no_such_printer(id))?;
    core.fleet.printers_changed();
    let totals = core.store.totals(id).await?.unwrap_or_default();
    Ok(Json(PrinterBody::new(printer, totals)))
}

/// Delete a printer
///
/// A printer with jobs is deleted only with `delete_jobs=true`; otherwise the response is 409 with their number in
/// `job_count`. To stop recording and keep the jobs, set `is_active` to false instead.
#[utoipa::path(delete, path = "/api/printers/{id}", tag = "printers",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The printer."), DeletePrinter),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It has jobs."),
    ))]
pub(crate) async fn delete_printer(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    Query(options): Query<DeletePrinter>,
) -> ApiResult<StatusCode> {
    let id = PrinterId(id.0);
    let now = state.clock.now();
    match core.store.delete_printer(id, options.delete_jobs, now).await? {
        DeletedPrinter::Deleted => {
            core.fleet.printers_changed();
            Ok(StatusCode::NO_CONTENT)
        }
        DeletedPrinter::NotFound => Err(no_such_printer(id)),
        DeletedPrinter::HasJobs(count) => {
            Err(Problem::conflict(Fault::PrinterHasJobs { count }).with_job_count(count))
        }
    }
}

/// Test an address and a key before saving them
///
/// Responds with 200 even if the printer cannot be recorded: see `ok`. If the address has no scheme or port, the usual
/// ones are tried: 7125 (Moonraker's default), 80, and with TLS 443 and 7130.
#[utoipa::path(post, path = "/api/printers/test", tag = "printers", request_body = TestInput,
    responses(
        (status = 200, body = TestBody),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The stored key belongs to another address."),
    ))]
pub(crate) async fn test_printer(
    core: Core,
    _: NoQuery,
    JsonBody(input): JsonBody<TestInput>,
) -> ApiResult<Json<TestBody>> {
    let key = input.moonraker_api_key.as_deref().filter(|key| !key.is_empty());
    let limits = [
        ("moonraker_url", Some(input.moonraker_url.as_str()), URL),
        ("moonraker_api_key", key, API_KEY),
    ];
    let mut errors: Vec<_> = limits
        .into_iter()
        .filter_map(|(field, text, limit)| Some(FieldError::new(field, input::text(limit)(text?).err()?)))
        .collect();
    if let Some(Err(invalid)) = input.printer_id.map(|id| input::id(&id.to_string())) {
        errors.push(FieldError::new("printer_id", invalid));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let stored = match input.printer_id.map(PrinterId) {
        Some(id) => Some(core.store.printer(id).await?.ok_or_else(|| no_such_printer(id))?),
        None => None,
    };
    let tries = probe::addresses(&input.moonraker_url);
    let takes_key = |stored: &Printer, url: &str| takes_stored_key(&stored.config.moonraker_url, url);
    if let Some(stored) = stored.as_ref().filter(|printer| has_key(printer))
        && input.moonraker_api_key.is_none()
        && !tries.iter().any(|url| takes_key(stored, url))
    {
        let stored_for = &stored.config.moonraker_url;
        return Err(needs_key_again(stored_for));
    }
    let key_for = |url: &str| match (&input.moonraker_api_key, &stored) {
        // An empty key counts as given: it requests a test without a key.
        (Some(given), _) => Some(given.as_str()),
        (None, Some(stored)) if takes_key(stored, url) => stored.config.moonraker_api_key.as_deref(),
        (None, _) => None,
    };
    Ok(Json(probe::find(&tries, key_for).await.into()))
}

pub(crate) fn no_such_printer(id: PrinterId) -> Problem {
    Problem::not_found(Fault::PrinterNotFound { id: id.0 })
}

/// Whether a key is stored, even if it cannot be decrypted.
fn has_key(printer: &Printer) -> bool {
    printer.config.moonraker_api_key.is_some() || printer.key_is_unreadable
}

fn refused(cause: store::Error) -> Problem {
    match cause {
        store::Error::NameTaken { name } => Problem::conflicting_field("name", Invalid::NameTaken { name }),
        other => other.into(),
    }
}

impl PrinterInput {
    /// Validates the input for storing. Keeps the kind and the key of `stored` if the input has none.
    fn checked(self, stored: Option<NewPrinter>) -> Result<NewPrinter, Problem> {
        let stored_kind = stored.as_ref().map(|stored| stored.kind.as_str());
        let kind = self.kind.as_deref().or(stored_kind);
        let key = self
            .moonraker_api_key
            .unwrap_or_else(|| stored.and_then(|stored| stored.moonraker_api_key));
        printers::input::printer(
            &self.name,
            kind,
            self.location.as_deref(),
            &self.moonraker_url,
            key.as_deref(),
            self.is_active,
        )
        .map_err(Problem::invalid)
    }
}

/// The refusal of a request that would send a stored key to another address. It is in conflict with what is stored, not
/// invalid by itself.
fn needs_key_again(stored_for: &str) -> Problem {
    let url = stored_for.to_owned();
    Problem::conflicting_field("moonraker_api_key", Invalid::KeyOfOtherAddress { url })
}

impl PrinterList {
    pub(crate) async fn read(store: &Store) -> store::Result<Self> {
        let printers = store.printers().await?;
        let mut totals: HashMap<_, _> = store.all_totals().await?.into_iter().collect();
        let items = printers
            .into_iter()
            .map(|printer| {
                let totals = totals.remove(&printer.id).unwrap_or_default();
                PrinterBody::new(printer, totals)
            })
            .collect();
        Ok(Self { items })
    }
}

impl PrinterBody {
    pub(crate) fn new(printer: Printer, totals: JobTotals) -> Self {
        let config = printer.config;
        Self {
            id: printer.id.0,
            name: config.name,
            kind: config.kind.as_str(),
            location: config.location,
            moonraker_url: config.moonraker_url,
            has_moonraker_api_key: config.moonraker_api_key.is_some() || printer.key_is_unreadable,
            is_active: config.is_active,
            last_seen: printer.last_seen,
            created_at: printer.created_at,
            updated_at: printer.updated_at,
            totals: totals.into(),
        }
    }
}

impl From<JobTotals> for Totals {
    fn from(totals: JobTotals) -> Self {
        Self {
            total_jobs: totals.total_jobs,
            total_time: totals.total_time,
            total_print_time: totals.total_print_time,
            total_filament_used: totals.total_filament_used,
            longest_job: totals.longest_job,
            last_updated: totals.last_updated,
        }
    }
}

impl From<Verdict> for TestBody {
    fn from(verdict: Verdict) -> Self {
        Self {
            ok: verdict.outcome == Outcome::Ok,
            outcome: verdict.outcome.as_str(),
            trouble: verdict.trouble.as_ref().map(TroubleBody::from),
            reason: verdict.reason,
            limitations: verdict.report.limitations.iter().map(Limitation::from).collect(),
            moonraker_version: verdict.report.moonraker_version,
            klippy_state: verdict.report.klippy_state,
            hostname: verdict.report.hostname,
            moonraker_url: verdict.moonraker_url,
        }
    }
}

fn yes() -> bool {
    true
}
