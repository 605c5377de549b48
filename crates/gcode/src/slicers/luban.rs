//! Snapmaker Luban: Cura's engine with its own head, in which Cura's values are placeholders.

use super::{SlicerId, cura};
use crate::scan::Scan;
use crate::settings::{count, key_value, whole_seconds};
use crate::{Parsed, value};

pub(super) fn is_header(scan: &Scan<'_>) -> bool {
    scan.comments
        .iter()
        .any(|comment| comment.text.starts_with(b"estimated_time(s):"))
        && scan
            .comments
            .iter()
            .any(|comment| comment.text.starts_with(b"header_type:"))
}

/// Luban does not print its name. If the engine prints its own, that is the slicer.
pub(super) fn id(scan: &Scan<'_>) -> SlicerId {
    match cura::id(scan) {
        SlicerId { version: None, .. } => SlicerId {
            name: "Luban".into(),
            version: None,
        },
        engine => engine,
    }
}

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    cura::read(scan, parsed);
    let head: Vec<_> = scan
        .outer_first()
        .filter_map(|comment| key_value(comment.text))
        .collect();
    // Keys end with a unit, with a degree sign in UTF-8 or Latin-1: `nozzle_temperature(°C)`.
    let text = |name: &str| {
        head.iter()
            .find(|(key, _)| key.split('(').next() == Some(name))
            .map(|(_, value)| value)
    };
    let number = |name: &str| text(name).and_then(|value| value::decimal(value));
    let metadata = &mut parsed.metadata;
    metadata.estimated_time = number("estimated_time")
        .and_then(whole_seconds)
        .or(metadata.estimated_time);
    metadata.nozzle_temp_first_layer = number("nozzle_temperature")
        .filter(|temp| *temp > 0.0)
        .or(metadata.nozzle_temp_first_layer);
    metadata.nozzle_temp = metadata.nozzle_temp.or(metadata.nozzle_temp_first_layer);
    metadata.bed_temp_first_layer = number("build_plate_temperature")
        .filter(|temp| *temp > 0.0)
        .or(metadata.bed_temp_first_layer);
    metadata.bed_temp = metadata.bed_temp.or(metadata.bed_temp_first_layer);
    metadata.nozzle_diameter = metadata
        .nozzle_diameter
        .or(number("nozzle_0_diameter").filter(|mm| *mm > 0.0));
    metadata.object_height = metadata.object_height.or(number("max_z").filter(|mm| *mm > 0.0));
    metadata.print_speed = metadata
        .print_speed
        .or(number("work_speed").map(|per_minute| per_minute / 60.0));
    metadata.layer_count = metadata.layer_count.or(number("layer_number").and_then(count));
    metadata.printer_model = metadata
        .printer_model
        .take()
        .or_else(|| text("machine").and_then(|model| value::word(model)));
    // Luban's spelling.
    let weight = number("matierial_weight").or_else(|| number("material_weight"));
    metadata.estimated_filament = metadata
        .estimated_filament
        .or(weight.filter(|grams| *grams > 0.0));
    let metres = number("matierial_length")
        .or_else(|| number("material_length"))
        .filter(|metres| *metres > 0.0);
    metadata.filament_used_mm = metadata.filament_used_mm.or(metres.map(|metres| metres * 1000.0));
}
