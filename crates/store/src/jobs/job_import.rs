//! Imports complete jobs with the data of their files, from an export or as demo data.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Job, JobId, JobNotes, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    Result, Store,
    db::{
        batches::padded,
        error::Fault,
        record::milliseconds,
        tables::PrintJobs,
        text::check_short,
        transaction::{LONG, Tx},
    },
    files::{
        details_queue::DetailsStatus,
        gcode_files::{self, NewGcodeFile},
    },
    jobs::{
        changes::{JobChanges, NewRecord},
        deleted_jobs, notes,
        rows::{jobs_where, load_jobs, stored_form},
        save,
    },
};

/// A job with all data to import.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// The previous id. Kept if no job has or had it here and it leaves room for new ids. `None` for any id.
    pub id: Option<JobId>,
    /// The job. Its printer must exist.
    pub job: Job,
    /// Creation time of its row.
    pub created_at: Timestamp,
    /// Time of its row's last change.
    pub updated_at: Timestamp,
    /// State of its details.
    pub details_status: DetailsStatus,
    /// Why its details could not be read.
    pub details_reason: Option<String>,
    /// Data of its file. `None` if there is none.
    pub file: Option<NewGcodeFile>,
    /// What users added.
    pub notes: JobNotes,
}

/// Result of an import of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportedRecords {
    /// New jobs.
    pub added: u64,
    /// Jobs that already existed. They are not changed.
    pub known: u64,
    /// Jobs that a user deleted here.
    pub skipped_deleted: u64,
}

impl Store {
    /// Stores the new jobs among up to a few thousand records, in one transaction. Idempotent.
    ///
    /// # Errors
    /// [`Error::NoSuchPrinter`](crate::Error::NoSuchPrinter), [`Error::TooLong`](crate::Error::TooLong).
    pub async fn import_jobs(&self, records: &[JobRecord], now: Timestamp) -> Result<ImportedRecords> {
        let jobs = &stored_forms(records)?;
        self.write_within(LONG, "import jobs", |tx| async move {
            import(&tx, records, jobs, now).await
        })
        .await
    }

    /// The result that [`import_jobs`](Self::import_jobs) would have. Jobs of unknown printers count as new.
    pub async fn preview_import(&self, records: &[JobRecord]) -> Result<ImportedRecords> {
        let jobs = &stored_forms(records)?;
        self.read_within(LONG, "find jobs", |db| async move {
            let mut imported = ImportedRecords::default();
            for (printer_id, of_printer) in by_printer(records, jobs) {
                imported.added += select_new(&db, printer_id, of_printer, &mut imported)
                    .await?
                    .len() as u64;
            }
            Ok(imported)
        })
        .await
    }
}

fn stored_forms(records: &[JobRecord]) -> Result<Vec<Job>> {
    let stored = records.iter().map(|record| {
        check_short("job id", record.job.job_id.as_deref().unwrap_or_default())?;
        // Before the transaction, which would fail as a whole.
        notes::check(&record.notes)?;
        Ok(stored_form(&record.job))
    });
    stored.collect()
}

type OfPrinter<'a> = Vec<(&'a JobRecord, &'a Job)>;

/// Records by printer.
fn by_printer<'a>(records: &'a [JobRecord], jobs: &'a [Job]) -> BTreeMap<PrinterId, OfPrinter<'a>> {
    let mut of_printers: BTreeMap<PrinterId, OfPrinter<'a>> = BTreeMap::new();
    for pair in records.iter().zip(jobs) {
        of_printers.entry(pair.1.printer_id).or_default().push(pair);
    }
    of_printers
}

/// Selects the new records and counts the others.
async fn select_new<'a>(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    of_printer: OfPrinter<'a>,
    imported: &mut ImportedRecords,
) -> Result<OfPrinter<'a>, Fault> {
    let jobs: Vec<_> = of_printer.iter().map(|(_, job)| *job).collect();
    let mut known = known(db, printer_id, &jobs).await?;
    let has_deleted = deleted_jobs::has_any(db, printer_id).await?;
    let mut new = Vec::new();
    for (record, job) in of_printer {
        if save::row_of(&known, job).is_some() {
            imported.known += 1;
        // One query per job, so only where anything was deleted.
        } else if has_deleted && deleted_jobs::is_deleted(db, job).await? {
            imported.skipped_deleted += 1;
        } else {
            // A file may contain a job twice. The id is never read.
            known.push((JobId(0), job.clone()));
            new.push((record, job));
        }
    }
    Ok(new)
}

async fn import(
    tx: &Tx,
    records: &[JobRecord],
    jobs: &[Job],
    now: Timestamp,
) -> Result<ImportedRecords, Fault> {
    let mut imported = ImportedRecords::default();
    let by_printer = by_printer(records, jobs);
    let printer_ids = by_printer.keys().copied().collect();
    // All printers at once, in one order: an import may contain jobs of several.
    let mut changes = JobChanges::lock_all(tx, &printer_ids, now).await?;
    let mut new = Vec::new();
    for (printer_id, of_printer) in by_printer {
        let new_here = select_new(&**tx, printer_id, of_printer, &mut imported).await?;
        let files = new_here.iter().filter_map(|(record, _)| record.file.as_ref());
        let file_ids = gcode_files::put_all(tx, printer_id, files, now).await?;
        new.extend(new_here.into_iter().map(|(record, job)| {
            let file = record.file.as_ref();
            NewRecord {
                record,
                job,
                file_id: file.and_then(|file| file_ids.get(&file.file_key).copied()),
            }
        }));
    }
    imported.added = new.len() as u64;
    changes.insert_records(&new).await?;
    changes.finish().await?;
    Ok(imported)
}

/// Stored jobs that may be of the same runs.
pub(crate) async fn known(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    jobs: &[&Job],
) -> Result<Vec<(JobId, Job)>, Fault> {
    let mut starts = BTreeSet::new();
    let mut undated = BTreeSet::new();
    for job in jobs {
        starts.extend(milliseconds(job.start_time));
        starts.extend(milliseconds(job.history_start_time));
        if job.start_time.is_none() && job.history_start_time.is_none() {
            undated.extend(job.job_id.clone());
        }
    }
    let starts = padded(starts.into_iter().collect());
    let undated = padded(undated.into_iter().collect());
    let by_printer = Expr::col(PrintJobs::PrinterId).eq(printer_id.0);
    let history_start = Expr::col(PrintJobs::HistoryStartTime);
    let mut conditions = Vec::new();
    if !starts.is_empty() {
        conditions.push(Expr::col(PrintJobs::SortTime).is_in(starts.iter().copied()));
        conditions.push(history_start.clone().is_in(starts));
    }
    if !undated.is_empty() {
        let job_id = Expr::col(PrintJobs::JobId).is_in(undated);
        conditions.push(history_start.is_null().and(job_id));
    }
    // Separate queries, because no engine would use two indexes for one.
    let mut known: BTreeMap<JobId, Job> = BTreeMap::new();
    for condition in conditions {
        known.extend(load_jobs(db, jobs_where([by_printer.clone(), condition])).await?);
    }
    Ok(known.into_iter().collect())
}
