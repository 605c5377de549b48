//! The queue that commits the changes of one printer's jobs, in order, and retries failed writes.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use domain::{Job, JobId, PrinterId, tracker::Action};
use jiff::Timestamp;
use store::{Saved, Store};
use tokio::time::Instant;
use tracing::{error, info};

use crate::clock::Clock;

/// First and longest pause after a failed write.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Result of a write.
#[derive(Debug, PartialEq)]
pub(crate) enum Written {
    /// The job with this start time is stored in this row.
    Stored {
        start_time: Option<Timestamp>,
        id: JobId,
        /// Whether more than its progress changed.
        is_news: bool,
    },
    /// The user deleted the job with this start time; it is not written again.
    Deleted { start_time: Option<Timestamp> },
    /// A history row was merged.
    Imported,
    /// The database refused; the write will be retried.
    Failed,
    /// The change can never be written and is dropped. It is logged in full.
    GivenUp,
}

type Write = Pin<Box<dyn Future<Output = Result<Written, store::Error>> + Send>>;

/// Queue of one printer's changes. Bounded by the number of jobs in it: a newer state of a job replaces an older
/// pending one.
pub(crate) struct Writer {
    printer_id: PrinterId,
    store: Store,
    clock: Clock,
    queue: VecDeque<Action>,
    in_flight: Option<Write>,
    /// When the first write of the queue is retried. `None` unless it failed.
    retry_at: Option<Instant>,
    longest_pause: Duration,
    failures: u32,
    trouble: Option<String>,
}

impl Writer {
    pub(crate) fn new(printer_id: PrinterId, store: Store, clock: Clock) -> Self {
        Self {
            printer_id,
            store,
            clock,
            queue: VecDeque::new(),
            in_flight: None,
            retry_at: None,
            longest_pause: RETRY.1,
            failures: 0,
            trouble: None,
        }
    }

    pub(crate) fn push(&mut self, action: Action) {
        // The first write of the queue may be in flight and must not change.
        let waiting = usize::from(self.in_flight.is_some());
        if self.queue.len() > waiting
            && let Some(last) = self.queue.back_mut()
            && let Some(merged) = superseded(last, &action)
        {
            *last = merged;
            return;
        }
        self.queue.push_back(action);
    }

    /// Retries at once, and then with the shortest pause only. Used when the server stops.
    pub(crate) fn hurry(&mut self) {
        self.retry_at = None;
        self.longest_pause = RETRY.0;
    }

    /// Whether all changes are in the database.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Number of changes that are not in the database yet.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The last database error. `None` after a successful write.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Writes the next change. Pending forever while the queue is empty. Cancel-safe: a later call continues the
    /// write in flight.
    pub(crate) async fn next(&mut self) -> Written {
        if let Some(at) = self.retry_at {
            tokio::time::sleep_until(at).await;
            self.retry_at = None;
        }
        let Some(action) = self.queue.front() else {
            return std::future::pending().await;
        };
        let write = self.in_flight.get_or_insert_with(|| {
            let (store, clock) = (self.store.clone(), self.clock);
            Box::pin(write(store, clock, self.printer_id, action.clone()))
        });
        let result = write.await;
        self.in_flight = None;
        match result {
            Ok(written) => {
                self.queue.pop_front();
                if self.failures > 0 {
                    info!("the database takes jobs again");
                }
                self.failures = 0;
                self.trouble = None;
                written
            }
            Err(cause) if can_never_be_written(&cause) => {
                let change = self.queue.pop_front();
                self.failures = 0;
                let cause = format!("{:#}", anyhow::Error::new(cause));
                error!(?change, "a change of a job is given up: {cause}");
                self.trouble = Some(cause);
                Written::GivenUp
            }
            Err(cause) => {
                let cause = format!("{:#}", anyhow::Error::new(cause));
                // Log once per outage, not once per attempt.
                if self.failures == 0 {
                    error!("cannot write a job, trying until it is in: {cause}");
                }
                let pause = RETRY.0 * 2_u32.saturating_pow(self.failures).min(60);
                self.retry_at = Some(Instant::now() + pause.min(self.longest_pause));
                self.failures += 1;
                self.trouble = Some(cause);
                Written::Failed
            }
        }
    }
}

/// Whether the change itself is invalid. Such a write would always fail and must not block the changes after it. A
/// full disk or a read-only database, in contrast, is retried.
fn can_never_be_written(cause: &store::Error) -> bool {
    use store::Error::{BadValue, NoSuchPrinter, TooLong};
    matches!(cause, BadValue { .. } | NoSuchPrinter(_) | TooLong { .. })
}

/// Merges two pending writes into one, if `newer` contains everything in `older`.
fn superseded(older: &Action, newer: &Action) -> Option<Action> {
    let (Action::Save(before) | Action::Checkpoint(before)) = older else {
        return None;
    };
    let (Action::Save(after) | Action::Checkpoint(after)) = newer else {
        return None;
    };
    if before.start_time != after.start_time {
        return None;
    }
    Some(match (older, newer) {
        (Action::Checkpoint(_), Action::Checkpoint(job)) => Action::Checkpoint(job.clone()),
        _ => Action::Save(after.clone()),
    })
}

async fn write(
    store: Store,
    clock: Clock,
    printer_id: PrinterId,
    action: Action,
) -> Result<Written, store::Error> {
    let now = clock.now();
    match action {
        Action::Save(job) => {
            let saved = store.save_job(&job, now).await?;
            Ok(told(&job, saved))
        }
        Action::Checkpoint(job) => {
            let saved = store.save_progress(&job, now).await?;
            Ok(told(&job, saved))
        }
        Action::Import(row) => {
            store.import_history(printer_id, &[*row], None, now).await?;
            Ok(Written::Imported)
        }
    }
}

fn told(job: &Job, saved: Saved) -> Written {
    let start_time = job.start_time;
    match saved {
        Saved::Inserted(id) | Saved::Updated(id) | Saved::Progressed(id) | Saved::Unchanged(id) => {
            Written::Stored {
                start_time,
                id,
                is_news: matches!(saved, Saved::Inserted(_) | Saved::Updated(_)),
            }
        }
        Saved::Deleted => Written::Deleted { start_time },
    }
}
