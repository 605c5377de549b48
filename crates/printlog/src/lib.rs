//! printlog: records every print of every Klipper printer, exactly once and correctly.

pub mod api;
pub mod app;
pub mod cli;
mod clients;
pub mod config;
pub mod discovery;
pub mod enrich;
mod export;
mod harmless;
pub mod ingest;
pub mod lifecycle;
pub mod logging;
mod metrics;
pub mod probe;
pub mod reload;
mod serving;
mod time_zone;
mod turn;
mod upkeep;
mod web_ui;
