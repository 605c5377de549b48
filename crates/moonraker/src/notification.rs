//! Notifications that a printer sends.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use tokio::sync::mpsc;

use crate::{
    error::Closed,
    history::HistoryJob,
    lenient::known_number,
    link::{Shared, Waiting},
};

/// A message that a printer sends without a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Notification {
    /// Subscribed objects changed. Contains the changed fields of each, to be merged into a
    /// [`StatusMirror`](crate::StatusMirror).
    StatusUpdate {
        /// Changed fields by object.
        delta: Map<String, Value>,
        /// Klippy's monotonic clock, in seconds; not a date. `None` if missing.
        eventtime: Option<f64>,
    },
    /// A job began or ended. Moonraker does not report deletions, or jobs that it finds interrupted when it starts.
    HistoryChanged {
        /// `added` or `finished`.
        action: String,
        /// The job in its current state.
        job: Box<HistoryJob>,
        /// What of the job could not be read, or had to be cut. `None` if nothing.
        problem: Option<String>,
    },
    /// Klippy is ready. Earlier subscriptions are gone.
    KlippyReady,
    /// Klippy shut down: an emergency stop, an error, or a lost microcontroller.
    KlippyShutdown,
    /// Moonraker lost the connection to Klippy.
    KlippyDisconnected,
    /// Any other notification, by its method, such as Moonraker's heartbeat (`notify_proc_stat_update`, each second).
    /// Also used for one of the above whose contents could not be parsed; the receiver can then query the data instead.
    Other {
        /// As in the frame.
        method: String,
    },
}

/// The notifications of one connection, in the order of arrival.
///
/// They must be received quickly: if too many wait, the connection stops reading until some have been received.
#[derive(Debug)]
pub struct Notifications {
    pub(crate) receiver: mpsc::Receiver<Box<Waiting>>,
    pub(crate) shared: Arc<Shared>,
}

impl Notifications {
    /// Receives the next notification; `None` when the connection has ended. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Notification> {
        self.receiver.recv().await.map(|waiting| waiting.notification)
    }

    /// Why the connection ended. `None` while it is open.
    #[must_use]
    pub fn closed_reason(&self) -> Option<Closed> {
        self.shared.closed.get().cloned()
    }
}

/// Parses a notification. Calls `each` for every notification in it, usually one; never for an ignored kind.
///
/// # Errors
/// If it is of a known kind, but its contents are invalid. Valid parts have been passed to `each` then.
pub(crate) fn read(
    method: &str,
    params: Option<&RawValue>,
    mut each: impl FnMut(Notification),
) -> Result<(), serde_json::Error> {
    let params = params.map_or("[]", RawValue::get);
    match method {
        "notify_status_update" => {
            // `[delta, eventtime]`.
            let mut params = serde_json::from_str::<Vec<&RawValue>>(params)?.into_iter();
            let delta = params.next().map_or("null", RawValue::get);
            let eventtime = params.next().map_or("null", RawValue::get);
            each(Notification::StatusUpdate {
                delta: serde_json::from_str(delta)?,
                eventtime: known_number(&serde_json::from_str(eventtime)?),
            });
        }
        // Klipper's console output, such as replies to a slicer's temperature queries.
        "notify_gcode_response" => {}
        "notify_history_changed" => {
            let mut read = Ok(());
            for change in serde_json::from_str::<Vec<&RawValue>>(params)? {
                match read_change(change) {
                    Ok(change) => each(change),
                    Err(cause) => read = Err(cause),
                }
            }
            return read;
        }
        "notify_klippy_ready" => each(Notification::KlippyReady),
        "notify_klippy_shutdown" => each(Notification::KlippyShutdown),
        "notify_klippy_disconnected" => each(Notification::KlippyDisconnected),
        other => each(Notification::Other {
            method: other.to_owned(),
        }),
    }
    Ok(())
}

fn read_change(change: &RawValue) -> Result<Notification, serde_json::Error> {
    #[derive(Deserialize)]
    struct Change<'a> {
        action: String,
        #[serde(borrow)]
        job: &'a RawValue,
    }
    let Change { action, job } = serde_json::from_str(change.get())?;
    let (job, problem) = HistoryJob::read(job).map_err(serde::de::Error::custom)?;
    Ok(Notification::HistoryChanged {
        action,
        job: Box::new(job),
        problem,
    })
}
