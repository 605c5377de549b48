//! Jobs get what their slicers knew: one supervised task that works off the queue in the database.
//!
//! A job is stored first and enriched later: nothing here delays or loses one.

mod attempt;
mod fetch;
mod file_identity;
mod moonraker_metadata;
mod queue;
mod stored_file;

use store::Store;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::ingest::{Clock, Fleet};
use queue::Queue;

pub(crate) use stored_file::as_metadata;

/// What the configuration says about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetailsSettings {
    /// Whether files are read at all.
    pub enabled: bool,
    /// Imported jobs a minute.
    pub rate: f64,
}

/// Starts to work off the queue, until `stop`. If it ever crashes, it cancels `stop`. `fleet` is told of jobs that were
/// seen to start. Gives whether the database refuses to take what was found.
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
