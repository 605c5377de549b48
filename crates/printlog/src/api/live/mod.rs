//! The stream of what every printer does, as it happens: Server-Sent Events.
//!
//! One task makes the events, each once for all who watch; a viewer only takes them from there.

mod told;
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
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ApiState, Core,
    auth::Caller,
    error::{ApiResult, Problem},
    extract::NoQuery,
};
use crate::ingest::{Clock, Fleet, JobChange};
use told::Told;
use viewer::Viewer;

/// How often it is looked for news of the printers.
const LOOK: Duration = Duration::from_millis(250);
/// So that a dead connection can be told from a quiet one.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Events that are kept, once for all, for viewers who are slow. Who is slower gets the whole state anew.
const KEPT: usize = 2048;
/// Viewers at the same time.
const VIEWERS: usize = 1000;

/// Handle to the stream. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    told: Arc<Mutex<Told>>,
    events: broadcast::Sender<Event>,
    clock: Clock,
    stop: CancellationToken,
}

/// What viewers are told.
#[derive(Debug, Clone)]
enum Event {
    /// As it goes over the wire.
    Frame(Bytes),
    /// Nothing but that the server lives.
    Heartbeat,
    /// A session or a key may have ended.
    AccessChanged,
    /// Something was missed: the whole state is due.
    Anew,
}

impl Live {
    /// Follows the fleet, until `stop`. If the task ever crashes, it cancels `stop`.
    pub(crate) fn start(fleet: &Fleet, clock: Clock, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let live = Self {
            told: Arc::new(Mutex::new(Told::new(fleet.roster()))),
            events: broadcast::Sender::new(KEPT),
            clock,
            stop: stop.clone(),
        };
        let follower = live.clone();
        let changes = fleet.job_changes();
        tasks.spawn(async move {
            let _process = stop.clone().drop_guard();
            stop.run_until_cancelled(follower.run(changes)).await;
        });
        live
    }

    /// Says that a session or a key may have ended: those who watch with it are shown out.
    pub(crate) fn access_changed(&self) {
        self.send(Event::AccessChanged);
    }

    /// The whole state, and all that happens from then on.
    fn follow(&self) -> (Bytes, broadcast::Receiver<Event>) {
        let mut told = self.told();
        if self.events.receiver_count() == 0 {
            // Nobody was told anything lately.
            told.news(self.clock.moment().monotonic);
        }
        // While the state is locked, nothing is told: the first event after it is news.
        (told.hello(), self.events.subscribe())
    }

    async fn run(self, mut changes: broadcast::Receiver<JobChange>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => self.look(),
                _ = heartbeat.tick() => self.send(Event::Heartbeat),
                change = changes.recv() => match change {
                    Ok(change) => self.send(Event::Frame(job_frame(change))),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.send(Event::Anew),
                    // The fleet has ended, and the process is about to.
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            }
        }
    }

    fn look(&self) {
        if self.events.receiver_count() == 0 {
            return;
        }
        let mut told = self.told();
        for frame in told.news(self.clock.moment().monotonic) {
            self.send(Event::Frame(frame));
        }
    }

    fn send(&self, event: Event) {
        // Fails if nobody watches.
        self.events.send(event).ok();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watch all printers
///
/// A stream of Server-Sent Events, each with a name and one JSON object as data:
///
/// - `hello`: `{"version": …, "printers": [PrinterStatus, …]}`. First on every connection, and again for a client that
///   was too slow: the whole state, so that nothing has to be replayed.
/// - `status`: `{"printer_id": 1, …}`. Fields of PrinterStatus that changed; each replaces the whole field. At most one
///   a second and printer. What changes is told; `last_seen` alone is not.
/// - `job`: `{"id": 7, "printer_id": 1, "change": "written"}` or `"deleted"`. A job was written at a change of state, by
///   a user or with its details, or was deleted. Checkpoints are not told, nor are jobs that are imported.
/// - `printers`: `{}`. A printer was added, changed or removed.
/// - `heartbeat`: `{}`. Every 10 s.
///
/// It ends when the session or the key does, and with the server.
#[utoipa::path(get, path = "/api/live", tag = "printers", responses(
    (status = 200, body = String, content_type = "text/event-stream", description = "The stream."),
))]
pub(super) async fn follow_printers(
    State(state): State<ApiState>,
    core: Core,
    caller: Caller,
    _: NoQuery,
) -> ApiResult<Response> {
    if core.live.events.receiver_count() >= VIEWERS {
        return Err(Problem::unavailable("too many are watching"));
    }
    let viewer = Viewer::new(core, state.clock, caller.credential);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies shall neither keep nor compress what must arrive now.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(viewer.events())).into_response())
}

#[derive(Serialize)]
struct JobNews {
    id: i64,
    printer_id: i64,
    change: &'static str,
}

fn job_frame(change: JobChange) -> Bytes {
    let news = JobNews {
        id: change.id.0,
        printer_id: change.printer_id.0,
        change: if change.is_deleted { "deleted" } else { "written" },
    };
    frame("job", &news)
}

/// An event as it goes over the wire. JSON has no line breaks that would end it early.
fn frame(name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    format!("event: {name}\ndata: {json}\n\n").into()
}
