//! Compares the simulator with recordings of real Moonrakers and with their protocol.

#![expect(clippy::unwrap_used, reason = "a test may end by panicking")]

mod accidents;
mod digest;
mod files;
mod observer;
mod protocol;
mod recordings;
mod schedules;
