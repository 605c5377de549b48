//! Klippy's accounting of a print: what counts as pause, heating and filament. Follows the original rule by rule.
//!
//! Source: `klippy/extras/print_stats.py` of Klipper 0.12.

use serde_json::{Value, json};

/// Less filament than this (mm) does not count as extrusion.
const NO_EXTRUSION: f64 = 0.000_000_1;

/// The state behind the printer object `print_stats`. Times are in seconds of Klippy's clock, filament is in mm.
#[derive(Debug, Default)]
pub(crate) struct PrintStats {
    pub(crate) filename: String,
    pub(crate) state: State,
    pub(crate) message: String,
    pub(crate) total_duration: f64,
    pub(crate) filament_used: f64,
    pub(crate) total_layer: Option<u32>,
    pub(crate) current_layer: Option<u32>,
    print_start_time: Option<f64>,
    last_pause_time: Option<f64>,
    prev_pause_duration: f64,
    init_duration: f64,
    last_e: f64,
}

/// `print_stats.state`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Standby,
    Printing,
    Paused,
    Complete,
    Cancelled,
    Error,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Printing => "printing",
            Self::Paused => "paused",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
        }
    }
}

impl PrintStats {
    pub(crate) fn set_current_file(&mut self, filename: &str) {
        *self = Self {
            filename: filename.to_owned(),
            ..Self::default()
        };
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Notes a start or resumption. `e` is the extruder's position, in mm of filament since the start of the file.
    pub(crate) fn note_start(&mut self, now: f64, e: f64) {
        if self.print_start_time.is_none() {
            self.print_start_time = Some(now);
        } else if let Some(paused) = self.last_pause_time.take() {
            self.prev_pause_duration += now - paused;
        }
        self.last_e = e;
        self.state = State::Printing;
        self.message.clear();
    }

    pub(crate) fn note_pause(&mut self, now: f64, e: f64) {
        if self.last_pause_time.is_none() {
            self.last_pause_time = Some(now);
            self.update_filament(e);
        }
        if self.state != State::Error {
            self.state = State::Paused;
        }
    }

    /// Ends the print in this state. Klippy does not sample the filament here, so `filament_used` lacks the filament
    /// since the last query.
    pub(crate) fn note_finish(&mut self, now: f64, state: State, message: &str) {
        let Some(start) = self.print_start_time.take() else {
            return;
        };
        self.state = state;
        message.clone_into(&mut self.message);
        self.total_duration = now - start;
        if self.filament_used < NO_EXTRUSION {
            self.init_duration = self.total_duration - self.prev_pause_duration;
        }
    }

    /// Updates the figures to `now`, as every query of the object does.
    pub(crate) fn sample(&mut self, now: f64, e: f64) {
        let Some(start) = self.print_start_time else {
            return;
        };
        if self.last_pause_time.is_none() {
            self.update_filament(e);
        }
        self.total_duration = now - start;
        if self.filament_used < NO_EXTRUSION {
            self.init_duration = self.total_duration - self.paused_for(now);
        }
    }

    /// Seconds since the first extrusion, without pauses, as of the last sample or the end.
    pub(crate) fn print_duration(&self, now: f64) -> f64 {
        self.total_duration - self.init_duration - self.paused_for(now)
    }

    pub(crate) fn status(&mut self, now: f64, e: f64) -> Value {
        self.sample(now, e);
        json!({
            "filename": self.filename,
            "total_duration": self.total_duration,
            "print_duration": self.print_duration(now),
            "filament_used": self.filament_used,
            "state": self.state.name(),
            "message": self.message,
            "info": { "total_layer": self.total_layer, "current_layer": self.current_layer },
        })
    }

    fn paused_for(&self, now: f64) -> f64 {
        let current = match (self.print_start_time, self.last_pause_time) {
            (Some(_), Some(paused)) => now - paused,
            _ => 0.0,
        };
        self.prev_pause_duration + current
    }

    fn update_filament(&mut self, e: f64) {
        self.filament_used += e - self.last_e;
        self.last_e = e;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn print_duration_leaves_out_heating_and_pauses() {
        let mut stats = PrintStats::default();
        stats.set_current_file("a.gcode");
        stats.note_start(100.0, 0.0);
        stats.sample(105.0, 0.0); // five seconds of heating
        stats.sample(107.0, 20.0);
        stats.note_pause(108.0, 30.0);
        stats.sample(118.0, 30.0);
        stats.note_start(120.0, 30.0);
        stats.sample(121.0, 40.0);
        stats.note_finish(122.0, State::Complete, "");
        assert_eq!(stats.total_duration, 22.0);
        assert_eq!(stats.print_duration(500.0), 5.0);
        assert_eq!(stats.filament_used, 40.0);
    }

    #[test]
    fn print_that_never_extrudes_has_no_print_duration() {
        let mut stats = PrintStats::default();
        stats.set_current_file("a.gcode");
        stats.note_start(10.0, 0.0);
        stats.note_finish(13.0, State::Cancelled, "");
        assert_eq!((stats.total_duration, stats.print_duration(20.0)), (3.0, 0.0));
    }
}
