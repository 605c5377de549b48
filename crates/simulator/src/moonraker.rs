//! The Moonraker process of a printer: what it knows, and forgets when it is killed.

use serde_json::Value;

use crate::{history::Row, job_state::Stats, status::Status};

/// Moonraker, while it runs.
#[derive(Debug)]
pub(crate) struct Moonraker {
    pub(crate) link: KlippyLink,
    /// The status as the clients have it, and when it was so by Klippy's clock.
    pub(crate) told: Status,
    pub(crate) told_at: f64,
    /// What it believes of the print. `None` until Klippy is ready.
    pub(crate) stats: Option<Stats>,
    /// Status updates since it noticed that Klippy is ready.
    pub(crate) updates_since_ready: u32,
    pub(crate) told_shutdown: bool,
    /// The job that it believes to run.
    pub(crate) current: Option<CurrentJob>,
    /// Who asked for the next print.
    pub(crate) user: &'static str,
    /// One-shot tokens that were given out.
    pub(crate) tokens: Vec<String>,
}

/// Moonraker's connection to Klippy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KlippyLink {
    /// Not since Moonraker started: Klippy's methods are not known yet.
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
            told: Status::default(),
            told_at: 0.0,
            stats: None,
            updates_since_ready: 0,
            told_shutdown: false,
            current: None,
            user: NO_USER,
            tokens: Vec::new(),
        }
    }

    /// Forgets what it knew of a Klippy that is gone.
    pub(crate) fn lose_klippy(&mut self) {
        self.link = KlippyLink::Lost;
        self.told = Status::default();
        self.stats = None;
        self.told_shutdown = false;
    }
}

/// A notification as it goes over the wire.
pub(crate) fn notification(method: &str, params: Option<&Value>) -> String {
    match params {
        Some(params) => format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#),
        None => format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#),
    }
}
