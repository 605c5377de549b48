//! The three amounts that Klipper counts during a print.

use crate::tracker::tolerances::FINAL_LAG;

/// Durations and filament of a job. Source: Klipper's `print_stats`, which Moonraker copies into its history.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Seconds of printing, without pauses and the time before the first extrusion.
    pub print_duration: Option<f64>,
    /// Seconds from start to end, including heating and pauses.
    pub total_duration: Option<f64>,
    /// Filament pushed through the nozzle, in mm of filament (not grams).
    pub filament_used: Option<f64>,
}

impl Figures {
    /// Creates figures from reported values. Values that no counter can have (negative, not a number) become unknown.
    #[must_use]
    pub fn reported(
        print_duration: Option<f64>,
        total_duration: Option<f64>,
        filament_used: Option<f64>,
    ) -> Self {
        let counted = |value: Option<f64>| value.filter(|value| value.is_finite() && *value >= 0.0);
        Self {
            print_duration: counted(print_duration),
            total_duration: counted(total_duration),
            filament_used: counted(filament_used),
        }
    }

    /// Whether `self` can be the same reading as `earlier` or a later reading of the same counter.
    #[must_use]
    pub fn continues(&self, earlier: &Self) -> bool {
        self.reaches(earlier, 0.0)
    }

    /// Whether `self`, which may have been read slightly before `earlier`, can be the final reading of the same print.
    #[must_use]
    pub fn can_end(&self, earlier: &Self) -> bool {
        self.reaches(earlier, FINAL_LAG)
    }

    /// An unknown counter contradicts nothing.
    fn reaches(&self, earlier: &Self, lag: f64) -> bool {
        match (self.total_duration, earlier.total_duration) {
            (Some(now), Some(before)) => now + lag >= before,
            _ => true,
        }
    }

    /// Whether both were read at (nearly) the same point of a print.
    #[must_use]
    pub fn about_equal(&self, other: &Self) -> bool {
        self.total_duration.is_some() == other.total_duration.is_some()
            && self.can_end(other)
            && other.can_end(self)
    }

    /// `self`, with its unknown fields taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            print_duration: self.print_duration.or(other.print_duration),
            total_duration: self.total_duration.or(other.total_duration),
            filament_used: self.filament_used.or(other.filament_used),
        }
    }
}
