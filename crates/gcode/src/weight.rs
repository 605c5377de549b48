//! Converts a length of filament to grams: with the file's own density, else with the usual density of the material.

use serde::{Deserialize, Serialize};

use crate::{GcodeMetadata, tool};

/// A weight in grams, and the source of its density.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Weight {
    /// Grams of filament.
    pub grams: f64,
    /// Source of the density.
    pub source: WeightSource,
}

/// The source of a [`Weight`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightSource {
    /// The slicer's own grams per mm of this print.
    SlicerRatio,
    /// The density and diameter in the file.
    FileDensity,
    /// The usual density of the material, see [`usual_density`]; the diameter may be the usual 1.75 mm.
    UsualDensity,
}

/// Usual density in g/cm³ of a material by its name in slicers (`PLA`, `PLA+`, `PETG-CF`, …).
///
/// The numbers are the defaults of OrcaSlicer's and PrusaSlicer's generic profiles. The longest known name at the
/// beginning decides, so `PLA Silk` is PLA. A `-CF` or `-GF` material has its own entry only if it differs much. `None`
/// for an unknown material.
pub fn usual_density(material: &str) -> Option<f64> {
    let name = material.trim().to_ascii_uppercase();
    USUAL_DENSITIES
        .iter()
        .filter(|(known, _)| name.starts_with(known))
        .max_by_key(|(known, _)| known.len())
        .map(|(_, density)| *density)
}

/// Whether a text is the plain name of a material, such as `ABS`.
pub(crate) fn is_material(text: &str) -> bool {
    USUAL_DENSITIES
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(text.trim()))
}

const USUAL_DENSITIES: [(&str, f64); 28] = [
    ("PLA", 1.24),
    ("PETG", 1.27),
    ("PET", 1.27),
    ("PCTG", 1.23),
    ("ABS", 1.04),
    ("ASA", 1.07),
    ("HIPS", 1.04),
    ("TPU", 1.21),
    ("TPE", 1.21),
    ("FLEX", 1.21),
    ("NYLON", 1.12),
    ("PA", 1.12),
    ("PA6", 1.14),
    ("PA12", 1.01),
    ("PAHT", 1.20),
    ("PA-CF", 1.20),
    ("PC", 1.20),
    ("PCL", 1.13),
    ("PP", 0.91),
    ("PPS", 1.35),
    ("PEEK", 1.30),
    ("PEI", 1.27),
    ("PVA", 1.23),
    ("PVB", 1.09),
    ("BVOH", 1.14),
    ("PVDF", 1.78),
    ("EVA", 0.94),
    ("PE", 0.95),
];

/// The diameter of filament if the file has none.
const USUAL_DIAMETER: f64 = 1.75;
const USUAL_DIAMETERS: [f64; 2] = [USUAL_DIAMETER, 2.85];

/// Factors on the usual density that cover the products of one material. Twice the weight of 1.75 mm filament is 0.75
/// times that of 2.85 mm, so the lower factor must stay above 0.75.
const LIGHTEST: f64 = 0.8;
const HEAVIEST: f64 = 1.3;

/// Range in g/cm³ for a material without a usual density, including filled materials.
const UNKNOWN_DENSITIES: (f64, f64) = (0.5, 4.0);

impl GcodeMetadata {
    /// Grams of a measured `filament_used` in mm.
    ///
    /// With one material in use, its density and diameter are used. With several, the ratio that the slicer planned for
    /// the whole print is used, because the printer does not measure per tool. A ratio that the materials cannot have,
    /// such as 5.9 g for 1 m of 1.75 mm PLA, is ignored. `None` if neither the file nor the material's name gives a
    /// density, or `filament_used_mm` is negative or not finite.
    pub fn grams(&self, filament_used_mm: f64) -> Option<Weight> {
        if !filament_used_mm.is_finite() || filament_used_mm < 0.0 {
            return None;
        }
        let planned = self.estimated_filament.zip(self.filament_used_mm);
        if let Some((grams, mm)) = planned.filter(|(grams, mm)| *grams > 0.0 && *mm > 0.0) {
            // Printed grams have two decimals; for a short print the density is more accurate.
            let by_density = self.single_material_weight(filament_used_mm);
            return match by_density {
                Some(weight) if weight.source == WeightSource::FileDensity => Some(weight),
                by_density if !self.is_possible_ratio(grams / mm) => by_density,
                _ => Some(Weight {
                    grams: tool::round6(filament_used_mm * grams / mm),
                    source: WeightSource::SlicerRatio,
                }),
            };
        }
        self.single_material_weight(filament_used_mm)
    }

    /// Whether filament of a usual diameter in the materials in use can weigh this much per mm.
    fn is_possible_ratio(&self, grams_per_mm: f64) -> bool {
        let mut in_use = self
            .tools
            .iter()
            .filter(|tool| tool.may_be_used())
            .map(|tool| {
                let material = tool.filament_type.as_deref().or(self.filament_type.as_deref());
                (tool.density.or_else(|| usual_density(material?)), tool.diameter)
            })
            .collect::<Vec<_>>();
        if in_use.is_empty() {
            in_use.push((self.filament_type.as_deref().and_then(usual_density), None));
        }
        let diameters = |stated: Option<f64>| stated.map_or(USUAL_DIAMETERS.to_vec(), |stated| vec![stated]);
        in_use.iter().any(|(density, diameter)| {
            let (least, most) = match density {
                Some(density) => (density * LIGHTEST, density * HEAVIEST),
                None => UNKNOWN_DENSITIES,
            };
            diameters(*diameter).iter().any(|diameter| {
                let possible = grams_of(1.0, *diameter, least)..=grams_of(1.0, *diameter, most);
                possible.contains(&grams_per_mm)
            })
        })
    }

    fn single_material_weight(&self, used_mm: f64) -> Option<Weight> {
        let mut in_use = self.tools.iter().filter(|tool| tool.may_be_used());
        let first = in_use.next();
        if in_use.next().is_some() && !same_material(self) {
            return None;
        }
        let own_density = first.and_then(|tool| tool.density);
        let own_diameter = first.and_then(|tool| tool.diameter);
        let (density, source) = match own_density {
            Some(density) => (density, WeightSource::FileDensity),
            None => (
                usual_density(self.filament_type.as_deref()?)?,
                WeightSource::UsualDensity,
            ),
        };
        let diameter = own_diameter.unwrap_or(USUAL_DIAMETER);
        let source = if own_diameter.is_some() {
            source
        } else {
            WeightSource::UsualDensity
        };
        Some(Weight {
            grams: grams_of(used_mm, diameter, density),
            source,
        })
    }
}

fn same_material(metadata: &GcodeMetadata) -> bool {
    let mut in_use = metadata.tools.iter().filter(|tool| tool.may_be_used());
    let Some(first) = in_use.next() else { return true };
    in_use.all(|tool| tool.density == first.density && tool.diameter == first.diameter)
}

/// Grams of `length_mm` of round filament: diameter in mm, density in g/cm³.
pub(crate) fn grams_of(length_mm: f64, diameter: f64, density: f64) -> f64 {
    let cm3 = length_mm * std::f64::consts::PI * diameter * diameter / 4.0 / 1000.0;
    tool::round6(cm3 * density)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tool;

    fn with(tools: Vec<Tool>) -> GcodeMetadata {
        GcodeMetadata {
            tools,
            filament_type: Some("PLA".into()),
            ..GcodeMetadata::default()
        }
    }

    #[test]
    fn own_density_and_diameter_come_first() {
        let tool = Tool {
            density: Some(1.25),
            diameter: Some(2.85),
            ..Tool::default()
        };
        let weight = with(vec![tool]).grams(1000.0).unwrap();
        assert_eq!(weight.source, WeightSource::FileDensity);
        assert!((weight.grams - 7.9742).abs() < 1e-3, "{}", weight.grams);
    }

    #[test]
    fn usual_density_is_marked() {
        let weight = with(vec![]).grams(1000.0).unwrap();
        assert_eq!(weight.source, WeightSource::UsualDensity);
        assert!((weight.grams - 2.9826).abs() < 1e-3, "{}", weight.grams);
        assert_eq!(GcodeMetadata::default().grams(1000.0), None);
    }

    #[test]
    fn several_materials_use_the_planned_ratio() {
        let pla = Tool {
            density: Some(1.24),
            diameter: Some(1.75),
            used: Some(true),
            ..Tool::default()
        };
        let petg = Tool {
            density: Some(1.27),
            ..pla.clone()
        };
        let mut metadata = with(vec![pla, petg]);
        assert_eq!(metadata.grams(10.0), None);
        metadata.filament_used_mm = Some(2000.0);
        metadata.estimated_filament = Some(6.0);
        let weight = metadata.grams(500.0).unwrap();
        assert_eq!(
            weight,
            Weight {
                grams: 1.5,
                source: WeightSource::SlicerRatio
            }
        );
    }

    #[test]
    fn an_impossible_ratio_gives_way_to_the_usual_density() {
        let planned = |material: &str, grams_per_metre: f64| {
            let metadata = GcodeMetadata {
                filament_type: Some(material.into()),
                filament_used_mm: Some(10_000.0),
                estimated_filament: Some(grams_per_metre * 10.0),
                ..GcodeMetadata::default()
            };
            metadata.grams(1000.0)
        };
        for (material, ratio, usual) in [
            ("PLA", 5.88, 2.9826),
            ("PLA", 5.96, 2.9826),
            ("PLA", 0.3, 2.9826),
            ("PLA", 29.8, 2.9826),
            ("PETG", 6.11, 3.0547),
            ("ABS", 5.0, 2.5015),
            ("TPU", 1.4, 2.9104),
        ] {
            let weight = planned(material, ratio).unwrap();
            assert_eq!(weight.source, WeightSource::UsualDensity, "{material} {ratio}");
            assert!(
                (weight.grams - usual).abs() < 1e-3,
                "{material}: {}",
                weight.grams
            );
        }
        // 1.75 mm and 2.85 mm of light and of heavy products.
        for (material, ratio) in [
            ("PLA", 2.98),
            ("PLA", 2.6),
            ("PLA", 3.5),
            ("PLA", 7.91),
            ("ABS", 6.6),
            ("x", 3.0),
        ] {
            let weight = planned(material, ratio).unwrap();
            assert_eq!(weight.source, WeightSource::SlicerRatio, "{material} {ratio}");
        }
        assert_eq!(planned("x", 100.0), None);
    }

    #[test]
    fn a_stated_density_makes_a_heavy_ratio_possible() {
        let bronze = Tool {
            density: Some(3.9),
            used: Some(true),
            ..Tool::default()
        };
        let mut metadata = with(vec![bronze]);
        metadata.filament_used_mm = Some(1000.0);
        metadata.estimated_filament = Some(9.4);
        assert_eq!(metadata.grams(1000.0).unwrap().source, WeightSource::SlicerRatio);
    }

    #[test]
    fn nonsense_lengths_have_no_weight() {
        let metadata = with(vec![]);
        for length in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(metadata.grams(length), None);
        }
    }

    #[test]
    fn materials_are_known_by_their_beginning() {
        assert_eq!(usual_density("pla silk"), Some(1.24));
        assert_eq!(usual_density("PA-CF"), Some(1.20));
        assert_eq!(usual_density("PA12-CF"), Some(1.01));
        assert_eq!(usual_density("unobtainium"), None);
    }
}
