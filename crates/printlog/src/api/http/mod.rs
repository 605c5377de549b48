//! What all routes share: reading requests, problem responses, pages, and the layers around the router.

pub(crate) mod base_path;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod page;
pub(crate) mod query;
pub(super) mod same_origin;
pub(crate) mod service;
