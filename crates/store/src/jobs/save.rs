//! The table `print_jobs`: reads, writes and deletes of single jobs.

use domain::{Figures, HistoryJob, Job, JobId, PrinterId};
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
        tables::{JobDetails, PrintJobs},
        text::check_short,
        transaction::Tx,
    },
    files::details_queue,
    job_months,
    jobs::{
        deleted_jobs, history_import, notes, outcome_counts, pauses,
        rows::{
            self, StoredJob, columns, insert_row, is_open, jobs_where, load_jobs, row, stored_form,
            stored_form_of_row,
        },
        search,
        totals::OpenTotals,
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
        self.read("look for a job", |db| async move {
            history_import::find_run(&db, printer_id, row).await
        })
        .await
    }

    /// The job with this id, with all columns.
    pub async fn job(&self, id: JobId) -> Result<Option<StoredJob>> {
        self.read_fast("read a job", |db| async move { rows::stored(&db, id).await })
            .await
    }

    /// Deletes a job and its details. The deletion is recorded, so that an import of the history does not restore the
    /// job. `false` if there is no such job.
    pub async fn delete_job(&self, id: JobId, now: Timestamp) -> Result<bool> {
        self.write("delete a job", |tx| async move {
            // The printer of a job never changes, so its totals can be locked first.
            let Some((_, job)) = load_job(&tx, id).await? else {
                return Ok(tx.is_retry && deleted_jobs::was_deleted_at(&tx, id, now).await?);
            };
            let mut totals = OpenTotals::lock(&tx, job.printer_id).await?;
            let Some((_, job)) = load_job(&tx, id).await? else {
                return Ok(false);
            };
            deleted_jobs::insert(&tx, id, &job, now).await?;
            remove(&tx, id).await?;
            totals.remove(&job.figures);
            job_months::refresh(&tx, totals.printer_id(), &[(id, job.start_time)]).await?;
            totals.save(&tx, now).await?;
            Ok(true)
        })
        .await
    }
}

async fn save(tx: &Tx, job: &Job, now: Timestamp) -> Result<Saved, Fault> {
    let mut totals = OpenTotals::lock(tx, job.printer_id).await?;
    let mut rows = rows_of(tx, job).await?;
    let Some(position) = row_of(&rows, job) else {
        if deleted_jobs::hide_job(&**tx, job).await? {
            return Ok(Saved::Deleted);
        }
        let id = insert(tx, job, now).await?;
        search::insert(tx, std::iter::once((id, search::key([job.filename.as_deref()])))).await?;
        details_queue::enqueue(tx, &[(id, job.start_time)], true, now).await?;
        totals.add(&job.figures);
        job_months::refresh(tx, totals.printer_id(), &[(id, job.start_time)]).await?;
        totals.save(tx, now).await?;
        return Ok(Saved::Inserted(id));
    };
    let (id, stored) = rows.swap_remove(position);
    let mut wanted = with_what_is_known(job.clone(), &stored);
    wanted.start_time = stored.start_time.or(wanted.start_time);
    let mut touched = vec![(id, stored.start_time)];
    let mut outcomes = vec![stored.status];
    // The import may have stored the run as a separate job before the two were known to be the same.
    for (twin, of_twin) in &rows {
        if !same_identity(of_twin, &wanted) {
            continue;
        }
        wanted = with_what_is_known(wanted, of_twin);
        notes::adopt(tx, *twin, id).await?;
        remove(tx, *twin).await?;
        touched.push((*twin, of_twin.start_time));
        outcomes.push(of_twin.status);
        totals.remove(&of_twin.figures);
    }
    let changed = update(tx, id, &stored, &wanted, now).await?;
    if changed {
        totals.replace(&stored.figures, &wanted.figures);
    }
    if changed || touched.len() > 1 {
        outcome_counts::correct(tx, job.printer_id, outcomes, wanted.status).await?;
        job_months::refresh(tx, totals.printer_id(), &touched).await?;
    }
    totals.save(tx, now).await?;
    Ok(if changed {
        Saved::Updated(id)
    } else {
        Saved::Unchanged(id)
    })
}

async fn save_progress(tx: &Tx, job: &Job, now: Timestamp) -> Result<Saved, Fault> {
    let mut totals = OpenTotals::lock(tx, job.printer_id).await?;
    let progress = |job: &Job| -> Vec<(PrintJobs, Value)> {
        let touched = [
            PrintJobs::Status,
            PrintJobs::Message,
            PrintJobs::PrintDuration,
            PrintJobs::TotalDuration,
            PrintJobs::FilamentUsed,
            PrintJobs::FiguresSource,
            PrintJobs::LastSeen,
        ];
        columns(job)
            .into_iter()
            .filter(|(column, _)| touched.contains(column))
            .collect()
    };
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
    let ([row], Some(_)) = (rows.as_slice(), job.start_time) else {
        return save(tx, job, now).await;
    };
    let record = Record::new(row, "print_jobs", "id")?;
    let (id, status_before) = (record.key, record.status()?);
    let before = Figures {
        print_duration: row.try_get("", "print_duration")?,
        total_duration: row.try_get("", "total_duration")?,
        filament_used: row.try_get("", "filament_used")?,
    };
    let statement = Query::update()
        .table(PrintJobs::Table)
        .values(
            progress(job)
                .into_iter()
                .map(|(column, value)| (column, Expr::val(value))),
        )
        .value(PrintJobs::UpdatedAt, now.as_millisecond())
        .and_where(Expr::col(PrintJobs::Id).eq(id))
        .to_owned();
    tx.execute(&statement).await?;
    pauses::note(tx, JobId(id), status_before, job).await?;
    totals.replace(&before, &job.figures);
    // Skipped for a job that keeps running, the usual case (twice a minute): months contain ended jobs only.
    if !(status_before.is_open() && job.status.is_open()) {
        outcome_counts::correct(tx, job.printer_id, [status_before], job.status).await?;
        job_months::refresh(tx, totals.printer_id(), &[(JobId(id), job.start_time)]).await?;
    }
    totals.save(tx, now).await?;
    Ok(if status_before == job.status {
        Saved::Progressed(JobId(id))
    } else {
        Saved::Updated(JobId(id))
    })
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
fn with_what_is_known(mut job: Job, known: &Job) -> Job {
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

async fn load_job(tx: &Tx, id: JobId) -> Result<Option<(JobId, Job)>, Fault> {
    Ok(load_jobs(&**tx, jobs_where([Expr::col(PrintJobs::Id).eq(id.0)]))
        .await?
        .pop())
}

async fn insert(tx: &Tx, job: &Job, now: Timestamp) -> Result<JobId, Fault> {
    insert_row(tx, row(job, now, now)).await
}

/// Updates changed columns. `false` if nothing differs.
pub(crate) async fn update(
    tx: &Tx,
    id: JobId,
    before: &Job,
    after: &Job,
    now: Timestamp,
) -> Result<bool, Fault> {
    pauses::note(tx, id, before.status, after).await?;
    let (before, after) = (columns(before), columns(after));
    let changed: Vec<_> = after.into_iter().filter(|pair| !before.contains(pair)).collect();
    if changed.is_empty() {
        return Ok(false);
    }
    let is_renamed = changed.iter().any(|(column, _)| *column == PrintJobs::Filename);
    let statement = Query::update()
        .table(PrintJobs::Table)
        .values(
            changed
                .into_iter()
                .map(|(column, value)| (column, Expr::val(value))),
        )
        .value(PrintJobs::UpdatedAt, now.as_millisecond())
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    tx.execute(&statement).await?;
    if is_renamed {
        search::reindex(tx, id).await?;
        details_queue::retry(tx, id, now).await?;
    }
    Ok(true)
}

async fn remove(tx: &Tx, id: JobId) -> Result<(), Fault> {
    details_queue::remove(tx, id).await?;
    notes::remove(tx, id).await?;
    pauses::remove(tx, id).await?;
    search::remove(tx, id).await?;
    let details = Query::delete()
        .from_table(JobDetails::Table)
        .and_where(Expr::col(JobDetails::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&details).await?;
    let job = Query::delete()
        .from_table(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    tx.execute(&job).await?;
    Ok(())
}
