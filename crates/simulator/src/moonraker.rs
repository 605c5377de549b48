//! The state of a printer's Moonraker process, which is lost when it is killed.

use serde_json::Value;

use crate::{history::Row, job_state::Stats, status::Status};

/// A running Moonraker.
#[derive(Debug)]
pub(crate) struct Moonraker {
    pub(crate) link: KlippyLink,
    /// The status as last sent to clients, and Klippy's clock at that time.
    pub(crate) sent: Status,
    pub(crate) sent_at: f64,
    /// Its view of the print. `None` until Klippy is ready.
    pub(crate) stats: Option<Stats>,
    /// Status updates since it noticed that Klippy is ready.
    pub(crate) updates_since_ready: u32,
    pub(crate) shutdown_sent: bool,
    /// The job that it considers running.
    pub(crate) current: Option<CurrentJob>,
    /// The user who requested the next print.
    pub(crate) user: &'static str,
    /// One-shot tokens issued.
    pub(crate) tokens: Vec<String>,
}

/// Moonraker's connection to Klippy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KlippyLink {
    /// Klippy was not seen since Moonraker started, so its methods are not registered yet.
    NeverSeen,
    Connected,
    Lost,
}

#[derive(Debug)]
pub(crate) struct CurrentJob {
    pub(crate) id: u64,
    pub(crate) row: Row,
}

pub(crate) const NO_USER: &str = "No User";
pub(crate) const TRUSTED_USER: &str = "_TRUSTED_USER_";

impl Moonraker {
    pub(crate) fn new() -> Self {
        Self {
            link: KlippyLink::NeverSeen,
            sent: Status::default(),
            sent_at: 0.0,
            stats: None,
            updates_since_ready: 0,
            shutdown_sent: false,
            current: None,
            user: NO_USER,
            tokens: Vec::new(),
        }
    }

    /// Discards the state of a Klippy that is gone.
    pub(crate) fn lose_klippy(&mut self) {
        self.link = KlippyLink::Lost;
        self.sent = Status::default();
        self.stats = None;
        self.shutdown_sent = false;
    }
}

/// A notification as sent over the wire.
pub(crate) fn notification(method: &str, params: Option<&Value>) -> String {
    match params {
        Some(params) => format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#),
        None => format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#),
    }
}
