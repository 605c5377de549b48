//! printlog: records every print of every Klipper printer, once and true.

pub mod ingest;
