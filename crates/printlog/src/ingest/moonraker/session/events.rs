//! Follows the changes of a connected printer: its notifications, the import of its history, and the pending writes.

use std::{convert::Infallible, time::Duration};

use domain::{Backfill, KlippyState, tracker::Event};
use moonraker::{Capability, Client, Notification, Notifications, StatusMirror};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::{
    clock,
    error_chain::ErrorChain,
    ingest::moonraker::{
        convert,
        history::{BackfillRun, HistoryError},
        session::{MoonrakerTask, SessionError},
    },
};

/// Poll interval while Klippy is not ready: Moonraker sends no notification for `startup` and `error`.
const KLIPPY_POLL: Duration = Duration::from_secs(3);

impl MoonrakerTask {
    /// Serves a connection after the initial sync.
    pub(super) async fn follow(
        &mut self,
        client: &Client,
        notifications: &mut Notifications,
    ) -> Result<Infallible, SessionError> {
        let mut backfill = None;
        let mut backfill_failed = false;
        let mut extras = Some(Box::pin(client.missing_extras()));
        let mut poll = clock::every(KLIPPY_POLL);
        self.checked = Instant::now();
        loop {
            if backfill.is_none() && !backfill_failed && !self.limitations.has(Capability::History) {
                backfill =
                    BackfillRun::new(self.history_reader(), client.clone(), self.backfill).map(Box::new);
            }
            let deadline = self.recorder.deadline();
            // Copied only during an import: a copy has texts of its own.
            let current = backfill.as_ref().and_then(|_| self.recorder.current().cloned());
            tokio::select! {
                notification = notifications.recv() => match notification {
                    Some(notification) => self.notified(client, notification).await?,
                    None => return Err(SessionError::Closed(closed_reason(notifications))),
                },
                () = self.recorder.write_next() => self.publish(),
                () = sleep_until(deadline) => self.step(Event::Tick),
                page = next_page(&mut backfill, current.as_ref()) => {
                    if let Some(run) = &mut backfill {
                        self.imported_rows.append(run.take_problems());
                        self.note_rows();
                    }
                    if !matches!(page, Ok(Backfill { completed_at: None, .. })) {
                        backfill = None;
                    }
                    // A refused history is tried again on this connection (`retry_history`). Other failures
                    // wait for the next.
                    backfill_failed |= matches!(page, Err(HistoryError::Store(_) | HistoryError::Implausible(_)));
                    self.page_imported(page)?;
                }
                missing = result_of(&mut extras) => {
                    extras = None;
                    let tried = [Capability::Metadata, Capability::TemperatureStore];
                    self.limitations.note_all(&tried, missing?);
                    self.publish();
                }
                _ = poll.tick() => self.tick(client).await?,
            }
        }
    }

    /// Handles the result of one page of the import.
    fn page_imported(&mut self, page: Result<Backfill, HistoryError>) -> Result<(), SessionError> {
        let cause = match page {
            Ok(progress) => {
                if progress.completed_at.is_some() {
                    self.limitations.note(Capability::HistoryImport, Ok(()));
                }
                self.backfill = progress;
                self.backfill_error = None;
                self.publish();
                return Ok(());
            }
            Err(cause) => cause,
        };
        let reason = ErrorChain(&cause).to_string();
        // An error of our database is no limitation of the printer.
        if !matches!(cause, HistoryError::Store(_)) {
            self.history_failed(cause)?;
        }
        warn!(error = reason, "the import of the history is interrupted");
        self.backfill_error = Some(reason);
        self.publish();
        Ok(())
    }

    async fn notified(&mut self, client: &Client, notification: Notification) -> Result<(), SessionError> {
        self.recorder.touch_last_seen();
        match notification {
            Notification::StatusUpdate { delta, eventtime } => {
                if eventtime.is_some_and(|time| time < self.snapshot_time) {
                    return Ok(());
                }
                // Temperatures change with each update of an idle printer and are no event. Checked here
                // because the merge takes the delta.
                let is_relevant = delta.contains_key("print_stats") || delta.contains_key("webhooks");
                self.mirror.merge(delta);
                if is_relevant {
                    self.status_changed(client).await?;
                }
                self.publish_if_due();
            }
            Notification::HistoryChanged { action, job, problem } => {
                if let Some(problem) = problem {
                    self.rows.add(&problem);
                    self.note_rows();
                }
                self.history_changed(&action, *job).await;
            }
            // Klippy has restarted: our subscription is gone, and with it what the mirror relied on.
            Notification::KlippyReady => self.sync(client).await?,
            Notification::KlippyShutdown => {
                self.klippy = KlippyState::Shutdown;
                self.step(Event::KlippyShutdown);
            }
            Notification::KlippyDisconnected => {
                self.klippy = KlippyState::Disconnected;
                // Its values are those of a Klippy that is gone.
                self.mirror = StatusMirror::default();
                self.step(Event::KlippyDisconnected);
            }
            // The notification could not be parsed: read the state instead.
            Notification::Other { method }
                if matches!(method.as_str(), "notify_history_changed" | "notify_status_update") =>
            {
                self.sync(client).await?;
            }
            Notification::Other { .. } => {}
        }
        Ok(())
    }

    async fn history_changed(&mut self, action: &str, job: moonraker::HistoryJob) {
        // The notification proves that there is a history.
        if self.history_retry.is_some() {
            self.history_retry = Some(Instant::now());
        }
        let mut row = convert::history_job(job);
        if let Some(endpoint) = &self.endpoint {
            self.names.make_relative(&mut row.filename, endpoint).await;
        }
        match action {
            "added" => self.step(Event::Added(row)),
            "finished" => self.step(Event::Finished(row)),
            other => debug!("unknown history action `{other}`"),
        }
    }

    /// Passes an event to the recorder.
    pub(super) fn step(&mut self, event: Event) {
        if self.recorder.step(event) {
            self.publish();
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The result of a call that is made once. Pending forever if there is none.
async fn result_of<T>(call: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn next_page(
    run: &mut Option<Box<BackfillRun>>,
    current: Option<&domain::Job>,
) -> Result<Backfill, HistoryError> {
    match run {
        Some(run) => run.next(current).await,
        None => std::future::pending().await,
    }
}

fn closed_reason(notifications: &Notifications) -> String {
    notifications
        .closed_reason()
        .map_or_else(|| "no reason given".to_owned(), |reason| reason.to_string())
}
