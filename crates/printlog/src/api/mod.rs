//! The REST API. Reads rows from the store and live state from the fleet; never uses a printer's connection itself.

mod access;
mod analytics;
mod docs;
mod http;
mod jobs;
mod live;
mod openapi;
mod printers;
mod router;
mod schema_enums;
pub(crate) mod state;
mod system;
mod web_ui;

pub use openapi::document;

pub(crate) use access::{
    Usage,
    keys::{CreatedKeyBody, KeyBody, KeyList},
    session::cookie_of,
};
pub(crate) use http::fault::Fault;
pub(crate) use jobs::{JobListBody, deleted::DeletedJobListBody, export::AT_ONCE as EXPORTS_AT_ONCE};
pub(crate) use live::Live;
pub(crate) use printers::{PrinterBody, PrinterList, TestBody};
pub(crate) use router::router;
pub(crate) use system::metrics_route::metrics_only;
