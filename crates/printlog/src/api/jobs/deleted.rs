//! Deleted jobs: deleting, listing and restoring.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use domain::{Cursor, JobId};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::{DeletedJob, DeletedJobPage, Deletion, Unchanged};
use utoipa::ToSchema;

use crate::{
    api::{
        access::auth::Caller,
        http::{
            error::{ApiResult, Problem},
            extract::{NoQuery, PathId},
            fault::Fault,
            query::{Query, parameters},
        },
        jobs::{FullJobBody, JobItemBody, LARGEST_PAGE, PAGE, PrinterParameters, no_such_job},
        state::{ApiState, Core},
    },
    input::{self, page},
};

/// A deleted job that can be restored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedJob)]
pub(crate) struct DeletedJobBody {
    #[serde(flatten)]
    pub(crate) job: JobItemBody,
    pub(crate) deleted_at: Timestamp,
    /// Name of the API key, or of the key with which the session was opened. `null` if it is unknown.
    pub(crate) deleted_by: Option<String>,
    /// Until when it can be restored.
    pub(crate) expires_at: Timestamp,
}

/// A page of deleted jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedJobList)]
pub(crate) struct DeletedJobListBody {
    /// Newest deletion first.
    pub(crate) items: Vec<DeletedJobBody>,
    /// `cursor` of the next page. `null` on the last page.
    pub(crate) next: Option<String>,
}

parameters! {
    /// Position in the list of deleted jobs.
    pub(crate) struct DeletedPageParameters {
        /// Number of jobs on a page.
        #[param(value_type = Option<u64>, minimum = 1, maximum = 500, default = 50)]
        limit: u64 = one_or(PAGE, input::whole(1, LARGEST_PAGE)),
        /// Start of the page: `next` of the previous page, unchanged.
        #[param(
            value_type = Option<String>,
            pattern = "^C[A-P][A-Za-z0-9_-]{10}A[AB][A-Za-z0-9_-]{8}[AEIMQUYcgkosw048]$"
        )]
        cursor: Option<Cursor> = one(page::deleted_place),
    }
}

/// Delete a job
///
/// The job is removed from the totals and is not imported from the printer's history again. It can be restored for the
/// days of `retention.deleted_jobs`. A job that is being printed cannot be deleted (409).
#[utoipa::path(delete, path = "/api/jobs/{id}", tag = "jobs",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job.")),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is being printed."),
    ))]
pub(crate) async fn delete_job(
    State(state): State<ApiState>,
    core: Core,
    caller: Caller,
    id: PathId,
    _: NoQuery,
) -> ApiResult<StatusCode> {
    let id = JobId(id.0);
    if core.fleet.current_jobs().contains(&id) {
        return Err(Problem::conflict(Fault::JobIsPrinting));
    }
    let deletion = deletion(&core, &caller);
    match core.store.delete_job(id, deletion, state.clock.now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such_job(id)),
    }
}

/// List deleted jobs
///
/// Those that can still be restored, newest deletion first. `has_thumbnail` is false: a deleted job has no routes of its
/// own. For the next page, send `next` as `cursor`, with the same `printer_id`.
#[utoipa::path(get, path = "/api/jobs/deleted", tag = "jobs", params(PrinterParameters, DeletedPageParameters),
    responses((status = 200, body = DeletedJobListBody)))]
pub(crate) async fn list_deleted_jobs(
    core: Core,
    Query((printers, page)): Query<(PrinterParameters, DeletedPageParameters)>,
) -> ApiResult<Json<DeletedJobListBody>> {
    let kept = core.settings.borrow().retention.deleted_jobs;
    let deleted = core
        .store
        .deleted_jobs(&printers.printer_id, page.limit, page.cursor)
        .await?;
    Ok(Json(DeletedJobListBody::new(deleted, kept)))
}

/// Restore a deleted job
///
/// The job gets back its id and everything that belonged to it, as if it had never been deleted.
#[utoipa::path(post, path = "/api/jobs/{id}/restore", tag = "jobs",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The deleted job.")),
    responses(
        (status = 200, body = FullJobBody),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "It is not among the deleted jobs."),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The same run was recorded again."),
    ))]
pub(crate) async fn restore_job(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    _: NoQuery,
) -> ApiResult<Json<FullJobBody>> {
    let id = JobId(id.0);
    match core.store.restore_job(id, state.clock.now()).await? {
        None => {}
        Some(Unchanged::RecordedAgain(other)) => {
            return Err(Problem::conflict(Fault::JobRecordedAgain { id: other.0 }));
        }
        Some(_) => return Err(Problem::not_found(Fault::JobNotDeleted { id: id.0 })),
    }
    Ok(Json(FullJobBody::read(&core, id, false).await?))
}

/// A deletion by the caller, as configured.
pub(super) fn deletion<'a>(core: &Core, caller: &'a Caller) -> Deletion<'a> {
    match core.settings.borrow().retention.deleted_jobs.is_zero() {
        true => Deletion::Final,
        false => Deletion::Restorable {
            by: Some(&caller.key.name),
        },
    }
}

impl DeletedJobListBody {
    /// A page of jobs that are kept for this time after their deletion.
    pub(crate) fn new(page: DeletedJobPage, kept: Duration) -> Self {
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        Self {
            items: page
                .items
                .into_iter()
                .map(|job| DeletedJobBody::new(job, kept))
                .collect(),
            next: page.next.map(page::encode_deleted),
        }
    }
}

impl DeletedJobBody {
    fn new(deleted: DeletedJob, kept: SignedDuration) -> Self {
        let mut job = JobItemBody::from(deleted.row);
        // No report of a printer reaches a deleted job.
        job.job.is_unobserved.get_or_insert(true);
        Self {
            job,
            deleted_at: deleted.deleted_at,
            deleted_by: deleted.deleted_by,
            expires_at: deleted.deleted_at.saturating_add(kept).unwrap_or(Timestamp::MAX),
        }
    }
}
