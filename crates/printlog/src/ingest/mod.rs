//! From printers to rows: one supervised task a printer, which never answers a request.

mod status;

pub use status::{
    BackfillProgress, BackfillState, Connection, ConnectionState, CurrentJob, PrinterStatus, Temperature,
};
