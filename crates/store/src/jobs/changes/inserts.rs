//! Inserts jobs, with their rows in the other tables.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::{Job, JobId, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DbErr, Iden,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{notes, queue, rows, search_text};
use crate::{
    db::{
        batches::{BATCHES, insert_all, padded},
        error::Fault,
        ids,
        record::{Record, sort_time},
        tables::{DeletedJobs, DetailsQueue, JobDetails as DetailsColumns, PrintJobs},
        transaction::Tx,
    },
    files::job_details::{self, JobDetails},
    jobs::{job_import::JobRecord, notes::search_key, search},
};

/// Maximum bytes of JSON in a statement with more than one row. A server refuses packets of more than 16 MB.
const BATCH_BYTES: usize = 2 << 20;

/// A record to insert.
pub(crate) struct NewRecord<'a> {
    pub(crate) record: &'a JobRecord,
    /// The record's job, as stored.
    pub(crate) job: &'a Job,
    /// Id of its file.
    pub(crate) file_id: Option<i64>,
}

pub(super) async fn live(tx: &Tx, job: &Job, now: Timestamp) -> Result<JobId, Fault> {
    let id = rows::insert(tx, rows::row(job, now, now)).await?;
    search_text::insert(tx, std::iter::once((id, search::key([job.filename.as_deref()])))).await?;
    queue::enqueue(tx, &[(id, job.start_time)], true, now).await?;
    Ok(id)
}

/// Returns ids and starts. The insert uses several statements and returns no ids, so this reads them.
pub(super) async fn history(
    tx: &Tx,
    printer_id: PrinterId,
    jobs: &[Job],
    now: Timestamp,
) -> Result<Vec<(JobId, Option<Timestamp>)>, Fault> {
    insert_batches(tx, jobs, now).await?;
    // An index finds them by their start.
    let starts: HashSet<i64> = jobs.iter().map(|job| sort_time(job.start_time)).collect();
    let queued = Query::select()
        .column(DetailsQueue::PrintJobId)
        .from(DetailsQueue::Table)
        .and_where(
            Expr::col((DetailsQueue::Table, DetailsQueue::PrintJobId))
                .equals((PrintJobs::Table, PrintJobs::Id)),
        )
        .to_owned();
    let query = Query::select()
        .columns([PrintJobs::Id, PrintJobs::StartTime, PrintJobs::Filename])
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(PrintJobs::SortTime).is_in(padded(starts.into_iter().collect())))
        // Every job has a row in the queue, except those of this insert.
        .and_where(Expr::exists(queued).not())
        .to_owned();
    let (mut inserted, mut keys) = (Vec::new(), Vec::new());
    for row in tx.query_all(&query).await? {
        let record = Record::new(&row, "print_jobs", "id")?;
        let filename: Option<String> = record.get("filename")?;
        inserted.push((JobId(record.key), record.time("start_time")?));
        keys.push((JobId(record.key), search::key([filename.as_deref()])));
    }
    search_text::insert(tx, keys.into_iter()).await?;
    queue::enqueue(tx, &inserted, false, now).await?;
    Ok(inserted)
}

async fn insert_batches(tx: &Tx, jobs: &[Job], now: Timestamp) -> Result<(), Fault> {
    let mut rest = jobs;
    while !rest.is_empty() {
        // A row may have 256 KiB of metadata.
        let fits = |size: &usize| *size <= rest.len() && json_bytes(&rest[..*size]) <= BATCH_BYTES;
        let size = BATCHES.into_iter().find(fits).unwrap_or(1);
        let (batch, others) = rest.split_at(size);
        let batch = batch.iter().map(|job| rows::row(job, now, now));
        insert_all(tx, PrintJobs::Table, batch.collect()).await?;
        rest = others;
    }
    Ok(())
}

/// Returns the ids in the order of the records.
pub(super) async fn records(tx: &Tx, new: &[NewRecord<'_>], now: Timestamp) -> Result<Vec<JobId>, Fault> {
    let ids = insert_records(tx, new).await?;
    let keys = new.iter().zip(&ids).map(|(new, id)| {
        let filename = new.job.filename.as_deref();
        (*id, search_key(filename, &new.record.notes))
    });
    search_text::insert(tx, keys).await?;
    for (new, id) in new.iter().zip(&ids) {
        notes::insert(tx, *id, &new.record.notes).await?;
    }
    insert_details(tx, new, &ids).await?;
    queue::insert_records(tx, new, &ids, now).await?;
    Ok(ids)
}

/// Inserts the rows. A record keeps its id if no job has or had it here.
async fn insert_records(tx: &Tx, new: &[NewRecord<'_>]) -> Result<Vec<JobId>, Fault> {
    let wanted: BTreeSet<i64> = new.iter().filter_map(|new| Some(new.record.id?.0)).collect();
    // One query for the whole batch.
    let mut taken = ids_among(tx, PrintJobs::Table, PrintJobs::Id, &wanted).await?;
    // Ids of deleted jobs are still in use, in `deleted_jobs`.
    taken.extend(ids_among(tx, DeletedJobs::Table, DeletedJobs::PrintJobId, &wanted).await?);
    let mut inserted = BTreeMap::new();
    let mut with_id = Vec::new();
    let mut without_id = Vec::new();
    for (place, new) in new.iter().enumerate() {
        let record = new.record;
        let (mut columns, mut values) = rows::row(new.job, record.created_at, record.updated_at);
        match record.id.filter(|id| ids::is_kept(id.0) && taken.insert(id.0)) {
            Some(id) => {
                inserted.insert(place, id);
                columns.push(PrintJobs::Id);
                values.push(id.0.into());
                with_id.push((columns, values));
            }
            None => without_id.push((place, (columns, values))),
        }
    }
    insert_all(tx, PrintJobs::Table, with_id).await?;
    for (place, row) in without_id {
        inserted.insert(place, rows::insert(tx, row).await?);
    }
    Ok(inserted.into_values().collect())
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

async fn insert_details(tx: &Tx, new: &[NewRecord<'_>], ids: &[JobId]) -> Result<(), Fault> {
    let mut read: HashMap<&str, JobDetails> = HashMap::new();
    let mut rows = Vec::new();
    for (new, id) in new.iter().zip(ids) {
        let Some(file) = &new.record.file else { continue };
        // Jobs of one file share the parsed details.
        let details = read.entry(&file.file_key).or_insert_with(|| file.job_details());
        let (mut columns, mut values): (Vec<_>, Vec<_>) = job_details::columns(details).into_iter().unzip();
        columns.push(DetailsColumns::PrintJobId);
        values.push(id.0.into());
        rows.push((columns, values));
    }
    insert_all(tx, DetailsColumns::Table, rows).await
}

/// Size of the jobs' JSON in bytes.
fn json_bytes(jobs: &[Job]) -> usize {
    let values = jobs
        .iter()
        .flat_map(|job| job.metadata.iter().chain(&job.auxiliary_data));
    values.map(|json| json.as_str().len()).sum()
}
