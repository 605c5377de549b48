//! Plausible ranges of numbers: one range for each quantity, for files and for Moonraker's metadata.

use std::ops::RangeInclusive;

use crate::{GcodeMetadata, Tool, Warning, value};

/// The quantity that a number measures. [`Quantity::range`] is the range of values that printers and slicers can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Height of a layer.
    LayerHeight,
    /// Height of a print.
    ObjectHeight,
    /// Diameter of a nozzle.
    NozzleDiameter,
    /// Diameter of filament.
    FilamentDiameter,
    /// Temperature of a nozzle; 0 means "not heated".
    NozzleTemp,
    /// Temperature of a bed; 0 means "not heated".
    BedTemp,
    /// Temperature of a chamber; 0 ("not heated") is not a temperature.
    ChamberTemp,
    /// Speed of a move.
    Speed,
    /// Density of the infill.
    Infill,
    /// Walls, or solid layers; 0 means none.
    Shells,
    /// Layers of a print.
    Layers,
    /// Time of a print.
    Duration,
    /// Length of filament.
    Length,
    /// Volume of filament.
    Volume,
    /// Weight of filament.
    Weight,
    /// Density of a material.
    Density,
    /// Cost of filament, in any currency.
    Cost,
}

impl Quantity {
    /// All quantities.
    pub const ALL: [Self; 17] = [
        Self::LayerHeight,
        Self::ObjectHeight,
        Self::NozzleDiameter,
        Self::FilamentDiameter,
        Self::NozzleTemp,
        Self::BedTemp,
        Self::ChamberTemp,
        Self::Speed,
        Self::Infill,
        Self::Shells,
        Self::Layers,
        Self::Duration,
        Self::Length,
        Self::Volume,
        Self::Weight,
        Self::Density,
        Self::Cost,
    ];

    /// The possible values, in [`Quantity::unit`]. Wide enough for pellet printers and spiral vases.
    pub fn range(self) -> RangeInclusive<f64> {
        self.limits().1
    }

    /// The unit of the values; empty for counts and money.
    pub fn unit(self) -> &'static str {
        self.limits().0
    }

    const fn limits(self) -> (&'static str, RangeInclusive<f64>) {
        match self {
            Self::LayerHeight => ("mm", 0.001..=10.0),
            Self::ObjectHeight => ("mm", 0.0..=10_000.0),
            Self::NozzleDiameter => ("mm", 0.05..=20.0),
            Self::FilamentDiameter => ("mm", 0.5..=20.0),
            Self::NozzleTemp => ("°C", 0.0..=600.0),
            Self::BedTemp => ("°C", 0.0..=300.0),
            Self::ChamberTemp => ("°C", 1.0..=300.0),
            Self::Speed => ("mm/s", 0.01..=5_000.0),
            Self::Infill => ("%", 0.0..=100.0),
            // Users request solid prints with 99999 layers.
            Self::Shells => ("", 0.0..=1e6),
            Self::Layers => ("", 1.0..=1e6),
            // A year.
            Self::Duration => ("s", 0.0..=31_622_400.0),
            // A tonne of filament.
            Self::Length => ("mm", 0.0..=4e8),
            Self::Volume => ("cm³", 0.0..=1e6),
            Self::Weight => ("g", 0.0..=1e6),
            Self::Density => ("g/cm³", 0.1..=20.0),
            // In the weakest currencies a spool costs millions.
            Self::Cost => ("", 0.0..=1e8),
        }
    }

    /// Returns the value if it is possible. A negative zero loses its sign.
    pub fn accept(self, value: f64) -> Option<f64> {
        self.range().contains(&value).then_some(value + 0.0)
    }

    /// Parses the whole text as a number. `None` if it is not a possible value.
    pub fn read(self, text: &str) -> Option<f64> {
        self.accept(value::number(text)?)
    }
}

impl GcodeMetadata {
    /// Drops all numbers outside the range of their quantity, and a height that contradicts the layers.
    ///
    /// Parsing ends with this step; metadata from other sources, such as Moonraker, must go through it too. Returns a
    /// warning for each dropped value.
    pub fn drop_impossible(&mut self) -> Vec<Warning> {
        let mut gate = Gate::default();
        gate.print(self);
        gate.speeds(self);
        for tool in &mut self.tools {
            gate.tool(tool);
        }
        if self.height_contradicts_layers() {
            gate.drop("object_height", &mut self.object_height);
        }
        gate.dropped
    }

    /// Whether the height differs too much from the stated layers, for example because it is the height of a parking
    /// move.
    fn height_contradicts_layers(&self) -> bool {
        let (Some(height), Some(layers), Some(layer)) =
            (self.object_height, self.layer_count, self.layer_height)
        else {
            return false;
        };
        let setting = |key: &str| self.raw.get(key).map(String::as_str);
        // Objects that are printed one after the other share the height but not the layers.
        let by_object =
            setting("print_sequence") == Some("by object") || setting("complete_objects") == Some("1");
        let stated = f64::from(layers) * layer;
        // Layers of variable height are 0.4 to 2.5 times as high as the setting; a raft is a few mm.
        let too_low = height > 0.0 && height < 0.4 * stated && !by_object;
        too_low || height > 2.5 * stated + 5.0
    }
}

/// Drops values that are out of range and records a warning for each.
#[derive(Default)]
struct Gate {
    dropped: Vec<Warning>,
}

impl Gate {
    fn check<T: Copy>(
        &mut self,
        field: &'static str,
        quantity: Quantity,
        slot: &mut Option<T>,
        number: impl Fn(T) -> f64,
    ) {
        if slot.is_some_and(|value| quantity.accept(number(value)).is_none()) {
            self.drop(field, slot);
        }
    }

    fn drop<T>(&mut self, field: &'static str, slot: &mut Option<T>) {
        *slot = None;
        let warning = Warning::Impossible(field);
        if !self.dropped.contains(&warning) {
            self.dropped.push(warning);
        }
    }

    fn number(&mut self, field: &'static str, quantity: Quantity, slot: &mut Option<f64>) {
        self.check(field, quantity, slot, |value| value);
        *slot = slot.and_then(|value| quantity.accept(value));
    }

    fn print(&mut self, of: &mut GcodeMetadata) {
        use Quantity as Q;
        self.number("layer_height", Q::LayerHeight, &mut of.layer_height);
        self.number("first_layer_height", Q::LayerHeight, &mut of.first_layer_height);
        self.number("nozzle_diameter", Q::NozzleDiameter, &mut of.nozzle_diameter);
        self.number("nozzle_temp", Q::NozzleTemp, &mut of.nozzle_temp);
        self.number(
            "nozzle_temp_first_layer",
            Q::NozzleTemp,
            &mut of.nozzle_temp_first_layer,
        );
        self.number("bed_temp", Q::BedTemp, &mut of.bed_temp);
        self.number("bed_temp_first_layer", Q::BedTemp, &mut of.bed_temp_first_layer);
        self.number("chamber_temp", Q::ChamberTemp, &mut of.chamber_temp);
        self.number("infill_percentage", Q::Infill, &mut of.infill_percentage);
        self.number("estimated_filament", Q::Weight, &mut of.estimated_filament);
        self.number("filament_used_mm", Q::Length, &mut of.filament_used_mm);
        self.number("filament_used_cm3", Q::Volume, &mut of.filament_used_cm3);
        self.number("filament_cost", Q::Cost, &mut of.filament_cost);
        self.number("object_height", Q::ObjectHeight, &mut of.object_height);
        for (field, slot) in [
            ("estimated_time", &mut of.estimated_time),
            ("estimated_time_silent", &mut of.estimated_time_silent),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "far above the range")]
            self.check(field, Q::Duration, slot, |seconds| seconds as f64);
        }
        self.check("wall_count", Q::Shells, &mut of.wall_count, f64::from);
        self.check("top_layers", Q::Shells, &mut of.top_layers, f64::from);
        self.check("bottom_layers", Q::Shells, &mut of.bottom_layers, f64::from);
        self.check("layer_count", Q::Layers, &mut of.layer_count, f64::from);
    }

    fn speeds(&mut self, of: &mut GcodeMetadata) {
        let speeds = &mut of.speeds;
        for (field, slot) in [
            ("print_speed", &mut of.print_speed),
            ("speeds.outer_wall", &mut speeds.outer_wall),
            ("speeds.inner_wall", &mut speeds.inner_wall),
            ("speeds.infill", &mut speeds.infill),
            ("speeds.solid_infill", &mut speeds.solid_infill),
            ("speeds.top_surface", &mut speeds.top_surface),
            ("speeds.support", &mut speeds.support),
            ("speeds.first_layer", &mut speeds.first_layer),
            ("speeds.travel", &mut speeds.travel),
        ] {
            self.number(field, Quantity::Speed, slot);
        }
    }

    fn tool(&mut self, tool: &mut Tool) {
        use Quantity as Q;
        for (field, quantity, slot) in [
            ("used_mm", Q::Length, &mut tool.used_mm),
            ("used_cm3", Q::Volume, &mut tool.used_cm3),
            ("used_g", Q::Weight, &mut tool.used_g),
            ("cost", Q::Cost, &mut tool.cost),
            ("nozzle_temp", Q::NozzleTemp, &mut tool.nozzle_temp),
            (
                "nozzle_temp_first_layer",
                Q::NozzleTemp,
                &mut tool.nozzle_temp_first_layer,
            ),
            ("bed_temp", Q::BedTemp, &mut tool.bed_temp),
            ("bed_temp_first_layer", Q::BedTemp, &mut tool.bed_temp_first_layer),
            ("density", Q::Density, &mut tool.density),
            ("diameter", Q::FilamentDiameter, &mut tool.diameter),
            ("nozzle_diameter", Q::NozzleDiameter, &mut tool.nozzle_diameter),
        ] {
            self.number(field, quantity, slot);
        }
    }
}
