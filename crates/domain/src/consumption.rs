//! Weight and cost of the filament that a job used, computed from the measured length and the slicer's plan.

/// Source of a weight that is computed with the usual density of the material, because the file has no density.
pub const USUAL_DENSITY: &str = "usual_density";

/// Filament used in g: the weight of a mm times the used length.
#[must_use]
pub fn used_grams(grams_per_mm: Option<f64>, used_mm: Option<f64>) -> Option<f64> {
    Some(grams_per_mm? * used_mm?)
}

/// Cost of the used filament: the price of the whole file times the used share of the planned length. `None` if one of
/// them is unknown, or if the planned length is 0.
#[must_use]
pub fn used_cost(price: Option<f64>, planned_mm: Option<f64>, used_mm: Option<f64>) -> Option<f64> {
    let planned = planned_mm.filter(|planned| *planned > 0.0)?;
    Some(price? * used_mm? / planned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_has_no_weight_and_no_cost() {
        assert_eq!(used_grams(Some(0.003), Some(1000.0)), Some(3.0));
        assert_eq!(used_grams(None, Some(1000.0)), None);
        assert_eq!(used_grams(Some(0.003), None), None);
        assert_eq!(used_cost(Some(2.0), Some(1000.0), Some(250.0)), Some(0.5));
        for (price, planned, used) in [
            (None, Some(1000.0), Some(250.0)),
            (Some(2.0), None, Some(250.0)),
            (Some(2.0), Some(0.0), Some(250.0)),
            (Some(2.0), Some(1000.0), None),
        ] {
            assert_eq!(used_cost(price, planned, used), None);
        }
    }
}
