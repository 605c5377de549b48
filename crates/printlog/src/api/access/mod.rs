//! Who may use the API: keys, sessions of browsers, and limits for failed attempts.

pub(crate) mod auth;
pub(crate) mod keys;
pub(crate) mod landing_page;
pub(crate) mod session;
pub(super) mod sign_in_limit;
mod usage;

pub(crate) use usage::Usage;
