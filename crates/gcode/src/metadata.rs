//! The metadata of one G-code file.

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::{Thumbnail, Tool, Warning};

/// The metadata that a slicer wrote into a file. Serialised, it is the `details` object; the lists are separate.
///
/// Units: mm, mm/s, °C, g, s, percent. `None` means that the file does not have the value. Fields with one value for
/// several materials hold that of the main material: the most used by weight, else by length.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct GcodeMetadata {
    /// Name of the slicer as written, for example `OrcaSlicer`.
    pub slicer: Option<String>,
    /// Version of the slicer, as written.
    pub slicer_version: Option<String>,
    /// Model of the printer in the slicer's profile.
    pub printer_model: Option<String>,
    /// Name of the printer profile.
    pub printer_profile: Option<String>,
    /// Name of the print (process, quality) profile.
    pub print_profile: Option<String>,
    /// Layer height.
    pub layer_height: Option<f64>,
    /// Height of the first layer; a percentage is resolved.
    pub first_layer_height: Option<f64>,
    /// Diameter of the (first) nozzle.
    pub nozzle_diameter: Option<f64>,
    /// Nozzle temperature after the first layer.
    pub nozzle_temp: Option<f64>,
    /// Nozzle temperature of the first layer.
    pub nozzle_temp_first_layer: Option<f64>,
    /// Bed temperature after the first layer, for the plate in use.
    pub bed_temp: Option<f64>,
    /// Bed temperature of the first layer, for the plate in use.
    pub bed_temp_first_layer: Option<f64>,
    /// The plate in use, as the slicer names it.
    pub bed_type: Option<String>,
    /// Chamber temperature; `None` also for 0, which means "not heated".
    pub chamber_temp: Option<f64>,
    /// Speed of the outer wall, or the slicer's only print speed.
    pub print_speed: Option<f64>,
    /// Speeds by feature.
    pub speeds: Speeds,
    /// Sparse infill in percent.
    pub infill_percentage: Option<f64>,
    /// Pattern of the sparse infill, as written.
    pub infill_pattern: Option<String>,
    /// Whether supports are generated.
    pub support_enabled: Option<bool>,
    /// Kind of supports as written, even if they are off.
    pub support_type: Option<String>,
    /// Number of walls (perimeters).
    pub wall_count: Option<u32>,
    /// Number of solid top layers.
    pub top_layers: Option<u32>,
    /// Number of solid bottom layers.
    pub bottom_layers: Option<u32>,
    /// Whether the print is one spiral (vase mode).
    pub spiral_vase: Option<bool>,
    /// Type of the main material.
    pub filament_type: Option<String>,
    /// Profile name of the main material.
    pub filament_name: Option<String>,
    /// Maker of the main material.
    pub filament_brand: Option<String>,
    /// Colour of the main material, `#RRGGBB` or `#RRGGBBAA`.
    pub filament_color: Option<String>,
    /// Seconds, including start routines, in normal mode.
    pub estimated_time: Option<u64>,
    /// Seconds in silent (stealth) mode.
    pub estimated_time_silent: Option<u64>,
    /// Grams of all materials; `None` if the slicer had no density. See also [`GcodeMetadata::grams`].
    pub estimated_filament: Option<f64>,
    /// mm of filament of all materials.
    pub filament_used_mm: Option<f64>,
    /// cm³ of filament of all materials.
    pub filament_used_cm3: Option<f64>,
    /// Cost of the filament of the whole print.
    pub filament_cost: Option<f64>,
    /// Currency of the cost, if the file names one (`$`, `EUR`).
    pub currency: Option<String>,
    /// Number of layers that the slicer stated.
    pub layer_count: Option<u32>,
    /// Height of the print. If it is not stated, the highest layer mark in the file.
    pub object_height: Option<f64>,
    /// Names of the objects on the plate.
    pub objects: Vec<String>,
    /// The filament slots. Empty if the file has no data about materials.
    #[serde(skip)]
    pub tools: Vec<Tool>,
    /// Images of the print, in file order.
    #[serde(skip)]
    pub thumbnails: Vec<Thumbnail>,
    /// All keys and values outside of the moves, unchanged, in file order. The first of equal keys is kept.
    #[serde(skip)]
    pub raw: IndexMap<String, String, RandomState>,
    /// Position of the moves in a text file.
    #[serde(skip)]
    pub moves: Moves,
}

/// Speeds in mm/s.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Speeds {
    /// Outer wall (external perimeter).
    pub outer_wall: Option<f64>,
    /// Inner walls (perimeters).
    pub inner_wall: Option<f64>,
    /// Sparse infill.
    pub infill: Option<f64>,
    /// Solid infill.
    pub solid_infill: Option<f64>,
    /// Top surface.
    pub top_surface: Option<f64>,
    /// Supports.
    pub support: Option<f64>,
    /// First layer.
    pub first_layer: Option<f64>,
    /// Travel.
    pub travel: Option<f64>,
}

/// Byte offsets of the commands in a text file. `None` if they are outside of the read bytes, or the file is UTF-16.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Moves {
    /// Offset of the first line that is not a comment.
    pub start: Option<u64>,
    /// Offset just after the last line that is not a comment.
    pub end: Option<u64>,
}

/// The result of parsing. It always exists; an unreadable file only has more warnings.
///
/// Serialises as `{"details": …, "tools": […], "thumbnails": […], "warnings": […]}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// The values found.
    pub metadata: GcodeMetadata,
    /// Missing or unreadable values, and decisions that had to be made.
    pub warnings: Vec<Warning>,
}

impl Serialize for Parsed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Parsed", 4)?;
        object.serialize_field("details", &self.metadata)?;
        object.serialize_field("tools", &self.metadata.tools)?;
        object.serialize_field("thumbnails", &self.metadata.thumbnails)?;
        object.serialize_field("warnings", &self.warnings)?;
        object.end()
    }
}

impl Parsed {
    /// Adds a warning once.
    pub(crate) fn warn(&mut self, warning: Warning) {
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

const MAX_WARNINGS: usize = 64;
