//! The materials of a print: one entry per filament slot, and the totals over them.

use serde::{Deserialize, Serialize};

/// One filament slot (Orca: filament, Prusa: extruder, Klipper: tool), as the file configures and uses it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tool {
    /// Position in the slicer's lists, from 0; `T0` is 0.
    pub index: usize,
    /// Whether the print extrudes with it. `None` if the file does not state it.
    pub used: Option<bool>,
    /// Material such as `PLA`, as written.
    pub filament_type: Option<String>,
    /// Name of the filament profile.
    pub filament_name: Option<String>,
    /// Maker of the filament; `None` also for `(Undefined)` and `(Unknown)`.
    pub filament_brand: Option<String>,
    /// `#RRGGBB` or `#RRGGBBAA`, as written.
    pub filament_color: Option<String>,
    /// mm of filament the slicer planned.
    pub used_mm: Option<f64>,
    /// cm³ of filament the slicer planned.
    pub used_cm3: Option<f64>,
    /// Grams the slicer planned; `None` when it had no density.
    pub used_g: Option<f64>,
    /// Cost of the planned amount, in the slicer's currency.
    pub cost: Option<f64>,
    /// °C after the first layer.
    pub nozzle_temp: Option<f64>,
    /// °C of the first layer.
    pub nozzle_temp_first_layer: Option<f64>,
    /// °C after the first layer, for the plate in use.
    pub bed_temp: Option<f64>,
    /// °C of the first layer, for the plate in use.
    pub bed_temp_first_layer: Option<f64>,
    /// g/cm³; `None` also when the slicer wrote 0.
    pub density: Option<f64>,
    /// Diameter of the filament in mm.
    pub diameter: Option<f64>,
    /// Diameter of the nozzle in mm.
    pub nozzle_diameter: Option<f64>,
}

impl Tool {
    /// `true` unless the file states that the tool is not used.
    pub fn may_be_used(&self) -> bool {
        self.used != Some(false)
    }
}

/// Index of the main tool: the most used by weight, else by length; a tie goes to the first.
///
/// If the amounts are unknown it is the first tool in use, else the first tool. `None` without tools.
pub(crate) fn primary(tools: &[Tool]) -> Option<usize> {
    most(tools, |tool| tool.used_g)
        .or_else(|| most(tools, |tool| tool.used_mm))
        .or_else(|| most(tools, |tool| tool.used_cm3))
        .or_else(|| tools.iter().position(|tool| tool.used == Some(true)))
        .or_else(|| tools.iter().position(Tool::may_be_used))
        .or(if tools.is_empty() { None } else { Some(0) })
}

fn most(tools: &[Tool], amount: impl Fn(&Tool) -> Option<f64>) -> Option<usize> {
    // An amount that cannot be read may be the largest.
    let unknown = |tool: &Tool| tool.may_be_used() && amount(tool).is_none();
    if tools.iter().any(unknown) {
        return None;
    }
    let mut best: Option<(usize, f64)> = None;
    for (position, tool) in tools.iter().enumerate() {
        let amount = amount(tool).unwrap_or(0.0);
        if amount > best.map_or(0.0, |(_, most)| most) {
            best = Some((position, amount));
        }
    }
    best.map(|(position, _)| position)
}

/// Sum over the tools that have the value, without the noise of binary fractions. `None` if no tool has it.
pub(crate) fn sum(tools: &[Tool], value: impl Fn(&Tool) -> Option<f64>) -> Option<f64> {
    sum_of(tools.iter().filter_map(value))
}

/// Sum of printed decimals, rounded to six digits. `None` for an empty sequence, and if a value cannot be an amount.
pub(crate) fn sum_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sum = None;
    for value in values {
        sum = Some(sum.unwrap_or(0.0) + Some(value).filter(|value| *value >= 0.0)?);
    }
    sum.map(round6)
}

/// Sum of a list of amounts. `None` if one of them is unknown.
pub(crate) fn sum_all(values: &[Option<f64>]) -> Option<f64> {
    let known: Option<Vec<f64>> = values.iter().copied().collect();
    sum_of(known?.into_iter())
}

/// Rounds to six decimals: one more than any slicer prints.
pub(crate) fn round6(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(index: usize, used_g: Option<f64>, used_mm: Option<f64>) -> Tool {
        Tool {
            index,
            used_g,
            used_mm,
            ..Tool::default()
        }
    }

    #[test]
    fn heaviest_tool_is_the_primary_one() {
        let tools = [tool(0, Some(1.0), Some(900.0)), tool(1, Some(2.0), Some(10.0))];
        assert_eq!(primary(&tools), Some(1));
    }

    #[test]
    fn length_decides_without_weights_and_a_tie_goes_to_the_first() {
        assert_eq!(
            primary(&[tool(0, Some(0.0), Some(1.0)), tool(1, Some(0.0), Some(2.0))]),
            Some(1)
        );
        assert_eq!(
            primary(&[tool(0, Some(3.0), None), tool(1, Some(3.0), None)]),
            Some(0)
        );
        assert_eq!(primary(&[tool(0, None, None), tool(1, None, None)]), Some(0));
        assert_eq!(primary(&[]), None);
    }

    #[test]
    fn sums_are_decimal() {
        assert_eq!(sum_of([3506.69, 0.0, 3516.30].into_iter()), Some(7022.99));
        assert_eq!(sum_of(std::iter::empty()), None);
        assert_eq!(sum_of([5.0, -1.0].into_iter()), None);
        assert_eq!(sum_all(&[Some(5.0), None]), None);
    }
}
