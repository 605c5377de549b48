//! Finds printers in the local network and tests the connection to one.

pub(crate) mod address;
pub mod discovery;
pub mod probe;
