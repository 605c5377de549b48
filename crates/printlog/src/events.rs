//! Delivers changes of jobs within the server: from the tasks of the printers, the details queue and the API to the live
//! stream.

use domain::{JobId, PrinterId};
use tokio::sync::broadcast;

/// Capacity of the channel; slower receivers lose the oldest changes.
const CAPACITY: usize = 256;

/// A job was stored, updated or deleted. Checkpoints of running jobs and imports emit none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobChange {
    /// The job.
    pub id: JobId,
    /// Its printer.
    pub printer_id: PrinterId,
    /// `false` if it was inserted or updated.
    pub is_deleted: bool,
}

/// The channel of all changes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JobEvents(broadcast::Sender<JobChange>);

impl JobEvents {
    /// A channel without receivers.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    /// Receives all later changes.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<JobChange> {
        self.0.subscribe()
    }

    /// Announces that a job was inserted or updated.
    pub fn written(&self, id: JobId, printer_id: PrinterId) {
        self.send(id, printer_id, false);
    }

    /// Announces that a job was deleted.
    pub fn deleted(&self, id: JobId, printer_id: PrinterId) {
        self.send(id, printer_id, true);
    }

    fn send(&self, id: JobId, printer_id: PrinterId, is_deleted: bool) {
        let change = JobChange {
            id,
            printer_id,
            is_deleted,
        };
        // Fails if there are no receivers.
        self.0.send(change).ok();
    }
}

impl Default for JobEvents {
    fn default() -> Self {
        Self::new()
    }
}
