//! FlashPrint (`ffslicer`): `;key: value` in the head; right extruder first. Time only in `.gx` heads.

use crate::Parsed;
use crate::scan::Scan;
use crate::settings::{self, count};
use crate::tool::Tool;
use crate::value::{self, Measure};

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let head = settings::pairs(scan);
    let bed = head.number("platform_temperature");
    let metadata = &mut parsed.metadata;
    metadata.printer_model = head.word("machine_type");
    metadata.layer_height = head.number("layer_height");
    metadata.first_layer_height = head.number("first_layer_height");
    metadata.infill_percentage = head.measure("fill_density").map(|density| match density {
        Measure::Percent(percent) | Measure::Absolute(percent) => percent,
    });
    metadata.infill_pattern = head.word("fill_pattern");
    metadata.wall_count = head.count("perimeter_shells");
    metadata.top_layers = head.count("top_solid_layers");
    metadata.bottom_layers = head.count("bottom_solid_layers");
    metadata.print_speed = head.number("base_print_speed");
    metadata.speeds.travel = head.number("travel_speed");
    metadata.layer_count = head
        .count("layer_total_count")
        .or_else(|| head.count("layer_count"))
        .or_else(|| {
            scan.after("layer_count:")
                .and_then(|text| value::decimal(&text))
                .and_then(count)
        });
    metadata.bed_temp = bed;
    metadata.bed_temp_first_layer = bed;
    for (index, side) in ["right", "left"].into_iter().enumerate() {
        let material = head.word(&format!("{side}_extruder_material"));
        let temp = head.number(&format!("{side}_extruder_temperature"));
        if material.is_none() && temp.is_none() {
            continue;
        }
        metadata.tools.push(Tool {
            index,
            filament_type: material,
            nozzle_temp: temp,
            nozzle_temp_first_layer: temp,
            bed_temp: bed,
            bed_temp_first_layer: bed,
            density: head
                .number(&format!("{side}_extruder_material_density"))
                .filter(|density| *density > 0.0),
            diameter: head
                .number(&format!("filament_diameter{index}"))
                .filter(|diameter| *diameter > 0.0),
            ..Tool::default()
        });
    }
}
