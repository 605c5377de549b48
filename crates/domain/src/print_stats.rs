//! Klipper's report of the current print.

use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{Figures, UnknownName, tracker::tolerances::MIRROR_LAG};

/// Klipper's `print_stats` object, merged from a snapshot and the later deltas.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PrintStats {
    /// State of the print.
    pub state: PrintState,
    /// The file, relative to the gcodes root. `None` if no file is loaded, or its name is not known.
    pub filename: Option<String>,
    /// Current counters. After the end they keep their last values until another file is loaded.
    pub figures: Figures,
    /// Error text. `None` when there is none.
    pub message: Option<String>,
}

impl PrintStats {
    /// Whether `self`, merged from notifications, lags behind `current`, the answer to a query made a moment ago.
    #[must_use]
    pub fn is_behind(&self, current: &Self) -> bool {
        let same_counter = match (self.figures.total_duration, current.figures.total_duration) {
            (Some(mirrored), Some(current)) => (mirrored - current).abs() <= MIRROR_LAG,
            (mirrored, current) => mirrored == current,
        };
        self.state != current.state || self.filename != current.filename || !same_counter
    }
}

/// `print_stats.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrintState {
    /// No print.
    #[default]
    Standby,
    /// A print is running.
    Printing,
    /// A print is paused.
    Paused,
    /// The last print finished.
    Complete,
    /// The last print was cancelled.
    Cancelled,
    /// The last print ended with an error.
    Error,
    /// Missing, or a state of another firmware: the previous state remains valid.
    Unknown,
}

impl PrintState {
    /// Whether a print has started and not ended.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Printing | Self::Paused)
    }
}

/// State of Klippy, the firmware host behind Moonraker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum KlippyState {
    /// Not connected to Moonraker.
    Disconnected,
    /// Starting; does not answer yet.
    Startup,
    /// Ready to print.
    Ready,
    /// The configuration is invalid, or a microcontroller failed.
    Error,
    /// Shut down: emergency stop, M112, lost microcontroller.
    Shutdown,
}

impl KlippyState {
    /// The state as `server.info` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printing(filename: &str, total: f64) -> PrintStats {
        PrintStats {
            state: PrintState::Printing,
            filename: Some(filename.to_owned()),
            figures: Figures::reported(Some(total), Some(total), Some(0.0)),
            message: None,
        }
    }

    #[test]
    fn a_counter_that_stands_still_is_behind() {
        let mirrored = printing("a.gcode", 10.0);
        assert!(!mirrored.is_behind(&printing("a.gcode", 10.4)));
        assert!(mirrored.is_behind(&printing("a.gcode", 40.0)));
    }

    #[test]
    fn another_print_or_state_is_behind() {
        let mirrored = printing("a.gcode", 10.0);
        let ended = PrintStats {
            state: PrintState::Complete,
            ..mirrored.clone()
        };
        assert!(mirrored.is_behind(&ended));
        assert!(ended.is_behind(&mirrored));
        assert!(mirrored.is_behind(&printing("b.gcode", 10.0)));
        assert!(
            PrintStats::default().is_behind(&mirrored),
            "no update has arrived"
        );
        assert!(!ended.is_behind(&ended));
    }
}
