//! Creality Print up to 4 (CXEngine, a fork of CuraEngine): `;Key Name:value`, some lengths in µm.

use super::slic3r_statistics as shared;
use super::{SlicerId, cura, name_and_version};
use crate::scan::Scan;
use crate::settings::{self, Settings, whole_seconds};
use crate::tool::{self, Tool};
use crate::value::{self, Measure};
use crate::{Parsed, Speeds};

/// `Creality Print Version : V4.3.7.6619`
pub(super) fn id(text: &str) -> SlicerId {
    let text = text.replace("Version", " ").replace(':', " ");
    name_and_version(&text).unwrap_or(SlicerId {
        name: "Creality Print".into(),
        version: None,
    })
}

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    // The profile follows the head; start code may stand between.
    let mut pairs = settings::outer_pairs(scan);
    for comment in &scan.comments {
        if let Some((key, value)) = settings::key_value(comment.text) {
            pairs.insert(key, value);
        }
    }
    cura::read(scan, parsed);
    values(&pairs, parsed);
    filament(&pairs, parsed);
    shared::mark_used(&mut parsed.metadata);
}

fn values(pairs: &Settings<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let number = |keys: &[&str]| keys.iter().find_map(|key| pairs.number(key));
    metadata.estimated_time = number(&["TIME"])
        .and_then(whole_seconds)
        .or(metadata.estimated_time);
    metadata.layer_height = number(&["Layer Height", "Layer height"]).or(metadata.layer_height);
    // Sic; in µm, unlike the layer height. A height below one unit is in mm already.
    metadata.first_layer_height = number(&["Inital Layer Height", "Inital Height", "Initial Layer Height"])
        .map(|height| if height >= 10.0 { height / 1000.0 } else { height })
        .or(metadata.first_layer_height);
    metadata.printer_model = pairs.word("Machine Name").or(metadata.printer_model.take());
    metadata.infill_percentage = pairs
        .first(&["Infill Sparse Density"])
        .and_then(Measure::read)
        .map(|density| match density {
            Measure::Absolute(percent) | Measure::Percent(percent) => percent,
        });
    metadata.infill_pattern = pairs.word("Infill Pattern").or(metadata.infill_pattern.take());
    metadata.support_enabled = pairs.flag("Support Enable").or(metadata.support_enabled);
    metadata.support_type = pairs.word("Support Type").or(metadata.support_type.take());
    metadata.wall_count = pairs.count("Wall Line Count").or(metadata.wall_count);
    metadata.top_layers = pairs.count("Top Layers").or(metadata.top_layers);
    metadata.spiral_vase = pairs.flag("Vase Model").or(metadata.spiral_vase);
    metadata.nozzle_temp = number(&["Print Temperature"]).or(metadata.nozzle_temp);
    metadata.nozzle_temp_first_layer = metadata.nozzle_temp_first_layer.or(metadata.nozzle_temp);
    metadata.bed_temp = number(&["Bed Temperature"]).or(metadata.bed_temp);
    metadata.bed_temp_first_layer = metadata.bed_temp_first_layer.or(metadata.bed_temp);
    metadata.print_speed = number(&["Print Speed"]).or(metadata.print_speed);
    metadata.speeds = Speeds {
        infill: number(&["Infill Speed"]),
        first_layer: number(&["Initial Layer Speed"]),
        travel: number(&["Travel Speed"]),
        ..Speeds::default()
    };
    // `ExtruderParams[0] Nozzle Diameter` is the outer diameter of the tip, not of the bore.
}

fn filament(pairs: &Settings<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let used: Vec<f64> = pairs
        .get("Filament used")
        .map(shared::amounts)
        .unwrap_or_default();
    let material = pairs
        .word("Material Type")
        .or_else(|| pairs.word("Material name"));
    if metadata.tools.is_empty() {
        metadata.tools = used
            .iter()
            .enumerate()
            .map(|(index, metres)| Tool {
                index,
                used_mm: Some(tool::round6(metres * 1000.0)),
                ..Tool::default()
            })
            .collect();
    }
    if metadata.tools.is_empty() && material.is_some() {
        metadata.tools.push(Tool::default());
    }
    if let [tool] = metadata.tools.as_mut_slice() {
        tool.filament_type = material
            .or(tool.filament_type.take())
            .and_then(|name| value::word(&name));
        tool.nozzle_temp = metadata.nozzle_temp;
        tool.bed_temp = metadata.bed_temp;
    }
    metadata.filament_used_mm = tool::sum(&metadata.tools, |tool| tool.used_mm).or(metadata.filament_used_mm);
}
