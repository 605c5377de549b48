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
    keys::{CreatedKeyBody, KeyBody, KeyList, NAME as KEY_NAME},
    session::cookie_of,
};
pub(crate) use http::{
    error::FieldError,
    page::{decode as decode_cursor, order as parse_order},
    query::{instant as parse_instant, name as checked_name},
};
pub(crate) use jobs::{
    JobListBody,
    export::AT_ONCE as EXPORTS_AT_ONCE,
    notes::{tag as parse_tag, verdict as parse_verdict},
};
pub(crate) use live::Live;
pub(crate) use printers::{PrinterBody, PrinterList, TestBody, checked as checked_printer};
pub(crate) use router::router;
pub(crate) use system::metrics_route::metrics_only;
