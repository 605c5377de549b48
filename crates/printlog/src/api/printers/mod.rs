//! Printers: listing, adding, changing, testing and deleting.

pub(crate) mod discovery;
mod limitation;
pub(crate) mod moonraker_url;
pub(crate) mod status;

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
            query::{Query, parameters},
        },
        printers::{limitation::Limitation, moonraker_url::MoonrakerUrl},
        schema_enums,
        state::{ApiState, Core},
    },
    input::{self, FieldError},
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
    /// Unique, without regard to case and surrounding blanks.
    pub(crate) name: String,
    /// Where it stands. `null` if not given.
    pub(crate) location: Option<String>,
    /// Address of its Moonraker.
    #[schema(example = "http://voron.local:7125")]
    pub(crate) moonraker_url: String,
    /// Whether an API key or a login is stored for its Moonraker. Neither is ever shown.
    pub(crate) has_moonraker_api_key: bool,
    /// Whether printlog follows it.
    pub(crate) is_active: bool,
    /// When it last said anything, to the minute. `null` if it never did.
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) totals: Totals,
}

/// Sums over all jobs of a printer, whatever their status. Unknown amounts add nothing.
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
    /// Seconds of the longest job. `null` if no job has a known length.
    pub(crate) longest_job: Option<f64>,
    /// When a job last changed. `null` if there is none.
    pub(crate) last_updated: Option<Timestamp>,
}

/// All printers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrinterList {
    /// By name.
    pub(crate) items: Vec<PrinterBody>,
}

/// What is to be said of a printer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PrinterInput)]
pub(crate) struct PrinterInput {
    /// Unique, without regard to case and surrounding blanks.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$",
        example = "Voron"
    )]
    name: String,
    /// Where it stands. `null` or left out: not said.
    #[serde(default)]
    #[schema(max_length = 255, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$", example = "Workshop")]
    location: Option<String>,
    #[schema(value_type = MoonrakerUrl)]
    moonraker_url: String,
    /// Moonraker's API key, if it wants one. Left out, a stored key stays, and so does a login; `null` removes both, and
    /// another key takes the place of both.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, max_length = 255, pattern = "^[!-~]*$", write_only)]
    moonraker_api_key: Option<Option<String>>,
    /// Whether printlog follows it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_active: bool,
}

/// An address and a key to try.
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
    /// Moonraker's API key, if it wants one.
    #[serde(default)]
    #[schema(max_length = 255, pattern = r"^[^\x00]*$", write_only)]
    moonraker_api_key: Option<String>,
    /// A printer that is there already: its stored key is tried if none is given here, and only at the scheme, host and
    /// port that it was stored for.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    printer_id: Option<i64>,
}

/// What a try showed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrinterTest)]
pub(crate) struct TestBody {
    /// Whether printlog can follow the printer.
    ok: bool,
    #[schema(value_type = schema_enums::TestOutcome)]
    outcome: &'static str,
    /// In plain words, what is wrong and what to do. `null` if nothing is. A printer whose Klipper is not ready is ok
    /// all the same.
    reason: Option<String>,
    /// `null` if it was not reached.
    moonraker_version: Option<String>,
    /// `null` if it was not reached.
    klippy_state: Option<String>,
    /// Name of the printer's host. `null` while Klipper is not there to tell.
    hostname: Option<String>,
    /// The address that a Moonraker answers at, with scheme and port: what to save. `null` if there is none.
    #[schema(example = "http://voron.local:7125")]
    moonraker_url: Option<String>,
    /// What this Moonraker does not offer. Prints are recorded all the same.
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
/// It is connected to at once, and its history is imported in the background.
#[utoipa::path(post, path = "/api/printers", tag = "printers", request_body = PrinterInput, responses(
    (status = 201, body = PrinterBody, headers(("Location" = String, description = "Where the printer is."))),
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
/// Replaces all that is said of it; only a `moonraker_api_key` that is left out stays as it is. That works with the scheme,
/// host and port that the key was stored for; with another address the key must be given again, or `null`. Takes effect at
/// once.
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
    let printer = input.checked(stored.config.moonraker_api_key)?;
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
/// A printer that has jobs is deleted only with `delete_jobs=true`; otherwise the answer is 409 with their number in
/// `job_count`. To stop recording and keep the jobs, set `is_active` to false instead.
#[utoipa::path(delete, path = "/api/printers/{id}", tag = "printers",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The printer."), DeletePrinter),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such printer."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It has jobs."),
    ))]
pub(crate) async fn delete_printer(
    core: Core,
    id: PathId,
    Query(options): Query<DeletePrinter>,
) -> ApiResult<StatusCode> {
    let id = PrinterId(id.0);
    match core.store.delete_printer(id, options.delete_jobs).await? {
        DeletedPrinter::Deleted => {
            core.fleet.printers_changed();
            Ok(StatusCode::NO_CONTENT)
        }
        DeletedPrinter::NotFound => Err(no_such_printer(id)),
        DeletedPrinter::HasJobs(count) => {
            let detail = format!("the printer has {count} jobs; `delete_jobs=true` deletes them, too");
            Err(Problem::conflict(detail).with_job_count(count))
        }
    }
}

/// Try an address and a key before saving them
///
/// Answers 200 whether the printer can be followed or not: see `ok`. Where the address leaves scheme or port open, the
/// usual ones are tried: Moonraker's own 7125, then 80 and, with TLS, 443 and 7130.
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
    if let Some(Err(message)) = input.printer_id.map(|id| input::id(&id.to_string())) {
        errors.push(FieldError::new("printer_id", message));
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
    Problem::not_found(format!("there is no printer {}", id.0))
}

/// Whether a key is stored, even if it cannot be decrypted.
fn has_key(printer: &Printer) -> bool {
    printer.config.moonraker_api_key.is_some() || printer.key_is_unreadable
}

fn refused(cause: store::Error) -> Problem {
    match cause {
        store::Error::NameTaken { .. } => {
            let text = cause.to_string();
            Problem::conflict(text.clone()).with_field("name", text)
        }
        other => other.into(),
    }
}

impl PrinterInput {
    /// Validates the input for storing. Keeps `stored_key` if the input has no key.
    fn checked(self, stored_key: Option<String>) -> Result<NewPrinter, Problem> {
        let key = self.moonraker_api_key.unwrap_or(stored_key);
        printers::input::printer(
            &self.name,
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
    let message = format!(
        "is stored for {stored_for}, and is not sent to another scheme, host or port; give the key again, or null"
    );
    Problem::conflict(format!("moonraker_api_key: {message}")).with_field("moonraker_api_key", message)
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
