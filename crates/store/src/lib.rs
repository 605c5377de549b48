//! All SQL of printlog: printers, jobs, totals and API keys on SQLite, MySQL 8 and MariaDB 10.6, from one data layer.
//!
//! Entities and statements are private; functions take and return `domain` types. The crate reads no clock: time is a
//! parameter.

mod access;
mod db;
mod files;
mod job_months;
mod jobs;
mod migrations;
mod open;
mod ops;
mod printer_rows;
mod printers;
mod settings;
mod store;

pub use access::{
    keys::{ApiKey, KeyId, KeyScope, NewKey, RevokedKey},
    sessions::{NewSession, SESSION_LIFETIME, Session, SessionId},
};
pub use db::{
    dialect::{Engine, Refusal},
    error::{Error, Result},
    file_system::append,
    lease::{LEASE_TIMEOUT, Lease},
    location::Location,
    sqlite::Journal,
    text::name_key,
    timings::Timings,
};
pub use files::{
    details_queue::{DetailsCounts, DetailsOutcome, DetailsStatus, Due, QueuedDetails, Retry},
    gcode_files::{DetailsSource, GcodeFile, NewGcodeFile},
    job_details::JobDetails,
    listed_details::ListedDetails,
    thumbnails::{NewThumbnail, ThumbnailInfo},
};
pub use job_months::MonthMismatch;
pub use jobs::{
    bulk::{ChangedJobs, JobAction, Unchanged},
    changes::Deletion,
    deleted_job_rows::{DeletedJob, DeletedJobPage, DeletedJobsCheck},
    export::{Export, ExportedFile, ExportedJob},
    full_job::FullJob,
    history_import::Imported,
    job_import::{ImportedRecords, JobRecord},
    list::{JobPage, JobRow},
    notes::{MAX_TAGS, NotesChange, NotesChanged, NotesEntry},
    outbox::OutboxEntry,
    outcome_counts::EndedCount,
    pauses::Pause,
    rows::StoredJob,
    save::{FoundRun, Saved},
    totals::TotalsMismatch,
    verdict_reasons::VerdictReason,
};
pub use open::Opener;
pub use ops::{
    backup::{Backup, BackupReason, backups, made_at, prune_backups, remove_leftovers, verify_backup},
    copy::{TableSum, table_sums},
    instance_lock::InstanceLock,
    restore::{Replaced, Restore, Restored, move_database},
    table_space::TableSpace,
};
pub use printers::DeletedPrinter;
pub use store::{DatabaseInfo, Store};
