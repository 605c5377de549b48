//! Reads the whole state of a printer: after connecting, when Klippy becomes ready, and when a health check requires
//! it.

use domain::{
    JobId, KlippyState, PrintState, PrintStats, PrinterId,
    tracker::{Event, Newest, Sync},
};
use futures_util::future::BoxFuture;
use moonraker::{Capability, Client, Limitation, RequestError, StatusMirror, optional};
use store::{FoundRun, Store};
use tokio::time::Instant;
use tracing::warn;

use crate::ingest::moonraker::{
    convert,
    history::{self, HistoryError, HistoryReader, Recent},
    session::{MoonrakerTask, SessionError, Subscription},
};

/// Maximum number of unknown print states logged for one printer.
const UNKNOWN_STATES: usize = 8;

impl MoonrakerTask {
    /// Reads everything again: first the history, then the print. If a print ends in between, its notifications are
    /// handled afterwards.
    ///
    /// In a box: a task keeps room for all that it may ever wait for at once, and this is rarely in use.
    pub(super) fn sync<'a>(&'a mut self, client: &'a Client) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.read_everything(client))
    }

    async fn read_everything(&mut self, client: &Client) -> Result<(), SessionError> {
        // The rows that are read below must contain all that is known.
        while !self.recorder.is_saved() {
            self.recorder.write_next().await;
            self.publish();
        }
        let now = self.shared.clock.now();
        let host_clock = optional(Capability::HostClock, client.host_time().await)?;
        let host_clock = self.limitations.note(Capability::HostClock, host_clock).flatten();
        let host_clock = convert::instant(host_clock);
        let id = self.printer.id;
        let store = self.shared.store.clone();
        // Fixed once: a later change of the setting does not start another import.
        if self.backfill.first_contact.is_none() {
            self.backfill =
                history::import_plan(self.shared.settings.backfill, now, host_clock.unwrap_or(now));
            store.save_backfill(id, &self.backfill).await?;
        }
        // Before the history, whose file names are made relative to it.
        self.names.read_folder(client).await?;
        let newest = match self.read_recent_history(client).await? {
            Some(row) => Some(with_stored_job(&store, id, row).await?),
            None => None,
        };
        let (klippy, klippy_message) = self.read_status(client).await?;
        self.klippy = klippy;
        self.subscription = Subscription::Unchecked;
        // Adds the time since the host's clock was read.
        let host_clock = host_clock.map(|host| host + self.shared.clock.now().duration_since(now));
        let stats = self.print_stats().await;
        self.warn_of_unknown_state();
        self.is_undecided = stats
            .as_ref()
            .is_some_and(|stats| stats.state == PrintState::Unknown);
        // Read again, because the history may have ended some of them.
        let open = store.open_jobs(id).await?;
        self.recorder
            // Without it, the status would have no id of the job until its next checkpoint.
            .set_current_row(open.first().map(|(row, job)| (job.start_time, *row)));
        self.step(Event::Synced(Box::new(Sync {
            klippy,
            klippy_message,
            stats,
            open: jobs(open),
            newest,
            host_clock,
        })));
        self.publish();
        Ok(())
    }

    /// Merges the newest rows of the history and returns the newest one. Also `None` if there is no readable history.
    async fn read_recent_history(
        &mut self,
        client: &Client,
    ) -> Result<Option<domain::HistoryJob>, SessionError> {
        let open = jobs(self.shared.store.open_jobs(self.printer.id).await?);
        let Recent {
            newest,
            cut_short,
            problems,
        } = self
            .history_reader()
            .read_recent(client, &open, &self.backfill)
            .await?;
        self.rows = problems;
        self.note_rows();
        match cut_short {
            None => {
                self.note_history(Ok(()));
                if self.backfill.completed_at.is_some() {
                    self.limitations.note(Capability::HistoryImport, Ok(()));
                }
            }
            Some(cause) => self.history_failed(cause)?,
        }
        Ok(newest)
    }

    /// Records whether all rows of the history could be read completely.
    pub(super) fn note_rows(&mut self) {
        // Not their sum: the first import reads the newest rows again.
        let problems = match self.rows.count() >= self.imported_rows.count() {
            true => &self.rows,
            false => &self.imported_rows,
        };
        self.limitations.note(Capability::HistoryRows, problems.outcome());
    }

    /// Records why the history, or the rest of it, cannot be read.
    pub(super) fn history_failed(&mut self, cause: HistoryError) -> Result<(), SessionError> {
        match cause {
            HistoryError::Request(cause) => {
                self.note_history(Err(Limitation::of(Capability::History, cause)?));
            }
            HistoryError::Implausible(cause) => {
                let capability = Capability::HistoryImport;
                let limitation = Limitation {
                    capability,
                    cause,
                    timed_out: false,
                };
                self.limitations.note(capability, Err::<(), _>(limitation));
            }
            HistoryError::Store(cause) => return Err(HistoryError::Store(cause).into()),
        }
        Ok(())
    }

    /// Records whether the history can be read, and schedules the next attempt if not.
    pub(super) fn note_history(&mut self, outcome: moonraker::Optional<()>) {
        self.history_retry = match outcome {
            Ok(()) => None,
            Err(_) => Some(Instant::now() + self.history_backoff.pause()),
        };
        self.limitations.note(Capability::History, outcome);
    }

    /// Subscribes, which returns the full status. Klippy drops our subscription whenever it restarts.
    async fn read_status(&mut self, client: &Client) -> Result<(KlippyState, Option<String>), SessionError> {
        // If a call below fails, nothing of the state before may remain.
        self.mirror = StatusMirror::default();
        self.refusal = None;
        let info = client.server_info_if_offered().await?;
        let refusal = info.as_ref().err().map(|limitation| limitation.cause.clone());
        let klippy = self
            .limitations
            .note(Capability::ServerInfo, info)
            .map(|info| convert::klippy_state(info.klippy_state.as_deref().unwrap_or_default()));
        // There is nothing to read yet. A notification or the next check follows.
        if let Some(klippy @ (KlippyState::Disconnected | KlippyState::Startup)) = klippy {
            return Ok((klippy, None));
        }
        match client.follow_print().await {
            Ok(reading) => {
                self.is_polled = !reading.is_subscribed;
                let tried = [Capability::ObjectList, Capability::Subscription];
                self.limitations.note_all(&tried, reading.limitations);
                // Without a time, no update counts as older than the snapshot.
                self.snapshot_time = reading.snapshot.eventtime.unwrap_or(0.0);
                self.mirror = StatusMirror::of(reading.snapshot.status);
                let klippy = klippy.unwrap_or(KlippyState::Ready);
                let (klippy, message) = convert::klippy(&self.mirror).unwrap_or((klippy, None));
                // A Klippy that could not read its configuration has no objects either; that is no
                // limitation.
                if klippy == KlippyState::Ready {
                    let has_print = self.mirror.print_stats().is_some();
                    let print = has_print.then_some(()).ok_or_else(Limitation::no_print_stats);
                    self.limitations.note(Capability::PrintStats, print);
                }
                Ok((klippy, message))
            }
            // Klippy disconnected meanwhile, or Moonraker has not connected to it yet; Moonraker will report when it
            // is ready. A server that refuses every request is not treated as a Moonraker.
            Err(cause @ RequestError::Refused { .. }) if refusal.is_none() => {
                self.refusal = Some(cause.to_string());
                Ok((KlippyState::Startup, None))
            }
            Err(cause) => Err(cause.into()),
        }
    }

    /// Passes a change of the print or of Klippy's state to the tracker.
    pub(super) async fn status_changed(&mut self, client: &Client) -> Result<(), SessionError> {
        let Some(stats) = self.print_stats().await else {
            return Ok(());
        };
        self.warn_of_unknown_state();
        let (klippy, klippy_message) = convert::klippy(&self.mirror).unwrap_or((self.klippy, None));
        self.klippy = klippy;
        // The sync could not decide which open jobs still run; with a known state it can.
        if self.is_undecided && klippy == KlippyState::Ready {
            return match stats.state {
                PrintState::Unknown => Ok(()),
                _ => self.sync(client).await,
            };
        }
        self.step(Event::Status {
            stats,
            klippy,
            klippy_message,
        });
        Ok(())
    }

    /// The mirrored print, with its file name relative to the gcodes root, as jobs store it.
    async fn print_stats(&mut self) -> Option<PrintStats> {
        let mut stats = convert::print_stats(&self.mirror)?;
        if let Some(endpoint) = &self.endpoint {
            self.names.make_relative(&mut stats.filename, endpoint).await;
        }
        Some(stats)
    }

    /// Logs a print state that is unknown to Klipper, once per printer and state.
    fn warn_of_unknown_state(&mut self) {
        let Some(state) = self.mirror.print_stats().and_then(|stats| stats.state) else {
            return;
        };
        if convert::print_state(state) != PrintState::Unknown
            || self.unknown_states.len() >= UNKNOWN_STATES
            || self.unknown_states.contains(state)
        {
            return;
        }
        let name = &self.printer.config.name;
        warn!("{name} reports the unknown print state {state:?}; the previous state is kept");
        self.unknown_states.insert(state.to_owned());
    }

    pub(super) fn history_reader(&self) -> HistoryReader {
        HistoryReader {
            printer_id: self.printer.id,
            store: self.shared.store.clone(),
            clock: self.shared.clock,
            page_size: self.page_size.clone(),
            names: self.names.clone(),
            endpoint: self.endpoint.clone(),
        }
    }
}

/// Adds the stored job of a history row, if there is one.
async fn with_stored_job(
    store: &Store,
    printer_id: PrinterId,
    row: domain::HistoryJob,
) -> Result<Newest, store::Error> {
    let (stored, deleted) = match store.find_run(printer_id, &row).await? {
        FoundRun::Stored(_, job) => (Some(job), false),
        FoundRun::Deleted => (None, true),
        FoundRun::Unknown => (None, false),
    };
    Ok(Newest { row, stored, deleted })
}

fn jobs(rows: Vec<(JobId, domain::Job)>) -> Vec<domain::Job> {
    rows.into_iter().map(|(_, job)| job).collect()
}
