//! Measures the time from a printer's start or end notification until the job can be read from the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Job, PrinterId};
use futures_util::StreamExt as _;
use serde_json::Value;
use store::Store;
use tokio::{task::JoinSet, time::Instant};
use tokio_tungstenite::tungstenite::Message;

use crate::{Printer, wire};

/// Polling interval of the database. Measured latencies are too long by up to this much.
const POLL: Duration = Duration::from_millis(5);
/// Events to read per poll.
const EVENTS: u64 = 500;

/// A start (`added`) or end (`finished`) of a printer's job: index of the printer, job id, action.
type Change = (usize, String, &'static str);

/// Clients that receive the same notifications as printlog, and a reader of its database.
pub(crate) struct Observed {
    tasks: JoinSet<()>,
    times: Arc<Mutex<Times>>,
}

#[derive(Default)]
struct Times {
    heard: HashMap<Change, Instant>,
    stored: HashMap<Change, Instant>,
}

/// Latencies in milliseconds, ascending.
pub(crate) struct Latencies {
    starts: Vec<f64>,
    ends: Vec<f64>,
    never: usize,
}

/// Starts to observe these printers.
pub(crate) async fn observe(printers: &[Printer], store: Store) -> anyhow::Result<Observed> {
    let times = Arc::new(Mutex::new(Times::default()));
    let mut tasks = JoinSet::new();
    let mut places = HashMap::new();
    for printer in store.printers().await? {
        if let Some(place) = printers
            .iter()
            .position(|one| one.url() == printer.config.moonraker_url)
        {
            places.insert(printer.id, place);
        }
    }
    for (place, printer) in printers.iter().enumerate() {
        let mut socket = wire::connect(printer.port()).await?;
        let times = Arc::clone(&times);
        tasks.spawn(async move {
            while let Some(Ok(frame)) = socket.next().await {
                let now = Instant::now();
                let Message::Text(text) = frame else { continue };
                if let Some((id, action)) = history_change(&text) {
                    lock(&times).heard.entry((place, id, action)).or_insert(now);
                }
            }
        });
    }
    let stored = Arc::clone(&times);
    // Events are written in the transaction of the row, so the newest rows need not be searched for those that changed:
    // with a thousand short prints at once, the row of an end is a thousand rows down.
    let mut cursor = store.outbox_end().await?;
    tasks.spawn(async move {
        let mut poll = tokio::time::interval(POLL);
        loop {
            poll.tick().await;
            // If the database is busy, the next poll tries again.
            let _ = read_events(&store, &mut cursor, &places, &stored).await;
        }
    });
    Ok(Observed { tasks, times })
}

/// Notes the rows of the events after `cursor`.
async fn read_events(
    store: &Store,
    cursor: &mut i64,
    places: &HashMap<PrinterId, usize>,
    times: &Mutex<Times>,
) -> Result<(), store::Error> {
    let entries = store.outbox_after(*cursor, EVENTS).await?;
    let now = Instant::now();
    for entry in entries {
        if let (Some(place), Some(id)) = (places.get(&entry.printer_id), entry.job_id)
            && let Some(stored) = store.job(id).await?
        {
            lock(times).found(*place, &stored.job, now);
        }
        *cursor = entry.id;
    }
    Ok(())
}

impl Times {
    fn found(&mut self, place: usize, job: &Job, now: Instant) {
        let Some(id) = &job.job_id else { return };
        if !job.status.is_open() {
            self.stored.entry((place, id.clone(), "finished")).or_insert(now);
        }
        self.stored.entry((place, id.clone(), "added")).or_insert(now);
    }
}

impl Observed {
    /// Stops observing and returns the latencies.
    pub(crate) fn end(mut self) -> Latencies {
        self.tasks.abort_all();
        let times = lock(&self.times);
        let mut latencies = Latencies {
            starts: Vec::new(),
            ends: Vec::new(),
            never: 0,
        };
        for (change, heard) in &times.heard {
            let Some(stored) = times.stored.get(change) else {
                latencies.never += 1;
                continue;
            };
            // The row may come first: Klipper's status can report an end before the history does.
            let milliseconds = stored.saturating_duration_since(*heard).as_secs_f64() * 1000.0;
            match change.2 {
                "added" => latencies.starts.push(milliseconds),
                _ => latencies.ends.push(milliseconds),
            }
        }
        latencies.starts.sort_by(f64::total_cmp);
        latencies.ends.sort_by(f64::total_cmp);
        latencies
    }
}

impl Latencies {
    pub(crate) fn print(&self) {
        for (what, sorted) in [("starts", &self.starts), ("ends", &self.ends)] {
            let at = |share: f64| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a place in a list"
                )]
                let place = (share * sorted.len() as f64) as usize;
                sorted
                    .get(place.min(sorted.len().saturating_sub(1)))
                    .copied()
                    .unwrap_or(f64::NAN)
            };
            println!(
                "  from event to row, {what:<7} p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms ({} of them)",
                at(0.5),
                at(0.99),
                at(1.0),
                sorted.len()
            );
        }
        println!("  events without a row       {}", self.never);
    }
}

fn history_change(text: &str) -> Option<(String, &'static str)> {
    // A cheap check first: most frames are other notifications.
    if !text.contains("notify_history_changed") {
        return None;
    }
    let frame: Value = serde_json::from_str(text).ok()?;
    let change = &frame["params"][0];
    let action = ["added", "finished"]
        .into_iter()
        .find(|action| change["action"] == *action)?;
    Some((change["job"]["job_id"].as_str()?.to_owned(), action))
}

fn lock(times: &Mutex<Times>) -> std::sync::MutexGuard<'_, Times> {
    times.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
