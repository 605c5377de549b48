//! A copy of a printer's status, kept up to date with its deltas.

use serde_json::{Map, Value};

use crate::{
    calls::is_heater,
    lenient::{NAME, TEXT, cut, known_bool, known_count, known_number},
};

/// Number of objects that are kept, and of fields in each. A printer has about ten of each.
const OBJECTS: usize = 64;
const FIELDS: usize = 64;

/// The merged status of Klipper's objects. It holds the newest values, not events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatusMirror {
    objects: Map<String, Value>,
}

/// The print. A field that was not reported is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrintStats<'a> {
    /// `standby`, `printing`, `paused`, `complete`, `cancelled` or `error`.
    pub state: Option<&'a str>,
    /// Relative to the gcodes root; empty after a reset.
    pub filename: Option<&'a str>,
    /// Seconds, with pauses.
    pub total_duration: Option<f64>,
    /// Seconds, without pauses and the time before the first extrusion.
    pub print_duration: Option<f64>,
    /// Millimetres of filament.
    pub filament_used: Option<f64>,
    /// Text of the error that ended the print; usually empty.
    pub message: Option<&'a str>,
    /// Layers, if the G-code sets them.
    pub info: Option<LayerInfo>,
}

/// Layers of a print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerInfo {
    /// From 1.
    pub current_layer: Option<i64>,
    /// Total number.
    pub total_layer: Option<i64>,
}

/// Klippy's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhooks<'a> {
    /// `startup`, `ready`, `error` or `shutdown`.
    pub state: Option<&'a str>,
    /// Human-readable reason, of several lines.
    pub state_message: Option<&'a str>,
}

/// Progress of reading the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VirtualSdcard {
    /// 0 to 1, by position in the file.
    pub progress: Option<f64>,
    /// Whether the file is being read now; false while paused.
    pub is_active: Option<bool>,
    /// In bytes.
    pub file_position: Option<u64>,
    /// In bytes.
    pub file_size: Option<u64>,
}

/// The text and progress that the G-code shows on the printer's display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DisplayStatus<'a> {
    /// 0 to 1; from M73 if the G-code has it, else by position in the file.
    pub progress: Option<f64>,
    /// From M117.
    pub message: Option<&'a str>,
}

/// A heater, in °C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heater {
    /// Measured.
    pub temperature: Option<f64>,
    /// Target; 0 is off.
    pub target: Option<f64>,
}

impl StatusMirror {
    /// Creates the mirror from a full status.
    #[must_use]
    pub fn of(status: Map<String, Value>) -> Self {
        let mut mirror = Self::default();
        mirror.merge(status);
        mirror
    }

    /// Merges the fields of a delta; all others stay. The number of objects and fields is limited, because the mirror
    /// lives as long as its connection.
    pub fn merge(&mut self, delta: Map<String, Value>) {
        for (object, changed) in delta {
            let Value::Object(changed) = changed else {
                continue;
            };
            if self.objects.len() >= OBJECTS && !self.objects.contains_key(&object) {
                continue;
            }
            let is_print = object == "print_stats";
            let known = self.objects.entry(object).or_insert_with(|| Map::new().into());
            let Value::Object(fields) = known else {
                continue;
            };
            let changed = match is_print {
                true => without_unknown(fields, changed),
                false => changed,
            };
            for (field, value) in changed {
                if is_small(&value) && (fields.len() < FIELDS || fields.contains_key(&field)) {
                    fields.insert(field, value);
                }
            }
        }
    }

    /// An object with all its fields. `None` if it was not reported, or the printer does not have it.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.objects
            .get(name)?
            .as_object()
            .filter(|fields| !fields.is_empty())
    }

    /// The print. `None` before the first full status.
    #[must_use]
    pub fn print_stats(&self) -> Option<PrintStats<'_>> {
        let fields = self.object("print_stats")?;
        let info = fields
            .get("info")
            .and_then(Value::as_object)
            .map(|info| LayerInfo {
                current_layer: integer(info, "current_layer"),
                total_layer: integer(info, "total_layer"),
            });
        Some(PrintStats {
            state: text(fields, "state"),
            filename: text(fields, "filename"),
            total_duration: number(fields, "total_duration"),
            print_duration: number(fields, "print_duration"),
            filament_used: number(fields, "filament_used"),
            message: text(fields, "message"),
            info,
        })
    }

    /// Klippy's state. `None` before the first full status.
    #[must_use]
    pub fn webhooks(&self) -> Option<Webhooks<'_>> {
        let fields = self.object("webhooks")?;
        Some(Webhooks {
            state: text(fields, "state"),
            state_message: text(fields, "state_message"),
        })
    }

    /// Progress of reading the file. `None` before the first full status.
    #[must_use]
    pub fn virtual_sdcard(&self) -> Option<VirtualSdcard> {
        let fields = self.object("virtual_sdcard")?;
        Some(VirtualSdcard {
            progress: number(fields, "progress"),
            is_active: fields.get("is_active").and_then(known_bool),
            file_position: fields.get("file_position").and_then(known_count),
            file_size: fields.get("file_size").and_then(known_count),
        })
    }

    /// Contents of the display. `None` if the printer has none.
    #[must_use]
    pub fn display_status(&self) -> Option<DisplayStatus<'_>> {
        let fields = self.object("display_status")?;
        Some(DisplayStatus {
            progress: number(fields, "progress"),
            message: text(fields, "message"),
        })
    }

    /// Progress of the print, 0 to 1, by position in the file. `None` if not reported.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        self.virtual_sdcard()?.progress
    }

    /// The heaters by Klipper's names: `extruder`, `heater_bed`, `heater_generic chamber`, ….
    pub fn heaters(&self) -> impl Iterator<Item = (&str, Heater)> {
        self.objects.iter().filter_map(|(name, fields)| {
            let fields = fields
                .as_object()
                .filter(|fields| is_heater(name) && !fields.is_empty())?;
            let heater = Heater {
                temperature: number(fields, "temperature"),
                target: number(fields, "target"),
            };
            Some((name.as_str(), heater))
        })
    }
}

/// Counters of the print.
const COUNTERS: [&str; 3] = ["total_duration", "print_duration", "filament_used"];

/// The changes of a print, without meaningless values: a counter that is briefly null or invalid does not go back, and
/// the print keeps its file and state. Known values do not carry over to another print that starts.
fn without_unknown(known: &mut Map<String, Value>, mut changed: Map<String, Value>) -> Map<String, Value> {
    for name in ["state", "filename"] {
        if changed.get(name).is_some_and(|value| !value.is_string()) {
            changed.remove(name);
        }
    }
    if let Some(Value::String(name)) = changed.get_mut("filename") {
        *name = cut(std::mem::take(name), NAME);
    }
    let is_other = |name: &str, matters: fn(&str) -> bool| {
        let new = changed.get(name).and_then(Value::as_str);
        new.is_some_and(|new| matters(new) && known.get(name).and_then(Value::as_str) != Some(new))
    };
    let starts = is_other("filename", |_| true)
        || (is_other("state", |state| state.eq_ignore_ascii_case("printing"))
            && !known
                .get("state")
                .and_then(Value::as_str)
                .is_some_and(|state| state.eq_ignore_ascii_case("paused")));
    for name in COUNTERS {
        let is_known = |value: &Value| known_number(value).is_some_and(|number| number >= 0.0);
        if changed.get(name).is_some_and(|value| !is_known(value)) {
            changed.remove(name);
            if starts {
                known.remove(name);
            }
        }
    }
    changed
}

fn is_small(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= TEXT,
        Value::Array(items) => items.len() <= FIELDS && items.iter().all(is_plain),
        Value::Object(fields) => fields.len() <= FIELDS && fields.values().all(is_plain),
    }
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_)) && is_small(value)
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

fn number(fields: &Map<String, Value>, name: &str) -> Option<f64> {
    known_number(fields.get(name)?)
}

/// Klipper's macros can turn layer numbers into floats.
fn integer(fields: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = fields.get(name)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; no print has that many layers"
    )]
    value
        .as_i64()
        .or_else(|| known_number(value).map(|number| number as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn a_delta_changes_only_what_it_names() {
        assert_eq!(StatusMirror::default().print_stats(), None);
        let mut mirror = StatusMirror::of(map(json!({
            "print_stats": {"state": "printing", "filename": "a.gcode", "print_duration": 7, "filament_used": 1.5,
                            "info": {"total_layer": 5, "current_layer": 2.0}},
            "webhooks": {"state": "ready"},
            "heater_bed": {"temperature": 60.1, "target": 60},
            "extruder": {},
        })));
        mirror.merge(map(
            json!({"print_stats": {"filament_used": 2}, "virtual_sdcard": {"progress": 0.5}}),
        ));
        let stats = mirror.print_stats().unwrap();
        assert_eq!(
            (stats.print_duration, stats.filament_used, stats.total_duration),
            (Some(7.0), Some(2.0), None)
        );
        assert_eq!(
            (stats.state, stats.filename, stats.message),
            (Some("printing"), Some("a.gcode"), None)
        );
        assert_eq!(
            stats.info,
            Some(LayerInfo {
                current_layer: Some(2),
                total_layer: Some(5)
            })
        );
        assert_eq!(mirror.progress(), Some(0.5));
        let heaters: Vec<_> = mirror.heaters().collect();
        assert_eq!(
            heaters,
            [(
                "heater_bed",
                Heater {
                    temperature: Some(60.1),
                    target: Some(60.0)
                }
            )]
        );
    }

    fn printing() -> StatusMirror {
        StatusMirror::of(map(json!({"print_stats": {
            "state": "printing", "filename": "a.gcode", "total_duration": 2.8, "print_duration": 2.0, "filament_used": 5.0,
        }})))
    }

    #[test]
    fn what_is_briefly_unknown_of_a_print_stays_as_it_was() {
        for unknown in [
            json!(null),
            json!(""),
            json!("soon"),
            json!("NaN"),
            json!([1]),
            json!({}),
            json!(true),
            json!(-1),
        ] {
            let mut mirror = printing();
            mirror.merge(map(json!({"print_stats": {
                "total_duration": unknown, "print_duration": unknown, "filament_used": unknown,
            }})));
            assert_eq!(mirror.print_stats(), printing().print_stats(), "{unknown}");
        }
        for unknown in [json!(null), json!(7), json!([]), json!({})] {
            let mut mirror = printing();
            mirror.merge(map(
                json!({"print_stats": {"state": unknown, "filename": unknown}}),
            ));
            assert_eq!(mirror.print_stats(), printing().print_stats(), "{unknown}");
        }
    }

    #[test]
    fn counters_as_texts_are_numbers() {
        let mut mirror = printing();
        mirror.merge(map(json!({
            "print_stats": {"total_duration": "3.8", "print_duration": "3", "filament_used": " 7.25 ",
                            "info": {"current_layer": "4", "total_layer": "192.0"}},
            "virtual_sdcard": {"progress": "0.5", "file_position": "100", "file_size": 200.0},
            "extruder": {"temperature": "210.5", "target": null},
        })));
        let stats = mirror.print_stats().unwrap();
        assert_eq!(
            (stats.total_duration, stats.print_duration, stats.filament_used),
            (Some(3.8), Some(3.0), Some(7.25))
        );
        let layers = stats.info.unwrap();
        assert_eq!((layers.current_layer, layers.total_layer), (Some(4), Some(192)));
        let file = mirror.virtual_sdcard().unwrap();
        assert_eq!(
            (file.progress, file.file_position, file.file_size),
            (Some(0.5), Some(100), Some(200))
        );
        let (_, heater) = mirror.heaters().next().unwrap();
        assert_eq!((heater.temperature, heater.target), (Some(210.5), None));
    }

    #[test]
    fn the_counters_of_one_print_are_not_taken_for_those_of_the_next() {
        for start in [json!({"filename": "b.gcode"}), json!({"state": "printing"})] {
            let mut mirror = printing();
            mirror.merge(map(json!({"print_stats": {"state": "complete"}})));
            let mut start = map(start);
            start.insert("total_duration".to_owned(), Value::Null);
            mirror.merge(map(json!({"print_stats": start})));
            let stats = mirror.print_stats().unwrap();
            assert_eq!((stats.total_duration, stats.print_duration), (None, Some(2.0)));
        }
    }

    #[test]
    fn what_a_mirror_keeps_has_an_end() {
        let mut mirror = StatusMirror::default();
        for number in 0..1000 {
            let field = format!("field {number}");
            mirror.merge(map(json!({
                (format!("heater_generic {number}")): {"temperature": 1}, (format!("bed_mesh {number}")): {"points": [[1]]},
                "print_stats": {field: "x", "state": "printing", "message": "m".repeat(100_000)},
            })));
        }
        assert_eq!(mirror.objects.len(), OBJECTS);
        assert_eq!(mirror.object("print_stats").unwrap().len(), FIELDS);
        let stats = mirror.print_stats().unwrap();
        assert_eq!((stats.state, stats.message), (Some("printing"), None));
        mirror.merge(map(
            json!({"print_stats": {"state": [[[]]]}, "webhooks": 5, "virtual_sdcard": [1]}),
        ));
        assert_eq!(mirror.print_stats().unwrap().state, Some("printing"));
    }

    #[test]
    fn an_object_that_is_not_there_yet_may_come_with_a_delta() {
        let mut mirror = StatusMirror::of(map(
            json!({"print_stats": {"state": "standby"}, "webhooks": null}),
        ));
        assert_eq!(mirror.print_stats().unwrap().message, None);
        assert_eq!(mirror.webhooks(), None);
        mirror.merge(map(json!({"webhooks": {"state": "shutdown"}})));
        assert_eq!(mirror.webhooks().unwrap().state, Some("shutdown"));
    }
}
