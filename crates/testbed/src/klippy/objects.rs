//! The printer objects that Moonraker and its clients request, with the fields of Klipper 0.12.

use serde_json::{Map, Value, json};

use super::machine::{Busy, Machine};

/// The names returned by `objects/list`, in Klippy's order.
pub(crate) const NAMES: &[&str] = &[
    "webhooks",
    "configfile",
    "heaters",
    "heater_bed",
    "gcode_move",
    "print_stats",
    "virtual_sdcard",
    "pause_resume",
    "display_status",
    "idle_timeout",
    "toolhead",
    "extruder",
];

impl Machine {
    /// All fields of an object; empty for an unknown one, as in Klippy's response.
    pub(crate) fn status(&mut self, object: &str, now: f64) -> Map<String, Value> {
        self.track_file(now);
        let progress = if self.file_size == 0 {
            0.0
        } else {
            self.file_position as f64 / self.file_size as f64
        };
        let e = self.e(now);
        let fields = match object {
            "webhooks" => json!({ "state": self.host.name(), "state_message": self.host_message }),
            "configfile" => self.configfile(),
            "print_stats" => self.stats.status(now, e),
            "virtual_sdcard" => json!({
                "file_path": self.file.as_ref().map(|file| file.path.to_string_lossy()),
                "progress": progress,
                "is_active": self.is_active(),
                "file_position": self.file_position,
                "file_size": self.file_size,
            }),
            "pause_resume" => json!({ "is_paused": self.is_paused }),
            "display_status" => json!({ "progress": progress, "message": null }),
            "idle_timeout" => match self.busy {
                Some(Busy::Printing { since }) => {
                    json!({ "state": "Printing", "printing_time": now - since })
                }
                Some(Busy::Idle) => json!({ "state": "Ready", "printing_time": 0.0 }),
                None => json!({ "state": "Idle", "printing_time": 0.0 }),
            },
            "heaters" => json!({
                "available_heaters": ["heater_bed", "extruder"],
                "available_sensors": ["heater_bed", "extruder"],
                "available_monitors": [],
            }),
            "heater_bed" => {
                json!({ "temperature": self.bed.temperature(now), "target": self.bed.target, "power": 0.0 })
            }
            "extruder" => json!({
                "temperature": self.extruder.temperature(now),
                "target": self.extruder.target,
                "power": 0.0,
                "can_extrude": self.extruder.temperature(now) >= 170.0,
                "pressure_advance": 0.0,
                "smooth_time": 0.04,
            }),
            "toolhead" => json!({
                "homed_axes": if self.busy.is_some() { "xyz" } else { "" },
                "position": [0.0, 0.0, self.height(), e],
                "extruder": "extruder",
                "max_velocity": 300.0,
                "max_accel": 3000.0,
                "square_corner_velocity": 5.0,
            }),
            "gcode_move" => json!({
                "speed_factor": 1.0,
                "speed": 1500.0,
                "extrude_factor": 1.0,
                "absolute_coordinates": true,
                "absolute_extrude": true,
                "homing_origin": [0.0, 0.0, 0.0, 0.0],
                "position": [0.0, 0.0, self.height(), e],
                "gcode_position": [0.0, 0.0, self.height(), e],
            }),
            _ => json!({}),
        };
        match fields {
            Value::Object(fields) => fields,
            other => unreachable!("{object} is {other}, not an object"),
        }
    }

    /// Height above the bed in mm, at 0.2 mm per layer.
    fn height(&self) -> f64 {
        f64::from(self.stats.current_layer.unwrap_or_default()) * 0.2
    }

    /// Moonraker reads the path of the gcodes folder from this object.
    fn configfile(&self) -> Value {
        let config = json!({
            "printer": { "kinematics": "cartesian", "max_velocity": "300", "max_accel": "3000" },
            "virtual_sdcard": { "path": self.gcodes.to_string_lossy() },
            "pause_resume": {},
            "display_status": {},
        });
        json!({
            "config": config,
            "settings": config,
            "warnings": [],
            "save_config_pending": false,
            "save_config_pending_items": {},
        })
    }
}
