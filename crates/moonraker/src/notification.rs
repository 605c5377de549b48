//! What a printer tells by itself.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use tokio::sync::mpsc;

use crate::{
    error::Closed,
    history::HistoryJob,
    link::{Shared, Waiting},
};

/// Something that a printer told without being asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Notification {
    /// Subscribed objects changed: for each the fields that changed, to be merged into a
    /// [`StatusMirror`](crate::StatusMirror).
    StatusUpdate {
        /// By object.
        delta: Map<String, Value>,
        /// Klippy's monotonic clock, in seconds; no date. `None` if missing.
        eventtime: Option<f64>,
    },
    /// A job began or ended. Deletions, and jobs that Moonraker finds interrupted when it starts, are not told.
    HistoryChanged {
        /// `added` or `finished`.
        action: String,
        /// The job as it is now.
        job: Box<HistoryJob>,
    },
    /// Klippy is ready. Earlier subscriptions are gone.
    KlippyReady,
    /// Klippy shut down: an emergency stop, an error, or a microcontroller that was lost.
    KlippyShutdown,
    /// Moonraker lost Klippy.
    KlippyDisconnected,
    /// Moonraker's heartbeat, each second.
    ProcStats {
        /// The wall clock of the printer's host, in Unix seconds. `None` if missing.
        host_time: Option<f64>,
    },
    /// Files changed: Moonraker's list of `{action, item, …}`.
    FilelistChanged(Value),
    /// Anything else, by its method. Also one of the above whose contents could not be read, so that its reader can
    /// ask instead.
    Other {
        /// As in the frame.
        method: String,
    },
}

/// The notifications of one connection, in the order in which they came.
///
/// They are to be fetched quickly: when too many wait, the connection is read no further until some are fetched.
#[derive(Debug)]
pub struct Notifications {
    pub(crate) receiver: mpsc::Receiver<Waiting>,
    pub(crate) shared: Arc<Shared>,
}

impl Notifications {
    /// The next notification; `None` when the connection has ended. May be dropped and called again.
    pub async fn recv(&mut self) -> Option<Notification> {
        self.receiver.recv().await.map(|waiting| waiting.notification)
    }

    /// Why the connection ended. `None` while it lives.
    #[must_use]
    pub fn closed_reason(&self) -> Option<Closed> {
        self.shared.closed.get().cloned()
    }
}

/// Reads one. Calls `each` for every notification in it, mostly one; for a dropped kind not at all.
///
/// # Errors
/// If it is of a kind that we read, but its contents are not as they should be.
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
        // Klipper's chatter, such as the temperatures that a slicer asks for.
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
