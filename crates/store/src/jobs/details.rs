//! Stores the details of jobs.

use domain::{JobId, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::Value;

use crate::{
    Result, Store,
    db::{record::Record, tables::GcodeFiles},
    files::{
        details_queue::{self, DetailsOutcome, DetailsStatus, Retry},
        gcode_files::{self, DetailsSource, NewGcodeFile},
        job_details::JobDetails,
    },
    jobs::changes::JobChanges,
};

impl Store {
    /// Replaces the details of a job. `false` if there is no such job.
    pub async fn save_job_details(&self, id: JobId, details: &JobDetails, now: Timestamp) -> Result<bool> {
        self.write("store the details of a job", |tx| async move {
            let Some((mut changes, job)) = JobChanges::lock_job(&tx, id, now).await? else {
                return Ok(false);
            };
            changes.set_details(job, details).await?;
            changes.finish().await?;
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
            let Some((mut changes, job)) = JobChanges::lock_job(&tx, id, now).await? else {
                return Ok(false);
            };
            // Its row may have no other job, and is removed after the link has changed.
            let before = details_queue::file_of(&tx, id).await?;
            let mut file_id = None;
            if let Some(file) = file {
                let known = gcode_files::put(&tx, job.printer_id, file, now).await?;
                let details = file.job_details();
                if let Some(outdated) = known.outdated {
                    for id in outdated {
                        if let Some(job) = changes.job(id).await? {
                            changes.set_details(job, &details).await?;
                        }
                    }
                    changes.set_details_of_deleted(known.id, &details).await?;
                }
                changes.set_details(job, &details).await?;
                file_id = Some(known.id);
            }
            details_queue::record(&tx, id, file_id, outcome, now).await?;
            if let Some(before) = before.filter(|before| file_id.is_some_and(|now| now != *before)) {
                gcode_files::remove_unused(&tx, before).await?;
            }
            // Also after a failed attempt: the reason has changed.
            changes.report_details(job).await?;
            changes.finish().await?;
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
        // Looked up without a transaction first: a new file needs none.
        let known = self
            .read("find a G-code file", |db| async move {
                Ok(db.query_one(query).await?.is_some())
            })
            .await?;
        if !known {
            return Ok(false);
        }
        self.write("store the details of a job", |tx| async move {
            let Some((mut changes, job)) = JobChanges::lock_job(&tx, id, now).await? else {
                return Ok(false);
            };
            // The last other job with this file may have been deleted meanwhile.
            let Some(file) = tx.query_one(query).await? else {
                changes.finish().await?;
                return Ok(false);
            };
            let record = Record::new(&file, "gcode_files", "id")?;
            let metadata: Value = record.json("metadata")?.unwrap_or_default();
            let before = details_queue::file_of(&tx, id).await?;
            changes
                .set_details(job, &JobDetails::from_metadata(&metadata))
                .await?;
            let outcome = DetailsOutcome {
                status: DetailsStatus::Done,
                reason: None,
                retry: Retry::Never,
            };
            details_queue::record(&tx, id, Some(record.key), &outcome, now).await?;
            if let Some(before) = before.filter(|before| *before != record.key) {
                gcode_files::remove_unused(&tx, before).await?;
            }
            changes.report_details(job).await?;
            changes.finish().await?;
            Ok(true)
        })
        .await
    }
}
