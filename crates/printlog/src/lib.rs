//! printlog: records every print of every Klipper printer, exactly once and correctly.

pub mod api;
mod backoff;
pub mod cli;
pub mod clock;
pub mod config;
pub mod details;
mod export;
mod housekeeping;
pub mod ingest;
pub mod logging;
pub mod printers;
pub mod server;
mod serving;
