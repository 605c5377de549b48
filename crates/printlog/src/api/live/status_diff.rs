//! The statuses last sent to the viewers, and the changes since then.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use domain::PrinterId;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::{
    api::{live::frame, printers::status},
    ingest::{PrinterStatus, PrinterStatuses},
};

/// Shortest interval between two events about one printer.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// This field changes with every message of a printer; alone it causes no event.
const LAST_SEEN: &str = "last_seen";

/// The statuses as last sent, and where new ones come from.
#[derive(Debug)]
pub(super) struct StatusDiff {
    statuses: watch::Receiver<PrinterStatuses>,
    printers: BTreeMap<PrinterId, Printer>,
}

#[derive(Debug)]
struct Printer {
    status: watch::Receiver<PrinterStatus>,
    /// The fields as last sent. Empty before the first event.
    fields: Map<String, Value>,
    /// When the last event was sent, on the monotonic clock.
    sent_at: Option<Duration>,
}

impl StatusDiff {
    pub(super) fn new(mut statuses: watch::Receiver<PrinterStatuses>) -> Self {
        statuses.mark_changed();
        Self {
            statuses,
            printers: BTreeMap::new(),
        }
    }

    /// The changes since the last call, as frames. They count as sent afterwards.
    pub(super) fn changes(&mut self, now: Duration) -> Vec<Bytes> {
        let mut frames = Vec::new();
        if self.statuses.has_changed().unwrap_or(false) {
            self.update_printers();
            frames.push(frame("printers", &json!({})));
        }
        for (id, printer) in &mut self.printers {
            frames.extend(printer.delta(*id, now).map(|delta| frame("status", &delta)));
        }
        frames
    }

    /// The whole state, as a `hello` frame.
    pub(super) fn snapshot(&self) -> Bytes {
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

    fn update_printers(&mut self) {
        let statuses = self.statuses.borrow_and_update();
        self.printers.retain(|id, _| statuses.contains_key(id));
        for (id, status) in statuses.iter() {
            let printer = self.printers.entry(*id).or_insert_with(|| Printer {
                status: status.clone(),
                fields: Map::new(),
                sent_at: None,
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
        // If the sender was dropped, the printer has just been changed, and the statuses will contain a new channel.
        if !is_new && !self.status.has_changed().unwrap_or(false) {
            return None;
        }
        if self.sent_at.is_some_and(|sent_at| now < sent_at + MIN_INTERVAL) {
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
        self.sent_at = Some(now);
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
    fn only_changed_fields_are_sent_and_once_a_second() {
        let (sender, receiver) = watch::channel(status());
        let (_statuses, statuses) = watch::channel(PrinterStatuses::from([(PrinterId(7), receiver)]));
        let mut diff = StatusDiff::new(statuses);
        let first = events(&diff.changes(seconds(0.0)));
        assert_eq!(first[0], ("printers".to_owned(), json!({})));
        assert_eq!(first[1].1["printer_id"], 7);
        assert_eq!(first[1].1["connection"]["state"], "connected");
        assert_eq!(events(&[diff.snapshot()])[0].1["printers"], json!([first[1].1]));
        assert!(diff.changes(seconds(5.0)).is_empty());

        heat(&sender, 20.0);
        let changes = events(&diff.changes(seconds(5.0)));
        assert_eq!(
            changes,
            [(
                "status".to_owned(),
                json!({"printer_id": 7, "temperatures": {"extruder": {"temperature": 20.0, "target": null}}})
            )]
        );
        // Ten updates within a second result in one event.
        for n in 1..=10 {
            heat(&sender, 20.0 + f64::from(n));
            assert!(diff.changes(seconds(5.0 + 0.09 * f64::from(n))).is_empty());
        }
        let changes = events(&diff.changes(seconds(6.0)));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].1["temperatures"]["extruder"]["temperature"], 30.0);
        assert!(diff.changes(seconds(9.0)).is_empty());
        let known = events(&[diff.snapshot()]).remove(0).1;
        assert_eq!(known["printers"][0]["temperatures"], changes[0].1["temperatures"]);
    }

    #[test]
    fn last_seen_alone_causes_no_event() {
        let (sender, receiver) = watch::channel(status());
        let (_statuses, statuses) = watch::channel(PrinterStatuses::from([(PrinterId(7), receiver)]));
        let mut diff = StatusDiff::new(statuses);
        diff.changes(seconds(0.0));
        sender.send_modify(|status| status.last_seen = Some(Timestamp::UNIX_EPOCH));
        assert!(diff.changes(seconds(2.0)).is_empty());
        heat(&sender, 20.0);
        assert!(events(&diff.changes(seconds(3.0)))[0].1["last_seen"].is_string());
    }

    #[test]
    fn printers_are_added_changed_and_removed() {
        let (_one, of_one) = watch::channel(status());
        let (statuses, receiver) = watch::channel(PrinterStatuses::from([(PrinterId(1), of_one)]));
        let mut diff = StatusDiff::new(receiver);
        diff.changes(seconds(0.0));
        let (_two, of_two) = watch::channel(status());
        // After a user changes a printer, a new task with its own channel follows it.
        let (changed, of_changed) = watch::channel(status());
        heat(&changed, 1.0);
        statuses.send_modify(|statuses| {
            statuses.insert(PrinterId(1), of_changed);
            statuses.insert(PrinterId(2), of_two);
        });
        let names = |frames: &[Bytes]| -> Vec<_> {
            let events = events(frames).into_iter();
            events
                .map(|(name, data)| (name, data["printer_id"].as_i64()))
                .collect()
        };
        let status = |id| ("status".to_owned(), Some(id));
        let printers = ("printers".to_owned(), None);
        assert_eq!(names(&diff.changes(seconds(0.5))), [printers.clone(), status(2)]);
        assert_eq!(names(&diff.changes(seconds(1.0))), [status(1)]);
        statuses.send_modify(|statuses| drop(statuses.remove(&PrinterId(1))));
        assert_eq!(names(&diff.changes(seconds(2.0))), [printers]);
        let left = &events(&[diff.snapshot()])[0].1["printers"];
        assert_eq!(left.as_array().unwrap().len(), 1);
        assert_eq!(left[0]["printer_id"], 2);
    }
}
