//! Publishing the status of a printer, and logging its lost connections.

use tracing::warn;

use crate::{
    connection_trouble::ConnectionTrouble,
    error_chain::ErrorChain,
    ingest::{
        BackfillProgress, ConnectionReason, ConnectionState,
        fleet::UNREADABLE_KEY,
        moonraker::{
            convert, current_job,
            history::HistoryError,
            session::{MoonrakerTask, SessionError},
        },
    },
};

impl MoonrakerTask {
    pub(super) fn publish_if_due(&mut self) {
        if self.recorder.may_publish() {
            self.publish();
        }
    }

    pub(super) fn publish(&mut self) {
        let now = self.shared.clock.now();
        let message = convert::klippy(&self.mirror)
            .and_then(|(_, message)| message)
            // Without a report of Klippy, the refusal explains why nothing is known of the print.
            .or_else(|| self.refusal.clone());
        // An import that has failed waits for its next attempt.
        let is_importing = self.recorder.is_connected() && self.backfill_error.is_none();
        let backfill = BackfillProgress::new(&self.backfill, is_importing, self.backfill_error.clone());
        self.recorder.publish(|status, job| {
            status.klippy_state = Some(self.klippy);
            status.klippy_message = message;
            if let (Some(current), Some(job)) = (&mut status.job, job) {
                current_job::add_progress(current, job, &mut self.estimate, &self.mirror, now);
            }
            status.temperatures = current_job::temperatures(&self.mirror);
            status.backfill = backfill;
            status.limitations = self.limitations.list();
        });
    }

    /// Publishes that the printer is connected and completely read.
    pub(super) fn connected(&mut self) {
        self.recorder.set_connection_error(None);
        self.recorder.set_connection(ConnectionState::Connected, None);
        self.publish();
    }

    /// Logs and publishes why there is no connection.
    pub(super) fn connection_lost(&mut self, cause: &SessionError) {
        let state = match cause {
            SessionError::Request(moonraker::RequestError::Unauthorized { .. }) => {
                ConnectionState::Unauthorized
            }
            // The printer answers; the error of the database is shown apart from the connection.
            SessionError::Store(_) | SessionError::History(HistoryError::Store(_)) => {
                ConnectionState::Connecting
            }
            _ => ConnectionState::Unreachable,
        };
        let is_of_database = state == ConnectionState::Connecting;
        let mut text = ErrorChain(cause).to_string();
        let mut trouble = ConnectionTrouble::from(cause);
        self.recorder
            .set_connection_error(is_of_database.then(|| text.clone()));
        // The connection was tried without a key, so the refusal alone would mislead.
        if self.printer.key_is_unreadable {
            text = format!("{text}; {UNREADABLE_KEY}");
            trouble = ConnectionTrouble::StoredKeyUnreadable;
        }
        // A printer that is off for weeks must not fill the log.
        if self.outage.is_new(&text) {
            let name = &self.printer.config.name;
            warn!(reason = text, "not connected to {name}: {text}");
        }
        self.recorder
            .set_connection(state, Some(ConnectionReason { text, trouble }));
    }
}

impl From<&SessionError> for ConnectionTrouble {
    fn from(cause: &SessionError) -> Self {
        match cause {
            SessionError::Endpoint(cause) => cause.into(),
            SessionError::Connect(cause) => cause.into(),
            SessionError::Request(cause) | SessionError::History(HistoryError::Request(cause)) => {
                cause.into()
            }
            SessionError::Store(_) | SessionError::History(HistoryError::Store(_)) => Self::DatabaseFails,
            SessionError::Closed(detail) => Self::ConnectionEnded {
                detail: detail.clone(),
            },
            SessionError::History(cause @ HistoryError::Implausible(_)) => Self::other(cause),
        }
    }
}
