//! Plays Moonrakers, each with its Klipper, its history and its accidents, many of them in one process.
//!
//! For tests, for the demo and for benches. It speaks as recorded Moonrakers speak (`tests/` hold it against the
//! recordings), shares no code with our client, and knows the truth of what its printers did ([`SimPrinter::truth`]).

mod catalog;
mod clock;
mod connections;
mod dice;
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
pub use dice::Dice;
pub use generated::PastPrints;
pub use history::HistoryFault;
pub use klippy::PrintPlan;
pub use model::{PrinterConfig, Refused};
pub use past_jobs::{PastJob, past_jobs, printer_name};
pub use printer::{PrinterView, SimPrinter};
pub use schedule::{Happening, Schedule};
pub use simulator::Simulator;
pub use truth::{Outcome, TrueRun};
pub use version::Version;
