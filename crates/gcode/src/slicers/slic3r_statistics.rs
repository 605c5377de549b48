//! Amounts of filament and times as Slic3r and all its descendants print them.

use crate::settings::Settings;
use crate::tool::{self, Tool};
use crate::{GcodeMetadata, Parsed, Warning, value};

/// Which tools the amounts belong to.
pub(super) enum Slots {
    /// One amount per configured tool; a short list ends at the last tool in use.
    All,
    /// One amount per tool in use, which are these (from 0).
    Used(Vec<usize>),
}

/// Puts one list of amounts onto the tools; returns their sum.
pub(super) fn spread(
    tools: &mut [Tool],
    slots: &Slots,
    list: &[f64],
    set: impl Fn(&mut Tool, f64),
) -> Option<f64> {
    match slots {
        Slots::All => {
            for (tool, amount) in tools
                .iter_mut()
                .zip(list.iter().copied().chain(std::iter::repeat(0.0)))
            {
                if !list.is_empty() {
                    set(tool, amount);
                }
            }
        }
        Slots::Used(used) if !list.is_empty() && used.len() == list.len() => {
            for tool in tools.iter_mut() {
                let at = used.iter().position(|slot| *slot == tool.index);
                set(tool, at.map_or(0.0, |at| list[at]));
            }
        }
        Slots::Used(_) => {}
    }
    tool::sum_of(list.iter().copied())
}

/// A list of amounts without gaps: `1482.1mm, 34.4mm (3.6cm3)` is two.
pub(super) fn amounts(text: &str) -> Vec<f64> {
    let text = text.split('(').next().unwrap_or(text);
    text.split(',')
        .take(256)
        .filter_map(value::leading_number)
        .collect()
}

/// mm, cm³, g and cost per tool and in total.
pub(super) fn filament(statistics: &Settings<'_>, slots: &Slots, parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let tools = &mut metadata.tools;
    let list = |key: &str| statistics.get(key).map(amounts).unwrap_or_default();
    let mm = spread(tools, slots, &list("filament used [mm]"), |tool, mm| {
        tool.used_mm = Some(mm);
    });
    let cm3 = spread(tools, slots, &list("filament used [cm3]"), |tool, cm3| {
        tool.used_cm3 = Some(cm3);
    });
    let g = spread(tools, slots, &list("filament used [g]"), |tool, g| {
        tool.used_g = Some(g);
    });
    let cost = spread(tools, slots, &list("filament cost"), |tool, cost| {
        tool.cost = Some(cost);
    });
    metadata.filament_used_mm = mm.or(statistics.number("total filament used [mm]"));
    metadata.filament_used_cm3 = cm3.or(statistics.number("total filament used [cm3]"));
    metadata.estimated_filament = statistics.number("total filament used [g]").or(g);
    metadata.filament_cost = statistics
        .first(&["total filament cost", "total_filament_cost"])
        .and_then(value::leading_number)
        .or(cost);
    no_weight_without_density(parsed);
    mark_used(&mut parsed.metadata);
}

/// A printed weight of zero for a length that is not zero means that the slicer had no density.
pub(super) fn no_weight_without_density(parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let mut unknown = false;
    for tool in &mut metadata.tools {
        if tool.used_g == Some(0.0) && tool.used_mm.is_some_and(|mm| mm > 1.0) && tool.density.is_none() {
            tool.used_g = None;
        }
    }
    // One mm of any filament is less than the 0.01 g that are printed.
    if metadata.estimated_filament == Some(0.0) && metadata.filament_used_mm.is_some_and(|mm| mm > 1.0) {
        metadata.estimated_filament = None;
        unknown = true;
    }
    if unknown {
        parsed.warn(Warning::WeightUnknown);
    }
}

/// A tool is used when one of its amounts is not zero.
pub(super) fn mark_used(metadata: &mut GcodeMetadata) {
    for tool in &mut metadata.tools {
        let amounts = [tool.used_mm, tool.used_g, tool.used_cm3];
        if amounts.iter().any(Option::is_some) {
            tool.used = Some(amounts.iter().flatten().any(|amount| *amount > 0.0));
        }
    }
}

/// Normal and silent time.
pub(super) fn times(statistics: &Settings<'_>, metadata: &mut GcodeMetadata) {
    metadata.estimated_time = [
        "estimated printing time (normal mode)",
        "estimated printing time",
        "total estimated time",
        "model printing time",
    ]
    .iter()
    .find_map(|key| statistics.duration(key));
    metadata.estimated_time_silent = statistics.duration("estimated printing time (silent mode)");
}
