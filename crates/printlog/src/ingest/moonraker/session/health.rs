//! Periodic work on a connection: the health check, polling where Moonraker sends no updates, and retrying the history.

use domain::KlippyState;
use moonraker::{Capability, Client, RequestError, StatusMirror};
use tokio::time::Instant;

use crate::ingest::moonraker::{
    convert,
    session::{MoonrakerTask, SessionError, Subscription},
};

impl MoonrakerTask {
    /// Does whatever is due.
    pub(super) async fn tick(&mut self, client: &Client) -> Result<(), SessionError> {
        let interval = self.shared.settings.health_check_interval;
        let is_settled = self.klippy == KlippyState::Ready && self.subscription == Subscription::Confirmed;
        if !is_settled || self.checked.elapsed() >= interval {
            self.checked = Instant::now();
            // In a box, as `sync`.
            Box::pin(self.check(client)).await?;
        }
        if self.is_polled && self.klippy == KlippyState::Ready {
            match Box::pin(client.poll_print(&self.mirror)).await {
                Ok(snapshot) => {
                    self.mirror.merge(snapshot.status);
                    self.status_changed(client).await?;
                    self.publish_if_due();
                }
                // Klippy disconnected meanwhile; the next check notices.
                Err(RequestError::Refused { .. }) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        self.retry_history(client).await
    }

    /// Checks that Moonraker still responds, and reads Klippy's state: there is no notification for `startup` and
    /// `error`.
    async fn check(&mut self, client: &Client) -> Result<(), SessionError> {
        let info = client.server_info_if_offered().await?;
        self.recorder.touch_last_seen();
        let reported = self
            .limitations
            .note(Capability::ServerInfo, info)
            .map(|info| convert::klippy_state(info.klippy_state.as_deref().unwrap_or_default()));
        let has_appeared = match reported {
            Some(klippy) => klippy != self.klippy && klippy != KlippyState::Disconnected,
            None => self.klippy != KlippyState::Ready,
        };
        self.klippy = reported.unwrap_or(self.klippy);
        if has_appeared || (self.klippy == KlippyState::Ready && !self.is_subscribed(client).await?) {
            self.sync(client).await?;
        }
        self.publish_if_due();
        Ok(())
    }

    /// Compares the mirror with a fresh query. `false` if it lags behind at two checks in a row. Querying has no
    /// effect on the printer, but subscribing again can make an old Moonraker miss the start of a print.
    async fn is_subscribed(&mut self, client: &Client) -> Result<bool, SessionError> {
        let queried = match client.query_print().await {
            Ok(snapshot) => StatusMirror::of(snapshot.status),
            // Klippy disconnected meanwhile; the pending notifications report it.
            Err(RequestError::Refused { .. }) => return Ok(true),
            Err(cause) => return Err(cause.into()),
        };
        let queried = convert::print_stats(&queried).unwrap_or_default();
        let mirrored = convert::print_stats(&self.mirror).unwrap_or_default();
        let is_behind = mirrored.is_behind(&queried);
        let was_behind = self.subscription == Subscription::Doubtful;
        self.subscription = match is_behind {
            true => Subscription::Doubtful,
            false => Subscription::Confirmed,
        };
        Ok(!(is_behind && was_behind))
    }

    /// Syncs again if the history has become readable.
    async fn retry_history(&mut self, client: &Client) -> Result<(), SessionError> {
        if self.history_retry.is_none_or(|retry| Instant::now() < retry) {
            return Ok(());
        }
        let outcome = Box::pin(client.try_history()).await?;
        let is_readable = outcome.is_ok();
        self.note_history(outcome);
        if is_readable {
            self.sync(client).await?;
        }
        Ok(())
    }
}
