//! PrusaSlicer, SuperSlicer, Slic3r and their forks: keys such as `fill_density`, and percentages of other settings.

use super::slic3r_statistics::{self as shared, Slots};
use crate::comma::{self, Comma};
use crate::scan::Scan;
use crate::settings::Settings;
use crate::tool::{self, Tool};
use crate::value::{self, Measure, member};
use crate::{Parsed, Quantity, Speeds};

/// Reads the settings. `scan` is the text around them; a `.bgcode` has none.
pub(super) fn read(
    config: &Settings<'_>,
    statistics: &Settings<'_>,
    scan: Option<&Scan<'_>>,
    parsed: &mut Parsed,
) {
    let slic3r = Slic3rAmounts::of(scan);
    let used = statistics.get("filament used [mm]").map_or(slic3r.mm.len(), |_| {
        statistics
            .amounts("filament used [mm]", "mm")
            .map_or(0, |list| list.len())
    });
    tools(config, used, parsed);
    settings(config, parsed);
    shared::filament(statistics, &Slots::All, parsed);
    slic3r.apply(statistics, parsed);
    shared::times(statistics, &mut parsed.metadata);
    let metadata = &mut parsed.metadata;
    metadata.objects = object_names(statistics.get("objects_info"));
    metadata.layer_count = statistics
        .count("total layers count")
        .filter(|layers| *layers > 0);
    metadata.object_height = statistics.number("max_layer_z").or_else(|| {
        let by_object = config.flag("complete_objects") == Some(true);
        // An incomplete upload may end with any layer.
        let highest = scan.filter(|_| config.has("layer_height"))?.highest_layer();
        highest.filter(|_| scan.is_some_and(|scan| scan.whole) || !by_object)
    });
}

fn settings(config: &Settings<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let super_slicer = metadata.slicer.as_deref() == Some("SuperSlicer");
    metadata.printer_model = config.word("printer_model");
    metadata.printer_profile = config.word("printer_settings_id");
    metadata.print_profile = config.word("print_settings_id");
    metadata.layer_height = config.number("layer_height");
    metadata.nozzle_diameter = config.number("nozzle_diameter");
    let whole = if super_slicer {
        config.number("nozzle_diameter")
    } else {
        metadata.layer_height
    };
    metadata.first_layer_height = config
        .measure("first_layer_height")
        .and_then(|height| height.of(whole));
    metadata.infill_percentage = config.measure("fill_density").map(|density| match density {
        Measure::Percent(percent) => percent,
        // A number without a percent sign is a fraction.
        Measure::Absolute(fraction) => tool::round6(fraction * 100.0),
    });
    metadata.infill_pattern = config.word("fill_pattern");
    metadata.support_enabled = config.flag("support_material");
    metadata.support_type = config.word("support_material_style");
    metadata.wall_count = config.count("perimeters");
    metadata.top_layers = config.count("top_solid_layers");
    metadata.bottom_layers = config.count("bottom_solid_layers");
    metadata.spiral_vase = config.flag("spiral_vase");
    metadata.chamber_temp = config.number("chamber_temperature").filter(|temp| *temp > 0.0);
    metadata.speeds = speeds(config);
    metadata.print_speed = metadata.speeds.outer_wall;
}

/// Speeds may be a percentage of another speed; 0 lets the slicer decide and counts as unknown.
fn speeds(config: &Settings<'_>) -> Speeds {
    let speed = |key: &str, whole: Option<f64>| {
        config
            .measure(key)
            .and_then(|speed| speed.of(whole))
            .filter(|speed| *speed > 0.0)
    };
    let default = speed("default_speed", None);
    let inner_wall = speed("perimeter_speed", default);
    let infill = speed("infill_speed", default);
    let solid_infill = speed("solid_infill_speed", infill);
    Speeds {
        outer_wall: speed("external_perimeter_speed", inner_wall),
        inner_wall,
        infill,
        solid_infill,
        top_surface: speed("top_solid_infill_speed", solid_infill),
        support: speed("support_material_speed", default),
        first_layer: speed("first_layer_speed", None),
        travel: speed("travel_speed", None),
    }
}

fn tools(config: &Settings<'_>, used: usize, parsed: &mut Parsed) {
    let types = config.strings("filament_type");
    let names = config.strings("filament_settings_id");
    let brands = config.strings("filament_vendor");
    let colors = config.strings("filament_colour");
    let extruder_colors = config.strings("extruder_colour");
    let temps = config.integers("temperature");
    let first_temps = config.integers("first_layer_temperature");
    let beds = config.integers("bed_temperature");
    let first_beds = config.integers("first_layer_bed_temperature");
    let densities = config.quantities("filament_density", Quantity::Density);
    let diameters = config.quantities("filament_diameter", Quantity::FilamentDiameter);
    let nozzles = config.quantities("nozzle_diameter", Quantity::NozzleDiameter);
    let named = types.len().max(colors.len()).max(extruder_colors.len());
    // Slic3r before 1.3 has no materials and no colours.
    let configured = if named > 0 { named } else { temps.len() };
    let count = configured.max(used);
    let number = |list: &[Option<f64>], index: usize| member(list, index).copied().flatten();
    let color = |list: &[String], index: usize| member(list, index).and_then(|text| value::color(text));
    parsed.metadata.tools = (0..count)
        .map(|index| Tool {
            index,
            filament_type: member(&types, index).and_then(|text| value::word(text)),
            filament_name: member(&names, index).and_then(|text| value::word(text)),
            filament_brand: member(&brands, index).and_then(|text| value::word(text)),
            filament_color: color(&colors, index).or_else(|| color(&extruder_colors, index)),
            nozzle_temp: number(&temps, index),
            nozzle_temp_first_layer: number(&first_temps, index),
            bed_temp: number(&beds, index),
            bed_temp_first_layer: number(&first_beds, index),
            density: number(&densities, index).filter(|density| *density > 0.0),
            diameter: number(&diameters, index).filter(|diameter| *diameter > 0.0),
            nozzle_diameter: number(&nozzles, index),
            ..Tool::default()
        })
        .collect();
}

/// Slic3r: `filament used = 787.1mm (1.9cm3)`, one line per extruder or one line for all.
#[derive(Default)]
struct Slic3rAmounts {
    mm: Vec<Option<f64>>,
    cm3: Vec<Option<f64>>,
    /// 1.3.0 prints the weight under the same name: `filament used = 6.4g`.
    g: Vec<f64>,
}

impl Slic3rAmounts {
    fn of(scan: Option<&Scan<'_>>) -> Self {
        let mut amounts = Self::default();
        let mut run = None;
        for comment in scan.into_iter().flat_map(Scan::outer_first) {
            let Some(value) = comment.text.strip_prefix(b"filament used =") else {
                continue;
            };
            // The lines of a second print in the same file are not about this one.
            if *run.get_or_insert(comment.run) != comment.run {
                break;
            }
            let text = crate::scan::decode(value);
            match text.trim_end().strip_suffix('g') {
                Some(grams) => amounts.g.extend(value::decimal(grams)),
                None if !text.contains("mm") => {}
                None => {
                    let lengths = comma::amounts(&text, "mm", Comma::List);
                    amounts.mm.extend(lengths.unwrap_or_default());
                    let volume = text.split_once('(').and_then(|(_, rest)| rest.split(')').next());
                    amounts
                        .cm3
                        .extend(volume.map(|volume| value::measured(volume, "cm3")));
                }
            }
            if amounts.mm.len() > 256 {
                break;
            }
        }
        amounts
    }

    /// Also handles 1.3.1: `filament_length_m`, `filament mass_g`.
    fn apply(mut self, statistics: &Settings<'_>, parsed: &mut Parsed) {
        let metadata = &mut parsed.metadata;
        if metadata.filament_used_mm.is_some() {
            return;
        }
        if self.mm.is_empty() {
            self.mm.extend(
                statistics
                    .number("filament_length_m")
                    .map(|metres| Some(tool::round6(metres * 1000.0))),
            );
        }
        let set_mm = |tool: &mut Tool, mm| tool.used_mm = mm;
        metadata.filament_used_mm = shared::spread(&mut metadata.tools, &Slots::All, &self.mm, set_mm);
        metadata.filament_used_cm3 = metadata.filament_used_cm3.or(tool::sum_all(&self.cm3));
        // A single line for all extruders has one volume for all of them.
        if !self.cm3.is_empty() && self.cm3.len() == self.mm.len() {
            shared::spread(&mut metadata.tools, &Slots::All, &self.cm3, |tool, cm3| {
                tool.used_cm3 = cm3;
            });
        }
        let weight = statistics
            .number("filament mass_g")
            .or_else(|| tool::sum_of(self.g.into_iter()));
        metadata.estimated_filament = metadata.estimated_filament.or(weight);
        shared::no_weight_without_density(parsed);
        shared::mark_used(&mut parsed.metadata);
    }
}

/// `{"objects":[{"name":"Shape-Box", …}, …]}`
fn object_names(json: Option<&str>) -> Vec<String> {
    let Some(value) = json.and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok()) else {
        return Vec::new();
    };
    let objects = value["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
    objects
        .iter()
        .take(1024)
        .filter_map(|object| object["name"].as_str().map(str::to_owned))
        .collect()
}
