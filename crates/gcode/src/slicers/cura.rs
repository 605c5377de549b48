//! Cura: a head with `;KEY:value` lines, changed settings as `;SETTING_3` at the end, or UltiMaker's Griffin head.

use std::borrow::Cow;

use super::SlicerId;
use super::slic3r_statistics as shared;
use crate::comma::{self, Ambiguous, Comma};
use crate::heaters::{Heater, Targets};
use crate::scan::{Scan, decode};
use crate::settings::{self, Settings, count, whole_seconds};
use crate::tool::{self, Tool};
use crate::{Parsed, Warning, value};

/// Printed by the engine if it runs without its front end.
const PLACEHOLDER_TIME: f64 = 6666.0;

pub(super) fn id(scan: &Scan<'_>) -> SlicerId {
    let version = [
        "Generated with Cura_SteamEngine",
        "Generated with Cura",
        "GENERATOR.VERSION:",
    ]
    .iter()
    .find_map(|beginning| scan.after(beginning))
    .and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
    SlicerId {
        name: "Cura".into(),
        version,
    }
}

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let head = settings::pairs(scan);
    let changed = changed_settings(scan);
    head_values(&head, scan, parsed);
    profile_values(&changed, parsed);
    tools(&head, &changed, scan, parsed);
    temperatures(&head, &changed, scan, parsed);
    shared::mark_used(&mut parsed.metadata);
    for (key, value) in changed.iter() {
        parsed
            .metadata
            .raw
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
}

fn head_values(head: &Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    metadata.printer_model = head.word("TARGET_MACHINE.NAME");
    metadata.layer_height = head
        .number("Layer height")
        .or_else(|| basic_setting(head, "Layer height:"));
    // The substitute that all viewers use: Cura does not print the height of the first layer.
    metadata.first_layer_height = head
        .number("MINZ")
        .filter(|z| (0.0..1000.0).contains(z) && *z > 0.0);
    metadata.object_height = ["MAXZ", "PRINT.SIZE.MAX.Z"]
        .iter()
        .find_map(|key| head.number(key))
        .filter(|z| (0.0..100_000.0).contains(z));
    metadata.layer_count = scan
        .after("LAYER_COUNT:")
        .and_then(|text| value::number(&text))
        .and_then(count);
    metadata.nozzle_diameter = ["Nozzle diameter", "NOZZLE_DIAMETER"]
        .iter()
        .find_map(|key| head.number(key));
    metadata.infill_percentage = head
        .number("InfillDensity")
        .or_else(|| basic_setting(head, "Fill:"));
    metadata.estimated_time = time(head, scan);
}

/// Cura 15: `Basic settings: Layer height: 0.2 Walls: 0.8 Fill: 20`.
fn basic_setting(head: &Settings<'_>, name: &str) -> Option<f64> {
    let (_, rest) = head.get("Basic settings")?.split_once(name)?;
    value::decimal(rest.split_whitespace().next()?)
}

fn time(head: &Settings<'_>, scan: &Scan<'_>) -> Option<u64> {
    let stated = ["TIME", "PRINT.TIME"]
        .iter()
        .find_map(|key| head.number(key))
        .or_else(|| value::duration(head.get("Print time")?));
    let elapsed = || {
        let last = scan
            .last_first()
            .find_map(|comment| comment.text.strip_prefix(b"TIME_ELAPSED:"))?;
        value::decimal(&decode(last))
    };
    let seconds = match stated {
        Some(PLACEHOLDER_TIME) | None => elapsed(),
        stated => stated,
    };
    seconds.and_then(whole_seconds)
}

fn profile_values(changed: &Settings<'_>, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    metadata.print_profile = changed.word("name");
    metadata.infill_percentage = changed
        .number("infill_sparse_density")
        .or(metadata.infill_percentage);
    metadata.infill_pattern = changed
        .word("infill_pattern")
        .filter(|pattern| !pattern.starts_with('='));
    metadata.support_enabled = changed.flag("support_enable");
    metadata.support_type = changed.word("support_structure");
    metadata.wall_count = changed.count("wall_line_count");
    metadata.top_layers = changed.count("top_layers");
    metadata.bottom_layers = changed.count("bottom_layers");
    metadata.spiral_vase = changed.flag("magic_spiralize");
    metadata.print_speed = changed.number("speed_print");
    let speeds = &mut metadata.speeds;
    speeds.outer_wall = changed
        .number("speed_wall_0")
        .or_else(|| changed.number("speed_wall"));
    speeds.inner_wall = changed
        .number("speed_wall_x")
        .or_else(|| changed.number("speed_wall"));
    speeds.infill = changed.number("speed_infill");
    speeds.support = changed.number("speed_support");
    speeds.first_layer = changed.number("speed_layer_0");
    speeds.travel = changed.number("speed_travel");
}

/// The settings that differ from the profile: first those of the print, then those of each extruder.
///
/// `;SETTING_3` lines are one JSON text whose strings are INI files. A missing key has the profile's value.
fn changed_settings(scan: &Scan<'_>) -> Settings<'static> {
    let mut text = String::new();
    for comment in &scan.comments {
        if let Some(piece) = comment.text.strip_prefix(b"SETTING_3 ")
            && text.len() < MAX_PROFILE
        {
            text.push_str(&decode(piece));
        }
    }
    let mut changed = Settings::default();
    // Not parsed as JSON: the text may be cut, and only its line ends are needed.
    for line in text.replace("\\\\n", "\n").replace("\\n", "\n").lines() {
        if let Some((key, value)) = line.split_once('=') {
            changed.insert(
                Cow::Owned(key.trim().to_owned()),
                Cow::Owned(value.trim().to_owned()),
            );
        }
    }
    changed
}

const MAX_PROFILE: usize = 1 << 20;

/// `Filament used: 1.2m, 0.5m`, volumetric `772.133mm3`, Cura 15's `1.2m 3.6g`, UltiGCode's `MATERIAL:1234`
/// in mm³, or Griffin's `EXTRUDER_TRAIN.0.…`.
fn tools(head: &Settings<'_>, changed: &Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    let used = head.get("Filament used").unwrap_or_default();
    let (used, weight) = match used.split_once(' ') {
        Some((length, weight)) if weight.ends_with('g') => (length, value::measured(weight, "g")),
        _ => (used, None),
    };
    let mut volumetric = used.contains("mm3");
    let unit = if volumetric { "mm3" } else { "m" };
    let mut amounts = comma::amounts(used, unit, Comma::Decimal).unwrap_or_else(|Ambiguous| {
        parsed.warn(Warning::AmbiguousComma("Filament used"));
        Vec::new()
    });
    if amounts.is_empty() && head.get("FLAVOR") == Some("UltiGCode") {
        volumetric = true;
        amounts.extend(head.number("MATERIAL").map(Some));
        amounts.extend(head.number("MATERIAL2").filter(|mm3| *mm3 > 0.0).map(Some));
    }
    let metadata = &mut parsed.metadata;
    for (index, amount) in amounts.iter().enumerate() {
        let mut tool = Tool {
            index,
            ..Tool::default()
        };
        match volumetric {
            true => tool.used_cm3 = amount.map(|mm3| tool::round6(mm3 / 1000.0)),
            false => tool.used_mm = amount.map(|metres| tool::round6(metres * 1000.0)),
        }
        metadata.tools.push(tool);
    }
    griffin_trains(head, metadata);
    // `0m` is the engine's placeholder, not a print without filament.
    for tool in &mut metadata.tools {
        if amounts.iter().flatten().sum::<f64>() <= 0.0 {
            tool.used_mm = None;
        }
    }
    if !amounts.contains(&None) {
        metadata.filament_used_mm =
            tool::sum(&metadata.tools, |tool| tool.used_mm).or_else(|| head.number("FilamentUsed"));
        let volumes: Vec<_> = metadata.tools.iter().map(|tool| tool.used_cm3).collect();
        metadata.filament_used_cm3 = tool::sum_all(&volumes);
    }
    added_by_start_code(head, scan, metadata);
    metadata.estimated_filament = metadata
        .estimated_filament
        .or(weight.filter(|grams| *grams > 0.0));
    if metadata.tools.is_empty() && metadata.filament_type.is_some() {
        metadata.tools.push(Tool::default());
    }
    let diameter = changed
        .number("material_diameter")
        .filter(|diameter| *diameter > 0.0);
    for tool in &mut metadata.tools {
        tool.diameter = tool.diameter.or(diameter);
        tool.nozzle_diameter = tool.nozzle_diameter.or(metadata.nozzle_diameter);
    }
    if let [tool] = metadata.tools.as_mut_slice() {
        tool.filament_type.clone_from(&metadata.filament_type);
        tool.filament_name.clone_from(&metadata.filament_name);
    }
}

fn griffin_trains(head: &Settings<'_>, metadata: &mut crate::GcodeMetadata) {
    if !head.iter().any(|(key, _)| key.starts_with("EXTRUDER_TRAIN.")) {
        return;
    }
    for index in 0..16 {
        let train = |field: &str| head.number(&format!("EXTRUDER_TRAIN.{index}.{field}"));
        let tool = Tool {
            index,
            used_cm3: train("MATERIAL.VOLUME_USED").map(|mm3| tool::round6(mm3 / 1000.0)),
            nozzle_temp_first_layer: train("INITIAL_TEMPERATURE"),
            nozzle_temp: train("INITIAL_TEMPERATURE"),
            nozzle_diameter: train("NOZZLE.DIAMETER"),
            ..Tool::default()
        };
        if head.has(&format!("EXTRUDER_TRAIN.{index}.MATERIAL.VOLUME_USED")) || tool.nozzle_diameter.is_some()
        {
            metadata.tools.push(tool);
        }
    }
}

/// Reads lines that Moonraker's guide asks users to add to their start code.
fn added_by_start_code(head: &Settings<'_>, scan: &Scan<'_>, metadata: &mut crate::GcodeMetadata) {
    let line = |key: &str| {
        let anywhere = || scan.after(&format!("{key} =")).map(Cow::into_owned);
        head.get(key)
            .map(str::to_owned)
            .or_else(anywhere)
            .filter(|text| !text.contains('{'))
    };
    metadata.filament_type = line("Filament type")
        .and_then(|text| value::word(&text))
        .or_else(|| head.word("FilamentType"));
    metadata.filament_name = line("Filament name").and_then(|text| value::word(&text));
    metadata.estimated_filament = line("Filament weight")
        .and_then(|text| {
            tool::sum_of(
                value::numbers(text.trim_matches(['[', ']']))
                    .into_iter()
                    .flatten(),
            )
        })
        .filter(|grams| *grams > 0.0);
    metadata.filament_cost = line("Filament cost").and_then(|text| {
        tool::sum_of(
            value::numbers(text.trim_matches(['[', ']']))
                .into_iter()
                .flatten(),
        )
    });
    metadata.nozzle_diameter = metadata
        .nozzle_diameter
        .or_else(|| line("Nozzle diameter").and_then(|text| value::decimal(&text)));
}

/// The commands and start macros set the first layer's temperatures; the profile has the others, if they were changed.
fn temperatures(head: &Settings<'_>, changed: &Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    let targets = Targets::of(scan);
    let metadata = &mut parsed.metadata;
    let first = head
        .number("EXTRUDER_TRAIN.0.INITIAL_TEMPERATURE")
        .filter(|temp| *temp > 0.0)
        .or(targets.nozzle);
    let first_bed = head
        .number("BUILD_PLATE.INITIAL_TEMPERATURE")
        .filter(|temp| *temp > 0.0)
        .or(targets.bed);
    metadata.nozzle_temp_first_layer = first;
    metadata.bed_temp_first_layer = first_bed;
    metadata.nozzle_temp = changed.number("material_print_temperature").or(first);
    metadata.bed_temp = changed.number("material_bed_temperature").or(first_bed);
    metadata.chamber_temp = head
        .number("BUILD_VOLUME.TEMPERATURE")
        .or(targets.chamber)
        .filter(|temp| *temp > 0.0);
    let several = metadata.tools.len() > 1;
    for tool in &mut metadata.tools {
        let own = scan.heaters.iter().find(|command| {
            command.heater == Heater::Nozzle
                && command.target > 0.0
                && command.tool == u32::try_from(tool.index).ok()
        });
        let own = own.map(|command| command.target);
        let shared = if several && tool.index > 0 { None } else { first };
        tool.nozzle_temp_first_layer = tool.nozzle_temp_first_layer.or(own).or(shared);
        let other_layers = metadata
            .nozzle_temp
            .filter(|_| tool.index == 0)
            .or(tool.nozzle_temp_first_layer);
        tool.nozzle_temp = tool.nozzle_temp.or(other_layers);
        tool.bed_temp_first_layer = first_bed;
        tool.bed_temp = metadata.bed_temp;
    }
}
