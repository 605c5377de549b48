//! The statuses last sent to the viewers, and the changes since then.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use domain::PrinterId;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::{
    api::{live::frame, printers::status},
    ingest::{PrinterStatus, Roster},
};

/// Shortest interval between two events about one printer.
const PAUSE: Duration = Duration::from_secs(1);
/// This field changes with every message of a printer; alone it causes no event.
const LAST_SEEN: &str = "last_seen";

/// The state as the viewers know it.
#[derive(Debug)]
pub(super) struct Told {
    roster: watch::Receiver<Roster>,
    printers: BTreeMap<PrinterId, Printer>,
}

#[derive(Debug)]
struct Printer {
    status: watch::Receiver<PrinterStatus>,
    /// The fields as last sent. Empty before the first event.
    fields: Map<String, Value>,
    /// When the last event was sent, on the monotonic clock.
    told_at: Option<Duration>,
}

impl Told {
    pub(super) fn new(mut roster: watch::Receiver<Roster>) -> Self {
        roster.mark_changed();
        Self {
            roster,
            printers: BTreeMap::new(),
        }
    }

    /// The changes since the last call, as frames. They count as sent afterwards.
    pub(super) fn news(&mut self, now: Duration) -> Vec<Bytes> {
        let mut frames = Vec::new();
        if self.roster.has_changed().unwrap_or(false) {
            self.take_roster();
            frames.push(frame("printers", &json!({})));
        }
        for (id, printer) in &mut self.printers {
            frames.extend(printer.delta(*id, now).map(|delta| frame("status", &delta)));
        }
        frames
    }

    /// The whole state, as a `hello` frame.
    pub(super) fn hello(&self) -> Bytes {
        let printers: Vec<_> = self
            .printers
            .values()
            .map(|printer| &printer.fields)
            .filter(|fields| !fields.is_empty())
            .collect();
        frame(
            "hello",
            &json!({"version": env!("CARGO_PKG_VERSION"), "printers": printers}),
        )
    }

    fn take_roster(&mut self) {
        let roster = self.roster.borrow_and_update();
        self.printers.retain(|id, _| roster.contains_key(id));
        for (id, status) in roster.iter() {
            let printer = self.printers.entry(*id).or_insert_with(|| Printer {
                status: status.clone(),
                fields: Map::new(),
                told_at: None,
            });
            if !printer.status.same_channel(status) {
                printer.status = status.clone();
                printer.status.mark_changed();
            }
        }
    }
}

impl Printer {
    /// The changed fields. `None` if nothing changed, or if the last event is too recent.
    fn delta(&mut self, id: PrinterId, now: Duration) -> Option<Map<String, Value>> {
        let is_new = self.fields.is_empty();
        // If the sender was dropped, the printer has just been changed, and the roster will contain a new channel.
        if !is_new && !self.status.has_changed().unwrap_or(false) {
            return None;
        }
        if self.told_at.is_some_and(|told_at| now < told_at + PAUSE) {
            return None;
        }
        let status = self.status.borrow_and_update().clone();
        let Ok(Value::Object(fields)) = serde_json::to_value(status::PrinterStatus::new(id, status)) else {
            return None;
        };
        let mut delta: Map<_, _> = fields
            .iter()
            .filter(|(name, value)| self.fields.get(*name) != Some(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if delta.keys().all(|name| name == LAST_SEEN) {
            return None;
        }
        delta.insert("printer_id".to_owned(), id.0.into());
        self.fields = fields;
        self.told_at = Some(now);
        Some(delta)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ingest::{BackfillProgress, BackfillState, Connection, ConnectionState, Temperature};

    fn status() -> PrinterStatus {
        PrinterStatus {
            connection: Connection {
                state: ConnectionState::Connected,
                reason: None,
                since: Timestamp::UNIX_EPOCH,
            },
            klippy_state: None,
            klippy_message: None,
            moonraker_version: None,
            job: None,
            temperatures: BTreeMap::new(),
            last_seen: None,
            backfill: BackfillProgress {
                state: BackfillState::Done,
                position: 0,
                error: None,
            },
            database_trouble: None,
            changes_waiting: 0,
            limitations: Vec::new(),
        }
    }

    fn heat(status: &watch::Sender<PrinterStatus>, temperature: f64) {
        status.send_modify(|status| {
            let heater = Temperature {
                temperature,
                target: None,
            };
            status.temperatures.insert("extruder".to_owned(), heater);
        });
    }

    /// Names and data of the events.
    fn events(frames: &[Bytes]) -> Vec<(String, Value)> {
        let parsed = frames.iter().map(|frame| {
            let text = str::from_utf8(frame).unwrap();
            let (name, data) = text
                .strip_prefix("event: ")
                .and_then(|text| text.strip_suffix("\n\n"))
                .and_then(|text| text.split_once("\ndata: "))
                .unwrap();
            (name.to_owned(), serde_json::from_str(data).unwrap())
        });
        parsed.collect()
    }

    fn seconds(number: f64) -> Duration {
        Duration::from_secs_f64(number)
    }

    #[test]
    fn only_what_changed_is_told_and_once_a_second() {
        let (sender, receiver) = watch::channel(status());
        let (_roster, roster) = watch::channel(Roster::from([(PrinterId(7), receiver)]));
        let mut told = Told::new(roster);
        let first = events(&told.news(seconds(0.0)));
        assert_eq!(first[0], ("printers".to_owned(), json!({})));
        assert_eq!(first[1].1["printer_id"], 7);
        assert_eq!(first[1].1["connection"]["state"], "connected");
        assert_eq!(events(&[told.hello()])[0].1["printers"], json!([first[1].1]));
        assert!(told.news(seconds(5.0)).is_empty());

        heat(&sender, 20.0);
        let news = events(&told.news(seconds(5.0)));
        assert_eq!(
            news,
            [(
                "status".to_owned(),
                json!({"printer_id": 7, "temperatures": {"extruder": {"temperature": 20.0, "target": null}}})
            )]
        );
        // Ten updates within a second result in one event.
        for n in 1..=10 {
            heat(&sender, 20.0 + f64::from(n));
            assert!(told.news(seconds(5.0 + 0.09 * f64::from(n))).is_empty());
        }
        let news = events(&told.news(seconds(6.0)));
        assert_eq!(news.len(), 1);
        assert_eq!(news[0].1["temperatures"]["extruder"]["temperature"], 30.0);
        assert!(told.news(seconds(9.0)).is_empty());
        let known = events(&[told.hello()]).remove(0).1;
        assert_eq!(known["printers"][0]["temperatures"], news[0].1["temperatures"]);
    }

    #[test]
    fn that_a_printer_was_heard_is_no_news() {
        let (sender, receiver) = watch::channel(status());
        let (_roster, roster) = watch::channel(Roster::from([(PrinterId(7), receiver)]));
        let mut told = Told::new(roster);
        told.news(seconds(0.0));
        sender.send_modify(|status| status.last_seen = Some(Timestamp::UNIX_EPOCH));
        assert!(told.news(seconds(2.0)).is_empty());
        heat(&sender, 20.0);
        assert!(events(&told.news(seconds(3.0)))[0].1["last_seen"].is_string());
    }

    #[test]
    fn printers_come_change_and_go() {
        let (_one, of_one) = watch::channel(status());
        let (roster, receiver) = watch::channel(Roster::from([(PrinterId(1), of_one)]));
        let mut told = Told::new(receiver);
        told.news(seconds(0.0));
        let (_two, of_two) = watch::channel(status());
        // After a user changes a printer, a new task with its own channel follows it.
        let (anew, of_anew) = watch::channel(status());
        heat(&anew, 1.0);
        roster.send_modify(|roster| {
            roster.insert(PrinterId(1), of_anew);
            roster.insert(PrinterId(2), of_two);
        });
        let names = |frames: &[Bytes]| -> Vec<_> {
            let told = events(frames).into_iter();
            told.map(|(name, data)| (name, data["printer_id"].as_i64()))
                .collect()
        };
        let status = |id| ("status".to_owned(), Some(id));
        let printers = ("printers".to_owned(), None);
        assert_eq!(names(&told.news(seconds(0.5))), [printers.clone(), status(2)]);
        assert_eq!(names(&told.news(seconds(1.0))), [status(1)]);
        roster.send_modify(|roster| drop(roster.remove(&PrinterId(1))));
        assert_eq!(names(&told.news(seconds(2.0))), [printers]);
        let left = &events(&[told.hello()])[0].1["printers"];
        assert_eq!(left.as_array().unwrap().len(), 1);
        assert_eq!(left[0]["printer_id"], 2);
    }
}
