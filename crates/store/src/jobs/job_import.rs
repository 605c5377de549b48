//! Imports complete jobs with the data of their files, from an export or as demo data.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{Job, JobId, JobNotes, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DbErr, Iden,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Result, Store,
    db::{
        batches::{insert_all, padded},
        error::Fault,
        ids,
        record::{milliseconds, sort_time},
        tables::{DeletedJobs, DetailsQueue, JobDetails as DetailsColumns, PrintJobs},
        text::check_short,
        transaction::{LONG, Tx},
    },
    files::{
        details_queue::DetailsStatus,
        gcode_files::{self, NewGcodeFile},
        job_details::{self, JobDetails},
    },
    job_months,
    jobs::{
        deleted_jobs, notes,
        rows::{self, jobs_where, load_jobs, stored_form},
        save, search,
        totals::OpenTotals,
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
    /// Stores the new jobs among up to some thousand records, in one transaction. Idempotent.
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
        self.read_within(LONG, "look for jobs", |db| async move {
            let mut imported = ImportedRecords::default();
            for (printer_id, of_printer) in by_printer(records, jobs) {
                imported.added += sift(&db, printer_id, of_printer, &mut imported).await?.len() as u64;
            }
            Ok(imported)
        })
        .await
    }
}

fn stored_forms(records: &[JobRecord]) -> Result<Vec<Job>> {
    let stored = records.iter().map(|record| {
        check_short("job id", record.job.job_id.as_deref().unwrap_or_default())?;
        notes::check(&record.notes)?;
        Ok(stored_form(&record.job))
    });
    stored.collect()
}

type OfPrinter<'a> = Vec<(&'a JobRecord, &'a Job)>;

/// Records by printer. Transactions lock the totals of several printers in this order.
fn by_printer<'a>(records: &'a [JobRecord], jobs: &'a [Job]) -> BTreeMap<PrinterId, OfPrinter<'a>> {
    let mut of_printers: BTreeMap<PrinterId, OfPrinter<'a>> = BTreeMap::new();
    for pair in records.iter().zip(jobs) {
        of_printers.entry(pair.1.printer_id).or_default().push(pair);
    }
    of_printers
}

/// Selects the new records and counts the others.
async fn sift<'a>(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    of_printer: OfPrinter<'a>,
    imported: &mut ImportedRecords,
) -> Result<OfPrinter<'a>, Fault> {
    let mut known = known(db, printer_id, &of_printer).await?;
    let has_deleted = deleted_jobs::has_any(db, printer_id).await?;
    let mut new = Vec::new();
    for (record, job) in of_printer {
        if save::row_of(&known, job).is_some() {
            imported.known += 1;
        } else if has_deleted && deleted_jobs::hide_job(db, job).await? {
            imported.skipped_deleted += 1;
        } else {
            known.push((JobId(0), job.clone()));
            new.push((record, job));
        }
    }
    Ok(new)
}

/// A record to insert.
struct New<'a> {
    record: &'a JobRecord,
    job: &'a Job,
    /// Id of its file.
    file_id: Option<i64>,
}

async fn import(
    tx: &Tx,
    records: &[JobRecord],
    jobs: &[Job],
    now: Timestamp,
) -> Result<ImportedRecords, Fault> {
    let mut imported = ImportedRecords::default();
    let mut new = Vec::new();
    let mut all_totals = Vec::new();
    for (printer_id, of_printer) in by_printer(records, jobs) {
        let mut totals = OpenTotals::lock(tx, printer_id).await?;
        let new_here = sift(&**tx, printer_id, of_printer, &mut imported).await?;
        for (_, job) in &new_here {
            totals.add(&job.figures);
        }
        let files = new_here.iter().filter_map(|(record, _)| record.file.as_ref());
        let file_ids = gcode_files::put_all(tx, printer_id, files, now).await?;
        new.extend(new_here.into_iter().map(|(record, job)| {
            New {
                record,
                job,
                file_id: record
                    .file
                    .as_ref()
                    .and_then(|file| file_ids.get(&file.file_key).copied()),
            }
        }));
        all_totals.push(totals);
    }
    imported.added = new.len() as u64;
    let ids = insert_jobs(tx, &new).await?;
    let keys = new.iter().zip(&ids);
    let keys = keys.map(|(new, id)| {
        let filename = new.job.filename.as_deref();
        (*id, notes::search_key(filename, &new.record.notes))
    });
    search::insert(tx, keys).await?;
    for (new, id) in new.iter().zip(&ids) {
        notes::insert(tx, *id, &new.record.notes).await?;
    }
    insert_details(tx, &new, &ids).await?;
    insert_queue(tx, &new, &ids, now).await?;
    let mut touched: BTreeMap<PrinterId, Vec<_>> = BTreeMap::new();
    for (new, id) in new.iter().zip(&ids) {
        touched
            .entry(new.job.printer_id)
            .or_default()
            .push((*id, new.job.start_time));
    }
    job_months::refresh_all(tx, &touched).await?;
    for totals in all_totals {
        totals.save(tx, now).await?;
    }
    Ok(imported)
}

/// Stored jobs that may match the records.
async fn known(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    of_printer: &[(&JobRecord, &Job)],
) -> Result<Vec<(JobId, Job)>, Fault> {
    let mut starts = BTreeSet::new();
    let mut undated = BTreeSet::new();
    for (_, job) in of_printer {
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

/// Inserts the rows and returns their ids.
async fn insert_jobs(tx: &Tx, new: &[New<'_>]) -> Result<Vec<JobId>, Fault> {
    let wanted: BTreeSet<i64> = new.iter().filter_map(|new| Some(new.record.id?.0)).collect();
    let mut taken = ids_among(tx, PrintJobs::Table, PrintJobs::Id, &wanted).await?;
    // Ids of deleted jobs are still in use, in `deleted_jobs`.
    taken.extend(ids_among(tx, DeletedJobs::Table, DeletedJobs::PrintJobId, &wanted).await?);
    let mut ids = vec![JobId(0); new.len()];
    let mut with_id = Vec::new();
    let mut without_id = Vec::new();
    for (place, new) in new.iter().enumerate() {
        let record = new.record;
        let (mut columns, mut values) = rows::row(new.job, record.created_at, record.updated_at);
        match record.id.filter(|id| ids::is_kept(id.0) && taken.insert(id.0)) {
            Some(id) => {
                ids[place] = id;
                columns.push(PrintJobs::Id);
                values.push(id.0.into());
                with_id.push((columns, values));
            }
            None => without_id.push((place, (columns, values))),
        }
    }
    insert_all(tx, PrintJobs::Table, with_id).await?;
    for (place, row) in without_id {
        ids[place] = rows::insert_row(tx, row).await?;
    }
    Ok(ids)
}

async fn ids_among(
    tx: &Tx,
    table: impl Iden + Copy,
    column: impl Iden + Copy,
    wanted: &BTreeSet<i64>,
) -> Result<BTreeSet<i64>, Fault> {
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let query = Query::select()
        .expr_as(Expr::col(column), "number")
        .from(table)
        .and_where(Expr::col(column).is_in(padded(wanted.iter().copied().collect())))
        .to_owned();
    let rows = tx.query_all(&query).await?;
    let numbers: Result<_, DbErr> = rows.iter().map(|row| row.try_get("", "number")).collect();
    Ok(numbers?)
}

async fn insert_details(tx: &Tx, new: &[New<'_>], ids: &[JobId]) -> Result<(), Fault> {
    let mut read: HashMap<&str, JobDetails> = HashMap::new();
    let mut rows = Vec::new();
    for (new, id) in new.iter().zip(ids) {
        let Some(file) = &new.record.file else { continue };
        let details = read.entry(&file.file_key).or_insert_with(|| file.job_details());
        let (mut columns, mut values): (Vec<_>, Vec<_>) = job_details::columns(details).into_iter().unzip();
        columns.push(DetailsColumns::PrintJobId);
        values.push(id.0.into());
        rows.push((columns, values));
    }
    insert_all(tx, DetailsColumns::Table, rows).await
}

async fn insert_queue(tx: &Tx, new: &[New<'_>], ids: &[JobId], now: Timestamp) -> Result<(), Fault> {
    let columns = [
        DetailsQueue::PrintJobId,
        DetailsQueue::Status,
        DetailsQueue::Priority,
        DetailsQueue::Reason,
        DetailsQueue::Attempts,
        DetailsQueue::NextAttemptAt,
        DetailsQueue::GcodeFileId,
        DetailsQueue::SortTime,
        DetailsQueue::UpdatedAt,
    ];
    let rows = new.iter().zip(ids).map(|(new, id)| {
        // Details come from the import. Only jobs with the status `pending` are queued for reading.
        let next = (new.record.details_status == DetailsStatus::Pending).then_some(0_i64);
        let values = vec![
            id.0.into(),
            new.record.details_status.as_str().into(),
            0_i64.into(),
            new.record.details_reason.clone().into(),
            0_i64.into(),
            next.into(),
            new.file_id.into(),
            sort_time(new.job.start_time).into(),
            now.as_millisecond().into(),
        ];
        (columns.to_vec(), values)
    });
    insert_all(tx, DetailsQueue::Table, rows.collect()).await
}
