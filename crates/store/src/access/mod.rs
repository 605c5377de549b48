//! API keys of users, their sessions, and the encryption of printers' API keys.

pub(crate) mod keys;
pub(crate) mod printer_keys;
pub(crate) mod secret;
pub(crate) mod sessions;
pub(crate) mod unreadable_keys;
