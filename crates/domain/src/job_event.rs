//! Events of jobs, for consumers such as viewers, notifications and other programs.

use jiff::Timestamp;
use serde_json::{Value, json};
use strum_macros::IntoStaticStr;

use crate::{Job, JobId, JobStatus, PrinterId};

/// An event, with its printer and its job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobChange {
    /// The printer.
    pub printer_id: PrinterId,
    /// The job. `None` for [`JobEvent::Imported`], which covers many jobs.
    pub job_id: Option<JobId>,
    /// The event.
    pub event: JobEvent,
}

/// A change of a job. The checkpoints of a job that keeps running are no events: there are two a minute.
#[derive(Debug, Clone, PartialEq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum JobEvent {
    /// The print started.
    Started {
        /// Its file.
        filename: Option<String>,
        /// Its start.
        start_time: Option<Timestamp>,
    },
    /// The print paused.
    Paused,
    /// The print resumed.
    Resumed,
    /// The print ended. Each job has one such event, or none if it was imported.
    Ended {
        /// The outcome.
        status: JobStatus,
        /// Its file.
        filename: Option<String>,
        /// Seconds, including pauses.
        total_duration: Option<f64>,
    },
    /// A later report corrected the job, possibly its outcome.
    Corrected {
        /// The corrected status.
        status: JobStatus,
    },
    /// A user deleted the job.
    Deleted {
        /// Its file.
        filename: Option<String>,
    },
    /// A user restored a deleted job.
    Restored {
        /// Its file.
        filename: Option<String>,
    },
    /// Two jobs were recognised as the same print. This one was removed.
    Merged {
        /// The job that remains.
        into: JobId,
    },
    /// Jobs were imported from the history of a printer or from an export. This is one event for all of them, because a
    /// first import may have a million.
    Imported {
        /// New jobs.
        added: u64,
        /// Ended jobs that a history row corrected.
        corrected: u64,
    },
    /// A user changed the title, notes, tags or verdict.
    NotesChanged,
    /// The details of the job's file were read, or could not be. Not sent for imported jobs.
    DetailsChanged,
}

impl JobEvent {
    /// The events of a job that is new. It may have paused or ended before its row was written.
    #[must_use]
    pub fn of_new(job: &Job) -> Vec<Self> {
        let started = Self::Started {
            filename: job.filename.clone(),
            start_time: job.start_time,
        };
        match job.status {
            JobStatus::Printing => vec![started],
            JobStatus::Paused => vec![started, Self::Paused],
            _ => vec![started, Self::ended(job)],
        }
    }

    /// The event of a change from the status `before` to `after`.
    #[must_use]
    pub fn of_change(before: JobStatus, after: &Job) -> Self {
        match (before, after.status) {
            (before, after_status) if before.is_open() && !after_status.is_open() => Self::ended(after),
            (JobStatus::Printing, JobStatus::Paused) => Self::Paused,
            (JobStatus::Paused, JobStatus::Printing) => Self::Resumed,
            (_, status) => Self::Corrected { status },
        }
    }

    fn ended(job: &Job) -> Self {
        Self::Ended {
            status: job.status,
            filename: job.filename.clone(),
            total_duration: job.figures.total_duration,
        }
    }

    /// Name of the event in the database.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// The fields of the event, as a JSON object.
    #[must_use]
    pub fn payload(&self) -> Value {
        match self {
            Self::Started { filename, start_time } => {
                json!({ "filename": filename, "start_time": start_time.map(|time| time.to_string()) })
            }
            Self::Ended {
                status,
                filename,
                total_duration,
            } => json!({
                "status": status.as_str(),
                "filename": filename,
                "total_duration": total_duration,
            }),
            Self::Corrected { status } => json!({ "status": status.as_str() }),
            Self::Deleted { filename } | Self::Restored { filename } => json!({ "filename": filename }),
            Self::Merged { into } => json!({ "into": into.0 }),
            Self::Imported { added, corrected } => json!({ "added": added, "corrected": corrected }),
            Self::Paused | Self::Resumed | Self::NotesChanged | Self::DetailsChanged => json!({}),
        }
    }
}
