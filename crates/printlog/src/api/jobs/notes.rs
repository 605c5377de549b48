//! User data of jobs: title, notes, tags and verdict, the log of their changes, and the list of verdict reasons.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use domain::{BuiltInReason, JobId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{MAX_TAGS, NotesChange, NotesChanged, NotesEntry, VerdictReason};
use utoipa::ToSchema;

use crate::{
    api::{
        access::auth::Caller,
        http::{
            error::{ApiResult, Problem},
            extract::{JsonBody, NoQuery, PathId, given},
            fault::Fault,
        },
        jobs::{FullJobBody, no_such_job},
        schema_enums,
        state::{ApiState, Core},
    },
    input::{self, FieldError, Invalid},
};

/// Maximum lengths of texts, in characters.
const TITLE: usize = 255;
const NOTES: usize = 10_000;
const REASON: usize = 255;

/// Changes of a job by a user. Omitted fields stay unchanged; `null` removes a value.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobPatch {
    /// Title, shown instead of the file name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 255,
        pattern = r"^[^\x00]*\S[^\x00]*$", example = "Bracket for the lamp")]
    pub(super) title: Option<Option<String>>,
    /// Free text.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 10_000,
        pattern = r"^[^\x00]*\S[^\x00]*$")]
    pub(super) notes: Option<Option<String>>,
    /// The complete list of tags. Tags that differ only in case or Unicode form count as one. A tag must not contain
    /// commas.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<schema_enums::Tag>>, required = false, max_items = 32, example = json!(["gift", "PETG"]))]
    pub(super) tags: Option<Option<Vec<String>>>,
    /// Rating of the printed object.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<schema_enums::JobVerdict>, required = false)]
    pub(super) verdict: Option<Option<String>>,
    /// Reason for the verdict, one of `GET /api/verdict-reasons`. Removed together with the verdict.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 255,
        pattern = r"^[^\x00]*\S[^\x00]*$", example = "Warped")]
    pub(super) verdict_reason: Option<Option<String>>,
}

/// Changes of a job by users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobChangeList {
    /// Newest first.
    items: Vec<JobChangeBody>,
}

/// A field of a job that a user changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobChange)]
pub(crate) struct JobChangeBody {
    changed_at: Timestamp,
    /// Name of the API key, or of the key with which the session was opened.
    changed_by: String,
    /// Name of the field, such as `verdict`.
    field: String,
    /// Previous value. `null` if there was none.
    old: Option<Value>,
    /// New value. `null` if it was removed.
    new: Option<Value>,
}

/// All tags.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagList {
    /// By name.
    items: Vec<TagBody>,
}

/// A tag in use.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TagInUse)]
pub(crate) struct TagBody {
    tag: String,
    /// Number of jobs with this tag.
    job_count: u64,
}

/// All reasons.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictReasonList {
    /// In the order of creation.
    items: Vec<VerdictReasonBody>,
}

/// A reason for verdicts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictReason)]
pub(crate) struct VerdictReasonBody {
    id: i64,
    /// Text of the reason. Unique, ignoring case.
    name: String,
    /// Stable name of a built-in reason, for translations. `null` for a user's own.
    #[schema(value_type = Option<schema_enums::BuiltInReason>)]
    key: Option<&'static str>,
}

/// A reason to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVerdictReason {
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00]*\S[^\x00]*$",
        example = "Elephant's foot"
    )]
    name: String,
}

/// Change a job
///
/// Changes title, notes, tags and verdict, which belong to the user; data from the printer cannot be changed. Each
/// change is logged with the name of the API key: see `/api/jobs/{id}/changes`.
#[utoipa::path(patch, path = "/api/jobs/{id}", tag = "jobs", request_body = JobPatch,
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job.")),
    responses(
        (status = 200, body = FullJobBody),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job."),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The reason is not in the list, or the job would have a reason without a verdict."),
    ))]
pub(crate) async fn change_job(
    State(state): State<ApiState>,
    core: Core,
    caller: Caller,
    id: PathId,
    _: NoQuery,
    JsonBody(patch): JsonBody<JobPatch>,
) -> ApiResult<Json<FullJobBody>> {
    let id = JobId(id.0);
    let change = patch.checked().map_err(Problem::invalid)?;
    let changed = core
        .store
        .change_notes(id, &change, &caller.key.name, state.clock.now())
        .await?;
    let wrong = |invalid| Problem::conflicting_field("verdict_reason", invalid);
    match changed {
        NotesChanged::NotFound => return Err(no_such_job(id)),
        NotesChanged::UnknownReason => return Err(wrong(Invalid::UnknownVerdictReason)),
        NotesChanged::ReasonWithoutVerdict => return Err(wrong(Invalid::VerdictNeeded)),
        // `TooManyTags` only happens if tags are added to others.
        NotesChanged::Done(_) | NotesChanged::TooManyTags => {}
    }
    Ok(Json(FullJobBody::read(&core, id, false).await?))
}

/// List changes of a job by users
///
/// Each entry has the changed field, its values, the time and the name of the API key.
#[utoipa::path(get, path = "/api/jobs/{id}/changes", tag = "jobs",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job.")),
    responses(
        (status = 200, body = JobChangeList),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job."),
    ))]
pub(crate) async fn list_job_changes(core: Core, id: PathId, _: NoQuery) -> ApiResult<Json<JobChangeList>> {
    let id = JobId(id.0);
    let entries = core.store.notes_history(id).await?;
    if entries.is_empty() && core.store.job(id).await?.is_none() {
        return Err(no_such_job(id));
    }
    let items = entries.into_iter().map(JobChangeBody::from).collect();
    Ok(Json(JobChangeList { items }))
}

/// List the tags of jobs
#[utoipa::path(get, path = "/api/tags", tag = "jobs", responses((status = 200, body = TagList)))]
pub(crate) async fn list_tags(core: Core, _: NoQuery) -> ApiResult<Json<TagList>> {
    let tags = core.store.tags().await?.into_iter();
    let items = tags.map(|(tag, job_count)| TagBody { tag, job_count }).collect();
    Ok(Json(TagList { items }))
}

/// List the reasons for verdicts
#[utoipa::path(get, path = "/api/verdict-reasons", tag = "jobs", responses((status = 200, body = VerdictReasonList)))]
pub(crate) async fn list_verdict_reasons(core: Core, _: NoQuery) -> ApiResult<Json<VerdictReasonList>> {
    let reasons = core.store.verdict_reasons().await?.into_iter();
    let items = reasons.map(VerdictReasonBody::from).collect();
    Ok(Json(VerdictReasonList { items }))
}

/// Add a reason for verdicts
///
/// If the reason exists already, ignoring case, it is returned unchanged.
#[utoipa::path(post, path = "/api/verdict-reasons", tag = "jobs", request_body = NewVerdictReason, responses(
    (status = 201, body = VerdictReasonBody, headers(("Location" = String, description = "Path of the list."))),
))]
pub(crate) async fn create_verdict_reason(
    core: Core,
    _: NoQuery,
    JsonBody(body): JsonBody<NewVerdictReason>,
) -> ApiResult<impl IntoResponse> {
    let name = input::name(&body.name, REASON).map_err(|invalid| Problem::invalid_field("name", invalid))?;
    let reason = core.store.add_verdict_reason(&name).await?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, "/api/verdict-reasons")],
        Json(VerdictReasonBody::from(reason)),
    ))
}

/// Remove a reason for verdicts
///
/// Jobs that have the reason keep it.
#[utoipa::path(delete, path = "/api/verdict-reasons/{id}", tag = "jobs",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The reason.")),
    responses(
        (status = 204, description = "Removed."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such reason."),
    ))]
pub(crate) async fn delete_verdict_reason(core: Core, id: PathId, _: NoQuery) -> ApiResult<StatusCode> {
    match core.store.remove_verdict_reason(id.0).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(Fault::VerdictReasonNotFound { id: id.0 })),
    }
}

impl JobPatch {
    /// The change, or what is wrong with its fields.
    pub(super) fn checked(self) -> Result<NotesChange, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut text = |field: &str, given: Option<Option<String>>, longest| {
            let checked = given?.map(|text| input::name(&text, longest)).transpose();
            checked
                .map_err(|invalid| errors.push(FieldError::new(field, invalid)))
                .ok()
        };
        let title = text("title", self.title, TITLE);
        let notes = text("notes", self.notes, NOTES);
        let verdict_reason = text("verdict_reason", self.verdict_reason, REASON);
        let mut checked = |field: &str, invalid| errors.push(FieldError::new(field, invalid));
        let verdict = self.verdict.and_then(|verdict| {
            let parsed = verdict.map(|word| input::word(&word)).transpose();
            parsed.map_err(|invalid| checked("verdict", invalid)).ok()
        });
        let tags = self.tags.and_then(|tags| {
            let tags = checked_tags(&tags.unwrap_or_default());
            tags.map_err(|invalid| checked("tags", invalid)).ok()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(NotesChange {
            title,
            notes,
            tags,
            verdict,
            verdict_reason,
            ..NotesChange::default()
        })
    }
}

/// The tags, or what is wrong with them.
pub(super) fn checked_tags(tags: &[String]) -> Result<Vec<String>, Invalid> {
    if tags.len() > MAX_TAGS {
        return Err(Invalid::TooManyTags { max: MAX_TAGS });
    }
    tags.iter().map(|text| input::job::tag(text)).collect()
}

impl From<NotesEntry> for JobChangeBody {
    fn from(entry: NotesEntry) -> Self {
        Self {
            changed_at: entry.changed_at,
            changed_by: entry.changed_by,
            field: entry.field,
            old: entry.old,
            new: entry.new,
        }
    }
}

impl From<VerdictReason> for VerdictReasonBody {
    fn from(reason: VerdictReason) -> Self {
        Self {
            id: reason.id,
            key: BuiltInReason::with_text(&reason.name).map(BuiltInReason::as_str),
            name: reason.name,
        }
    }
}
