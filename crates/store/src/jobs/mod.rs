//! Jobs and what belongs to them: changes, lists, notes, pauses, totals, search.

pub(crate) mod bulk;
pub(crate) mod changes;
pub(crate) mod deleted_job_rows;
pub(crate) mod deleted_jobs;
pub(crate) mod details;
pub(crate) mod export;
pub(crate) mod filter;
pub(crate) mod filter_values;
pub(crate) mod full_job;
pub(crate) mod history_import;
pub(crate) mod job_import;
pub(crate) mod kept_job;
pub(crate) mod list;
pub(crate) mod notes;
pub(crate) mod outbox;
pub(crate) mod outcome_counts;
pub(crate) mod pauses;
pub(crate) mod rows;
pub(crate) mod save;
pub(crate) mod search;
pub(crate) mod selection;
pub(crate) mod totals;
pub(crate) mod verdict_reasons;
pub(crate) mod verdicts;
