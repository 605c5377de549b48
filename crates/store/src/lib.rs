//! All SQL of printlog: printers, jobs, totals and API keys on SQLite, MySQL 8 and MariaDB 10.6, from one data layer.
//!
//! Entities and statements stay in here; functions take and return `domain` types. No clock: time is a parameter.

pub mod analytics;
mod connect;
mod counts;
mod details;
mod details_queue;
mod dialect;
mod error;
mod export;
mod facts;
mod gcode_files;
mod import;
mod insert;
mod jobs;
mod keys;
mod list;
mod location;
mod migrations;
mod notes;
mod printers;
mod record;
mod records;
mod schema;
mod search;
mod secret;
mod sessions;
mod text;
mod timings;
mod tombstones;
mod totals;
mod transaction;
mod verdict_reasons;

pub use connect::{DatabaseInfo, Store};
pub use counts::EndedCount;
pub use details::JobDetails;
pub use details_queue::{DetailsCounts, DetailsOutcome, DetailsStatus, Due, QueuedDetails, Retry};
pub use dialect::Engine;
pub use error::{Error, Result};
pub use export::{Export, ExportedJob};
pub use facts::{Facts, Kind, MonthMismatch};
pub use gcode_files::{DetailsSource, GcodeFile, NewGcodeFile, NewThumbnail, ThumbnailInfo};
pub use import::Imported;
pub use jobs::{FoundRun, Saved, StoredJob};
pub use keys::{ApiKey, KeyId, KeyScope, NewKey, RevokedKey};
pub use list::{Cursor, JobFilter, JobPage, JobRow};
pub use location::Location;
pub use notes::{NotesChange, NotesChanged, NotesEntry};
pub use printers::DeletedPrinter;
pub use records::{ImportedRecords, JobRecord};
pub use sessions::{NewSession, SESSION_LIFETIME, Session, SessionId};
pub use timings::Timings;
pub use totals::TotalsMismatch;
pub use verdict_reasons::VerdictReason;
