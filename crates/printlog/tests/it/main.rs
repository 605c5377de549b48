//! printlog from the outside: its API over real HTTP, its command line as a process, and its files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_analytics;
mod api_auth;
mod api_deleted_jobs;
mod api_errors;
mod api_filters;
mod api_jobs;
mod api_live;
mod api_notes;
mod api_printers;
mod api_session;
mod api_settings;
mod backups;
mod base_path;
mod binary;
mod capture;
mod catalogues;
mod cli;
mod config;
mod config_docs;
mod discovery;
mod doc_commands;
mod export_import;
mod faults;
mod file_fetching;
mod gcode_files;
mod history_import;
mod instances;
mod lifecycle;
mod live_stream;
mod logging;
mod metrics;
mod openapi;
mod owners;
mod proxies;
mod replay;
mod restores;
mod schedules;
mod schemathesis;
mod scripted;
mod serving;
mod shares;
mod subscriptions;
mod test_app;
mod workbooks;
