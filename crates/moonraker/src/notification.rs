//! Notifications that a printer sends.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use tokio::sync::mpsc;

use crate::{
    error::Closed,
    history::HistoryJob,
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
    },
    /// Klippy is ready. Earlier subscriptions are gone.
    KlippyReady,
    /// Klippy shut down: an emergency stop, an error, or a lost microcontroller.
    KlippyShutdown,
    /// Moonraker lost the connection to Klippy.
    KlippyDisconnected,
    /// Moonraker's heartbeat, every second.
    ProcStats {
        /// The wall clock of the printer's host, in Unix seconds. `None` if missing.
        host_time: Option<f64>,
    },
    /// Files changed: Moonraker's list of `{action, item, …}`.
    FilelistChanged(Value),
    /// Any other notification, by its method. Also one of the above whose contents could not be parsed; the reader can
    /// then query the data instead.
    Other {
        /// As in the frame.
        method: String,
    },
}

/// The notifications of one connection, in the order of arrival.
///
/// They must be read quickly: if too many wait, the connection stops reading until some are taken.
#[derive(Debug)]
pub struct Notifications {
    pub(crate) receiver: mpsc::Receiver<Waiting>,
    pub(crate) shared: Arc<Shared>,
}

impl Notifications {
    /// Receives the next notification; `None` when the connection has ended. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Notification> {
        self.receiver.recv().await.map(|waiting| waiting.notification)
    }

    /// Why the connection ended. `None` while it lives.
    #[must_use]
    pub fn closed_reason(&self) -> Option<Closed> {
        self.shared.closed.get().cloned()
    }
}

/// Parses a notification. Calls `each` for every notification in it, usually one; never for an ignored kind.
///
/// # Errors
/// If it is of a known kind, but its contents are invalid.
pub(crate) fn read(
    method: &str,
    params: Option<&RawValue>,
    mut each: impl FnMut(Notification),
) -> Result<(), serde_json::Error> {
    let params = params.map_or("[]", RawValue::get);
    match method {
        "notify_status_update" => {
            let Status(delta, eventtime) = serde_json::from_str(params)?;
            each(Notification::StatusUpdate { delta, eventtime });
        }
        "notify_proc_stat_update" => {
            let [stats]: [ProcStats; 1] = serde_json::from_str(params)?;
            each(Notification::ProcStats {
                host_time: stats.moonraker_stats.and_then(|stats| stats.time),
            });
        }
        // Klipper's console output, such as replies to a slicer's temperature queries.
        "notify_gcode_response" => {}
        "notify_history_changed" => {
            for change in serde_json::from_str::<Vec<HistoryChange<'_>>>(params)? {
                let (job, _) = HistoryJob::read(change.job).map_err(serde::de::Error::custom)?;
                each(Notification::HistoryChanged {
                    action: change.action,
                    job: Box::new(job),
                });
            }
        }
        "notify_klippy_ready" => each(Notification::KlippyReady),
        "notify_klippy_shutdown" => each(Notification::KlippyShutdown),
        "notify_klippy_disconnected" => each(Notification::KlippyDisconnected),
        "notify_filelist_changed" => each(Notification::FilelistChanged(serde_json::from_str(params)?)),
        other => each(Notification::Other {
            method: other.to_owned(),
        }),
    }
    Ok(())
}

/// `[delta, eventtime]`.
#[derive(Deserialize)]
struct Status(
    Map<String, Value>,
    #[serde(default, deserialize_with = "crate::lenient::maybe_number")] Option<f64>,
);

#[derive(Deserialize)]
struct ProcStats {
    moonraker_stats: Option<MoonrakerStats>,
}

#[derive(Deserialize)]
pub(crate) struct MoonrakerStats {
    #[serde(default, deserialize_with = "crate::lenient::maybe_number")]
    pub(crate) time: Option<f64>,
}

#[derive(Deserialize)]
struct HistoryChange<'a> {
    action: String,
    #[serde(borrow)]
    job: &'a RawValue,
}
