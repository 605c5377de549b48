//! The stand-in Klippy reports the same states in the same order as the real one.
//!
//! The expected states come from recordings of Klipper 0.12 on a simulated microcontroller. Figures that keep
//! counting (durations, filament, position) are left out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testbed::{GcodeFile, Klippy};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// A client of Klippy's API server, as Moonraker is.
struct Client {
    stream: BufReader<UnixStream>,
    objects: HashMap<String, Map<String, Value>>,
    seen: Vec<String>,
}

impl Client {
    async fn subscribe(folder: &TempDir) -> Self {
        let stream = BufReader::new(
            UnixStream::connect(folder.path().join("klippy.sock"))
                .await
                .unwrap(),
        );
        let mut client = Self {
            stream,
            objects: HashMap::new(),
            seen: Vec::new(),
        };
        let objects =
            json!({ "webhooks": null, "print_stats": null, "virtual_sdcard": null, "pause_resume": null });
        client
            .send(
                "objects/subscribe",
                json!({ "objects": objects, "response_template": { "method": "update" } }),
            )
            .await;
        client
    }

    async fn send(&mut self, method: &str, parameters: Value) {
        let mut request = json!({ "id": 7, "method": method, "params": parameters }).to_string();
        request.push('\u{3}');
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    async fn gcode(&mut self, script: &str) {
        self.send("gcode/script", json!({ "script": script })).await;
    }

    /// Reads messages until the printer's state starts with `wanted`.
    async fn read_until(&mut self, wanted: &str) {
        let read = async {
            while self.seen.last().is_none_or(|seen| !seen.starts_with(wanted)) {
                let mut message = Vec::new();
                self.stream.read_until(3, &mut message).await.unwrap();
                message.pop();
                let message: Value = serde_json::from_slice(&message).unwrap();
                let answer = message.get("params").or_else(|| message.get("result")).unwrap();
                if let Some(status) = answer["status"].as_object() {
                    self.merge(status);
                }
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(60), read).await;
        assert!(read.is_ok(), "no `{wanted}` came after {:#?}", self.seen);
    }

    fn merge(&mut self, status: &Map<String, Value>) {
        for (object, fields) in status {
            let fields = fields.as_object().unwrap().clone();
            self.objects.entry(object.clone()).or_default().extend(fields);
        }
        let text = |object: &str, field: &str| {
            self.objects[object][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let flag = |object: &str, field: &str| self.objects[object][field] == true;
        let mut words = vec![
            text("webhooks", "state"),
            text("print_stats", "state"),
            text("print_stats", "filename"),
        ];
        words.push(text("print_stats", "message"));
        words.extend(flag("virtual_sdcard", "is_active").then(|| "active".to_owned()));
        words.extend(
            self.objects["virtual_sdcard"]["file_path"]
                .is_string()
                .then(|| "loaded".to_owned()),
        );
        words.extend(flag("pause_resume", "is_paused").then(|| "is_paused".to_owned()));
        words.retain(|word| !word.is_empty());
        let state = words.join(" ");
        if self.seen.last() != Some(&state) {
            self.seen.push(state);
        }
    }
}

async fn printer_with(files: &[(&str, GcodeFile)]) -> (TempDir, Klippy, Client) {
    let folder = tempfile::tempdir().unwrap();
    for (name, file) in files {
        std::fs::write(folder.path().join(name), file.bytes()).unwrap();
    }
    let klippy = Klippy::start(&folder.path().join("klippy.sock"), folder.path())
        .await
        .unwrap();
    let mut client = Client::subscribe(&folder).await;
    client.read_until("ready standby").await;
    (folder, klippy, client)
}

fn print(name: &str) -> String {
    format!("SDCARD_PRINT_FILE FILENAME=\"{name}\"")
}

#[tokio::test]
async fn complete_and_cleared() {
    let (_folder, _klippy, mut client) = printer_with(&[("bracket.gcode", GcodeFile::new(0.6))]).await;
    client.gcode(&print("bracket.gcode")).await;
    client.read_until("ready complete").await;
    client.gcode("SDCARD_RESET_FILE").await;
    client.read_until("ready standby").await;
    assert_eq!(
        client.seen,
        [
            "ready standby",
            "ready printing bracket.gcode active loaded",
            "ready complete bracket.gcode",
            "ready standby",
        ]
    );
}

#[tokio::test]
async fn pause_resume_and_cancel_while_paused() {
    let (_folder, _klippy, mut client) = printer_with(&[("vase.gcode", GcodeFile::new(60.0))]).await;
    client.gcode(&print("vase.gcode")).await;
    client.read_until("ready printing").await;
    for (command, state) in [("PAUSE", "paused"), ("RESUME", "printing"), ("PAUSE", "paused")] {
        client.gcode(command).await;
        client.read_until(&format!("ready {state}")).await;
    }
    client.gcode("CANCEL_PRINT").await;
    client.read_until("ready cancelled").await;
    assert_eq!(
        client.seen,
        [
            "ready standby",
            "ready printing vase.gcode active loaded",
            "ready paused vase.gcode loaded is_paused",
            "ready printing vase.gcode active loaded",
            "ready paused vase.gcode loaded is_paused",
            "ready cancelled vase.gcode",
        ]
    );
}

#[tokio::test]
async fn error_keeps_the_file_and_the_message() {
    let (_folder, klippy, mut client) = printer_with(&[("broken.gcode", GcodeFile::new(1.0))]).await;
    klippy.fail_print_at(0.5, "Extrude only move too long").await;
    client.gcode(&print("broken.gcode")).await;
    client.read_until("ready error").await;
    assert_eq!(
        client.seen,
        [
            "ready standby",
            "ready printing broken.gcode active loaded",
            "ready error broken.gcode Extrude only move too long loaded",
        ]
    );
}

#[tokio::test]
async fn shutdown_turns_into_paused() {
    let (_folder, _klippy, mut client) = printer_with(&[("tower.gcode", GcodeFile::new(60.0))]).await;
    client.gcode(&print("tower.gcode")).await;
    client.read_until("ready printing").await;
    client.send("emergency_stop", json!({})).await;
    client.read_until("shutdown paused").await;
    // It is random whether a status update falls between the shutdown and the end of the file; with the real Klippy,
    // too.
    client
        .seen
        .retain(|state| !state.starts_with("shutdown printing"));
    assert_eq!(
        client.seen,
        [
            "ready standby",
            "ready printing tower.gcode active loaded",
            "shutdown paused tower.gcode loaded"
        ]
    );
    let message = client.objects["webhooks"]["state_message"].as_str().unwrap();
    assert!(
        message.starts_with("Shutdown due to webhooks request\nOnce the underlying issue"),
        "{message}"
    );
    let before = client.objects["print_stats"]["total_duration"].as_f64().unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    client.seen.clear();
    client.read_until("shutdown paused").await;
    assert!(
        client.objects["print_stats"]["total_duration"].as_f64().unwrap() > before,
        "total_duration runs on"
    );
}

#[tokio::test]
async fn another_file_replaces_a_paused_one_and_leaves_is_paused_set() {
    let files = [
        ("one.gcode", GcodeFile::new(60.0)),
        ("two.gcode", GcodeFile::new(0.6)),
    ];
    let (_folder, _klippy, mut client) = printer_with(&files).await;
    client.gcode(&print("one.gcode")).await;
    client.read_until("ready printing").await;
    client.gcode("PAUSE").await;
    client.read_until("ready paused").await;
    client.gcode(&print("two.gcode")).await;
    client.read_until("ready complete").await;
    assert_eq!(
        client.seen,
        [
            "ready standby",
            "ready printing one.gcode active loaded",
            "ready paused one.gcode loaded is_paused",
            "ready printing two.gcode active loaded is_paused",
            "ready complete two.gcode is_paused",
        ]
    );
}

#[tokio::test]
async fn busy_printer_refuses_another_file() {
    let (_folder, klippy, mut client) = printer_with(&[("one.gcode", GcodeFile::new(60.0))]).await;
    client.gcode(&print("one.gcode")).await;
    client.read_until("ready printing").await;
    assert_eq!(
        klippy.gcode(&print("one.gcode")).await.unwrap_err().to_string(),
        "Klippy refused: SD busy"
    );
    client.gcode("CANCEL_PRINT").await;
    client.read_until("ready cancelled").await;
    let missing = klippy.gcode(&print("none.gcode")).await.unwrap_err().to_string();
    assert_eq!(missing, "Klippy refused: Unable to open file");
}
