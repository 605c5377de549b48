//! A recorded session of a real Moonraker, whose state can be inspected after every frame.

use std::{collections::HashMap, path::Path};

use domain::{HistoryJob, KlippyState};
use jiff::Timestamp;
use moonraker::StatusMirror;
use printlog::ingest::moonraker::convert;
use serde_json::Value;

/// An event that the recording client received, at `t` seconds.
pub(crate) struct Frame {
    pub(crate) t: f64,
    pub(crate) heard: Heard,
}

pub(crate) enum Heard {
    /// The connection is open and authorized.
    Connected,
    /// A full status: the response to a subscription.
    Snapshot(Value),
    Delta(serde_json::Map<String, Value>),
    Added(HistoryJob),
    Finished(HistoryJob),
    /// All rows in the history, oldest first.
    History(Vec<HistoryJob>),
    Klippy(KlippyState),
    KlippyReady,
    KlippyShutdown,
    KlippyDisconnected,
    Lost,
}

/// The frames of a recording that matter to a logger, and the date of its second 0.
pub(crate) struct Transcript {
    pub(crate) frames: Vec<Frame>,
    pub(crate) began: Timestamp,
}

impl Transcript {
    pub(crate) fn read(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
        let mut asked = HashMap::new();
        let mut frames = Vec::new();
        let mut began = None;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a line of a transcript is JSON");
            let t = line["t"].as_f64().expect("a line has a time");
            let mut heard = |what| frames.push(Frame { t, heard: what });
            match line["dir"].as_str() {
                Some("close") => heard(Heard::Lost),
                Some("send") => {
                    let sent: Value =
                        serde_json::from_str(line["raw"].as_str().unwrap_or_default()).unwrap_or_default();
                    asked.insert(sent["id"].to_string(), sent);
                }
                Some("recv") => {
                    let frame: Value =
                        serde_json::from_str(line["raw"].as_str().expect("a frame")).expect("JSON");
                    if frame["method"] == "notify_proc_stat_update" {
                        let time = frame["params"][0]["moonraker_stats"]["time"]
                            .as_f64()
                            .expect("a clock");
                        began.get_or_insert(time - t);
                    }
                    if let Some(what) = understand(&frame, &mut asked) {
                        heard(what);
                    }
                }
                _ => {}
            }
        }
        // If the recording does not contain the host's clock, any date will do.
        let began = convert::instant(Some(began.unwrap_or(1_795_376_000.0))).expect("a date");
        Self { frames, began }
    }
}

fn understand(frame: &Value, asked: &mut HashMap<String, Value>) -> Option<Heard> {
    let Some(method) = frame["method"].as_str() else {
        let sent = asked.remove(&frame["id"].to_string())?;
        return answer(&sent, frame.get("result")?);
    };
    let first = &frame["params"][0];
    Some(match method {
        "notify_status_update" => Heard::Delta(first.as_object()?.clone()),
        "notify_history_changed" => {
            let row = history_job(&first["job"]);
            match first["action"].as_str()? {
                "added" => Heard::Added(row),
                _ => Heard::Finished(row),
            }
        }
        "notify_klippy_ready" => Heard::KlippyReady,
        "notify_klippy_shutdown" => Heard::KlippyShutdown,
        "notify_klippy_disconnected" => Heard::KlippyDisconnected,
        _ => return None,
    })
}

fn answer(sent: &Value, result: &Value) -> Option<Heard> {
    Some(match sent["method"].as_str()? {
        "server.info" => Heard::Klippy(convert::klippy_state(result["klippy_state"].as_str()?)),
        "server.connection.identify" => Heard::Connected,
        "printer.objects.subscribe" => Heard::Snapshot(result["status"].clone()),
        "server.history.list" => {
            let params = &sent["params"];
            let whole = ["since", "before", "start"]
                .iter()
                .all(|name| params[name].is_null());
            if !whole {
                return None;
            }
            let mut rows: Vec<_> = result["jobs"].as_array()?.iter().map(history_job).collect();
            rows.sort_by(|a, b| a.job_id.cmp(&b.job_id));
            Heard::History(rows)
        }
        _ => return None,
    })
}

fn history_job(row: &Value) -> HistoryJob {
    convert::history_job(moonraker::HistoryJob::from_json(&row.to_string()).expect("a row of a real history"))
}

/// The state that a client would find if it connected now.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) connected: bool,
    pub(crate) klippy: Option<KlippyState>,
    pub(crate) mirror: StatusMirror,
    pub(crate) history: Vec<HistoryJob>,
}

impl World {
    pub(crate) fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Connected => self.connected = true,
            Heard::Lost => {
                self.connected = false;
                self.mirror = StatusMirror::default();
                self.klippy = None;
            }
            Heard::Snapshot(status) => {
                self.mirror = StatusMirror::of(status.as_object().cloned().unwrap_or_default());
                self.klippy = convert::klippy(&self.mirror)
                    .map(|(state, _)| state)
                    .or(self.klippy);
            }
            Heard::Delta(delta) => {
                self.mirror.merge(delta.clone());
                self.klippy = convert::klippy(&self.mirror)
                    .map(|(state, _)| state)
                    .or(self.klippy);
            }
            Heard::Added(row) | Heard::Finished(row) => {
                self.history.retain(|known| known.job_id != row.job_id);
                self.history.push(row.clone());
                self.history.sort_by(|a, b| a.job_id.cmp(&b.job_id));
            }
            Heard::History(rows) => self.history.clone_from(rows),
            Heard::Klippy(state) => self.klippy = Some(*state),
            Heard::KlippyReady => self.klippy = Some(KlippyState::Ready),
            Heard::KlippyShutdown => self.klippy = Some(KlippyState::Shutdown),
            Heard::KlippyDisconnected => {
                self.klippy = Some(KlippyState::Disconnected);
                self.mirror = StatusMirror::default();
            }
        }
    }
}
