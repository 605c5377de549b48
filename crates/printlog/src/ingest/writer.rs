//! The queue that commits the changes of one printer's jobs, in order, and retries failed writes.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use domain::{Job, JobId, PrinterId, tracker::Action};
use jiff::Timestamp;
use store::{Saved, Store};
use tokio::time::Instant;
use tracing::{error, info};

use crate::{
    clock::Clock,
    error_chain::ErrorChain,
    retry::{Backoff, Outage},
};

/// Pauses after failed writes.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
/// Pauses while the server stops, which waits a few seconds for the last writes.
const RETRY_AT_STOP: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_millis(500));

/// Result of a write.
#[derive(Debug, PartialEq)]
pub(crate) enum Written {
    /// The job with this start time is stored in this row.
    Stored {
        start_time: Option<Timestamp>,
        id: JobId,
    },
    /// The user deleted the job with this start time; it is not written again.
    Deleted { start_time: Option<Timestamp> },
    /// A history row was merged.
    Imported,
    /// The database refused; the write will be retried.
    Failed,
    /// The change can never be written. It is logged in full and not retried.
    Dropped,
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
    backoff: Backoff,
    outage: Outage,
    last_error: Option<String>,
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
            backoff: RETRY,
            outage: Outage::default(),
            last_error: None,
        }
    }

    pub(crate) fn push(&mut self, action: Action) {
        // The first write of the queue may be in flight and must not change.
        let waiting = usize::from(self.in_flight.is_some());
        if self.queue.len() > waiting
            && let Some(last) = self.queue.back_mut()
            && let Some(merged) = merge(last, &action)
        {
            *last = merged;
            return;
        }
        self.queue.push_back(action);
    }

    /// Retries at once, and then with short pauses. Used when the server stops.
    pub(crate) fn retry_now(&mut self) {
        self.retry_at = None;
        self.backoff = RETRY_AT_STOP;
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
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Writes the next change. Pending forever while the queue is empty. Cancel-safe: a later call continues the
    /// write in flight.
    pub(crate) async fn next(&mut self) -> Written {
        // Before the change is taken from the queue: what arrives during the pause is merged into it.
        if let Some(at) = self.retry_at {
            tokio::time::sleep_until(at).await;
            self.retry_at = None;
        }
        let Some(action) = self.queue.front() else {
            return std::future::pending().await;
        };
        // Kept in `self`: the caller drops this future whenever another event comes first, and a write goes
        // on.
        let write = self.in_flight.get_or_insert_with(|| {
            let (store, clock) = (self.store.clone(), self.clock);
            // A copy, because the change stays in the queue until it is in the database.
            Box::pin(write(store, clock, self.printer_id, action.clone()))
        });
        let result = write.await;
        self.in_flight = None;
        match result {
            Ok(written) => {
                self.queue.pop_front();
                if self.outage.end() {
                    info!("the database accepts jobs again");
                }
                self.backoff.reset();
                self.last_error = None;
                written
            }
            Err(cause) if can_never_be_written(&cause) => {
                let change = self.queue.pop_front();
                self.outage.end();
                self.backoff.reset();
                let reason = ErrorChain(&cause).to_string();
                error!(
                    ?change,
                    "dropped a change of a job that the database can never accept: {reason}"
                );
                // Shown until the next write succeeds, because a change was lost.
                self.last_error = Some(reason);
                Written::Dropped
            }
            Err(cause) => {
                let reason = ErrorChain(&cause).to_string();
                if self.outage.is_new(&reason) {
                    error!("cannot write a job, retrying until the database accepts it: {reason}");
                }
                self.retry_at = Some(Instant::now() + self.backoff.pause());
                self.last_error = Some(reason);
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
fn merge(older: &Action, newer: &Action) -> Option<Action> {
    // A history row is about another job, so it replaces nothing and is not replaced.
    let (Action::Save(before) | Action::Checkpoint(before)) = older else {
        return None;
    };
    let (Action::Save(after) | Action::Checkpoint(after)) = newer else {
        return None;
    };
    // A printer runs one job at a time, so the start identifies the job.
    if before.start_time != after.start_time {
        return None;
    }
    Some(match (older, newer) {
        (Action::Checkpoint(_), Action::Checkpoint(job)) => Action::Checkpoint(job.clone()),
        // A checkpoint writes few columns, and must not take the place of the others.
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
            Ok(stored(&job, saved))
        }
        Action::Checkpoint(job) => {
            let saved = store.save_progress(&job, now).await?;
            Ok(stored(&job, saved))
        }
        Action::Import(row) => {
            store.import_history(printer_id, &[*row], None, now).await?;
            Ok(Written::Imported)
        }
    }
}

fn stored(job: &Job, saved: Saved) -> Written {
    let start_time = job.start_time;
    match saved {
        Saved::Inserted(id) | Saved::Updated(id) | Saved::Progressed(id) | Saved::Unchanged(id) => {
            Written::Stored { start_time, id }
        }
        Saved::Deleted => Written::Deleted { start_time },
    }
}
