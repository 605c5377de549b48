//! From printers to rows: one supervised task per printer. The tasks never serve requests.

mod fleet;
pub mod moonraker;
mod status;
mod writer;

pub use fleet::{BackfillSetting, Fleet, FleetSettings, JobChange, Roster};
pub use status::{
    BackfillProgress, BackfillState, Connection, ConnectionState, CurrentJob, PrinterStatus, Temperature,
};
