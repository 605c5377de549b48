//! Publishing the status of a printer task, and logging its lost connections.

use tracing::warn;

use crate::{
    error_chain::ErrorChain,
    ingest::{
        Connection, ConnectionState,
        fleet::UNREADABLE_KEY,
        moonraker::{
            convert, current_job,
            history::{self, HistoryError},
            session::{PUBLISH, PrinterTask, SessionError},
        },
    },
};

impl PrinterTask {
    pub(super) fn touch_last_seen(&mut self) {
        // Not published: the fleet reads `last_seen` from the status and writes it once a minute.
        let now = self.shared.clock.now();
        self.status.send_if_modified(|status| {
            status.last_seen = Some(now);
            false
        });
    }

    pub(super) fn publish_now_and_then(&mut self) {
        if self.shared.clock.moment().monotonic >= self.published + PUBLISH {
            self.publish();
        }
    }

    pub(super) fn publish(&mut self) {
        self.published = self.shared.clock.moment().monotonic;
        let now = self.shared.clock.now();
        let job = self.tracker.current().map(|job| {
            let id = self
                .current_row
                .filter(|(start, _)| *start == job.start_time)
                .map(|(_, id)| id);
            current_job::describe(job, id, &self.mirror, now)
        });
        let temperatures = current_job::temperatures(&self.mirror);
        let message = convert::klippy(&self.mirror)
            .and_then(|(_, message)| message)
            .or_else(|| self.refusal.clone());
        let limitations = self.limitations.list();
        let backfill_runs = self.status.borrow().connection.state == ConnectionState::Connected
            && self.backfill_error.is_none();
        let backfill = history::progress(&self.backfill, backfill_runs, self.backfill_error.clone());
        let changes_waiting = self.writer.last_error().map_or(0, |_| self.writer.len());
        let trouble = self.trouble();
        let klippy = self.klippy;
        self.status.send_modify(|status| {
            status.klippy_state = Some(klippy);
            status.klippy_message = message;
            status.job = job;
            status.temperatures = temperatures;
            status.backfill = backfill;
            status.database_trouble = trouble;
            status.changes_waiting = changes_waiting;
            status.limitations = limitations;
        });
    }

    pub(super) fn set_connection(&mut self, state: ConnectionState, reason: Option<String>) {
        let since = self.shared.clock.now();
        self.status.send_modify(|status| {
            // A printer that stays off remains `Unreachable` during retries, until the reason changes.
            let retrying = state == ConnectionState::Connecting
                && reason.is_none()
                && status.connection.reason.is_some();
            if retrying || (status.connection.state == state && status.connection.reason == reason) {
                return;
            }
            let changed = status.connection.state != state;
            let since = if changed { since } else { status.connection.since };
            status.connection = Connection { state, reason, since };
            if state != ConnectionState::Connected {
                status.klippy_state = None;
                status.klippy_message = None;
                status.temperatures.clear();
                if let Some(job) = &mut status.job {
                    job.eta = None;
                }
            }
        });
        if state == ConnectionState::Connected {
            self.publish();
        }
    }

    /// Logs and publishes why there is no connection.
    pub(super) fn connection_lost(&mut self, cause: &SessionError) {
        let state = match cause {
            SessionError::Request(moonraker::RequestError::Unauthorized { .. }) => {
                ConnectionState::Unauthorized
            }
            SessionError::Store(_) | SessionError::History(HistoryError::Store(_)) => {
                ConnectionState::Connecting
            }
            _ => ConnectionState::Unreachable,
        };
        let is_of_database = state == ConnectionState::Connecting;
        let mut reason = ErrorChain(cause).to_string();
        self.database_refusal = is_of_database.then(|| reason.clone());
        if self.printer.key_is_unreadable {
            reason = format!("{reason}; {UNREADABLE_KEY}");
        }
        if self.outage.is_new(&reason) {
            let name = &self.printer.config.name;
            warn!(reason, "not connected to {name}: {reason}");
        }
        self.set_connection(state, Some(reason));
        let trouble = self.trouble();
        self.status
            .send_modify(|status| status.database_trouble = trouble);
    }

    /// The current database error: from the writer, or else from the last attempt to connect.
    fn trouble(&self) -> Option<String> {
        let trouble = self.writer.last_error().or(self.database_refusal.as_deref());
        trouble.map(str::to_owned)
    }
}
