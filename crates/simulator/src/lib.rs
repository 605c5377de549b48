//! Simulates many Moonrakers in one process, each with Klipper, a history and faults.
//!
//! Used by tests, the demo and benches. It reproduces the protocol of recorded Moonrakers (`tests/` compares it with
//! the recordings), shares no code with our client, and reports what its printers really did ([`SimPrinter::truth`]).

mod catalog;
mod clock;
mod connections;
mod files;
mod gcode_text;
mod generated;
mod heater;
mod history;
mod http;
mod job_state;
mod klippy;
mod model;
mod moonraker;
mod params;
mod past_jobs;
mod print_stats;
mod printer;
mod random;
mod rpc;
mod schedule;
mod server;
mod simulator;
mod status;
mod thumbnail;
mod truth;
mod version;

pub use catalog::{SlicedFile, sliced_file};
pub use connections::{Faults, Traffic};
pub use generated::PastPrints;
pub use history::HistoryFault;
pub use klippy::PrintPlan;
pub use model::{PrinterConfig, Refused};
pub use past_jobs::{PastJob, past_jobs, printer_name};
pub use printer::{PrinterView, SimPrinter};
pub use random::Random;
pub use schedule::{Schedule, ScheduledEvent};
pub use simulator::Simulator;
pub use truth::{Outcome, TrueRun};
pub use version::Version;
