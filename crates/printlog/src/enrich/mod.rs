//! Jobs get what their slicers knew: one supervised task that works off the queue in the database.
//!
//! A job is stored first and enriched later: nothing here delays or loses one.

mod fetch;
mod file_identity;
mod moonraker_metadata;
mod stored_file;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{JobId, Printer, PrinterId};
use jiff::{SignedDuration, Timestamp};
use moonraker::Endpoint;
use store::{DetailsOutcome, DetailsStatus, Due, NewGcodeFile, QueuedDetails, Store};
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::ingest::{Clock, Fleet, JobChange};
use fetch::FetchError;
use file_identity::FileIdentity;

pub(crate) use stored_file::as_metadata;

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Jobs at the same time: printers that are off must not hold up the others.
const AT_ONCE: usize = 8;
/// First pause after an attempt that may be worth repeating; doubles from there.
const RETRY: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(5), SignedDuration::from_hours(6));
/// Attempts before a job is given up: about two weeks.
const ATTEMPTS: u32 = 64;

/// What the configuration says about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetailsSettings {
    /// Whether files are read at all.
    pub enabled: bool,
    /// Imported jobs a minute.
    pub rate: f64,
}

/// Starts to work off the queue, until `stop`. If it ever crashes, it cancels `stop`. `fleet` is told of jobs that were
/// seen to start.
pub fn start(
    store: Store,
    fleet: Fleet,
    settings: DetailsSettings,
    clock: Clock,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    if !settings.enabled {
        return;
    }
    let process = stop.clone().drop_guard();
    tasks.spawn(async move {
        let _guard = process;
        let mut queue = Queue {
            store,
            fleet,
            clock,
            rate: settings.rate,
            allowance: 0.0,
            in_flight: HashSet::new(),
            attempts: JoinSet::new(),
            failing: false,
        };
        stop.run_until_cancelled(queue.run()).await;
    });
}

struct Queue {
    store: Store,
    fleet: Fleet,
    clock: Clock,
    rate: f64,
    /// Imported jobs that may be begun now.
    allowance: f64,
    in_flight: HashSet<JobId>,
    attempts: JoinSet<(JobId, Result<(), store::Error>)>,
    failing: bool,
}

impl Queue {
    async fn run(&mut self) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    self.allowance =
                        (self.allowance + self.rate * LOOK.as_secs_f64() / 60.0).min(AT_ONCE as f64);
                }
                Some(ended) = self.attempts.join_next() => {
                    let (id, result) = match ended {
                        Ok(ended) => ended,
                        Err(crash) if crash.is_panic() => std::panic::resume_unwind(crash.into_panic()),
                        Err(_) => return,
                    };
                    self.in_flight.remove(&id);
                    self.tell(result);
                }
            }
            let begun = self.begin().await;
            self.tell(begun);
        }
    }

    /// Once a trouble, not once an attempt.
    fn tell(&mut self, result: Result<(), store::Error>) {
        match result {
            Ok(()) => self.failing = false,
            Err(cause) if !self.failing => {
                self.failing = true;
                warn!(
                    "cannot work on details of jobs, trying on: {:#}",
                    anyhow::Error::new(cause)
                );
            }
            Err(_) => {}
        }
    }

    async fn begin(&mut self) -> Result<(), store::Error> {
        let mut printers = None;
        for due in [Due::Live, Due::Retry, Due::Imported] {
            let mut free = AT_ONCE.saturating_sub(self.in_flight.len());
            if due == Due::Imported {
                free = free.min(self.allowance as usize);
            }
            if free == 0 {
                continue;
            }
            // Those in flight are still in the queue.
            let limit = (free + self.in_flight.len()) as u64;
            let jobs = self.store.due_details(due, self.clock.now(), limit).await?;
            for queued in jobs
                .into_iter()
                .filter(|queued| !self.in_flight.contains(&queued.job_id))
                .take(free)
                .collect::<Vec<_>>()
            {
                if printers.is_none() {
                    let all = self.store.printers().await?;
                    printers = Some(
                        all.into_iter()
                            .map(|printer| (printer.id, printer))
                            .collect::<HashMap<_, _>>(),
                    );
                }
                if due == Due::Imported {
                    self.allowance -= 1.0;
                }
                let id = queued.job_id;
                self.in_flight.insert(id);
                let attempt = Attempt {
                    store: self.store.clone(),
                    clock: self.clock,
                    printers: printers.clone().unwrap_or_default(),
                    queued,
                };
                let fleet = (due == Due::Live).then(|| self.fleet.clone());
                self.attempts.spawn(async move {
                    let printer_id = attempt.carry_out().await;
                    if let (Ok(Some(printer_id)), Some(fleet)) = (&printer_id, fleet) {
                        fleet.job_changed(JobChange {
                            id,
                            printer_id: *printer_id,
                            is_deleted: false,
                        });
                    }
                    (id, printer_id.map(drop))
                });
            }
        }
        Ok(())
    }
}

/// One job's turn.
struct Attempt {
    store: Store,
    clock: Clock,
    printers: HashMap<PrinterId, Printer>,
    queued: QueuedDetails,
}

/// Why there is nothing from the file.
struct Trouble {
    reason: String,
    /// Whether trying again can help.
    passes: bool,
}

impl Attempt {
    /// Gives the job what can be found. Its printer, unless it was deleted meanwhile.
    async fn carry_out(&self) -> Result<Option<PrinterId>, store::Error> {
        let Some(stored) = self.store.job(self.queued.job_id).await? else {
            return Ok(None);
        };
        self.enrich(&stored.job).await?;
        Ok(Some(stored.job.printer_id))
    }

    async fn enrich(&self, job: &domain::Job) -> Result<(), store::Error> {
        let id = self.queued.job_id;
        let identity = FileIdentity::of_job(job);
        if let Some(key) = identity.as_ref().and_then(FileIdentity::key)
            && self
                .store
                .reuse_gcode_file(id, job.printer_id, &key, self.clock.now())
                .await?
        {
            return Ok(());
        }
        let trouble = match self.read(job, identity.as_ref()).await {
            Ok(file) => return self.save(Some(&file), DetailsStatus::Done, None, None).await,
            Err(trouble) => trouble,
        };
        debug!("no details of job {} from its file: {}", id.0, trouble.reason);
        let next = (trouble.passes && self.queued.attempts + 1 < ATTEMPTS)
            .then(|| self.clock.now() + pause(self.queued.attempts));
        if self.queued.status == DetailsStatus::Done {
            // What was read once is better than what the printer knows.
            return self
                .save(None, DetailsStatus::Done, Some(trouble.reason), next)
                .await;
        }
        let file = job
            .metadata
            .as_ref()
            .and_then(|metadata| moonraker_metadata::file(id, metadata));
        let status = match (&file, next) {
            (Some(_), _) => DetailsStatus::Partial,
            (None, Some(_)) => DetailsStatus::Pending,
            (None, None) => DetailsStatus::Failed,
        };
        self.save(file.as_ref(), status, Some(trouble.reason), next).await
    }

    async fn read(
        &self,
        job: &domain::Job,
        identity: Option<&FileIdentity>,
    ) -> Result<NewGcodeFile, Trouble> {
        let lasting = |reason: String| Trouble {
            reason,
            passes: false,
        };
        let Some(identity) = identity else {
            return Err(lasting("the file of the job is not known".to_owned()));
        };
        let printer = self
            .printers
            .get(&job.printer_id)
            .ok_or_else(|| lasting("the printer is gone".to_owned()))?;
        if !printer.config.is_active {
            return Err(Trouble {
                reason: "the printer is switched off in printlog".to_owned(),
                passes: true,
            });
        }
        let endpoint = Endpoint::parse(
            &printer.config.moonraker_url,
            printer.config.moonraker_api_key.as_deref(),
        )
        .map_err(|cause| lasting(format!("{:#}", anyhow::Error::new(cause))))?;
        let fetched = fetch::fetch(&endpoint, identity).await.map_err(|cause| Trouble {
            passes: cause.passes(),
            reason: match cause {
                FetchError::File(cause) => format!("{:#}", anyhow::Error::new(cause)),
                cause => cause.to_string(),
            },
        })?;
        // Parsing and converting images is work for the processor, up to some milliseconds.
        tokio::task::spawn_blocking(move || stored_file::read(&fetched))
            .await
            .map_err(|crash| lasting(format!("cannot read the file: {crash}")))
    }

    async fn save(
        &self,
        file: Option<&NewGcodeFile>,
        status: DetailsStatus,
        reason: Option<String>,
        next_attempt_at: Option<Timestamp>,
    ) -> Result<(), store::Error> {
        let outcome = DetailsOutcome {
            status,
            reason,
            next_attempt_at,
        };
        self.store
            .save_details(self.queued.job_id, file, &outcome, self.clock.now())
            .await
            .map(drop)
    }
}

fn pause(attempts: u32) -> SignedDuration {
    let doubled = RETRY.0.as_secs().saturating_mul(1 << attempts.min(20));
    SignedDuration::from_secs(doubled).min(RETRY.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_at_the_longest() {
        assert_eq!(pause(0), SignedDuration::from_secs(5));
        assert_eq!(pause(3), SignedDuration::from_secs(40));
        assert_eq!(pause(63), SignedDuration::from_hours(6));
    }
}
