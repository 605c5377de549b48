//! IceSL: `; key : <tab>value` after `; <IceSL DATE>`, which follows the start code. No version, time or amounts.

use crate::Parsed;
use crate::scan::Scan;
use crate::settings::{self, Settings};
use crate::tool::Tool;

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let settings = block(scan);
    let metadata = &mut parsed.metadata;
    metadata.printer_model = settings.word("printer");
    metadata.layer_height = settings.number("z_layer_height_mm");
    metadata.first_layer_height = settings.number("z_layer_height_first_layer_mm");
    metadata.infill_percentage = settings.number("infill_percentage_0");
    metadata.infill_pattern = settings.word("infill_type_0");
    metadata.support_enabled = settings.flag("gen_supports");
    metadata.wall_count = settings.count("num_shells_0");
    metadata.spiral_vase = settings.flag("auto_spiralize");
    metadata.bed_temp = settings.number("bed_temp_degree_c");
    metadata.bed_temp_first_layer = metadata.bed_temp;
    metadata.chamber_temp = settings
        .number("chamber_temp_degree_c")
        .filter(|temp| *temp > 0.0);
    metadata.speeds.outer_wall = settings.number("perimeter_print_speed_mm_per_sec");
    metadata.speeds.infill = settings.number("print_speed_mm_per_sec");
    metadata.speeds.first_layer = settings.number("first_layer_print_speed_mm_per_sec");
    metadata.speeds.travel = settings.number("travel_speed_mm_per_sec");
    metadata.speeds.support = settings.number("support_print_speed_mm_per_sec");
    metadata.print_speed = metadata.speeds.outer_wall.or(metadata.speeds.infill);
    for index in 0..16 {
        let number = |key: &str| settings.number(&format!("{key}_{index}"));
        let Some(temp) = number("extruder_temp_degree_c") else {
            break;
        };
        metadata.tools.push(Tool {
            index,
            nozzle_temp: Some(temp),
            nozzle_temp_first_layer: Some(temp),
            bed_temp: metadata.bed_temp,
            bed_temp_first_layer: metadata.bed_temp,
            diameter: number("filament_diameter_mm").filter(|diameter| *diameter > 0.0),
            nozzle_diameter: number("nozzle_diameter_mm"),
            ..Tool::default()
        });
    }
    for (key, value) in settings.iter() {
        parsed
            .metadata
            .raw
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
}

/// All comments that directly follow the line with the slicer's name.
fn block<'a>(scan: &Scan<'a>) -> Settings<'a> {
    let mut settings = Settings::default();
    let Some(start) = scan
        .comments
        .iter()
        .position(|comment| comment.text.starts_with(b"<IceSL"))
    else {
        return settings;
    };
    let run = scan.comments[start].run;
    for comment in scan.comments[start..]
        .iter()
        .take_while(|comment| comment.run == run)
    {
        if let Some((key, value)) = settings::key_value(comment.text) {
            settings.insert(key, value);
        }
    }
    settings
}
