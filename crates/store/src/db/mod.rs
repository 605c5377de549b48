//! Connections, transactions and statements. Defines the names of all tables, but contains no logic of any table except
//! `server_lease`.

pub(crate) mod batches;
pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod error;
pub(crate) mod file_system;
pub(crate) mod ids;
pub(crate) mod lease;
pub(crate) mod location;
pub(crate) mod mysql;
pub(crate) mod print_jobs;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod sqlite;
pub(crate) mod sqlite_fast_path;
pub(crate) mod stale_connections;
pub(crate) mod tables;
pub(crate) mod text;
pub(crate) mod timings;
pub(crate) mod transaction;
pub(crate) mod views;
