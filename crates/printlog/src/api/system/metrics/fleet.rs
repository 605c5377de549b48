//! Live metrics of the printers.

use std::collections::HashMap;

use domain::{KlippyState, PrinterId};
use jiff::Timestamp;
use prometheus_client::registry::Registry;

use crate::{
    api::system::metrics::{Gauges, Labels, and, of_printer},
    ingest::{ConnectionState, Fleet, PrinterStatus},
};

/// Value of a metric for one printer. `None` if it is unknown.
type Value = fn(&PrinterStatus, Timestamp) -> Option<f64>;

const VALUES: [(&str, &str, Value); 8] = [
    (
        "printer_connected",
        "Whether the printer is connected",
        |status, _| Some(truth(status.connection.state == ConnectionState::Connected)),
    ),
    (
        "printer_connection_age_seconds",
        "Start of the current state of the connection",
        |status, now| Some(now.duration_since(status.connection.since).as_secs_f64().max(0.0)),
    ),
    (
        "printer_klippy_ready",
        "Whether Klipper is ready; absent while not connected",
        |status, _| Some(truth(status.klippy_state? == KlippyState::Ready)),
    ),
    (
        "printer_printing",
        "Whether a job is running or paused",
        |status, _| Some(truth(status.job.is_some())),
    ),
    (
        "printer_job_progress_ratio",
        "Progress of the job, 0 to 1",
        |status, _| status.job.as_ref()?.progress,
    ),
    (
        "printer_job_time_seconds",
        "Duration of the job so far, with pauses",
        |status, _| status.job.as_ref()?.figures.total_duration,
    ),
    (
        "printer_last_seen_timestamp_seconds",
        "Last message from the printer",
        |status, _| Some(status.last_seen?.as_millisecond() as f64 / 1000.0),
    ),
    (
        "printer_changes_waiting",
        "Changes of jobs that wait for the database",
        |status, _| Some(status.changes_waiting as f64),
    ),
];

pub(crate) fn register(
    registry: &mut Registry,
    fleet: &Fleet,
    printers: &HashMap<PrinterId, String>,
    now: Timestamp,
) {
    let statuses = fleet.statuses();
    let known: Vec<(Labels, PrinterStatus)> = statuses
        .borrow()
        .iter()
        .filter_map(|(id, status)| Some((of_printer(*id, printers.get(id)?), status.borrow().clone())))
        .collect();
    for (name, help, value) in VALUES {
        let gauges = Gauges::default();
        for (labels, status) in &known {
            if let Some(value) = value(status, now) {
                gauges.get_or_create(labels).set(value);
            }
        }
        registry.register(name, help, gauges);
    }
    let (states, temperatures, targets) = (Gauges::default(), Gauges::default(), Gauges::default());
    for (labels, status) in &known {
        for state in ConnectionState::ALL {
            let labels = and(labels.clone(), "state", state.as_str());
            states
                .get_or_create(&labels)
                .set(truth(state == status.connection.state));
        }
        for (heater, temperature) in &status.temperatures {
            let labels = and(labels.clone(), "heater", heater);
            temperatures.get_or_create(&labels).set(temperature.temperature);
            if let Some(target) = temperature.target {
                targets.get_or_create(&labels).set(target);
            }
        }
    }
    registry.register(
        "printer_connection_state",
        "1 for the state of the connection",
        states,
    );
    registry.register(
        "printer_temperature_celsius",
        "Temperature of a heater",
        temperatures,
    );
    registry.register(
        "printer_target_celsius",
        "Target temperature of a heater; 0 means off",
        targets,
    );
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}
