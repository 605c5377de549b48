//! From printers to rows: one supervised task per printer. The tasks never serve requests.

mod backoff;
mod clock;
pub mod convert;
mod current_job;
mod fleet;
mod gcode_names;
mod history_sync;
mod limitations;
mod page_size;
mod printer_task;
mod status;
mod writer;

pub use clock::Clock;
pub use fleet::{BackfillSetting, Fleet, FleetSettings, JobChange, Roster};
pub use status::{
    BackfillProgress, BackfillState, Connection, ConnectionState, CurrentJob, PrinterStatus, Temperature,
};
