//! The status of Klipper's objects, and the changes since the last update.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// One object with its fields in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<(&'static str, Value)>,
}

/// All objects of a printer at one moment. Empty while Klippy does not run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Status(pub(crate) Vec<Object>);

/// The objects a client subscribed to, each with its fields or `None` for all fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscription(HashMap<String, Option<Vec<String>>>);

impl Status {
    /// The fields that differ from `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let changed = self.0.iter().enumerate().filter_map(|(place, object)| {
            let before = earlier
                .0
                .get(place)
                .filter(|before| before.name == object.name && before.fields.len() == object.fields.len());
            let Some(before) = before else {
                return Some(object.clone());
            };
            let fields: Vec<_> = object
                .fields
                .iter()
                .zip(&before.fields)
                .filter(|(now, before)| now != before)
                .map(|(now, _)| now.clone())
                .collect();
            (!fields.is_empty()).then_some(Object {
                name: object.name,
                fields,
            })
        });
        Self(changed.collect())
    }

    pub(crate) fn object(&self, name: &str) -> Option<&Object> {
        self.0.iter().find(|object| object.name == name)
    }

    /// The subscribed objects and fields in this status, as JSON. `None` if there are none.
    pub(crate) fn wanted(&self, subscription: &Subscription) -> Option<String> {
        let mut json = String::from("{");
        for object in &self.0 {
            let Some(wanted) = subscription.0.get(object.name) else {
                continue;
            };
            let mut fields = object
                .fields
                .iter()
                .filter(|(name, _)| {
                    wanted
                        .as_ref()
                        .is_none_or(|wanted| wanted.iter().any(|field| field == name))
                })
                .peekable();
            if fields.peek().is_none() {
                continue;
            }
            json.push_str(if json.len() > 1 { ",\"" } else { "\"" });
            json.push_str(object.name);
            json.push_str("\":{");
            for (place, (name, value)) in fields.enumerate() {
                json.push_str(if place > 0 { ",\"" } else { "\"" });
                json.push_str(name);
                json.push_str("\":");
                json.push_str(&value.to_string());
            }
            json.push('}');
        }
        json.push('}');
        (json.len() > 2).then_some(json)
    }

    /// The full response to a subscription: unknown objects are `{}`, unknown fields null.
    pub(crate) fn answer(&self, subscription: &Subscription) -> Map<String, Value> {
        let mut answer = Map::new();
        for (name, wanted) in &subscription.0 {
            let known = self.object(name);
            let value = |field: &str| {
                let found = known?.fields.iter().find(|(name, _)| *name == field)?;
                Some(found.1.clone())
            };
            let fields: Map<String, Value> = match wanted {
                Some(wanted) => wanted
                    .iter()
                    .map(|field| (field.clone(), value(field).unwrap_or(Value::Null)))
                    .collect(),
                None => known
                    .into_iter()
                    .flat_map(|object| &object.fields)
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            };
            answer.insert(name.clone(), Value::Object(fields));
        }
        answer
    }
}

impl Subscription {
    /// Parses the parameter `objects`.
    pub(crate) fn read(objects: &Map<String, Value>) -> Self {
        let fields = |value: &Value| {
            let fields = value.as_array()?;
            Some(
                fields
                    .iter()
                    .filter_map(|field| field.as_str().map(ToOwned::to_owned))
                    .collect(),
            )
        };
        Self(
            objects
                .iter()
                .map(|(name, value)| (name.clone(), fields(value)))
                .collect(),
        )
    }
}

impl Object {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| *name == field)?.1.as_str()
    }

    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        self.fields.iter().find(|(name, _)| *name == field)?.1.as_f64()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(temperature: f64) -> Status {
        Status(vec![
            Object {
                name: "webhooks",
                fields: vec![("state", json!("ready"))],
            },
            Object {
                name: "extruder",
                fields: vec![("temperature", json!(temperature)), ("target", json!(0.0))],
            },
        ])
    }

    fn subscription(objects: &Value) -> Subscription {
        Subscription::read(objects.as_object().unwrap())
    }

    #[test]
    fn only_wanted_changes_are_told() {
        let delta = status(21.0).since(&status(20.5));
        assert_eq!(
            delta.wanted(&subscription(&json!({"extruder": null}))).as_deref(),
            Some(r#"{"extruder":{"temperature":21.0}}"#)
        );
        assert_eq!(
            delta.wanted(&subscription(&json!({"extruder": ["target"], "webhooks": null}))),
            None
        );
        assert_eq!(status(1.0).since(&status(1.0)).0, []);
        assert_eq!(status(1.0).since(&Status::default()), status(1.0));
    }

    #[test]
    fn answers_have_places_for_the_unknown() {
        let wanted = subscription(&json!({"extruder": ["target", "power"], "fan": null, "webhooks": null}));
        assert_eq!(
            Value::Object(status(1.0).answer(&wanted)),
            json!({"extruder": {"target": 0.0, "power": null}, "fan": {}, "webhooks": {"state": "ready"}})
        );
    }
}
