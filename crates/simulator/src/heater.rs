//! Heaters, approximated.

use serde_json::json;

use crate::{random::Random, status::Object};

/// Room temperature, in °C.
const ROOM: f64 = 22.0;

/// A heater with its thermistor. Temperatures are in °C.
#[derive(Debug)]
pub(crate) struct Heater {
    temperature: f64,
    pub(crate) target: f64,
    /// Time constant of heating, in seconds.
    inertia: f64,
}

impl Heater {
    pub(crate) fn new(inertia: f64) -> Self {
        Self {
            temperature: ROOM,
            target: 0.0,
            inertia,
        }
    }

    pub(crate) fn advance(&mut self, seconds: f64, random: &mut Random) {
        let goal = self.target.max(ROOM);
        self.temperature += (goal - self.temperature) * (1.0 - (-seconds / self.inertia).exp());
        // Sensor noise.
        self.temperature += random.between(-0.05..0.05);
    }

    pub(crate) fn object(&self, name: &'static str) -> Object {
        let rounded = (self.temperature * 100.0).round() / 100.0;
        Object {
            name,
            fields: vec![
                ("temperature", json!(rounded)),
                ("target", json!(self.target)),
                ("power", json!(if self.target > 0.0 { 0.25 } else { 0.0 })),
            ],
        }
    }
}
