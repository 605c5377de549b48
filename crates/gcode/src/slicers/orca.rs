//! OrcaSlicer, Bambu Studio and their forks: keys such as `sparse_infill_density`, bed by plate type.
//!
//! The block of settings is at the end (most printers) or at the start (Bambu and Flashforge printers).

use super::slic3r_statistics::{self as shared, Slots};
use crate::scan::Scan;
use crate::settings::{Settings, count};
use crate::tool::{self, Tool};
use crate::value::{self, member};
use crate::{Parsed, Quantity, Speeds, Warning};

pub(super) fn read(config: &Settings<'_>, statistics: &Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    tools(config, statistics, parsed);
    amounts(statistics, parsed);
    settings(config, parsed);
    totals(config, statistics, scan, parsed);
}

fn settings(config: &Settings<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    metadata.printer_model = config.word("printer_model");
    metadata.printer_profile = config.word("printer_settings_id");
    metadata.print_profile = config.word("print_settings_id");
    metadata.layer_height = config.number("layer_height");
    metadata.first_layer_height = [
        "initial_layer_print_height",
        "initial_layer_height",
        "first_layer_height",
    ]
    .iter()
    .find_map(|key| config.number(key));
    metadata.nozzle_diameter = config.number("nozzle_diameter");
    metadata.bed_type = config.word("curr_bed_type");
    metadata.infill_percentage = config
        .first(&["sparse_infill_density", "fill_density"])
        .and_then(percent);
    metadata.infill_pattern = config
        .word("sparse_infill_pattern")
        .or_else(|| config.word("fill_pattern"));
    metadata.support_enabled = config.flag("enable_support");
    metadata.support_type = config.word("support_type");
    metadata.wall_count = config.count("wall_loops");
    metadata.top_layers = config.count("top_shell_layers");
    metadata.bottom_layers = config.count("bottom_shell_layers");
    metadata.spiral_vase = config.flag("spiral_mode");
    metadata.chamber_temp = chamber(config, &metadata.tools);
    let speed = |key: &str| {
        config
            .measure(key)
            .and_then(|speed| speed.of(None))
            .filter(|speed| *speed > 0.0)
    };
    metadata.speeds = Speeds {
        outer_wall: speed("outer_wall_speed"),
        inner_wall: speed("inner_wall_speed"),
        infill: speed("sparse_infill_speed"),
        solid_infill: speed("internal_solid_infill_speed"),
        top_surface: speed("top_surface_speed"),
        support: speed("support_speed"),
        first_layer: speed("initial_layer_speed"),
        travel: speed("travel_speed"),
    };
    metadata.print_speed = metadata.speeds.outer_wall;
}

fn percent(text: &str) -> Option<f64> {
    match value::Measure::read(text)? {
        value::Measure::Percent(percent) | value::Measure::Absolute(percent) => Some(percent),
    }
}

/// The highest temperature requested by the materials in use; 0 means "not heated".
fn chamber(config: &Settings<'_>, tools: &[Tool]) -> Option<f64> {
    let list = [
        config.integers("chamber_temperature"),
        config.integers("chamber_temperatures"),
    ]
    .concat();
    let in_use = tools
        .iter()
        .filter(|tool| tool.may_be_used())
        .map(|tool| tool.index);
    let wishes = in_use.filter_map(|index| member(&list, index).copied().flatten());
    wishes.filter(|temp| *temp > 0.0).reduce(f64::max)
}

fn tools(config: &Settings<'_>, statistics: &Settings<'_>, parsed: &mut Parsed) {
    let types = config.strings("filament_type");
    let names = config.strings("filament_settings_id");
    let brands = config.strings("filament_vendor");
    let colors = config.strings("filament_colour");
    let configured = types.len().max(names.len()).max(colors.len());
    let count = match configured {
        0 => slots_with_amounts(statistics),
        _ => configured,
    };
    if count == 0 {
        return;
    }
    let bed = bed_temperatures(config, parsed);
    let per_filament = |key: &str| first_variants(config, key, count);
    let temps = per_filament("nozzle_temperature");
    let first_temps = per_filament("nozzle_temperature_initial_layer");
    let densities = config.quantities("filament_density", Quantity::Density);
    let diameters = config.quantities("filament_diameter", Quantity::FilamentDiameter);
    let nozzles = config.quantities("nozzle_diameter", Quantity::NozzleDiameter);
    let number = |list: &[Option<f64>], index: usize| member(list, index).copied().flatten();
    parsed.metadata.tools = (0..count)
        .map(|index| Tool {
            index,
            filament_type: member(&types, index).and_then(|text| value::word(text)),
            filament_name: member(&names, index).and_then(|text| value::word(text)),
            filament_brand: member(&brands, index).and_then(|text| value::word(text)),
            filament_color: member(&colors, index).and_then(|text| value::color(text)),
            nozzle_temp: number(&temps, index),
            nozzle_temp_first_layer: number(&first_temps, index),
            bed_temp: number(&bed.other_layers, index),
            bed_temp_first_layer: number(&bed.first_layer, index),
            density: number(&densities, index).filter(|density| *density > 0.0),
            diameter: number(&diameters, index).filter(|diameter| *diameter > 0.0),
            nozzle_diameter: number(&nozzles, index),
            ..Tool::default()
        })
        .collect();
}

/// The value of each filament, from a list that may repeat a filament for each variant of its nozzle.
///
/// `filament_self_index = 1,1,2,2`: two variants of each of two filaments.
fn first_variants(config: &Settings<'_>, key: &str, count: usize) -> Vec<Option<f64>> {
    let list = config.integers(key);
    let owners = config.integers("filament_self_index");
    if owners.iter().any(|owner| owner.is_none_or(|owner| owner < 1.0)) {
        return vec![None; count];
    }
    let value = |filament: usize| {
        if owners.len() != list.len() {
            return member(&list, filament).copied().flatten();
        }
        let owner = Some((filament + 1) as f64);
        list.get(owners.iter().position(|other| *other == owner)?)
            .copied()
            .flatten()
    };
    (0..count).map(value).collect()
}

#[derive(Default)]
struct BedTemperatures {
    first_layer: Vec<Option<f64>>,
    other_layers: Vec<Option<f64>>,
}

/// Each plate type has its own keys; `curr_bed_type` selects the plate.
fn bed_temperatures(config: &Settings<'_>, parsed: &mut Parsed) -> BedTemperatures {
    let read = |key: &str| BedTemperatures {
        first_layer: config.integers(&format!("{key}_initial_layer")),
        other_layers: config.integers(key),
    };
    let bed_type = config.get("curr_bed_type").map(value::unquote);
    if let Some(key) = bed_type
        .as_deref()
        .and_then(plate_key)
        .filter(|key| config.has(key))
    {
        return read(key);
    }
    if let Some(bed_type) = bed_type {
        parsed.warn(Warning::UnknownBedType(bed_type));
    }
    // The plate may be among the lost settings.
    if config.cut && !config.has("first_layer_bed_temperature") {
        return BedTemperatures::default();
    }
    // `first_layer_bed_temperature` is a resolved copy and so shows which plate is selected.
    let resolved = config
        .integers("first_layer_bed_temperature")
        .first()
        .copied()
        .flatten();
    let plate = PLATES.iter().map(|(_, key)| read(key)).find(|plate| {
        let first = plate.first_layer.first().copied().flatten();
        first.is_some() && (resolved.is_none() || first == resolved)
    });
    plate.unwrap_or_else(|| BedTemperatures {
        first_layer: config.integers("first_layer_bed_temperature"),
        other_layers: config.integers("bed_temperature"),
    })
}

/// Names of plates in `curr_bed_type` and their keys; the most common plate is first.
const PLATES: [(&str, &str); 8] = [
    ("high temp plate", "hot_plate_temp"),
    ("textured pei plate", "textured_plate_temp"),
    ("cool plate", "cool_plate_temp"),
    ("engineering plate", "eng_plate_temp"),
    ("supertack plate", "supertack_plate_temp"),
    ("textured cool plate", "textured_cool_plate_temp"),
    ("customized plate", "customized_plate_temp"),
    ("epoxy resin plate", "epoxy_resin_plate_temp"),
];

fn plate_key(name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        _ if name.contains("supertack") => Some("supertack_plate_temp"),
        "smooth pei plate" | "smooth pei plate / high temp plate" => Some("hot_plate_temp"),
        "bambu cool plate" => Some("cool_plate_temp"),
        _ => PLATES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, key)| *key),
    }
}

fn amounts(statistics: &Settings<'_>, parsed: &mut Parsed) {
    if statistics.has("filament used [mm]") || statistics.has("filament used [g]") {
        shared::filament(statistics, &Slots::All, parsed);
        if let Some(used) = used_slots(statistics) {
            for tool in &mut parsed.metadata.tools {
                tool.used.get_or_insert(used.contains(&tool.index));
            }
        }
    } else {
        bambu_amounts(statistics, parsed);
    }
}

/// `filament: 1,3`, the slots in use, from 1.
fn used_slots(statistics: &Settings<'_>) -> Option<Vec<usize>> {
    let slots = value::numbers(statistics.get("filament")?);
    slots
        .into_iter()
        .map(|slot| count(slot?)?.checked_sub(1).map(|slot| slot as usize))
        .collect()
}

/// The number of filaments according to the amounts, for settings without a list of filaments.
fn slots_with_amounts(statistics: &Settings<'_>) -> usize {
    let highest = used_slots(statistics).and_then(|slots| slots.into_iter().max());
    let lists = [
        "filament used [mm]",
        "filament used [g]",
        "total filament length [mm]",
    ];
    lists
        .iter()
        .map(|key| statistics.amounts(key, "").map_or(0, |list| list.len()))
        .chain(highest.map(|slot| slot + 1))
        .max()
        .unwrap_or(0)
        .min(256)
}

/// Bambu Studio lists only the amounts of the filaments in use, in the order of `filament: …`.
fn bambu_amounts(statistics: &Settings<'_>, parsed: &mut Parsed) {
    let mut list = |key| shared::amounts(statistics, key, "", parsed);
    let mm = list("total filament length [mm]");
    // The label has cm^3, but the number is in mm³.
    let cm3: Vec<Option<f64>> = list("total filament volume [cm^3]")
        .iter()
        .map(|mm3| mm3.map(|mm3| tool::round6(mm3 / 1000.0)))
        .collect();
    let g = list("total filament weight [g]");
    let tools = &mut parsed.metadata.tools;
    let stated = used_slots(statistics);
    let slots = match stated {
        Some(used) => Slots::Used(used),
        None if mm.len() == tools.len() => Slots::All,
        None => Slots::Used(Vec::new()),
    };
    let metadata = &mut parsed.metadata;
    metadata.filament_used_mm =
        shared::spread(&mut metadata.tools, &slots, &mm, |tool, mm| tool.used_mm = mm);
    metadata.filament_used_cm3 =
        shared::spread(&mut metadata.tools, &slots, &cm3, |tool, cm3| tool.used_cm3 = cm3);
    metadata.estimated_filament = shared::spread(&mut metadata.tools, &slots, &g, |tool, g| tool.used_g = g);
    shared::no_weight_without_density(parsed);
    shared::mark_used(&mut parsed.metadata);
    if let Slots::Used(used) = slots
        && !used.is_empty()
    {
        for tool in &mut parsed.metadata.tools {
            tool.used = Some(used.contains(&tool.index));
        }
    }
}

fn totals(config: &Settings<'_>, statistics: &Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    shared::times(statistics, metadata);
    let layers = |key: &str| statistics.count(key).filter(|layers| *layers > 0);
    metadata.layer_count = layers("total layer number").or_else(|| layers("total layers count"));
    metadata.object_height = statistics
        .number("max_z_height")
        .filter(|height| *height > 0.0)
        .or_else(|| {
            // If objects are printed one after the other, the last layer need not be the highest.
            let by_object = config.get("print_sequence") == Some("by object");
            // An incomplete upload may end with any layer.
            let marked = |mark: &[u8]| scan.comments.iter().any(|comment| comment.text == mark);
            let complete = !statistics.is_empty()
                && config.has("layer_height")
                && (marked(b"EXECUTABLE_BLOCK_END") || !marked(b"EXECUTABLE_BLOCK_START"));
            scan.highest_layer()
                .filter(|_| complete && (scan.whole || !by_object))
        });
}
