//! One attempt to read a job's details: from a file that was parsed before, else from the file itself, else from
//! Moonraker's metadata.

use std::time::Duration;

use domain::{Job, Printer};
use store::{DetailsOutcome, DetailsStatus, NewGcodeFile, QueuedDetails, Retry, Store};
use tracing::debug;

use crate::{
    clock::Clock,
    details::{
        fetch::{self, FetchError},
        file_identity::FileIdentity,
        printer_metadata,
        reason::DetailsReason,
        stored_file,
    },
    ingest::{self, ConnectionState, GcodeSourceError},
    retry::Backoff,
};

/// Pauses when the next attempt may well succeed.
const SOON_PAUSES: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(6 * 3600));
/// Maximum number of such attempts per job: about two weeks.
const MAX_ATTEMPTS: u32 = 64;
/// Pauses when the file is missing: it may be moved back, or be on a USB stick that is not plugged in.
const MISSING_PAUSES: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_secs(3600),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(7 * 24 * 3600),
];

pub(super) struct Attempt {
    pub(super) store: Store,
    pub(super) clock: Clock,
    /// `None` if the printer was deleted meanwhile.
    pub(super) printer: Option<Printer>,
    pub(super) connection: ConnectionState,
    pub(super) queued: QueuedDetails,
}

/// Why the file could not be read.
struct Failure {
    reason: String,
    retry: RetryKind,
}

/// Whether and when to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetryKind {
    Never,
    Soon,
    /// The file may be restored.
    Rarely,
    /// The printer may reconnect.
    WhenConnected,
}

impl Attempt {
    /// Stores whatever details can be found. Returns `false` if the job was deleted meanwhile.
    pub(super) async fn run(&self) -> Result<bool, store::Error> {
        let Some(stored) = self.store.job(self.queued.job_id).await? else {
            return Ok(false);
        };
        self.read_details(&stored.job).await?;
        Ok(true)
    }

    async fn read_details(&self, job: &Job) -> Result<(), store::Error> {
        let id = self.queued.job_id;
        let identity = FileIdentity::of_job(job);
        // A queued job whose details are complete is a request to read them again.
        let is_refresh = self.queued.status == DetailsStatus::Done;
        if let Some(key) = identity.as_ref().and_then(FileIdentity::key)
            && !is_refresh
            && self
                .store
                .reuse_gcode_file(id, job.printer_id, &key, self.clock.now())
                .await?
        {
            return Ok(());
        }
        let failure = match self.read(job, identity.as_ref()).await {
            Ok(file) => {
                return self
                    .save(Some(&file), DetailsStatus::Done, None, Retry::Never)
                    .await;
            }
            Err(failure) => failure,
        };
        debug!("no details of job {} from its file: {}", id.0, failure.reason);
        let retry = self.retry(failure.retry);
        if is_refresh {
            // Keep the details of the earlier read: they are better than Moonraker's metadata.
            return self
                .save(None, DetailsStatus::Done, Some(failure.reason), retry)
                .await;
        }
        let file = job
            .metadata
            .as_ref()
            .and_then(|metadata| printer_metadata::file(id, &metadata.to_value()));
        let status = match (&file, retry) {
            (Some(_), _) => DetailsStatus::Partial,
            (None, Retry::Never) => DetailsStatus::Failed,
            (None, _) => DetailsStatus::Pending,
        };
        self.save(file.as_ref(), status, Some(failure.reason), retry)
            .await
    }

    async fn read(&self, job: &Job, identity: Option<&FileIdentity>) -> Result<NewGcodeFile, Failure> {
        let failure = |reason: DetailsReason, retry| Failure {
            reason: reason.text().to_owned(),
            retry,
        };
        // A printer may report the name late; the store then requeues the job.
        let identity = identity.ok_or_else(|| match job.status.is_open() {
            true => failure(DetailsReason::FileNotYetKnown, RetryKind::Soon),
            false => failure(DetailsReason::FileUnknown, RetryKind::Never),
        })?;
        let printer = self
            .printer
            .as_ref()
            .ok_or_else(|| failure(DetailsReason::PrinterDeleted, RetryKind::Never))?;
        let absent = match self.connection {
            ConnectionState::Connected => None,
            ConnectionState::Disabled => Some(DetailsReason::PrinterDisabled),
            ConnectionState::Unauthorized => Some(DetailsReason::KeyNeeded),
            ConnectionState::Connecting | ConnectionState::Unreachable => Some(DetailsReason::PrinterOff),
        };
        if let Some(reason) = absent {
            return Err(failure(reason, RetryKind::WhenConnected));
        }
        let source = ingest::gcode_source(printer).map_err(|cause| Failure {
            reason: cause.to_string(),
            retry: RetryKind::WhenConnected,
        })?;
        let fetched = fetch::fetch(&source, identity).await.map_err(|cause| Failure {
            retry: RetryKind::after(&cause),
            reason: cause.to_string(),
        })?;
        // Parsing and converting images takes up to a few milliseconds of CPU time.
        tokio::task::spawn_blocking(move || stored_file::read(&fetched))
            .await
            .map_err(|crash| Failure {
                reason: format!("cannot read the file: {crash}"),
                retry: RetryKind::Never,
            })
    }

    fn retry(&self, kind: RetryKind) -> Retry {
        let attempts = self.queued.attempts;
        let pause = match kind {
            RetryKind::Never => None,
            RetryKind::Soon => (attempts + 1 < MAX_ATTEMPTS).then(|| SOON_PAUSES.after(attempts)),
            RetryKind::Rarely => MISSING_PAUSES.get(attempts as usize).copied(),
            RetryKind::WhenConnected => return Retry::WhenBack,
        };
        pause.map_or(Retry::Never, |pause| Retry::At(self.clock.now() + pause))
    }

    async fn save(
        &self,
        file: Option<&NewGcodeFile>,
        status: DetailsStatus,
        reason: Option<String>,
        retry: Retry,
    ) -> Result<(), store::Error> {
        let outcome = DetailsOutcome {
            status,
            reason,
            retry,
        };
        self.store
            .save_details(self.queued.job_id, file, &outcome, self.clock.now())
            .await
            .map(drop)
    }
}

impl RetryKind {
    fn after(cause: &FetchError) -> Self {
        match cause {
            FetchError::Source(GcodeSourceError::Missing(_)) => Self::Rarely,
            FetchError::Source(GcodeSourceError::Temporary(_))
            | FetchError::Changed
            | FetchError::TooSlow => Self::Soon,
            FetchError::Source(GcodeSourceError::Permanent(_)) | FetchError::Overwritten => Self::Never,
        }
    }
}
