//! What all routes share: reading requests, problem responses, and the layers around the router.

pub(crate) mod base_path;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod fault;
pub(crate) mod query;
pub(super) mod same_origin;
pub(crate) mod service;
