//! ideaMaker: machine and materials in the head, amounts at the end, heights only on the layers.

use super::SlicerId;
use super::slic3r_statistics as shared;
use crate::heaters::Targets;
use crate::scan::{Scan, decode};
use crate::settings::{self, whole_seconds};
use crate::tool::{self, Tool};
use crate::{Parsed, Quantity, value, weight};

/// `Sliced by ideaMaker 5.1.4.8480, DATE`
pub(super) fn id(text: &str) -> SlicerId {
    let rest = text.trim_start_matches("Sliced by ideaMaker").trim();
    let version = rest
        .split([',', ' '])
        .next()
        .filter(|version| !version.is_empty());
    SlicerId {
        name: "ideaMaker".into(),
        version: version.map(str::to_owned),
    }
}

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let pairs = settings::pairs(scan);
    let targets = Targets::of(scan);
    let metadata = &mut parsed.metadata;
    metadata.printer_model = pairs.word("Printer Type");
    // x y z and one or two nozzles.
    let dimension: Vec<f64> = words(pairs.get("Dimension"));
    metadata.nozzle_diameter = dimension.get(3).copied();
    metadata.object_height = words(pairs.get("Bounding Box")).get(5).copied();
    metadata.estimated_time = pairs.number("Print Time").and_then(whole_seconds);
    metadata.nozzle_temp_first_layer = targets.nozzle;
    metadata.nozzle_temp = targets.nozzle;
    metadata.bed_temp_first_layer = targets.bed;
    metadata.bed_temp = targets.bed;
    metadata.chamber_temp = targets.chamber;
    let heights = layer_heights(scan);
    metadata.first_layer_height = heights.first;
    metadata.layer_height = heights.second;
    for index in 0..16 {
        let number = |name: &str| pairs.number(&format!("{name} #{}", index + 1));
        let used = |name: &str| pairs.number(&format!("Material#{} {name}", index + 1));
        let tool = Tool {
            index,
            filament_type: pairs.word(&format!("Filament Type #{}", index + 1)),
            filament_name: pairs.word(&format!("Filament Name #{}", index + 1)),
            used_mm: used("Used"),
            cost: used("Cost"),
            // In kg/m³.
            density: number("Filament Density")
                .and_then(|density| Quantity::Density.accept(density / 1000.0)),
            diameter: number("Filament Diameter")
                .and_then(|diameter| Quantity::FilamentDiameter.accept(diameter)),
            nozzle_diameter: dimension.get(3 + index).or(dimension.get(3)).copied(),
            nozzle_temp: targets.nozzle.filter(|_| index == 0),
            nozzle_temp_first_layer: targets.nozzle.filter(|_| index == 0),
            bed_temp: targets.bed,
            bed_temp_first_layer: targets.bed,
            ..Tool::default()
        };
        if tool.used_mm.is_some() || tool.diameter.is_some() {
            metadata.tools.push(tool);
        }
    }
    weigh(&mut metadata.tools);
    // A sum of only the readable amounts is not a total.
    let readable = |name: &str| {
        let mut keys = (1..=16).map(|index| format!("Material#{index} {name}"));
        keys.all(|key| !pairs.has(&key) || pairs.number(&key).is_some())
    };
    if readable("Used") {
        metadata.filament_used_mm = tool::sum(&metadata.tools, |tool| tool.used_mm);
        metadata.estimated_filament =
            tool::sum(&metadata.tools, |tool| tool.used_g).filter(|grams| *grams > 0.0);
    }
    if readable("Cost") {
        metadata.filament_cost = tool::sum(&metadata.tools, |tool| tool.cost);
    }
    shared::mark_used(&mut parsed.metadata);
}

/// Whether the head ends before the layers that show the heights.
pub(super) fn head_is_short(scan: &Scan<'_>) -> bool {
    !scan.comments.iter().any(|comment| comment.text == b"LAYER:2")
}

fn words(text: Option<&str>) -> Vec<f64> {
    let numbers: Option<Vec<f64>> = text
        .unwrap_or_default()
        .split_whitespace()
        .map(value::decimal)
        .collect();
    // If one word is not a number, the positions of the others are unknown.
    numbers.unwrap_or_default()
}

/// Computes the weight, which is not printed; the file has all the values needed.
fn weigh(tools: &mut [Tool]) {
    for tool in tools {
        if let (Some(mm), Some(density), Some(diameter)) = (tool.used_mm, tool.density, tool.diameter) {
            let grams = weight::grams_of(mm, diameter, density);
            tool.used_g = Some((grams * 1000.0).round() / 1000.0);
        }
    }
}

#[derive(Default)]
struct LayerHeights {
    first: Option<f64>,
    second: Option<f64>,
}

/// `;LAYER:0`, `;Z:0.400`, `;HEIGHT:0.400`. Negative layers are raft; HEIGHT may be missing.
fn layer_heights(scan: &Scan<'_>) -> LayerHeights {
    let mut layer = None;
    let mut z = [None, None];
    let mut height = [None, None];
    for comment in &scan.comments {
        let Some((key, value)) = settings::key_value(comment.text) else {
            continue;
        };
        let slot = layer
            .and_then(|layer: i64| usize::try_from(layer).ok())
            .filter(|slot| *slot < 2);
        match (&*key, slot) {
            ("LAYER", _) => {
                layer = value::decimal(&value).map(|number| number as i64);
                if layer.is_some_and(|layer| layer > 1) {
                    break;
                }
            }
            ("Z", Some(slot)) => z[slot] = z[slot].or(value::decimal(&value)),
            ("HEIGHT", Some(slot)) => height[slot] = height[slot].or(value::decimal(&value)),
            _ => {}
        }
    }
    let step = z[0]
        .zip(z[1])
        .map(|(first, second)| tool::round6(second - first))
        .filter(|step| *step > 0.0);
    // A raft can be longer than the head; the last layers have the same height as the others.
    let last = || {
        let height = scan
            .last_first()
            .find_map(|comment| comment.text.strip_prefix(b"HEIGHT:"))?;
        value::decimal(&decode(height))
    };
    LayerHeights {
        first: height[0].or(z[0]),
        second: height[1].or(step).or_else(last),
    }
}
