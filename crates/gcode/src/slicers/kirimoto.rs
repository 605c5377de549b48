//! Kiri:Moto: process settings in the head, amounts and layers as `; --- text ---`.

use crate::Parsed;
use crate::scan::{Scan, decode};
use crate::settings::{self, count, whole_seconds};
use crate::tool::{self, Tool};
use crate::value;

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let head = settings::pairs(scan);
    let positive = |key: &str| head.number(key).filter(|number| *number > 0.0);
    // 0 means "same as the other layers".
    let first_layer = |key: &str, others: Option<f64>| match head.get(key) {
        None => others,
        Some(_) => head
            .number(key)
            .and_then(|number| if number == 0.0 { others } else { Some(number) }),
    };
    let metadata = &mut parsed.metadata;
    metadata.printer_model = head.word("Target");
    metadata.print_profile = head.word("processName");
    metadata.layer_height = head.number("sliceHeight");
    metadata.first_layer_height = first_layer("firstSliceHeight", metadata.layer_height);
    metadata.infill_percentage = head
        .number("sliceFillSparse")
        .map(|fraction| tool::round6(fraction * 100.0));
    metadata.infill_pattern = head.word("sliceFillType");
    metadata.support_enabled = head.flag("sliceSupportEnable");
    metadata.wall_count = head.count("sliceShells");
    metadata.top_layers = head.count("sliceTopLayers");
    metadata.bottom_layers = head.count("sliceBottomLayers");
    metadata.nozzle_temp = positive("outputTemp");
    metadata.nozzle_temp_first_layer = first_layer("firstLayerNozzleTemp", metadata.nozzle_temp);
    metadata.bed_temp = positive("outputBedTemp");
    metadata.bed_temp_first_layer = first_layer("firstLayerBedTemp", metadata.bed_temp);
    metadata.print_speed = head.number("outputFeedrate");
    metadata.speeds.outer_wall = head.number("outputFinishrate");
    metadata.speeds.first_layer = head.number("firstLayerRate");
    metadata.speeds.travel = head.number("outputSeekrate");
    metadata.filament_used_mm = scan
        .after("--- filament used:")
        .and_then(|text| value::measured(text.trim_end_matches('-').trim_end(), "mm"));
    metadata.estimated_time = scan
        .after("--- print time:")
        .and_then(|text| value::duration(text.trim_end_matches('-')))
        .and_then(whole_seconds);
    metadata.tools = vec![Tool {
        used_mm: metadata.filament_used_mm,
        nozzle_temp: metadata.nozzle_temp,
        nozzle_temp_first_layer: metadata.nozzle_temp_first_layer,
        bed_temp: metadata.bed_temp,
        bed_temp_first_layer: metadata.bed_temp_first_layer,
        ..Tool::default()
    }];
    // If the time after the moves is missing, the file is cut off, and its last layer is not that of the print.
    if let Some((layers, height)) = last_layer(scan).filter(|_| metadata.estimated_time.is_some()) {
        metadata.layer_count = count(layers);
        metadata.object_height = Some(height);
    }
}

/// `;; --- layer 24 (0.200 @ 5.05) ---`: number of layers, height of the last.
fn last_layer(scan: &Scan<'_>) -> Option<(f64, f64)> {
    let last = scan
        .last_first()
        .find_map(|comment| comment.text.strip_prefix(b"; --- layer "))?;
    let text = decode(last);
    let index = value::measured(&text, "")?;
    let height = value::decimal(text.split_once('@')?.1.split(')').next()?)?;
    Some((index + 1.0, height))
}
