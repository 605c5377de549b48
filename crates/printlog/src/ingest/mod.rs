//! From printers to rows: one supervised task per printer. The tasks never serve requests.

mod fleet;
mod gcode_source;
pub mod moonraker;
mod recorder;
mod status;
mod writer;

pub use fleet::{BackfillSetting, Fleet, FleetSettings, PrinterStatuses};
pub use gcode_source::{FileStat, GcodePart, GcodeSource, GcodeSourceError};
pub use status::{
    BackfillProgress, BackfillState, Connection, ConnectionReason, ConnectionState, CurrentJob, Limitation,
    PrinterStatus, Temperature,
};

/// The G-code files of a printer.
///
/// # Errors
/// If its address cannot be used.
pub(crate) fn gcode_source(printer: &domain::Printer) -> Result<impl GcodeSource + use<>, GcodeSourceError> {
    moonraker::gcode_files::MoonrakerFiles::new(&printer.config)
        .map_err(|cause| GcodeSourceError::Permanent(crate::error_chain::ErrorChain(&cause).to_string()))
}
