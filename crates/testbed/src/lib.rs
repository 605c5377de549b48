//! A test bed of complete printers: real Moonraker servers, a stand-in Klippy behind each, and links that can be cut.
//! For tests only; `scripts/install-test-deps.sh` installs the Moonrakers.
//!
//! ```no_run
//! # async fn run() -> anyhow::Result<()> {
//! use testbed::{GcodeFile, Outcome, Printer};
//!
//! let printer = Printer::start().await?;
//! let truth = printer.print_to_end("cube.gcode", &GcodeFile::new(1.0)).await?;
//! assert_eq!(truth.outcome, Some(Outcome::Completed));
//! let jobs = printer.moonraker.wait_for_ended_jobs(1).await?;
//! assert_eq!(jobs[0]["status"], "completed");
//! # Ok(()) }
//! ```

mod clock;
mod gcode_file;
mod installation;
mod klippy;
mod moonraker;
mod printer;
mod proxy;

pub use gcode_file::GcodeFile;
pub use installation::libfaketime;
pub use klippy::{Boot, Klippy, Outcome, PrintRecord, Snapshot};
pub use moonraker::{Moonraker, Setup, http};
pub use printer::Printer;
pub use proxy::Proxy;
