//! KISSlicer: prints its settings twice, first as entered (negative means a percentage), later resolved.

use super::SlicerId;
use super::slic3r_statistics as shared;
use crate::Parsed;
use crate::scan::{Scan, decode};
use crate::settings::{self, Settings, whole_seconds};
use crate::tool::{self, Tool};
use crate::value;

/// `version 1.6.3 Release Win64`, `version 2 a 2.0.6 Linux64`
pub(super) fn id(scan: &Scan<'_>) -> SlicerId {
    let version = scan
        .after("version ")
        .filter(|version| version.len() < 60)
        .map(|version| version.into_owned());
    SlicerId {
        name: "KISSlicer".into(),
        version,
    }
}

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let pairs = settings::pairs(scan);
    let bed = pairs.number("bed_C");
    let metadata = &mut parsed.metadata;
    metadata.printer_model = pairs.word("printer_name");
    metadata.print_profile = pairs.word("style_name");
    metadata.layer_height = resolved(scan, "layer_thickness_mm");
    metadata.first_layer_height = resolved(scan, "first_layer_thickness_mm");
    metadata.nozzle_diameter = pairs.number("nozzle_dia_1");
    metadata.nozzle_temp = pairs.number("temperature_C");
    metadata.nozzle_temp_first_layer = pairs.number("first_layer_C");
    metadata.bed_temp = bed;
    metadata.bed_temp_first_layer = bed;
    // One line of infill per this many line widths; 0 means none.
    metadata.infill_percentage = pairs
        .number("infill_density_denominator")
        .filter(|denominator| *denominator >= 0.0)
        .map(|denominator| match denominator {
            0.0 => 0.0,
            lines => tool::round6(100.0 / lines),
        });
    metadata.support_enabled = pairs.number("support_style").map(|style| style > 0.0);
    metadata.wall_count = pairs.count("num_loops").or_else(|| pairs.count("num_ISOs"));
    metadata.speeds.first_layer = pairs.number("first_layer_speed_mm_per_s");
    metadata.speeds.travel = pairs.number("travel_speed_mm_per_s");
    let time = pairs.first(&[
        "Calculated-during-export Build Time",
        "Estimated Build Time",
        "Estimated-in-GUI Build Time",
    ]);
    metadata.estimated_time = time.and_then(value::duration).and_then(whole_seconds);
    cost(&pairs, parsed);
    tools(&pairs, scan, parsed);
    // If the time after the moves is missing, the file is cut off, and its last layer is not that of the print.
    parsed.metadata.object_height = height(scan).filter(|_| parsed.metadata.estimated_time.is_some());
    shared::mark_used(&mut parsed.metadata);
}

/// The last positive value of a key that is printed as entered and as resolved.
fn resolved(scan: &Scan<'_>, key: &str) -> Option<f64> {
    let values = scan.comments.iter().rev().filter_map(|comment| {
        let value = comment
            .text
            .strip_prefix(key.as_bytes())?
            .trim_ascii_start()
            .strip_prefix(b"=")?;
        value::decimal(&decode(value))
    });
    values.into_iter().find(|value| *value > 0.0)
}

/// `$0.03`, with the user's currency in front.
fn cost(pairs: &Settings<'_>, parsed: &mut Parsed) {
    let Some(text) = pairs.first(&["Estimated Build Cost", "Estimated-in-GUI Build Cost"]) else {
        return;
    };
    let text = text.trim();
    let digits = text
        .find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        .unwrap_or(text.len());
    parsed.metadata.filament_cost = value::decimal(&text[digits..]);
    let currency = text[..digits].trim();
    let known = parsed.metadata.filament_cost.is_some() && !currency.is_empty();
    parsed.metadata.currency = (known && currency.chars().count() <= 4).then(|| currency.to_owned());
}

/// `Ext 1 =   298.83 mm  (0.719 cm^3)`, from 2.0 on `Ext #1  =`.
fn tools(pairs: &Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let material = pairs.word("material_name");
    let diameter = pairs.number("fiber_dia_mm").filter(|diameter| *diameter > 0.0);
    for comment in scan
        .outer_first()
        .filter(|comment| comment.text.starts_with(b"Ext "))
    {
        let Some((key, amounts)) = settings::key_value(comment.text) else {
            continue;
        };
        let number = value::number(key.trim_start_matches("Ext").trim().trim_start_matches('#'));
        let Some(index) = number
            .and_then(settings::count)
            .and_then(|number| number.checked_sub(1))
        else {
            continue;
        };
        if metadata.tools.len() >= 64 {
            break;
        }
        let index = index as usize;
        if metadata.tools.iter().any(|tool| tool.index == index) {
            continue;
        }
        metadata.tools.push(Tool {
            index,
            used_mm: value::measured(&amounts, "mm"),
            used_cm3: amounts
                .split_once('(')
                .and_then(|(_, volume)| value::measured(volume.split(')').next()?, "cm^3")),
            nozzle_diameter: pairs.number(&format!("nozzle_dia_{}", index + 1)),
            ..Tool::default()
        });
    }
    let all = |amount: fn(&Tool) -> Option<f64>| {
        let amounts: Vec<_> = metadata.tools.iter().map(amount).collect();
        tool::sum_all(&amounts)
    };
    let (mm, cm3) = (all(|tool| tool.used_mm), all(|tool| tool.used_cm3));
    metadata.filament_used_mm = mm;
    metadata.filament_used_cm3 = cm3;
    if metadata.tools.is_empty() {
        metadata.tools.push(Tool::default());
    }
    // The head describes the material of the main extruder only.
    let main = tool::primary(&metadata.tools).unwrap_or(0);
    if let Some(tool) = metadata.tools.get_mut(main) {
        tool.filament_name = material;
        tool.diameter = diameter;
        tool.nozzle_temp = metadata.nozzle_temp;
        tool.nozzle_temp_first_layer = metadata.nozzle_temp_first_layer;
        tool.bed_temp = metadata.bed_temp;
        tool.bed_temp_first_layer = metadata.bed_temp_first_layer;
    }
}

/// `END_LAYER_OBJECT z=5.000`
fn height(scan: &Scan<'_>) -> Option<f64> {
    let layers = scan
        .last_first()
        .filter_map(|comment| comment.text.strip_prefix(b"END_LAYER_OBJECT z="));
    layers
        .filter_map(|z| value::measured(&decode(z), ""))
        .take(1000)
        .reduce(f64::max)
}
