//! One attempt to read a job's details: from a file that was parsed before, else from the file itself, else from
//! Moonraker's metadata.

use std::time::Duration;

use domain::{Job, Printer};
use moonraker::{Endpoint, FileError};
use store::{DetailsOutcome, DetailsStatus, NewGcodeFile, QueuedDetails, Retry, Store};
use tracing::debug;

use crate::{
    clock::Clock,
    details::{
        fetch::{self, FetchError},
        file_identity::FileIdentity,
        moonraker_metadata, stored_file,
    },
    error_chain::ErrorChain,
    ingest::ConnectionState,
    retry::Backoff,
};

/// Pauses when the next attempt may well succeed.
const SOON: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(6 * 3600));
/// Maximum number of such attempts per job: about two weeks.
const ATTEMPTS: u32 = 64;
/// Pauses when the file is missing: it may be moved back, or be on a USB stick that is not plugged in.
const GONE: [Duration; 4] = [
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
struct Trouble {
    reason: String,
    again: Again,
}

/// Whether and when to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    No,
    Soon,
    /// The file may be restored.
    Rarely,
    /// The printer may reconnect.
    WhenBack,
}

impl Attempt {
    /// Stores whatever details can be found. Returns `false` if the job was deleted meanwhile.
    pub(super) async fn carry_out(&self) -> Result<bool, store::Error> {
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
        let trouble = match self.read(job, identity.as_ref()).await {
            Ok(file) => {
                return self
                    .save(Some(&file), DetailsStatus::Done, None, Retry::Never)
                    .await;
            }
            Err(trouble) => trouble,
        };
        debug!("no details of job {} from its file: {}", id.0, trouble.reason);
        let retry = self.retry(trouble.again);
        if is_refresh {
            // Keep the details of the earlier read: they are better than Moonraker's metadata.
            return self
                .save(None, DetailsStatus::Done, Some(trouble.reason), retry)
                .await;
        }
        let file = job
            .metadata
            .as_ref()
            .and_then(|metadata| moonraker_metadata::file(id, metadata));
        let status = match (&file, retry) {
            (Some(_), _) => DetailsStatus::Partial,
            (None, Retry::Never) => DetailsStatus::Failed,
            (None, _) => DetailsStatus::Pending,
        };
        self.save(file.as_ref(), status, Some(trouble.reason), retry)
            .await
    }

    async fn read(&self, job: &Job, identity: Option<&FileIdentity>) -> Result<NewGcodeFile, Trouble> {
        let trouble = |reason: &str, again| Trouble {
            reason: reason.to_owned(),
            again,
        };
        // A printer may report the name late; the store then requeues the job.
        let identity = identity.ok_or_else(|| match job.status.is_open() {
            true => trouble("the file of the job is not known yet", Again::Soon),
            false => trouble("the file of the job is not known", Again::No),
        })?;
        let printer = self
            .printer
            .as_ref()
            .ok_or_else(|| trouble("the printer is gone", Again::No))?;
        let absent = match self.connection {
            ConnectionState::Connected => None,
            ConnectionState::Disabled => Some("the printer is switched off in printlog"),
            ConnectionState::Unauthorized => Some("the printer wants an API key, or another one"),
            ConnectionState::Connecting | ConnectionState::Unreachable => Some("the printer is off"),
        };
        if let Some(reason) = absent {
            return Err(trouble(reason, Again::WhenBack));
        }
        let endpoint = Endpoint::parse(
            &printer.config.moonraker_url,
            printer.config.moonraker_api_key.as_deref(),
        )
        .map_err(|cause| trouble(&ErrorChain(&cause).to_string(), Again::WhenBack))?;
        let fetched = fetch::fetch(&endpoint, identity).await.map_err(|cause| Trouble {
            again: Again::after(&cause),
            reason: match cause {
                FetchError::File(cause) => ErrorChain(&cause).to_string(),
                cause => cause.to_string(),
            },
        })?;
        // Parsing and converting images takes up to some milliseconds of CPU time.
        tokio::task::spawn_blocking(move || stored_file::read(&fetched))
            .await
            .map_err(|crash| trouble(&format!("cannot read the file: {crash}"), Again::No))
    }

    fn retry(&self, again: Again) -> Retry {
        let attempts = self.queued.attempts;
        let pause = match again {
            Again::No => None,
            Again::Soon => (attempts + 1 < ATTEMPTS).then(|| SOON.after(attempts)),
            Again::Rarely => GONE.get(attempts as usize).copied(),
            Again::WhenBack => return Retry::WhenBack,
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

impl Again {
    fn after(cause: &FetchError) -> Self {
        match cause {
            FetchError::File(FileError::NotFound { .. } | FileError::Unclear { .. }) => Self::Rarely,
            // The user can correct the API key.
            FetchError::File(FileError::Unauthorized { .. }) | FetchError::Changed | FetchError::TooSlow => {
                Self::Soon
            }
            FetchError::File(cause) if cause.is_transient() => Self::Soon,
            FetchError::File(_) | FetchError::Overwritten => Self::No,
        }
    }
}
