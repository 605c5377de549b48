//! printlog: records every print of every Klipper printer, once and true.

pub mod config;
pub mod ingest;
pub mod logging;
