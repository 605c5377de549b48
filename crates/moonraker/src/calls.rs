//! Calls about the server, Klippy, the machine and files.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Client, RequestError,
    lenient::{known_number, maybe_bool, maybe_number, maybe_object, maybe_text, maybe_texts, maybe_word},
};

/// Moonraker's own state. Source: `server.info`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    /// Whether Klippy is connected to Moonraker.
    #[serde(deserialize_with = "maybe_bool")]
    pub klippy_connected: Option<bool>,
    /// `disconnected`, `startup`, `ready`, `error` or `shutdown`.
    #[serde(deserialize_with = "maybe_word")]
    pub klippy_state: Option<String>,
    /// Version of Moonraker, such as `0.11.0`.
    #[serde(deserialize_with = "maybe_word")]
    pub moonraker_version: Option<String>,
    /// Such as `1.5.0`.
    #[serde(deserialize_with = "maybe_word")]
    pub api_version_string: Option<String>,
    /// Active components of Moonraker.
    #[serde(deserialize_with = "maybe_texts")]
    pub components: Vec<String>,
    /// Components of Moonraker that failed.
    #[serde(deserialize_with = "maybe_texts")]
    pub failed_components: Vec<String>,
}

/// Klippy's own state. Source: `printer.info`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PrinterInfo {
    /// See [`ServerInfo::klippy_state`].
    #[serde(deserialize_with = "maybe_word")]
    pub state: Option<String>,
    /// Klippy's human-readable message about its state, of several lines.
    #[serde(deserialize_with = "maybe_text")]
    pub state_message: Option<String>,
    /// Name of the host that Klippy runs on.
    #[serde(deserialize_with = "maybe_word")]
    pub hostname: Option<String>,
    /// Version of Klipper.
    #[serde(deserialize_with = "maybe_word")]
    pub software_version: Option<String>,
}

/// The state of Klipper's objects at one moment.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// All requested fields, by object. An object that the printer does not have is `{}`.
    #[serde(deserialize_with = "maybe_object")]
    pub status: Map<String, Value>,
    /// Klippy's monotonic clock, in seconds; not a date.
    #[serde(deserialize_with = "maybe_number")]
    pub eventtime: Option<f64>,
}

impl Client {
    /// Identifies this client and sends the key again. Allowed once per connection.
    ///
    /// # Errors
    /// If the call fails; with a wrong or missing key, [`RequestError::Unauthorized`].
    pub async fn identify(&self, client_name: &str, version: &str) -> Result<(), RequestError> {
        let mut params =
            json!({ "client_name": client_name, "version": version, "type": "other", "url": "" });
        if let Some(key) = &self.api_key {
            params["api_key"] = Value::from(key.as_ref());
        }
        self.call_raw("server.connection.identify", params)
            .await
            .map(drop)
    }

    /// Moonraker's own state. This call shows whether the client is authorized: the handshake does not fail for a wrong
    /// key.
    ///
    /// # Errors
    /// If the call fails; without authorization, [`RequestError::Unauthorized`].
    pub async fn server_info(&self) -> Result<ServerInfo, RequestError> {
        self.call_as("server.info", Value::Null).await
    }

    /// Klippy's own state.
    ///
    /// # Errors
    /// If the call fails. Refused while Klippy is not connected, with code -32601 if Klippy has not connected to
    /// Moonraker yet.
    pub async fn printer_info(&self) -> Result<PrinterInfo, RequestError> {
        self.call_as("printer.info", Value::Null).await
    }

    /// Names of the objects that Klipper reports.
    ///
    /// # Errors
    /// As [`printer_info`](Self::printer_info).
    pub async fn printer_objects_list(&self) -> Result<Vec<String>, RequestError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "maybe_texts")]
            objects: Vec<String>,
        }
        Ok(self
            .call_as::<Answer>("printer.objects.list", Value::Null)
            .await?
            .objects)
    }

    /// Subscribes to objects, each with the list of its fields or null for all. Replaces any earlier subscription. Ends
    /// when Klippy restarts or disconnects.
    ///
    /// # Errors
    /// As [`printer_info`](Self::printer_info).
    pub async fn printer_objects_subscribe(
        &self,
        objects: Map<String, Value>,
    ) -> Result<Snapshot, RequestError> {
        self.call_as("printer.objects.subscribe", json!({ "objects": objects }))
            .await
    }

    /// Reads objects once.
    ///
    /// # Errors
    /// As [`printer_info`](Self::printer_info).
    pub async fn printer_objects_query(&self, objects: Map<String, Value>) -> Result<Snapshot, RequestError> {
        self.call_as("printer.objects.query", json!({ "objects": objects }))
            .await
    }

    /// Reads the print and Klippy's state once, without a subscription.
    ///
    /// # Errors
    /// As [`printer_info`](Self::printer_info).
    pub async fn query_print(&self) -> Result<Snapshot, RequestError> {
        let objects = ["webhooks", "print_stats"].map(|object| (object.to_owned(), Value::Null));
        self.printer_objects_query(objects.into_iter().collect()).await
    }

    /// The wall clock of the printer's host in Unix seconds, up to a second old. `None` if the answer lacks it.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn host_time(&self) -> Result<Option<f64>, RequestError> {
        let answer = self.call("machine.proc_stats", Value::Null).await?;
        let newest = answer["moonraker_stats"]
            .as_array()
            .and_then(|stats| stats.last());
        Ok(newest.and_then(|stats| known_number(&stats["time"])))
    }

    /// The folder of the G-code files on the printer's host, as an absolute path. `None` if Moonraker does not report
    /// it.
    ///
    /// # Errors
    /// If the connection fails.
    pub async fn gcode_folder(&self) -> Result<Option<String>, RequestError> {
        let roots = match self.call("server.files.roots", Value::Null).await {
            Ok(roots) => roots,
            Err(RequestError::Refused { .. }) => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let mut roots = roots.as_array().into_iter().flatten();
        Ok(roots
            .find(|root| root["name"] == "gcodes")
            .and_then(|root| root["path"].as_str())
            .map(str::to_owned))
    }

    /// Metadata of a G-code file, whose name is relative to the gcodes root. `None` if Moonraker has no metadata or no
    /// such file.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn files_metadata(&self, filename: &str) -> Result<Option<Value>, RequestError> {
        match self
            .call("server.files.metadata", json!({ "filename": filename }))
            .await
        {
            Ok(metadata) => Ok(Some(metadata)),
            Err(cause) if cause.is_not_found("Metadata not available") => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

pub(crate) fn is_heater(object: &str) -> bool {
    object == "heater_bed" || object.starts_with("heater_generic ") || is_extruder(object)
}

/// `extruder`, `extruder1`, …; not `extruder_stepper`.
fn is_extruder(object: &str) -> bool {
    object
        .strip_prefix("extruder")
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_heater;

    #[test]
    fn heaters_are_told_from_other_objects() {
        let objects = [
            "extruder",
            "extruder1",
            "heater_bed",
            "heater_generic chamber",
            "heaters",
            "extruder_stepper x",
            "fan",
        ];
        assert_eq!(
            objects.map(is_heater),
            [true, true, true, true, false, false, false]
        );
    }
}
