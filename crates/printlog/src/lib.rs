//! printlog: records every print of every Klipper printer, exactly once and correctly.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection_trouble;
pub mod details;
mod error_chain;
mod export;
mod housekeeping;
pub mod ingest;
mod input;
pub mod logging;
pub mod printers;
mod retry;
pub mod server;
mod serving;
