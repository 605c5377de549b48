//! Follows one Moonraker: its session, its history, and the conversion of its types.

pub mod convert;
mod current_job;
pub(crate) mod file_metadata;
pub(crate) mod gcode_files;
mod gcode_names;
pub(crate) mod history;
mod limitations;
mod page_size;
pub(crate) mod session;
