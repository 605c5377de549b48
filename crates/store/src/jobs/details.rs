//! Gives jobs the details of their files.

use domain::{JobId, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::Value;

use super::totals::OpenTotals;
use crate::{
    Error, Result, Store,
    db::{
        error::Fault,
        record::Record,
        tables::{GcodeFiles, JobDetails as Columns, PrintJobs},
        transaction::Tx,
    },
    files::{
        details_queue::{self, DetailsOutcome, DetailsStatus, Retry},
        gcode_files::{self, DetailsSource, NewGcodeFile},
        job_details::{JobDetails, columns},
    },
    job_months,
};

impl Store {
    /// Replaces the details of a job. `false` if there is no such job.
    pub async fn save_job_details(&self, id: JobId, details: &JobDetails) -> Result<bool> {
        self.write("store the details of a job", |tx| async move {
            let Some(job) = lock_job(&tx, id).await? else {
                return Ok(false);
            };
            put(&tx, &job, details).await?;
            Ok(true)
        })
        .await
    }

    /// Stores the result of an attempt in one transaction: the file if one was read, the columns of `job_details`, and
    /// the queue entry. Known details are kept if the attempt found none. `false` if the job was deleted.
    pub async fn save_details(
        &self,
        id: JobId,
        file: Option<&NewGcodeFile>,
        outcome: &DetailsOutcome,
        now: Timestamp,
    ) -> Result<bool> {
        self.write("store the details of a job", |tx| async move {
            let Some(job) = lock_job(&tx, id).await? else {
                return Ok(false);
            };
            let before = details_queue::file_of(&tx, id).await?;
            let mut file_id = None;
            if let Some(file) = file {
                let known = gcode_files::put(&tx, job.totals.printer_id(), file, now).await?;
                for outdated in known.outdated {
                    if let Some(job) = lock_job(&tx, outdated).await? {
                        put(&tx, &job, &file.job_details()).await?;
                    }
                }
                put(&tx, &job, &file.job_details()).await?;
                file_id = Some(known.id);
            }
            details_queue::record(&tx, id, file_id, outcome, now).await?;
            if let Some(before) = before.filter(|before| file_id.is_some_and(|now| now != *before)) {
                gcode_files::remove_unused(&tx, before).await?;
            }
            Ok(true)
        })
        .await
    }

    /// Gives a job the details of its file, if the file was already read. `false` if not, or if the job was deleted.
    pub async fn reuse_gcode_file(
        &self,
        id: JobId,
        printer_id: PrinterId,
        file_key: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let query = &Query::select()
            .columns([GcodeFiles::Id, GcodeFiles::Metadata])
            .from(GcodeFiles::Table)
            .and_where(Expr::col(GcodeFiles::PrinterId).eq(printer_id.0))
            .and_where(Expr::col(GcodeFiles::FileKey).eq(file_key))
            .and_where(Expr::col(GcodeFiles::Source).eq(DetailsSource::File.as_str()))
            .to_owned();
        let known = self
            .read("look for a gcode file", |db| async move {
                Ok(db.query_one(query).await?.is_some())
            })
            .await?;
        if !known {
            return Ok(false);
        }
        self.write("give a job the details of its file", |tx| async move {
            let job = lock_job(&tx, id).await?;
            // The last other job with this file may have been deleted meanwhile.
            let (Some(job), Some(file)) = (job, tx.query_one(query).await?) else {
                return Ok(false);
            };
            let record = Record::new(&file, "gcode_files", "id")?;
            let metadata: Value = record.json("metadata")?.unwrap_or_default();
            let before = details_queue::file_of(&tx, id).await?;
            put(&tx, &job, &JobDetails::from_metadata(&metadata)).await?;
            let outcome = DetailsOutcome {
                status: DetailsStatus::Done,
                reason: None,
                retry: Retry::Never,
            };
            details_queue::record(&tx, id, Some(record.key), &outcome, now).await?;
            if let Some(before) = before.filter(|before| *before != record.key) {
                gcode_files::remove_unused(&tx, before).await?;
            }
            Ok(true)
        })
        .await
    }
}

/// A job that no other transaction can change or delete until this one ends.
pub(crate) struct LockedJob {
    id: JobId,
    start_time: Option<Timestamp>,
    pub(crate) totals: OpenTotals,
}

/// Locks a job by locking its printer's totals. `None` if there is no such job.
pub(crate) async fn lock_job(tx: &Tx, id: JobId) -> Result<Option<LockedJob>, Fault> {
    let query = Query::select()
        .columns([PrintJobs::Id, PrintJobs::PrinterId, PrintJobs::StartTime])
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    let Some(row) = tx.query_one(&query).await? else {
        return Ok(None);
    };
    // The printer of a job never changes.
    let totals = match OpenTotals::lock(tx, PrinterId(row.try_get("", "printer_id")?)).await {
        Err(Fault::Store(Error::NoSuchPrinter(_))) => return Ok(None),
        totals => totals?,
    };
    let Some(row) = tx.query_one(&query).await? else {
        return Ok(None);
    };
    Ok(Some(LockedJob {
        id,
        start_time: Record::new(&row, "print_jobs", "id")?.time("start_time")?,
        totals,
    }))
}

/// Inserts or replaces the row of a job.
pub(crate) async fn put(tx: &Tx, job: &LockedJob, details: &JobDetails) -> Result<(), Fault> {
    let id = job.id;
    let old = Query::delete()
        .from_table(Columns::Table)
        .and_where(Expr::col(Columns::PrintJobId).eq(id.0))
        .to_owned();
    tx.execute(&old).await?;
    let (columns, values): (Vec<_>, Vec<_>) = columns(details).into_iter().unzip();
    let new = Query::insert()
        .into_table(Columns::Table)
        .columns([Columns::PrintJobId].into_iter().chain(columns))
        .values_panic(
            [Expr::val(id.0)]
                .into_iter()
                .chain(values.into_iter().map(Expr::val)),
        )
        .to_owned();
    tx.execute(&new).await?;
    job_months::refresh(tx, job.totals.printer_id(), &[(id, job.start_time)]).await
}
