//! Filament amounts and times, as Slic3r and all its descendants print them.

use crate::comma::Ambiguous;
use crate::settings::{Settings, whole_seconds};
use crate::tool::{self, Tool};
use crate::{GcodeMetadata, Parsed, Warning, value};

/// The tools that the amounts belong to.
pub(super) enum Slots {
    /// One amount per configured tool; a short list ends with the last tool in use.
    All,
    /// One amount per tool in use. Holds the indices of these tools, from 0.
    Used(Vec<usize>),
}

/// Assigns a list of amounts to the tools; returns their sum.
pub(super) fn spread(
    tools: &mut [Tool],
    slots: &Slots,
    list: &[Option<f64>],
    set: impl Fn(&mut Tool, Option<f64>),
) -> Option<f64> {
    match slots {
        Slots::All => {
            for (tool, amount) in tools
                .iter_mut()
                .zip(list.iter().copied().chain(std::iter::repeat(Some(0.0))))
            {
                if !list.is_empty() {
                    set(tool, amount);
                }
            }
        }
        Slots::Used(used) if !list.is_empty() && used.len() == list.len() => {
            for tool in tools.iter_mut() {
                let at = used.iter().position(|slot| *slot == tool.index);
                set(tool, at.map_or(Some(0.0), |at| list[at]));
            }
        }
        Slots::Used(_) => {}
    }
    tool::sum_all(list)
}

/// The amounts of one key. If its commas are ambiguous, adds a warning and returns no amounts.
pub(super) fn amounts(
    statistics: &Settings<'_>,
    key: &'static str,
    unit: &str,
    parsed: &mut Parsed,
) -> Vec<Option<f64>> {
    statistics.amounts(key, unit).unwrap_or_else(|Ambiguous| {
        parsed.warn(Warning::AmbiguousComma(key));
        Vec::new()
    })
}

/// Reads mm, cm³, g and cost per tool and in total.
pub(super) fn filament(statistics: &Settings<'_>, slots: &Slots, parsed: &mut Parsed) {
    let mut list = |key, unit| amounts(statistics, key, unit, parsed);
    let mm = list("filament used [mm]", "mm");
    let cm3 = list("filament used [cm3]", "cm3");
    let g = list("filament used [g]", "g");
    let cost = list("filament cost", "");
    let metadata = &mut parsed.metadata;
    let tools = &mut metadata.tools;
    let mm = spread(tools, slots, &mm, |tool, mm| tool.used_mm = mm);
    let cm3 = spread(tools, slots, &cm3, |tool, cm3| tool.used_cm3 = cm3);
    let g = spread(tools, slots, &g, |tool, g| tool.used_g = g);
    let cost = spread(tools, slots, &cost, |tool, cost| tool.cost = cost);
    metadata.filament_used_mm = mm.or(statistics.number("total filament used [mm]"));
    metadata.filament_used_cm3 = cm3.or(statistics.number("total filament used [cm3]"));
    metadata.estimated_filament = statistics.number("total filament used [g]").or(g);
    metadata.filament_cost = ["total filament cost", "total_filament_cost"]
        .iter()
        .find_map(|key| statistics.number(key))
        .or(cost);
    no_weight_without_density(parsed);
    mark_used(&mut parsed.metadata);
}

/// Drops a weight of zero for a length that is not zero: the slicer had no density.
pub(super) fn no_weight_without_density(parsed: &mut Parsed) {
    let metadata = &mut parsed.metadata;
    let mut unknown = false;
    for tool in &mut metadata.tools {
        if tool.used_g == Some(0.0) && tool.used_mm.is_some_and(|mm| mm > 1.0) && tool.density.is_none() {
            tool.used_g = None;
        }
    }
    // One mm of any filament weighs less than the printed precision of 0.01 g.
    if metadata.estimated_filament == Some(0.0) && metadata.filament_used_mm.is_none_or(|mm| mm > 1.0) {
        metadata.estimated_filament = None;
        unknown = true;
    }
    if unknown {
        parsed.warn(Warning::WeightUnknown);
    }
}

/// Marks the tools that have an amount other than zero as used.
pub(super) fn mark_used(metadata: &mut GcodeMetadata) {
    for tool in &mut metadata.tools {
        let amounts = [tool.used_mm, tool.used_g, tool.used_cm3];
        if amounts.iter().any(Option::is_some) {
            tool.used = Some(amounts.iter().flatten().any(|amount| *amount > 0.0));
        }
    }
}

/// Reads normal and silent time.
pub(super) fn times(statistics: &Settings<'_>, metadata: &mut GcodeMetadata) {
    // If a key is unreadable, the next one is not tried, because it has another meaning.
    let stated = statistics.first(&[
        "estimated printing time (normal mode)",
        "estimated printing time",
        "total estimated time",
        "model printing time",
    ]);
    metadata.estimated_time = stated.and_then(value::duration).and_then(whole_seconds);
    metadata.estimated_time_silent = statistics.duration("estimated printing time (silent mode)");
}
