//! Reads the slicer data of jobs: one supervised task that works through the details queue in the database.
//!
//! A job is stored first and its details are added later, so a failure here cannot delay or lose a job.

mod attempt;
mod fetch;
mod file_identity;
mod printer_metadata;
mod queue;
pub(crate) mod reason;
mod stored_file;

use store::Store;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use queue::Queue;

pub(crate) use stored_file::stored_metadata;

use crate::{clock::Clock, ingest::Fleet};

/// Settings of the details queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetailsSettings {
    /// Whether files are read at all.
    pub enabled: bool,
    /// Imported jobs per minute.
    pub rate: f64,
}

/// Starts to process the details queue, until `stop`. Cancels `stop` if the task crashes.
///
/// The returned receiver reports whether the database currently refuses to store details.
pub fn start(
    store: Store,
    fleet: Fleet,
    settings: DetailsSettings,
    clock: Clock,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> watch::Receiver<bool> {
    let (failing, is_failing) = watch::channel(false);
    if !settings.enabled {
        return is_failing;
    }
    let process = stop.clone().drop_guard();
    tasks.spawn(async move {
        let _guard = process;
        let mut queue = Queue::new(store, fleet, clock, settings.rate, failing);
        stop.run_until_cancelled(queue.run()).await;
    });
    is_failing
}
