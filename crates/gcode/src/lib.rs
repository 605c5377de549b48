//! Metadata of a G-code file: slicer, settings, materials, estimates, thumbnails.
//!
//! Pure: bytes in, [`GcodeMetadata`] and [`Warning`]s out. It does no I/O, reads no clock, does not panic on any input,
//! and its memory is bounded whatever the file claims. It reads text in any encoding and with any line end, `.bgcode`,
//! `.gcode.3mf`, `.ufp` and `.gx`. The first bytes determine the format, not the file name.
//!
//! - [`parse`] for bytes in memory: a whole file, or its head and tail.
//! - [`Reader`] for remote files: it requests byte ranges, at most [`BUDGET`] bytes.
//! - [`GcodeMetadata::grams`] for the weight of a measured length of filament.
//!
//! `docs/gcode.md` lists what each slicer prints, and how reliable the values are.

mod beginning;
mod comma;
mod container;
mod heaters;
#[cfg(feature = "images")]
mod images;
mod main_material;
mod metadata;
mod quantity;
mod raw;
mod reader;
mod scan;
mod segments;
mod settings;
mod slicers;
mod stored;
mod text;
mod thumbnail;
mod thumbnail_block;
mod tool;
mod utf16;
mod value;
mod warning;
mod weight;

#[cfg(feature = "images")]
pub use images::ConvertError;

pub use metadata::{GcodeMetadata, Moves, Parsed, Speeds};
pub use quantity::Quantity;
pub use reader::{BUDGET, MovesHint, Reader};
pub use stored::{StoredMetadata, StoredWarning};
pub use thumbnail::{ImageFormat, Thumbnail};
pub use tool::Tool;
pub use warning::Warning;
pub use weight::{Weight, WeightSource, usual_density};

/// Parses the head and the tail of a file; they may touch or overlap.
///
/// A whole file is a head with an empty tail. Without `file_size`, the tail is assumed to be separate from the head. Of
/// a text file at most the first 1 MiB and the last 512 KiB are read.
pub fn parse(head: &[u8], tail: &[u8], file_size: Option<u64>) -> Parsed {
    reader::parse_segments(&segments::Segments::head_and_tail(head, tail, file_size))
}
