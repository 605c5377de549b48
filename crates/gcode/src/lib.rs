//! What a G-code file says about itself: slicer, settings, materials, estimates, thumbnails.
//!
//! Pure: bytes in, [`GcodeMetadata`] and [`Warning`]s out. No I/O, no clock, no panic on any input, and
//! memory bounded whatever the file claims. It reads text in any encoding and line end, `.bgcode`,
//! `.gcode.3mf`, `.ufp` and `.gx`; the format is told by the first bytes, not by the name.
//!
//! - [`parse`] for bytes at hand: a whole file, or its head and tail.
//! - [`Reader`] to fetch from far: it asks for byte ranges, at most [`BUDGET`] of them.
//! - [`GcodeMetadata::grams`] for the weight of a measured length of filament.
//!
//! Which slicer prints what, and how sure we are, is in `docs/gcode.md`.

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
pub use thumbnail::{ImageFormat, Thumbnail};
pub use tool::Tool;
pub use warning::Warning;
pub use weight::{Weight, WeightSource, usual_density};

/// Parses the head and the tail of a file; they may touch or overlap.
///
/// A whole file is a head with an empty tail. Without `file_size` a tail is taken to be apart from the
/// head. Of a text file at most the first 1 MiB and the last 512 KiB are looked at.
pub fn parse(head: &[u8], tail: &[u8], file_size: Option<u64>) -> Parsed {
    reader::parse_segments(&segments::Segments::head_and_tail(head, tail, file_size))
}
