//! Moonraker's view of the print, and the job events it derives. It sees only deltas and can miss one.
//!
//! Source: `moonraker/components/job_state.py` of 0.11.0.

use crate::status::Object;

/// Moonraker's copy of `print_stats`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Stats {
    pub(crate) filename: String,
    pub(crate) state: String,
    pub(crate) total_duration: f64,
    pub(crate) print_duration: f64,
    pub(crate) filament_used: f64,
}

impl Stats {
    /// Applies a delta.
    pub(crate) fn update(&mut self, delta: &Object) {
        for (field, own) in [("filename", &mut self.filename), ("state", &mut self.state)] {
            if let Some(text) = delta.text(field) {
                text.clone_into(own);
            }
        }
        for (field, own) in [
            ("total_duration", &mut self.total_duration),
            ("print_duration", &mut self.print_duration),
            ("filament_used", &mut self.filament_used),
        ] {
            if let Some(number) = delta.number(field) {
                *own = number;
            }
        }
    }

    fn is_idle(&self) -> bool {
        matches!(
            self.state.as_str(),
            "standby" | "complete" | "cancelled" | "error" | ""
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobEvent {
    Started,
    Paused,
    Resumed,
    Complete,
    Error,
    Cancelled,
    Standby,
}

/// The events that follow from a delta of `print_stats`, given the previous state.
pub(crate) fn events(before: &Stats, after: &Stats, delta: &Object) -> Vec<JobEvent> {
    let Some(new) = delta.text("state") else {
        return Vec::new();
    };
    if new == before.state {
        return Vec::new();
    }
    let event = match new {
        "printing" if before.is_idle() => JobEvent::Started,
        "printing" => {
            let resumed = before.state == "paused"
                && before.filename == after.filename
                && before.total_duration < after.total_duration;
            if resumed {
                JobEvent::Resumed
            } else {
                JobEvent::Started
            }
        }
        "paused" => JobEvent::Paused,
        "complete" => JobEvent::Complete,
        "error" => JobEvent::Error,
        "cancelled" => JobEvent::Cancelled,
        _ => JobEvent::Standby,
    };
    // A start event that was missed is emitted now.
    if before.is_idle() && !matches!(event, JobEvent::Started | JobEvent::Standby) {
        return vec![JobEvent::Started, event];
    }
    vec![event]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(stats: &mut Stats, fields: Vec<(&'static str, serde_json::Value)>) -> Vec<JobEvent> {
        let delta = Object {
            name: "print_stats",
            fields,
        };
        let before = stats.clone();
        stats.update(&delta);
        events(&before, stats, &delta)
    }

    #[test]
    fn a_pause_is_followed_by_a_resumption_or_by_another_print() {
        let mut stats = Stats {
            state: "standby".to_owned(),
            ..Stats::default()
        };
        let start = vec![
            ("state", json!("printing")),
            ("filename", json!("a")),
            ("total_duration", json!(0.2)),
        ];
        assert_eq!(step(&mut stats, start.clone()), [JobEvent::Started]);
        assert_eq!(
            step(
                &mut stats,
                vec![("state", json!("paused")), ("total_duration", json!(5.0))]
            ),
            [JobEvent::Paused]
        );
        let mut resumed = stats.clone();
        let delta = vec![("state", json!("printing")), ("total_duration", json!(6.0))];
        assert_eq!(step(&mut resumed, delta), [JobEvent::Resumed]);
        assert_eq!(step(&mut stats, start), [JobEvent::Started]);
    }

    #[test]
    fn an_end_without_a_start_makes_both() {
        let mut stats = Stats {
            state: "standby".to_owned(),
            ..Stats::default()
        };
        assert_eq!(step(&mut stats, vec![("total_duration", json!(4.0))]), []);
        let end = vec![("state", json!("complete")), ("total_duration", json!(4.7))];
        assert_eq!(step(&mut stats, end), [JobEvent::Started, JobEvent::Complete]);
        assert_eq!(
            step(&mut stats, vec![("state", json!("standby"))]),
            [JobEvent::Standby]
        );
    }
}
