//! Klipper's `print_stats` object and its way of counting.
//!
//! Source: `klippy/extras/print_stats.py` of Klipper 0.12.

/// The counters of the current print, or of the last one until a reset.
#[derive(Debug, Clone, Default)]
pub(crate) struct PrintStats {
    pub(crate) filename: String,
    pub(crate) state: PrintState,
    pub(crate) message: String,
    pub(crate) filament_used: f64,
    pub(crate) total_layer: Option<u32>,
    pub(crate) current_layer: Option<u32>,
    /// Start time. `None` before the start and after the end.
    started: Option<f64>,
    paused: Option<f64>,
    earlier_pauses: f64,
    /// Seconds before the first extrusion, without pauses.
    before_extrusion: f64,
    total_duration: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PrintState {
    #[default]
    Standby,
    Printing,
    Paused,
    Complete,
    Cancelled,
    Error,
}

impl PrintState {
    pub(crate) fn as_str(self) -> &'static str {
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
    pub(crate) fn load(&mut self, filename: &str) {
        *self = Self {
            filename: filename.to_owned(),
            ..Self::default()
        };
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Notes a start or a resumption.
    pub(crate) fn note_start(&mut self, now: f64) {
        if self.started.is_none() {
            self.started = Some(now);
        } else if let Some(paused) = self.paused.take() {
            self.earlier_pauses += now - paused;
        }
        self.state = PrintState::Printing;
        self.message.clear();
    }

    pub(crate) fn note_pause(&mut self, now: f64) {
        self.paused.get_or_insert(now);
        if self.state != PrintState::Error {
            self.state = PrintState::Paused;
        }
    }

    pub(crate) fn note_end(&mut self, now: f64, state: PrintState, message: &str) {
        if self.started.is_none() {
            return;
        }
        self.count(now);
        if let Some(paused) = self.paused.take() {
            self.earlier_pauses += now - paused;
        }
        self.started = None;
        self.state = state;
        message.clone_into(&mut self.message);
    }

    /// Updates the durations to `now`.
    pub(crate) fn count(&mut self, now: f64) {
        let Some(started) = self.started else { return };
        self.total_duration = now - started;
        if self.filament_used < 1e-7 {
            self.before_extrusion = self.total_duration - self.pauses(now);
        }
    }

    /// Total duration in seconds, as of the last count.
    pub(crate) fn total_duration(&self) -> f64 {
        self.total_duration
    }

    /// Print duration in seconds, as of the last count, which was at `now`.
    pub(crate) fn print_duration(&self, now: f64) -> f64 {
        (self.total_duration - self.before_extrusion - self.pauses(now)).max(0.0)
    }

    fn pauses(&self, now: f64) -> f64 {
        self.earlier_pauses + self.paused.map_or(0.0, |paused| now - paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_and_heating_are_not_printing() {
        let mut stats = PrintStats::default();
        stats.load("a.gcode");
        stats.note_start(100.0);
        stats.count(105.0);
        stats.filament_used = 1.0;
        stats.note_pause(107.0);
        stats.count(109.0);
        assert_eq!((stats.total_duration(), stats.print_duration(109.0)), (9.0, 2.0));
        stats.note_start(110.0);
        stats.note_end(112.0, PrintState::Complete, "");
        assert_eq!((stats.total_duration(), stats.print_duration(500.0)), (12.0, 4.0));
        assert_eq!(stats.state, PrintState::Complete);
    }

    #[test]
    fn a_print_without_extrusion_has_no_print_duration() {
        let mut stats = PrintStats::default();
        stats.load("a.gcode");
        stats.note_start(0.0);
        stats.note_end(3.0, PrintState::Cancelled, "");
        assert_eq!((stats.total_duration(), stats.print_duration(3.0)), (3.0, 0.0));
    }
}
