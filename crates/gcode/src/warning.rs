//! Values that the parser could not read, or decisions that it had to make. A warning never discards values that were
//! read.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A message for users of the metadata. [`fmt::Display`] formats it as a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// The input is empty.
    Empty,
    /// The slicer is unknown; only values that any slicer might write were read.
    UnknownSlicer,
    /// The slicer is known, but its block of settings is not in the available bytes.
    NoSettings,
    /// The settings begin before the available bytes or end after them; some are missing.
    SettingsCut,
    /// A thumbnail begins in the available bytes and ends after them.
    ThumbnailCut {
        /// Declared width in pixels.
        width: u32,
        /// Declared height in pixels.
        height: u32,
    },
    /// A thumbnail has an unknown format, is not base64, or is too large.
    ThumbnailUnreadable {
        /// Declared width in pixels.
        width: u32,
        /// Declared height in pixels.
        height: u32,
    },
    /// A container (`.3mf`, `.ufp`, `.bgcode`, `.gx`) is damaged; the text describes where.
    ContainerDamaged(String),
    /// A part of a container is needed, but it is not in the available bytes.
    ContainerCut(String),
    /// A part of a container has an unsupported compression or encryption.
    UnsupportedCompression(String),
    /// The container holds several plates; the metadata describes one of them.
    SeveralPlates {
        /// The plate that was read, counted from 1.
        chosen: u32,
        /// Number of plates with G-code.
        plates: usize,
    },
    /// The bed type has no known temperature key; the temperature may belong to another plate.
    UnknownBedType(String),
    /// Several materials are configured, and the file does not state which are used.
    UsedToolsUnknown,
    /// The slicer printed a weight of zero for a length that is not zero: it had no density.
    WeightUnknown,
    /// A number is outside the range of its quantity, or contradicts the others; the field is empty.
    Impossible(&'static str),
    /// A comma in a number is a decimal comma or separates a list, and the file does not show which. Holds the key.
    AmbiguousComma(&'static str),
    /// The file is the rest of another one, written to resume a print; its estimates are of the whole print.
    Resumed,
    /// There were more keys or longer values than `raw` keeps.
    RawTruncated,
}

impl Warning {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnknownSlicer => "unknown_slicer",
            Self::NoSettings => "no_settings",
            Self::SettingsCut => "settings_cut",
            Self::ThumbnailCut { .. } => "thumbnail_cut",
            Self::ThumbnailUnreadable { .. } => "thumbnail_unreadable",
            Self::ContainerDamaged(_) => "container_damaged",
            Self::ContainerCut(_) => "container_cut",
            Self::UnsupportedCompression(_) => "unsupported_compression",
            Self::SeveralPlates { .. } => "several_plates",
            Self::UnknownBedType(_) => "unknown_bed_type",
            Self::UsedToolsUnknown => "used_tools_unknown",
            Self::WeightUnknown => "weight_unknown",
            Self::Impossible(_) => "impossible",
            Self::AmbiguousComma(_) => "ambiguous_comma",
            Self::Resumed => "resumed",
            Self::RawTruncated => "raw_truncated",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::UnknownSlicer => f.write_str("the file names no known slicer"),
            Self::NoSettings => f.write_str("the slicer's settings are not in the bytes that were read"),
            Self::SettingsCut => f.write_str("the slicer's settings are cut off; some are missing"),
            Self::ThumbnailCut { width, height } => write!(f, "the {width}x{height} thumbnail is cut off"),
            Self::ThumbnailUnreadable { width, height } => {
                write!(f, "the {width}x{height} thumbnail is not a readable image")
            }
            Self::ContainerDamaged(what) => write!(f, "the container is damaged: {what}"),
            Self::ContainerCut(what) => write!(f, "a part of the container was not read: {what}"),
            Self::UnsupportedCompression(what) => write!(f, "unsupported compression or encryption: {what}"),
            Self::SeveralPlates { chosen, plates } => {
                write!(
                    f,
                    "the container has {plates} plates; these are the values of plate {chosen}"
                )
            }
            Self::UnknownBedType(name) => write!(f, "no temperature key is known for the bed type `{name}`"),
            Self::UsedToolsUnknown => f.write_str("the file does not state which of its materials are used"),
            Self::WeightUnknown => f.write_str("the weight is unknown, because the slicer had no filament density"),
            Self::Impossible(field) => {
                write!(f, "the value of `{field}` in the file is impossible and left out")
            }
            Self::AmbiguousComma(key) => {
                write!(
                    f,
                    "a comma in `{key}` may separate decimals or a list; the value is left out"
                )
            }
            Self::Resumed => f.write_str(
                "the file begins in the middle of a print; its estimates and settings describe the whole print",
            ),
            Self::RawTruncated => f.write_str("the file has more settings than are kept"),
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Warning", 2)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}
