//! Merges pages of a printer's history into the stored jobs.

use std::collections::HashSet;

use domain::{HistoryJob, Job, JobId, PrinterId};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    Result, Store,
    db::{batches::padded, error::Fault, tables::PrintJobs, text::check_short, transaction::Tx},
    jobs::{
        changes::{JobChanges, Reporter},
        deleted_jobs,
        rows::{jobs_where, load_jobs, stored_form_of_row},
        save::FoundRun,
    },
};

/// Result of the import of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// New jobs.
    pub added: u64,
    /// Rows that changed a stored job.
    pub changed: u64,
    /// Rows that changed nothing, including the excluded one.
    pub unchanged: u64,
    /// Rows of deleted jobs.
    pub skipped_deleted: u64,
}

/// Maximum difference between the start in a history row and that of the same job recorded without the history. The two
/// starts come from two machines with different clocks.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Merges rows of a printer's history into its jobs, in one transaction. Idempotent.
    ///
    /// `leave` is excluded: the tracker decides about that run. A page may have a few thousand rows.
    ///
    /// # Errors
    /// [`Error::NoSuchPrinter`](crate::Error::NoSuchPrinter) if the printer was deleted.
    pub async fn import_history(
        &self,
        printer_id: PrinterId,
        rows: &[HistoryJob],
        leave: Option<&HistoryJob>,
        now: Timestamp,
    ) -> Result<Imported> {
        let leave = leave.map(stored_form_of_row);
        // Compared by identity and not by position: the rows have been filtered and rounded.
        let is_left = |row: &HistoryJob| {
            leave.as_ref().is_some_and(|leave| {
                leave.job_id == row.job_id
                    && leave.start_time == row.start_time
                    && leave.filename == row.filename
            })
        };
        let all = rows.len();
        let rows: Vec<HistoryJob> = rows
            .iter()
            .map(stored_form_of_row)
            .filter(|row| !is_left(row))
            .collect();
        for row in &rows {
            check_short("job id", &row.job_id)?;
        }
        let (left, rows) = ((all - rows.len()) as u64, &rows);
        if rows.is_empty() {
            return Ok(Imported {
                unchanged: left,
                ..Imported::default()
            });
        }
        let mut imported = self
            .write("import history", |tx| async move {
                import(&tx, printer_id, rows, now).await
            })
            .await?;
        imported.unchanged += left;
        Ok(imported)
    }
}

/// A job that may match a row, before and after the merge.
struct Candidate {
    /// `None` for a new job.
    stored: Option<(JobId, Job)>,
    job: Job,
}

async fn import(
    tx: &Tx,
    printer_id: PrinterId,
    rows: &[HistoryJob],
    now: Timestamp,
) -> Result<Imported, Fault> {
    // Before the rows are read, so that the tracker cannot add the same run meanwhile.
    let mut changes = JobChanges::lock(tx, printer_id, now).await?;
    let stored = candidates(&**tx, printer_id, rows).await?;
    let mut candidates: Vec<Candidate> = stored
        .into_iter()
        .map(|(id, job)| Candidate {
            job: job.clone(),
            stored: Some((id, job)),
        })
        .collect();
    let deleted = deleted_jobs::of_runs(&**tx, printer_id, start_times(rows)).await?;

    let mut imported = Imported::default();
    for row in rows {
        if let Some(position) = best(candidates.iter().map(|candidate| &candidate.job), row) {
            match candidates[position].job.merged_with(row) {
                Some(merged) => {
                    candidates[position].job = merged;
                    imported.changed += 1;
                }
                None => imported.unchanged += 1,
            }
        } else if deleted.iter().any(|deleted| deleted.is_of_run(row)) {
            imported.skipped_deleted += 1;
        } else {
            // Also a candidate for the rows that follow: a page may contain a run twice.
            candidates.push(Candidate {
                stored: None,
                job: Job::from_history(printer_id, row),
            });
            imported.added += 1;
        }
    }

    let mut new = Vec::new();
    for Candidate { stored, job } in candidates {
        match stored {
            None => new.push(job),
            Some((id, before)) => {
                let job = Job {
                    // A start is written once.
                    start_time: before.start_time.or(job.start_time),
                    ..job
                };
                changes.update(Reporter::Import, (id, &before), &job, &[]).await?;
            }
        }
    }
    changes.insert_history(printer_id, &new).await?;
    changes.finish().await?;
    Ok(imported)
}

/// Finds the stored or deleted job of a history row.
pub(crate) async fn find_run(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    row: &HistoryJob,
) -> Result<FoundRun, Fault> {
    let rows = std::slice::from_ref(row);
    let mut stored = candidates(db, printer_id, rows).await?;
    if let Some(position) = best(stored.iter().map(|(_, job)| job), row) {
        let (id, job) = stored.swap_remove(position);
        return Ok(FoundRun::Stored(id, job));
    }
    let deleted = deleted_jobs::of_runs(db, printer_id, start_times(rows)).await?;
    let deleted = deleted.iter().any(|deleted| deleted.is_of_run(row));
    Ok(if deleted {
        FoundRun::Deleted
    } else {
        FoundRun::Unknown
    })
}

/// Picks the job of the row. A job with the same id is preferred over one that only looks similar.
fn best<'a>(jobs: impl Iterator<Item = &'a Job>, row: &HistoryJob) -> Option<usize> {
    let rank = |job: &Job| {
        let same_id = job.job_id.as_deref() == Some(row.job_id.as_str());
        if row.is_run_of(job) {
            return Some(match (same_id, job.filename == row.filename) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => 2,
            });
        }
        // Only if no job has the identity of the row.
        row.is_late_report_of(job).then_some(3)
    };
    jobs.enumerate()
        .filter_map(|(position, job)| Some((rank(job)?, position)))
        .min()
        .map(|(_, position)| position)
}

/// Stored jobs that may match the rows.
async fn candidates(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    rows: &[HistoryJob],
) -> Result<Vec<(JobId, Job)>, Fault> {
    let of_printer = Expr::col(PrintJobs::PrinterId).eq(printer_id.0);
    let start = Expr::col(PrintJobs::HistoryStartTime);
    let times = start_times(rows);
    let mut found = Vec::new();
    if !times.is_empty() {
        found = load_jobs(db, jobs_where([of_printer.clone(), start.clone().is_in(times)])).await?;
    }
    let undated = rows
        .iter()
        .filter(|row| row.start_time.is_none())
        .map(|row| row.job_id.clone());
    let undated = padded(undated.collect());
    if !undated.is_empty() {
        let job_id = Expr::col(PrintJobs::JobId).is_in(undated);
        found.extend(
            load_jobs(
                db,
                jobs_where([of_printer.clone(), start.clone().is_null(), job_id]),
            )
            .await?,
        );
    }
    // Jobs that were recorded without the history have neither its id nor its start.
    if let Some((first, last)) = span(printer_id, rows) {
        let job_id = Expr::col(PrintJobs::JobId).is_null();
        let began = Expr::col(PrintJobs::StartTime).between(first.as_millisecond(), last.as_millisecond());
        found.extend(load_jobs(db, jobs_where([of_printer, start.is_null(), job_id, began])).await?);
    }
    Ok(found)
}

fn start_times(rows: &[HistoryJob]) -> Vec<i64> {
    let times: HashSet<i64> = rows
        .iter()
        .filter_map(|row| Some(row.start_time?.as_millisecond()))
        .collect();
    padded(times.into_iter().collect())
}

/// The range of the rows' starts, extended by [`MARGIN`] on both sides.
fn span(printer_id: PrinterId, rows: &[HistoryJob]) -> Option<(Timestamp, Timestamp)> {
    let starts = rows.iter().filter_map(|row| {
        if row.missed_start() {
            Job::from_history(printer_id, row).start_time
        } else {
            row.start_time
        }
    });
    let (first, last) = starts.fold(None, |span: Option<(Timestamp, Timestamp)>, start| {
        Some(span.map_or((start, start), |(first, last)| {
            (first.min(start), last.max(start))
        }))
    })?;
    Some((
        first.saturating_sub(MARGIN).ok()?,
        last.saturating_add(MARGIN).ok()?,
    ))
}
