//! The answer: what one G-code file says about itself.

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::{Thumbnail, Tool, Warning};

/// What a slicer wrote into a file. Serialised, it is the `details` object; the lists come beside it.
///
/// Units: mm, mm/s, °C, g, s, percent. `None` means that the file does not say. Fields with one value
/// for several materials hold that of the main one: the most used by weight, else by length.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct GcodeMetadata {
    /// Name of the slicer as it writes it, for example `OrcaSlicer`.
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
    /// Chamber temperature; `None` also for the 0 that means "not heated".
    pub chamber_temp: Option<f64>,
    /// Speed of the outer wall, or the slicer's one print speed.
    pub print_speed: Option<f64>,
    /// Speeds by feature.
    pub speeds: Speeds,
    /// Sparse infill in percent.
    pub infill_percentage: Option<f64>,
    /// Pattern of the sparse infill, as written.
    pub infill_pattern: Option<String>,
    /// Whether supports are generated.
    pub support_enabled: Option<bool>,
    /// Kind of supports as written, also while they are off.
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
    /// Seconds, start routines included, normal mode.
    pub estimated_time: Option<u64>,
    /// Seconds in silent (stealth) mode.
    pub estimated_time_silent: Option<u64>,
    /// Grams of all materials; `None` when the slicer had no density. See also [`GcodeMetadata::grams`].
    pub estimated_filament: Option<f64>,
    /// mm of filament of all materials.
    pub filament_used_mm: Option<f64>,
    /// cm³ of filament of all materials.
    pub filament_used_cm3: Option<f64>,
    /// Cost of the filament of the whole print.
    pub filament_cost: Option<f64>,
    /// Currency of the cost, where the file names one (`$`, `EUR`).
    pub currency: Option<String>,
    /// Number of layers the slicer stated.
    pub layer_count: Option<u32>,
    /// Height of the print; where it is not stated, the highest layer the file marks.
    pub object_height: Option<f64>,
    /// Names of the objects on the plate.
    pub objects: Vec<String>,
    /// The filament slots; empty when the slicer says nothing about materials.
    #[serde(skip)]
    pub tools: Vec<Tool>,
    /// Images of the print, in file order.
    #[serde(skip)]
    pub thumbnails: Vec<Thumbnail>,
    /// Every key/value outside of the moves, untouched, in file order; the first of equal keys.
    #[serde(skip)]
    pub raw: IndexMap<String, String, RandomState>,
    /// Where the moves are in a text file.
    #[serde(skip)]
    pub moves: Moves,
}

/// Speeds in mm/s.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
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

/// Byte offsets of the commands of a text file. `None`: not within the bytes that were read, or UTF-16.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Moves {
    /// Offset of the first line that is no comment.
    pub start: Option<u64>,
    /// Offset behind the last line that is no comment.
    pub end: Option<u64>,
}

/// The result of parsing: it always exists, an unreadable file only has more warnings.
///
/// Serialises as `{"details": …, "tools": […], "thumbnails": […], "warnings": […]}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// What was found.
    pub metadata: GcodeMetadata,
    /// What was not, and what had to be decided.
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
