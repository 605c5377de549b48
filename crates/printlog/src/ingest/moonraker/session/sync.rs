//! Reads the whole state of a printer: after connecting, when Klippy becomes ready, and at health checks.

use domain::{
    JobId, KlippyState, PrintState, PrintStats, PrinterId,
    tracker::{Event, Newest, Sync},
};
use moonraker::{Capability, Client, Limitation, RequestError, StatusMirror, optional};
use store::{FoundRun, Store};
use tokio::time::Instant;
use tracing::warn;

use crate::ingest::moonraker::{
    convert,
    history::{self, HistoryError, HistoryReader, Recent},
    session::{PrinterTask, SessionError, Subscription, UNKNOWN_STATES},
};

impl PrinterTask {
    /// Reads everything again: first the history, then the print. If a print ends in between, its notifications are
    /// handled afterwards.
    pub(super) async fn sync(&mut self, client: &Client) -> Result<(), SessionError> {
        while !self.writer.is_empty() {
            let written = self.writer.next().await;
            self.written(&written);
        }
        let now = self.shared.clock.now();
        let host_clock = optional(Capability::HostClock, client.host_time().await)?;
        let host_clock = self.limitations.note(Capability::HostClock, host_clock).flatten();
        let host_clock = convert::instant(host_clock);
        let id = self.printer.id;
        let store = self.shared.store.clone();
        if self.backfill.first_contact.is_none() {
            self.backfill = history::plan(self.shared.settings.backfill, now, host_clock.unwrap_or(now));
            store.save_backfill(id, &self.backfill).await?;
        }
        self.names.learn(client).await?;
        let newest = match self.read_recent_history(client).await? {
            Some(row) => Some(with_what_is_stored(&store, id, row).await?),
            None => None,
        };
        let (klippy, klippy_message) = self.read_status(client).await?;
        self.klippy = klippy;
        self.subscription = Subscription::Unproved;
        // Adds the time since the host's clock was read.
        let host_clock = host_clock.map(|host| host + self.shared.clock.now().duration_since(now));
        let stats = self.print_stats().await;
        self.warn_of_unknown_state();
        self.is_undecided = stats
            .as_ref()
            .is_some_and(|stats| stats.state == PrintState::Unknown);
        let open = store.open_jobs(id).await?;
        self.current_row = open.first().map(|(row, job)| (job.start_time, *row));
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
        let Recent { newest, cut_short } = self
            .history_reader()
            .read_recent(client, &open, &self.backfill)
            .await?;
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

    /// Syncs again if the history has become readable.
    async fn retry_history(&mut self, client: &Client) -> Result<(), SessionError> {
        if self.history_retry.is_none_or(|retry| Instant::now() < retry) {
            return Ok(());
        }
        let outcome = client.try_history().await?;
        let is_back = outcome.is_ok();
        self.note_history(outcome);
        if is_back {
            self.sync(client).await?;
        }
        Ok(())
    }

    /// Subscribes, which returns the full status. Klippy drops our subscription whenever it restarts.
    async fn read_status(&mut self, client: &Client) -> Result<(KlippyState, Option<String>), SessionError> {
        self.mirror = StatusMirror::default();
        self.refusal = None;
        let info = client.server_info_if_offered().await?;
        let refusal = info.as_ref().err().map(|limitation| limitation.cause.clone());
        let klippy = self
            .limitations
            .note(Capability::ServerInfo, info)
            .map(|info| KlippyState::from_moonraker(info.klippy_state.as_deref().unwrap_or_default()));
        if let Some(klippy @ (KlippyState::Disconnected | KlippyState::Startup)) = klippy {
            return Ok((klippy, None));
        }
        match client.follow_print().await {
            Ok(reading) => {
                self.is_polled = !reading.is_subscribed;
                let tried = [Capability::ObjectList, Capability::Subscription];
                self.limitations.note_all(&tried, reading.limitations);
                self.snapshot_time = reading.snapshot.eventtime.unwrap_or(0.0);
                self.mirror = StatusMirror::of(reading.snapshot.status);
                let klippy = klippy.unwrap_or(KlippyState::Ready);
                let (klippy, message) = convert::klippy(&self.mirror).unwrap_or((klippy, None));
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
        let Some(word) = self.mirror.print_stats().and_then(|stats| stats.state) else {
            return;
        };
        if PrintState::from_klipper(word) != PrintState::Unknown
            || self.unknown_words.len() >= UNKNOWN_STATES
            || self.unknown_words.contains(word)
        {
            return;
        }
        let name = &self.printer.config.name;
        warn!("{name} reports the unknown print state {word:?}; the previous state is kept");
        self.unknown_words.insert(word.to_owned());
    }

    /// Periodic work: the health check, polling, and retrying the history.
    pub(super) async fn tick(&mut self, client: &Client) -> Result<(), SessionError> {
        let interval = self.shared.settings.health_check_interval;
        let settled = self.klippy == KlippyState::Ready && self.subscription == Subscription::Proved;
        if !settled || self.checked.elapsed() >= interval {
            self.checked = Instant::now();
            self.check(client).await?;
        }
        if self.is_polled && self.klippy == KlippyState::Ready {
            match client.poll_print(&self.mirror).await {
                Ok(snapshot) => {
                    self.mirror.merge(snapshot.status);
                    self.status_changed(client).await?;
                    self.publish_now_and_then();
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
        self.touch_last_seen();
        let reported = self
            .limitations
            .note(Capability::ServerInfo, info)
            .map(|info| KlippyState::from_moonraker(info.klippy_state.as_deref().unwrap_or_default()));
        let appeared = match reported {
            Some(klippy) => klippy != self.klippy && klippy != KlippyState::Disconnected,
            None => self.klippy != KlippyState::Ready,
        };
        self.klippy = reported.unwrap_or(self.klippy);
        if appeared || (self.klippy == KlippyState::Ready && !self.is_subscribed(client).await?) {
            self.sync(client).await?;
        }
        self.publish_now_and_then();
        Ok(())
    }

    /// Compares the mirror with a fresh query. `false` if it lags behind at two checks in a row. Querying has no
    /// effect on the printer, but subscribing again can make an old Moonraker miss the start of a print.
    async fn is_subscribed(&mut self, client: &Client) -> Result<bool, SessionError> {
        let asked = match client.query_print().await {
            Ok(snapshot) => StatusMirror::of(snapshot.status),
            // Klippy disconnected meanwhile; the pending notifications report it.
            Err(RequestError::Refused { .. }) => return Ok(true),
            Err(cause) => return Err(cause.into()),
        };
        let asked = convert::print_stats(&asked).unwrap_or_default();
        let told = convert::print_stats(&self.mirror).unwrap_or_default();
        let behind = told.is_behind(&asked);
        let doubted = self.subscription == Subscription::Doubted;
        self.subscription = match behind {
            true => Subscription::Doubted,
            false => Subscription::Proved,
        };
        Ok(!(behind && doubted))
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

async fn with_what_is_stored(
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
