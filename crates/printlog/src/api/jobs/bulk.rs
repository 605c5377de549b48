//! Changes of many jobs in one request.

use std::collections::HashSet;

use axum::{Json, extract::State};
use domain::JobId;
use serde::{Deserialize, Deserializer, Serialize};
use store::{JobAction, MAX_TAGS, NotesChange, Unchanged};
use strum_macros::{IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::{
    api::{
        access::auth::Caller,
        http::{
            error::{ApiResult, Problem},
            extract::{JsonBody, NoQuery, given},
            fault::Fault,
        },
        jobs::{
            deleted::deletion,
            notes::{JobPatch, checked_tags},
        },
        schema_enums,
        state::{ApiState, Core},
    },
    input::{self, FieldError, Invalid},
};

/// Maximum number of jobs in a request.
const JOBS: usize = 1000;

/// A change of many jobs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = JobBulkChange)]
pub(crate) enum BulkChange {
    /// Deletes jobs. They can be restored for the days of `retention.deleted_jobs`.
    #[schema(title = "JobBulkDelete")]
    Delete {
        /// The jobs. A repeated id counts once.
        #[schema(min_items = 1, max_items = 1000, value_type = Vec<schema_enums::Id>)]
        ids: Vec<i64>,
    },
    /// Restores deleted jobs.
    #[schema(title = "JobBulkRestore")]
    Restore {
        /// The deleted jobs. A repeated id counts once.
        #[schema(min_items = 1, max_items = 1000, value_type = Vec<schema_enums::Id>)]
        ids: Vec<i64>,
    },
    /// Sets the rating of jobs, as `PATCH /api/jobs/{id}` does.
    #[schema(title = "JobBulkRate")]
    Rate {
        /// The jobs. A repeated id counts once.
        #[schema(min_items = 1, max_items = 1000, value_type = Vec<schema_enums::Id>)]
        ids: Vec<i64>,
        /// The rating. `null` removes it and its reason.
        #[serde(deserialize_with = "required")]
        #[schema(value_type = Option<schema_enums::JobVerdict>, required = true)]
        verdict: Option<String>,
        /// The reason, one of `GET /api/verdict-reasons`. `null` removes it. If omitted, jobs keep the reason they have.
        #[serde(default, deserialize_with = "given")]
        #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 255,
            pattern = r"^[^\x00]*\S[^\x00]*$", example = "Warped")]
        verdict_reason: Option<Option<String>>,
    },
    /// Adds tags to jobs, and removes tags.
    #[schema(title = "JobBulkTag")]
    Tag {
        /// The jobs. A repeated id counts once.
        #[schema(min_items = 1, max_items = 1000, value_type = Vec<schema_enums::Id>)]
        ids: Vec<i64>,
        /// Tags to add.
        #[serde(default)]
        #[schema(value_type = Vec<schema_enums::Tag>, required = false, max_items = 32, example = json!(["gift"]))]
        add_tags: Vec<String>,
        /// Tags to remove, ignoring case. A tag in both lists is removed.
        #[serde(default)]
        #[schema(value_type = Vec<schema_enums::Tag>, required = false, max_items = 32, example = json!(["PETG"]))]
        remove_tags: Vec<String>,
    },
}

/// Result of a change of many jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobBulkResult)]
pub(crate) struct BulkResult {
    /// The changed jobs, in the requested order.
    changed: Vec<i64>,
    /// The others, which are as they were.
    unchanged: Vec<UnchangedJob>,
}

/// A job that was not changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnchangedJob {
    id: i64,
    /// `not_found`, `not_deleted` (only deleted jobs can be restored), `recorded_again` (the run of a deleted job has
    /// another job), `printing` (it cannot be deleted now), `already_so`, `unknown_reason`, `reason_without_verdict` or
    /// `too_many_tags`.
    #[schema(value_type = schema_enums::UnchangedJobCode)]
    code: &'static str,
    /// The same, as text for users.
    reason: String,
}

/// Change many jobs
///
/// Deletes, restores, rates or tags up to 1000 jobs in one transaction. Jobs that cannot be changed stay as they are,
/// and are listed in `unchanged` with the reason.
#[utoipa::path(post, path = "/api/jobs/bulk", tag = "jobs", request_body = BulkChange,
    responses((status = 200, body = BulkResult)))]
pub(crate) async fn change_jobs(
    State(state): State<ApiState>,
    core: Core,
    caller: Caller,
    _: NoQuery,
    JsonBody(body): JsonBody<BulkChange>,
) -> ApiResult<Json<BulkResult>> {
    let (mut ids, action) = body.checked(&core, &caller).map_err(Problem::invalid)?;
    let printing = match action {
        JobAction::Delete(_) => core.fleet.current_jobs(),
        JobAction::Restore | JobAction::SetNotes { .. } => HashSet::new(),
    };
    let in_the_machine: Vec<_> = ids.extract_if(.., |id| printing.contains(id)).collect();
    let result = core.store.change_jobs(&ids, &action, state.clock.now()).await?;
    let refused = in_the_machine.into_iter().map(|id| UnchangedJob {
        id: id.0,
        code: UnchangedCode::Printing.into(),
        reason: Fault::JobIsPrinting.to_string(),
    });
    let unchanged = result
        .unchanged
        .into_iter()
        .map(|(id, why)| UnchangedJob::new(id, why, &action));
    Ok(Json(BulkResult {
        changed: result.changed.into_iter().map(|id| id.0).collect(),
        unchanged: refused.chain(unchanged).collect(),
    }))
}

/// Why a job was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum UnchangedCode {
    /// There is no such job.
    NotFound,
    /// The job to restore is not among the deleted ones.
    NotDeleted,
    /// The run of the job to restore has another job.
    RecordedAgain,
    /// The job to delete is being printed.
    Printing,
    /// The job already has the values.
    AlreadySo,
    /// The reason is not in the list.
    UnknownReason,
    /// The job would have a reason without a verdict.
    ReasonWithoutVerdict,
    /// The job would have too many tags.
    TooManyTags,
}

impl UnchangedJob {
    fn new(id: JobId, why: Unchanged, action: &JobAction<'_>) -> Self {
        let of_reason = |invalid: Invalid| format!("verdict_reason {invalid}");
        let (code, reason) = match why {
            Unchanged::NotFound if *action == JobAction::Restore => (
                UnchangedCode::NotDeleted,
                Fault::JobNotDeleted { id: id.0 }.to_string(),
            ),
            Unchanged::NotFound => (
                UnchangedCode::NotFound,
                Fault::JobNotFound { id: id.0 }.to_string(),
            ),
            Unchanged::RecordedAgain(other) => (
                UnchangedCode::RecordedAgain,
                Fault::JobRecordedAgain { id: other.0 }.to_string(),
            ),
            Unchanged::AlreadySo => (
                UnchangedCode::AlreadySo,
                "the job already has these values".to_owned(),
            ),
            Unchanged::UnknownReason => (
                UnchangedCode::UnknownReason,
                of_reason(Invalid::UnknownVerdictReason),
            ),
            Unchanged::ReasonWithoutVerdict => (
                UnchangedCode::ReasonWithoutVerdict,
                of_reason(Invalid::VerdictNeeded),
            ),
            Unchanged::TooManyTags => (
                UnchangedCode::TooManyTags,
                format!("a job can have at most {MAX_TAGS} tags"),
            ),
        };
        Self {
            id: id.0,
            code: code.into(),
            reason,
        }
    }
}

impl BulkChange {
    /// The distinct jobs, and what to do with them.
    fn checked<'a>(
        self,
        core: &Core,
        caller: &'a Caller,
    ) -> Result<(Vec<JobId>, JobAction<'a>), Vec<FieldError>> {
        let set_notes = |change| JobAction::SetNotes {
            change,
            changed_by: &caller.key.name,
        };
        let (ids, action) = match self {
            Self::Delete { ids } => (ids, Ok(JobAction::Delete(deletion(core, caller)))),
            Self::Restore { ids } => (ids, Ok(JobAction::Restore)),
            Self::Rate {
                ids,
                verdict,
                verdict_reason,
            } => {
                let patch = JobPatch {
                    verdict: Some(verdict),
                    verdict_reason,
                    ..JobPatch::default()
                };
                (ids, patch.checked().map(set_notes))
            }
            Self::Tag {
                ids,
                add_tags,
                remove_tags,
            } => (ids, tags_change(&add_tags, &remove_tags).map(set_notes)),
        };
        let ids = distinct_ids(&ids).map_err(|invalid| vec![FieldError::new("ids", invalid)]);
        match (ids, action) {
            (Ok(ids), Ok(action)) => Ok((ids, action)),
            (ids, action) => {
                let errors = [ids.err(), action.err()];
                Err(errors.into_iter().flatten().flatten().collect())
            }
        }
    }
}

fn tags_change(add: &[String], remove: &[String]) -> Result<NotesChange, Vec<FieldError>> {
    let add_tags = checked_tags(add).map_err(|invalid| FieldError::new("add_tags", invalid));
    let remove_tags = checked_tags(remove).map_err(|invalid| FieldError::new("remove_tags", invalid));
    match (add_tags, remove_tags) {
        (Ok(add_tags), Ok(remove_tags)) => Ok(NotesChange {
            add_tags,
            remove_tags,
            ..NotesChange::default()
        }),
        (add, remove) => Err([add.err(), remove.err()].into_iter().flatten().collect()),
    }
}

/// The jobs in the order of their first occurrence.
fn distinct_ids(ids: &[i64]) -> Result<Vec<JobId>, Invalid> {
    if !(1..=JOBS).contains(&ids.len()) {
        return Err(Invalid::WrongCount { max: JOBS });
    }
    let mut seen = HashSet::new();
    let mut distinct = Vec::new();
    for id in ids {
        let id = JobId(input::id(&id.to_string())?);
        if seen.insert(id) {
            distinct.push(id);
        }
    }
    Ok(distinct)
}

/// A field that may be `null` but not be omitted.
fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}
