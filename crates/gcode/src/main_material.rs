//! Picks one value for several materials: that of the main material.

use crate::{GcodeMetadata, Parsed, Warning, tool};

/// Fills missing print-wide values from the main tool.
///
/// This is the last step of parsing: containers may have added the amounts that determine the main tool.
pub(crate) fn fill(parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    only_material(metadata);
    let Some(primary) = tool::primary(&metadata.tools) else {
        return;
    };
    let Some(tool) = metadata.tools.get(primary).cloned() else {
        return;
    };
    keep_or(&mut metadata.filament_type, tool.filament_type);
    keep_or(&mut metadata.filament_name, tool.filament_name);
    keep_or(&mut metadata.filament_brand, tool.filament_brand);
    keep_or(&mut metadata.filament_color, tool.filament_color);
    keep_or(&mut metadata.nozzle_temp, tool.nozzle_temp);
    keep_or(
        &mut metadata.nozzle_temp_first_layer,
        tool.nozzle_temp_first_layer,
    );
    keep_or(&mut metadata.bed_temp, tool.bed_temp);
    keep_or(&mut metadata.bed_temp_first_layer, tool.bed_temp_first_layer);
    keep_or(&mut metadata.nozzle_diameter, tool.nozzle_diameter);
    let unknown = metadata.tools.len() > 1 && metadata.tools.iter().all(|tool| tool.used.is_none());
    if unknown {
        parsed.warn(Warning::UsedToolsUnknown);
    }
}

/// If only one tool can have been used, its amounts are the totals.
fn only_material(metadata: &mut GcodeMetadata) {
    let mut in_use = metadata.tools.iter_mut().filter(|tool| tool.may_be_used());
    if let (Some(tool), None) = (in_use.next(), in_use.next()) {
        tool.used = Some(true);
        keep_or(&mut tool.used_mm, metadata.filament_used_mm);
        keep_or(&mut tool.used_cm3, metadata.filament_used_cm3);
        keep_or(&mut tool.used_g, metadata.estimated_filament);
        keep_or(&mut tool.cost, metadata.filament_cost);
    }
}

fn keep_or<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}
