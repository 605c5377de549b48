//! The live stream of all printers' statuses and job changes, as Server-Sent Events.
//!
//! One task serialises each event once for all viewers; a viewer only forwards it.

mod status_diff;
mod viewer;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use domain::{JobChange, JobEvent};
use serde::Serialize;
use store::Store;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use status_diff::StatusDiff;
use viewer::Viewer;

use crate::{
    api::{
        access::auth::Caller,
        http::{
            error::{ApiResult, Problem},
            extract::NoQuery,
            fault::Fault,
        },
        state::{ApiState, Core},
    },
    clock::{self, Clock},
    ingest::Fleet,
};

/// How often the printers' statuses are checked for changes.
const INTERVAL: Duration = Duration::from_millis(250);
/// Lets a client distinguish a dead connection from a quiet one.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Capacity of the event channel, shared by all viewers. A viewer that lags further behind receives the whole state
/// again.
const CAPACITY: usize = 2048;
/// Maximum number of simultaneous viewers.
const MAX_VIEWERS: usize = 1000;

/// Handle to the stream. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    diff: Arc<Mutex<StatusDiff>>,
    events: broadcast::Sender<Event>,
    clock: Clock,
    stop: CancellationToken,
}

/// An event for the viewers.
#[derive(Debug, Clone)]
enum Event {
    /// A serialised event.
    Frame(Bytes),
    /// Proof that the server is running.
    Heartbeat,
    /// A session or a key may have ended.
    AccessChanged,
    /// Events were lost: send the whole state again.
    Resync,
}

impl Live {
    /// Follows the fleet until `stop`. Cancels `stop` if the task crashes.
    pub(crate) fn start(
        fleet: &Fleet,
        store: &Store,
        clock: Clock,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let live = Self {
            diff: Arc::new(Mutex::new(StatusDiff::new(fleet.statuses()))),
            events: broadcast::Sender::new(CAPACITY),
            clock,
            stop: stop.clone(),
        };
        let follower = live.clone();
        let changes = store.job_changes();
        tasks.spawn(async move {
            let _process = stop.clone().drop_guard();
            stop.run_until_cancelled(follower.run(changes)).await;
        });
        live
    }

    /// Announces that a session or a key may have ended. Viewers check their credentials and disconnect if these are
    /// no longer valid.
    pub(crate) fn access_changed(&self) {
        self.send(Event::AccessChanged);
    }

    /// The whole state, and a receiver of all later events.
    fn follow(&self) -> (Bytes, broadcast::Receiver<Event>) {
        let mut diff = self.diff();
        if self.events.receiver_count() == 0 {
            // Without viewers, no changes were computed: catch up first.
            diff.changes(self.clock.moment().monotonic);
        }
        // The lock keeps other events out, so the first event received is newer than the state.
        (diff.snapshot(), self.events.subscribe())
    }

    async fn run(self, mut changes: broadcast::Receiver<JobChange>) {
        let mut check = clock::every(INTERVAL);
        let mut heartbeat = clock::every(HEARTBEAT);
        loop {
            tokio::select! {
                _ = check.tick() => self.send_changes(),
                _ = heartbeat.tick() => self.send(Event::Heartbeat),
                change = changes.recv() => match change {
                    Ok(change) => {
                        if let Some(frame) = job_frame(&change) {
                            self.send(Event::Frame(frame));
                        }
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.send(Event::Resync),
                    // The store is closed; the process is about to end, too.
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            }
        }
    }

    fn send_changes(&self) {
        if self.events.receiver_count() == 0 {
            return;
        }
        let mut diff = self.diff();
        for frame in diff.changes(self.clock.moment().monotonic) {
            self.send(Event::Frame(frame));
        }
    }

    fn send(&self, event: Event) {
        // Fails if there are no viewers.
        self.events.send(event).ok();
    }

    fn diff(&self) -> MutexGuard<'_, StatusDiff> {
        self.diff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watch all printers
///
/// A stream of Server-Sent Events, each with a name and one JSON object as data:
///
/// - `hello`: `{"version": …, "printers": [PrinterStatus, …]}`. The whole state: the first event of every connection,
///   and sent again to a client that was too slow, so that no events have to be replayed.
/// - `status`: `{"printer_id": 1, …}`. The changed fields of PrinterStatus, each complete. At most one event per second
///   and printer. A change of `last_seen` alone sends no event.
/// - `job`: `{"id": 7, "printer_id": 1, "change": "written"}` or `"deleted"`. A job was written, because its state, its
///   details or a user's data changed or it was restored, or it was deleted. Checkpoints and imports send no event.
/// - `printers`: `{}`. A printer was added, changed or removed.
/// - `heartbeat`: `{}`. Every 10 s.
///
/// The stream ends when the session or the key ends, and with the server.
#[utoipa::path(get, path = "/api/live", tag = "printers", responses(
    (status = 200, body = String, content_type = "text/event-stream", description = "The stream."),
))]
pub(super) async fn follow_printers(
    State(state): State<ApiState>,
    core: Core,
    caller: Caller,
    _: NoQuery,
) -> ApiResult<Response> {
    if core.live.events.receiver_count() >= MAX_VIEWERS {
        return Err(Problem::unavailable(Fault::TooManyViewers));
    }
    let viewer = Viewer::new(core, state.clock, caller.credential);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies must neither cache nor compress the stream.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(viewer.events())).into_response())
}

#[derive(Serialize)]
struct JobFrame {
    id: i64,
    printer_id: i64,
    change: &'static str,
}

/// `None` for an import: viewers do not follow the jobs of the past.
fn job_frame(change: &JobChange) -> Option<Bytes> {
    let job = JobFrame {
        id: change.job_id?.0,
        printer_id: change.printer_id.0,
        change: match change.event {
            JobEvent::Deleted { .. } | JobEvent::Merged { .. } => "deleted",
            _ => "written",
        },
    };
    Some(frame("job", &job))
}

/// Serialises an event. JSON contains no line break that would end the event early.
fn frame(name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    format!("event: {name}\ndata: {json}\n\n").into()
}
