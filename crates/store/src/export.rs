//! Reading all jobs of a list with what is known of their files, some hundred at a time.

use std::{collections::BTreeMap, sync::Arc};

use domain::JobId;
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use serde_json::Value;

use crate::{
    Cursor, DetailsStatus, JobDetails, JobFilter, JobRow, Result, Store, details, details_queue,
    error::Fault,
    import::padded,
    jobs::select_with_printer,
    list::{ListOrder, count, page, queries},
    record::{LIGHT, Record, job_row},
    schema::{DetailsQueue, GcodeFiles, JobDetails as Details, PrintJobs},
    search::{self, Found},
};

/// A job with what an export tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedJob {
    /// The job.
    pub row: JobRow,
    /// The start that Moonraker noted: with `job_id`, the identity of its history row.
    pub history_start_time: Option<Timestamp>,
    /// How its details stand.
    pub details_status: DetailsStatus,
    /// What stood in the way of its details.
    pub details_reason: Option<String>,
    /// What the slicer planned, without the raw metadata. `None` if nothing is known.
    pub details: Option<JobDetails>,
    /// What is known of its file, as of [`NewGcodeFile::metadata`](crate::NewGcodeFile::metadata).
    pub file: Option<Arc<Value>>,
}

/// An export that goes on.
#[derive(Debug)]
pub struct Export {
    filter: JobFilter,
    found: Found,
    after: Option<Cursor>,
    ended: bool,
}

/// Jobs in memory at a time.
const CHUNK: u64 = 500;

impl Store {
    /// Begins to read the jobs of a list, newest first. Jobs that come meanwhile may be left out.
    pub async fn begin_export(&self, filter: &JobFilter) -> Result<Export> {
        let text = filter.filename_contains.as_deref();
        let found = self
            .read("look for jobs", |db| async move {
                search::look_for(&db, self.engine, text).await
            })
            .await?;
        Ok(Export {
            filter: filter.clone(),
            found,
            after: None,
            ended: false,
        })
    }

    /// How many jobs it has from the beginning to the end.
    pub async fn count_of_export(&self, export: &Export) -> Result<u64> {
        self.read("count the jobs", |db| async move {
            count(self, &db, &export.filter, &export.found).await
        })
        .await
    }

    /// The next jobs. None at the end.
    pub async fn next_of_export(&self, export: &mut Export) -> Result<Vec<ExportedJob>> {
        if export.ended {
            return Ok(Vec::new());
        }
        let current = &*export;
        let (jobs, next) = self
            .read("read the jobs", |db| async move { chunk(&db, current).await })
            .await?;
        export.ended = next.is_none();
        export.after = next;
        Ok(jobs)
    }
}

async fn chunk(
    db: &DatabaseConnection,
    export: &Export,
) -> Result<(Vec<ExportedJob>, Option<Cursor>), Fault> {
    let queries = queries(
        select(),
        ListOrder::Newest,
        &export.filter,
        &export.found,
        CHUNK,
        export.after,
    );
    let (mut jobs, next) = page(db, queries, ListOrder::Newest, CHUNK, exported).await?;
    let ids = jobs.iter().filter_map(|(_, file)| *file).collect();
    let files = files(db, ids).await?;
    for (job, file) in &mut jobs {
        job.file = file.and_then(|id| files.get(&id).cloned());
    }
    Ok((jobs.into_iter().map(|(job, _)| job).collect(), next))
}

fn select() -> SelectStatement {
    let of_queue = |column| Expr::col((DetailsQueue::Table, column));
    let job = || Expr::col((PrintJobs::Table, PrintJobs::Id));
    let mut query = select_with_printer(LIGHT);
    query
        .column((PrintJobs::Table, PrintJobs::HistoryStartTime))
        .expr_as(of_queue(DetailsQueue::Status), "details_status")
        .expr_as(of_queue(DetailsQueue::Reason), "details_reason")
        .column((DetailsQueue::Table, DetailsQueue::GcodeFileId))
        .expr_as(Expr::col((Details::Table, Details::PrintJobId)), "details_of")
        .columns(details::LIGHT.map(|column| (Details::Table, column)))
        .left_join(DetailsQueue::Table, of_queue(DetailsQueue::PrintJobId).eq(job()))
        .left_join(
            Details::Table,
            Expr::col((Details::Table, Details::PrintJobId)).eq(job()),
        );
    query
}

/// The job, and the row of its file.
fn exported(record: &Record<'_>) -> Result<(ExportedJob, Option<i64>), Fault> {
    let has_details = record.get::<Option<i64>>("details_of")?.is_some();
    let status = match record.get::<Option<String>>("details_status")? {
        Some(word) => details_queue::status(record, &word)?,
        None => DetailsStatus::Pending,
    };
    let job = ExportedJob {
        row: job_row(record)?,
        history_start_time: record.time("history_start_time")?,
        details_status: status,
        details_reason: record.get("details_reason")?,
        details: has_details.then(|| details::light_details(record)).transpose()?,
        file: None,
    };
    Ok((job, record.get("gcode_file_id")?))
}

async fn files(db: &DatabaseConnection, mut ids: Vec<i64>) -> Result<BTreeMap<i64, Arc<Value>>, Fault> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = Query::select()
        .columns([GcodeFiles::Id, GcodeFiles::Metadata])
        .from(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::Id).is_in(padded(ids)))
        .to_owned();
    let mut files = BTreeMap::new();
    for row in db.query_all(&query).await? {
        let record = Record::new(&row, "gcode_files", "id")?;
        if let Some(metadata) = record.json("metadata")? {
            files.insert(record.key, Arc::new(metadata));
        }
    }
    Ok(files)
}

impl ExportedJob {
    /// Primary key.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.row.id
    }
}
