//! Exports: reads all jobs of a list with the details of their files, in chunks of [`CHUNK`] jobs.

use std::{collections::BTreeMap, sync::Arc};

use domain::{Cursor, JobFilter, JobId, JobNotes, ListOrder};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Result, Store,
    db::{
        batches::padded,
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{DetailsQueue, GcodeFiles, JobDetails as Details, PrintJobs},
    },
    files::{
        details_queue::{self, DetailsStatus},
        job_details::{self, JobDetails},
    },
    jobs::{
        list::{count, is_in_order, page, queries},
        notes,
        rows::{StoredJob, select_with_printer, stored_job},
        search::{self, Found},
    },
};

/// An exported job.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedJob {
    /// The job, without its metadata.
    pub stored: StoredJob,
    /// What users added.
    pub notes: JobNotes,
    /// State of its details.
    pub details_status: DetailsStatus,
    /// Why its details could not be read.
    pub details_reason: Option<String>,
    /// Details of the job, without the raw metadata. `None` if nothing is known.
    pub details: Option<JobDetails>,
    /// Its file, shared by all jobs of that file.
    pub file: Option<Arc<ExportedFile>>,
}

/// File data of an export, from [`NewGcodeFile::metadata`](crate::NewGcodeFile::metadata). `None` means unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedFile {
    /// Name of the slicer.
    pub slicer: Option<String>,
    /// Version of the slicer.
    pub slicer_version: Option<String>,
    /// mm.
    pub nozzle_diameter: Option<f64>,
    /// Cost of the whole file, in the slicer's currency.
    pub filament_cost: Option<f64>,
    /// Weight of the filament in g per mm.
    pub grams_per_mm: Option<f64>,
}

/// The part of the metadata that exports use. All of it would be several KB per file.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    details: MetadataDetails,
    #[serde(default)]
    grams_per_mm: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MetadataDetails {
    slicer: Value,
    slicer_version: Value,
    nozzle_diameter: Value,
    filament_cost: Value,
}

/// A running export.
#[derive(Debug)]
pub struct Export {
    filter: JobFilter,
    found: Found,
    after: Option<Cursor>,
    ended: bool,
}

/// Jobs held in memory at a time.
const CHUNK: u64 = 100;

impl Store {
    /// Starts an export of the jobs of a list, newest first. Jobs added meanwhile may be left out.
    pub async fn begin_export(&self, filter: &JobFilter) -> Result<Export> {
        let text = filter.text.as_deref();
        let (filter, found) = self
            .read("look for jobs", |db| async move {
                let found = search::look_for(&db, self.engine, text).await?;
                Ok((self.with_spellings(&db, filter).await?, found))
            })
            .await?;
        Ok(Export {
            filter,
            found,
            after: None,
            ended: false,
        })
    }

    /// Number of jobs in the whole export.
    pub async fn count_of_export(&self, export: &Export) -> Result<u64> {
        self.read("count the jobs", |db| async move {
            count(self, &db, &export.filter, &export.found).await
        })
        .await
    }

    /// Reads the next jobs. Empty at the end.
    pub async fn next_of_export(&self, export: &mut Export) -> Result<Vec<ExportedJob>> {
        if export.ended {
            return Ok(Vec::new());
        }
        const WHAT: &str = "read the jobs";
        let current = &*export;
        // A chunk in index order is short; any other may read many rows and must not occupy the caller's
        // thread.
        let (jobs, next) = match is_in_order(&current.filter) {
            true => {
                self.read_fast(WHAT, |db| async move { chunk(&db, current).await })
                    .await?
            }
            false => {
                self.read(WHAT, |db| async move { chunk(&db, current).await })
                    .await?
            }
        };
        export.ended = next.is_none();
        export.after = next;
        Ok(jobs)
    }
}

async fn chunk(
    db: &impl ReadConnection,
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
    // One query for the files of a chunk: many jobs have the same file.
    let ids = jobs.iter().filter_map(|(_, file)| *file).collect();
    let job_ids: Vec<_> = jobs.iter().map(|(job, _)| job.stored.id).collect();
    let (files, mut notes_of_jobs) = tokio::try_join!(files(db, ids), notes::of_jobs(db, &job_ids, true))?;
    for (job, file) in &mut jobs {
        job.file = file.and_then(|id| files.get(&id).cloned());
        job.notes = notes_of_jobs.remove(&job.stored.id).unwrap_or_default();
    }
    Ok((jobs.into_iter().map(|(job, _)| job).collect(), next))
}

fn select() -> SelectStatement {
    let of_queue = |column| Expr::col((DetailsQueue::Table, column));
    let job = || Expr::col((PrintJobs::Table, PrintJobs::Id));
    let mut query = select_with_printer(PrintJobs::light());
    query
        .expr_as(of_queue(DetailsQueue::Status), "details_status")
        .expr_as(of_queue(DetailsQueue::Reason), "details_reason")
        .column((DetailsQueue::Table, DetailsQueue::GcodeFileId))
        .expr_as(Expr::col((Details::Table, Details::PrintJobId)), "details_of")
        .columns(job_details::LIGHT.map(|column| (Details::Table, column)))
        .left_join(DetailsQueue::Table, of_queue(DetailsQueue::PrintJobId).eq(job()))
        .left_join(
            Details::Table,
            Expr::col((Details::Table, Details::PrintJobId)).eq(job()),
        );
    query
}

/// The job, and the id of its file.
fn exported(record: &Record<'_>) -> Result<(ExportedJob, Option<i64>), Fault> {
    let has_details = record.get::<Option<i64>>("details_of")?.is_some();
    let status = match record.get::<Option<String>>("details_status")? {
        Some(word) => details_queue::status(record, &word)?,
        None => DetailsStatus::Pending,
    };
    let job = ExportedJob {
        stored: stored_job(record)?,
        notes: JobNotes::default(),
        details_status: status,
        details_reason: record.get("details_reason")?,
        details: has_details
            .then(|| job_details::light_details(record))
            .transpose()?,
        file: None,
    };
    Ok((job, record.get("gcode_file_id")?))
}

async fn files(
    db: &impl ReadConnection,
    mut ids: Vec<i64>,
) -> Result<BTreeMap<i64, Arc<ExportedFile>>, Fault> {
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
    let files = db.rows(&query, "gcode_files", "id", |record| {
        let metadata = record.json::<Metadata>("metadata")?;
        Ok(metadata.map(|metadata| (record.key, Arc::new(metadata.into()))))
    });
    Ok(files.await?.into_iter().flatten().collect())
}

impl From<Metadata> for ExportedFile {
    fn from(
        Metadata {
            details,
            grams_per_mm,
        }: Metadata,
    ) -> Self {
        // A value of another type is unknown, as in `JobDetails::from_metadata`.
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        Self {
            slicer: text(details.slicer),
            slicer_version: text(details.slicer_version),
            nozzle_diameter: details.nozzle_diameter.as_f64(),
            filament_cost: details.filament_cost.as_f64(),
            grams_per_mm: grams_per_mm.as_f64(),
        }
    }
}

impl ExportedJob {
    /// Primary key.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.stored.id
    }
}
