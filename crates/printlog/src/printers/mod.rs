//! Finds printers in the local network, validates their settings, and tests the connection to one.

pub(crate) mod address;
pub mod discovery;
pub(crate) mod input;
pub mod probe;
