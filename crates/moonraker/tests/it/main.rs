//! The client against recordings of real Moonrakers, and against a server that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test may end by panicking")]

mod certificates;
mod connecting;
mod fake;
mod history;
mod hostile;
mod lenient;
mod misbehaviour;
mod probing;
mod transcripts;
