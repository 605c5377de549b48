//! The table `deleted_jobs`: runs that a user deleted and that must not be imported again.

use domain::{HistoryJob, Job, JobId, JobStatus, PrinterId, Source};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait, Query},
};

use crate::db::{
    error::Fault,
    record::{Record, milliseconds},
    tables::DeletedJobs,
    transaction::Tx,
};

/// Maximum difference between two computations of the same start (now minus the printer's counter).
const SAME_START: SignedDuration = SignedDuration::from_secs(3);
/// Like [`SAME_START`], for a start computed from an end that Moonraker recorded.
const LATE_START: SignedDuration = SignedDuration::from_secs(10);

/// A deleted run.
pub(crate) struct DeletedJob {
    /// The kept part of the job: its identity, and the fields by which a late report is recognised.
    job: Job,
}

impl DeletedJob {
    /// Whether the history row belongs to this run.
    pub(crate) fn is_of_run(&self, row: &HistoryJob) -> bool {
        row.is_run_of(&self.job) || row.is_late_report_of(&self.job) || self.ended_unseen_as(row)
    }

    /// Whether the row is the end of a run that was deleted while it was running and whose start Moonraker missed.
    fn ended_unseen_as(&self, row: &HistoryJob) -> bool {
        self.job.job_id.is_none()
            && self.job.end_time.is_none()
            && row.missed_start()
            && near(
                Job::from_history(self.job.printer_id, row).start_time,
                self.job.start_time,
                LATE_START,
            )
    }

    fn is_of_job(&self, job: &Job) -> bool {
        let same_id = job.job_id == self.job.job_id;
        let same_file = job.filename == self.job.filename;
        let both_known = job.job_id.is_some() && self.job.job_id.is_some();
        // Both were in the history, so its times decide and not those of our clock.
        if both_known && job.history_start_time == self.job.history_start_time {
            return if job.history_start_time.is_some() {
                same_id || same_file
            } else {
                same_id && same_file
            };
        }
        if both_known {
            return false;
        }
        let same_start = job.start_time.is_some() && job.start_time == self.job.start_time;
        // Two computations of one start from the counter differ by the delay of the updates.
        same_start || (same_file && near(job.start_time, self.job.start_time, SAME_START))
    }
}

fn near(a: Option<Timestamp>, b: Option<Timestamp>, limit: SignedDuration) -> bool {
    a.zip(b).is_some_and(|(a, b)| a.duration_since(b).abs() < limit)
}

/// Whether this row of `print_jobs` was deleted at exactly `time`.
pub(crate) async fn was_deleted_at(tx: &Tx, id: JobId, time: Timestamp) -> Result<bool, Fault> {
    let query = Query::select()
        .column(DeletedJobs::PrintJobId)
        .from(DeletedJobs::Table)
        .and_where(Expr::col(DeletedJobs::PrintJobId).eq(id.0))
        .and_where(Expr::col(DeletedJobs::DeletedAt).eq(time.as_millisecond()))
        .to_owned();
    Ok(tx.query_one(&query).await?.is_some())
}

/// Whether any run of the printer was deleted.
pub(crate) async fn has_any(db: &impl ConnectionTrait, printer_id: PrinterId) -> Result<bool, Fault> {
    let query = Query::select()
        .column(DeletedJobs::PrintJobId)
        .from(DeletedJobs::Table)
        .and_where(Expr::col(DeletedJobs::PrinterId).eq(printer_id.0))
        .limit(1)
        .to_owned();
    Ok(db.query_one(&query).await?.is_some())
}

/// Whether a job without a row is a deleted run.
pub(crate) async fn is_deleted(db: &impl ConnectionTrait, job: &Job) -> Result<bool, Fault> {
    let start = Expr::col(DeletedJobs::StartTime);
    let around = job.start_time.map(|time| {
        let reach = SAME_START.as_millis() as i64;
        start.between(time.as_millisecond() - reach, time.as_millisecond() + reach)
    });
    let run = job
        .job_id
        .is_some()
        .then(|| history_start(job.history_start_time));
    // Nothing identifies such a job; a comparison by name alone would hide every later print of the file.
    if around.is_none() && run.is_none() {
        return Ok(false);
    }
    let condition = Cond::any().add_option(around).add_option(run);
    let deleted = load(db, job.printer_id, condition).await?;
    Ok(deleted.iter().any(|deleted| deleted.is_of_job(job)))
}

/// Deleted runs that may match rows with these starts.
pub(crate) async fn of_runs(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    start_times: Vec<i64>,
) -> Result<Vec<DeletedJob>, Fault> {
    let start = Expr::col(DeletedJobs::HistoryStartTime);
    load(
        db,
        printer_id,
        Cond::any()
            .add(start.clone().is_in(start_times))
            // Runs that were deleted before the history reported them have no start there.
            .add(start.is_null()),
    )
    .await
}

fn history_start(time: Option<Timestamp>) -> Expr {
    let start = Expr::col(DeletedJobs::HistoryStartTime);
    match milliseconds(time) {
        Some(time) => start.eq(time),
        None => start.is_null(),
    }
}

async fn load(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    condition: Cond,
) -> Result<Vec<DeletedJob>, Fault> {
    let query = Query::select()
        .columns([
            DeletedJobs::PrintJobId,
            DeletedJobs::JobId,
            DeletedJobs::HistoryStartTime,
            DeletedJobs::StartTime,
            DeletedJobs::EndTime,
            DeletedJobs::Filename,
            DeletedJobs::TotalDuration,
        ])
        .from(DeletedJobs::Table)
        .and_where(Expr::col(DeletedJobs::PrinterId).eq(printer_id.0))
        .cond_where(condition)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            let record = Record::new(row, "deleted_jobs", "print_job_id")?;
            let job = Job {
                printer_id,
                job_id: record.get("job_id")?,
                history_start_time: record.time("history_start_time")?,
                user: None,
                filename: record.get("filename")?,
                // Only what identifies the run is kept of it; the rest has any value.
                status: JobStatus::Interrupted,
                cause: None,
                message: None,
                start_time: record.time("start_time")?,
                end_time: record.time("end_time")?,
                figures: domain::Figures {
                    total_duration: record.get("total_duration")?,
                    ..domain::Figures::default()
                },
                end_source: None,
                figures_source: Source::History,
                clock_jumped: false,
                metadata: None,
                auxiliary_data: None,
                last_seen: None,
            };
            Ok(DeletedJob { job })
        })
        .collect()
}
