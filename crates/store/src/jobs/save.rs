//! The table `print_jobs`: reads and writes of single jobs.

use domain::{Figures, HistoryJob, Job, JobId, JobStatus, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query, Value},
};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        record::{Record, milliseconds, sort_time},
        tables::PrintJobs,
        text::check_short,
        transaction::Tx,
    },
    jobs::{
        changes::{JobChanges, Reporter},
        deleted_jobs, history_import,
        rows::{self, StoredJob, is_open, jobs_where, load_jobs, stored_form, stored_form_of_row},
    },
};

/// Result of saving a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// A row was inserted.
    Inserted(JobId),
    /// The row was updated.
    Updated(JobId),
    /// Only figures, message and `last_seen` were written.
    Progressed(JobId),
    /// The row already had these values.
    Unchanged(JobId),
    /// The job was deleted by a user. Nothing was written.
    Deleted,
}

/// Stored state of a run in a printer's history.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum FoundRun {
    /// This job is stored.
    Stored(JobId, Job),
    /// The job was deleted by a user.
    Deleted,
    /// The run is unknown.
    Unknown,
}

impl Store {
    /// Saves a job from the tracker and updates its printer's totals.
    ///
    /// Updates the row of the same printer with the same start, else the row with the same identity in Moonraker's
    /// history, else inserts a new one. Keeps a known start, and keeps known values of identity, user, file and
    /// metadata where `job` has none. Idempotent.
    ///
    /// # Errors
    /// [`Error::NoSuchPrinter`](crate::Error::NoSuchPrinter) if the printer was deleted.
    pub async fn save_job(&self, job: &Job, now: Timestamp) -> Result<Saved> {
        // Compared with the row, so it must have the precision of the row.
        let job = &stored_form(job);
        check_short("job id", job.job_id.as_deref().unwrap_or_default())?;
        self.write("save a job", |tx| async move { save(&tx, job, now).await })
            .await
    }

    /// Saves status, message, figures and `last_seen` of a running job, and updates its printer's totals. Other columns
    /// are not touched. A job without a row is saved completely. Idempotent.
    ///
    /// # Errors
    /// See [`save_job`](Self::save_job).
    pub async fn save_progress(&self, job: &Job, now: Timestamp) -> Result<Saved> {
        let job = &stored_form(job);
        check_short("job id", job.job_id.as_deref().unwrap_or_default())?;
        self.write("save the progress of a job", |tx| async move {
            save_progress(&tx, job, now).await
        })
        .await
    }

    /// Open jobs of a printer, newest first.
    pub async fn open_jobs(&self, printer_id: PrinterId) -> Result<Vec<(JobId, Job)>> {
        let query = &jobs_where([of_printer(printer_id), is_open()])
            .order_by(PrintJobs::SortTime, Order::Desc)
            .order_by(PrintJobs::Id, Order::Desc)
            .to_owned();
        self.read("read the open jobs of a printer", |db| async move {
            load_jobs(&db, query.clone()).await
        })
        .await
    }

    /// Finds the stored or deleted job of a history row.
    pub async fn find_run(&self, printer_id: PrinterId, row: &HistoryJob) -> Result<FoundRun> {
        let row = &stored_form_of_row(row);
        self.read("find a job", |db| async move {
            history_import::find_run(&db, printer_id, row).await
        })
        .await
    }

    /// The job with this id, with all columns.
    pub async fn job(&self, id: JobId) -> Result<Option<StoredJob>> {
        self.read_fast("read a job", |db| async move { rows::stored(&db, id).await })
            .await
    }
}

async fn save(tx: &Tx, job: &Job, now: Timestamp) -> Result<Saved, Fault> {
    let mut changes = JobChanges::lock(tx, job.printer_id, now).await?;
    let saved = save_into(&mut changes, tx, job).await?;
    changes.finish().await?;
    Ok(saved)
}

async fn save_into(changes: &mut JobChanges<'_>, tx: &Tx, job: &Job) -> Result<Saved, Fault> {
    let mut rows = rows_of(tx, job).await?;
    let Some(position) = row_of(&rows, job) else {
        // Asked only without a row: a running print that was deleted must not come back.
        if deleted_jobs::is_deleted(&**tx, job).await? {
            return Ok(Saved::Deleted);
        }
        return Ok(Saved::Inserted(changes.insert(job).await?));
    };
    let (id, stored) = rows.swap_remove(position);
    let mut wanted = with_known_values(job.clone(), &stored);
    // A start is written once. Links, months and the identity of the run depend on it.
    wanted.start_time = stored.start_time.or(wanted.start_time);
    let mut twins = Vec::new();
    // The import may have stored the run as a separate job before the two were known to be the same.
    for (twin, of_twin) in rows {
        if same_identity(&of_twin, &wanted) {
            wanted = with_known_values(wanted, &of_twin);
            twins.push((twin, of_twin));
        }
    }
    let changed = changes
        .update(Reporter::Tracker, (id, &stored), &wanted, &twins)
        .await?;
    Ok(if changed {
        Saved::Updated(id)
    } else {
        Saved::Unchanged(id)
    })
}

async fn save_progress(tx: &Tx, job: &Job, now: Timestamp) -> Result<Saved, Fault> {
    let mut changes = JobChanges::lock(tx, job.printer_id, now).await?;
    let saved = match progress_of(tx, job).await? {
        Some((id, status, figures)) => {
            changes.update_progress(id, (status, figures), job).await?;
            if status == job.status {
                Saved::Progressed(id)
            } else {
                Saved::Updated(id)
            }
        }
        None => save_into(&mut changes, tx, job).await?,
    };
    changes.finish().await?;
    Ok(saved)
}

/// The only row that can be the job's, with its status and figures: a checkpoint reads no other columns.
async fn progress_of(tx: &Tx, job: &Job) -> Result<Option<(JobId, JobStatus, Figures)>, Fault> {
    if job.start_time.is_none() {
        return Ok(None);
    }
    let query = Query::select()
        .columns([
            PrintJobs::Id,
            PrintJobs::Status,
            PrintJobs::PrintDuration,
            PrintJobs::TotalDuration,
            PrintJobs::FilamentUsed,
        ])
        .from(PrintJobs::Table)
        .and_where(of_printer(job.printer_id))
        .and_where(Expr::col(PrintJobs::SortTime).eq(sort_time(job.start_time)))
        .and_where(same_or_null(PrintJobs::JobId, job.job_id.clone().into()))
        .to_owned();
    let rows = tx.query_all(&query).await?;
    // None, or several that can be the job: the complete save decides.
    let [row] = rows.as_slice() else {
        return Ok(None);
    };
    let record = Record::new(row, "print_jobs", "id")?;
    Ok(Some((JobId(record.key), record.status()?, record.figures()?)))
}

fn of_printer(id: PrinterId) -> Expr {
    Expr::col(PrintJobs::PrinterId).eq(id.0)
}

/// Whether the column equals `value`. A null on either side matches anything.
fn same_or_null(column: PrintJobs, value: Value) -> Expr {
    let column = Expr::col(column);
    column
        .clone()
        .is_null()
        .or(Expr::val(value.clone()).is_null())
        .or(column.eq(Expr::val(value)))
}

/// Rows with the job's start or its identity.
async fn rows_of(tx: &Tx, job: &Job) -> Result<Vec<(JobId, Job)>, Fault> {
    let mut rows = Vec::new();
    if job.start_time.is_some() {
        let start = Expr::col(PrintJobs::SortTime).eq(sort_time(job.start_time));
        rows = load_jobs(&**tx, jobs_where([of_printer(job.printer_id), start])).await?;
    }
    if let Some(job_id) = &job.job_id {
        let start = Expr::col(PrintJobs::HistoryStartTime);
        let start = match milliseconds(job.history_start_time) {
            Some(time) => start.eq(time),
            None => start.is_null(),
        };
        let job_id = Expr::col(PrintJobs::JobId).eq(job_id.clone());
        let more = load_jobs(&**tx, jobs_where([of_printer(job.printer_id), start, job_id])).await?;
        rows.extend(
            more.into_iter()
                .filter(|(id, _)| rows.iter().all(|(known, _)| known != id))
                .collect::<Vec<_>>(),
        );
    }
    Ok(rows)
}

/// Picks the row of the job.
pub(crate) fn row_of(rows: &[(JobId, Job)], job: &Job) -> Option<usize> {
    let rank = |stored: &Job| {
        let same_id = job.job_id.is_some() && job.job_id == stored.job_id;
        let same_file = job.filename == stored.filename;
        // A run that only one side identifies may still be the same.
        let both_known = job.job_id.is_some() && stored.job_id.is_some();
        if job.start_time.is_some() && job.start_time == stored.start_time {
            return match (same_id, same_file, both_known) {
                (true, ..) => Some(0),
                (_, true, _) => Some(1),
                (.., false) => Some(2),
                // Both id and file differ: another run.
                (false, false, true) => None,
            };
        }
        same_identity(stored, job).then_some(3)
    };
    let ranked = rows
        .iter()
        .enumerate()
        .filter_map(|(position, (_, stored))| Some((rank(stored)?, position)));
    ranked.min().map(|(_, position)| position)
}

/// Whether both have the same identity in Moonraker's history.
fn same_identity(one: &Job, other: &Job) -> bool {
    one.job_id.is_some()
        && one.job_id == other.job_id
        && one.history_start_time == other.history_start_time
        && (one.history_start_time.is_some() || one.filename == other.filename)
}

/// Fills unknown values of identity, user, file and metadata from the stored job.
fn with_known_values(mut job: Job, known: &Job) -> Job {
    if job.job_id.is_none() {
        job.job_id.clone_from(&known.job_id);
        job.history_start_time = known.history_start_time;
    }
    job.user = job.user.or_else(|| known.user.clone());
    job.filename = job.filename.or_else(|| known.filename.clone());
    job.metadata = job.metadata.or_else(|| known.metadata.clone());
    job.auxiliary_data = job.auxiliary_data.or_else(|| known.auxiliary_data.clone());
    job
}
