//! The recording lease: waits until this server holds it, and renews it while the server runs.

use std::{process, time::Duration};

use store::{LEASE_TIMEOUT, Lease, Store};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{error_chain::ErrorChain, retry::Outage};

/// How often the lease is renewed, and checked by waiting servers.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The lease of this server.
#[derive(Debug)]
pub(crate) struct RecordingLease {
    /// The database, which accepts writes while the lease lasts.
    pub(crate) store: Store,
    /// Number of the lease. `None` if the database cannot be shared.
    epoch: Option<i64>,
}

impl RecordingLease {
    /// Waits for the lease; calls `waiting` while another server holds it. `None` if `alive` ended first.
    pub(crate) async fn wait(
        store: &Store,
        alive: &CancellationToken,
        waiting: impl Fn(),
    ) -> Result<Option<Self>, store::Error> {
        if !store.needs_lease() {
            return Ok(Some(Self {
                store: store.clone(),
                epoch: None,
            }));
        }
        let mut waiter = Waiter {
            store,
            holder: name(),
            seen: None,
        };
        let mut outage = Outage::default();
        loop {
            match waiter.try_acquire().await {
                Ok(Some(epoch)) => {
                    info!(epoch, "this server holds the recording lease");
                    return Ok(Some(Self {
                        store: store.with_lease(epoch),
                        epoch: Some(epoch),
                    }));
                }
                Ok(None) => {
                    outage.end();
                    waiting();
                }
                Err(cause) if cause.is_transient() => {
                    let reason = ErrorChain(&cause).to_string();
                    if outage.is_new(&reason) {
                        warn!("cannot read the recording lease, retrying: {reason}");
                    }
                }
                Err(cause) => return Err(cause),
            }
            if alive
                .run_until_cancelled(tokio::time::sleep(HEARTBEAT))
                .await
                .is_none()
            {
                return Ok(None);
            }
        }
    }

    /// Renews the lease until `alive` ends. Cancels `alive` if the lease is lost, because another server records
    /// then. An unreachable database does not cost the lease: no other server can acquire it there either.
    pub(crate) fn keep(&self, tasks: &TaskTracker, alive: CancellationToken) {
        let Some(epoch) = self.epoch else { return };
        let store = self.store.clone();
        tasks.spawn(async move {
            let mut outage = Outage::default();
            while alive
                .run_until_cancelled(tokio::time::sleep(HEARTBEAT))
                .await
                .is_some()
            {
                match store.renew_lease(epoch).await {
                    Ok(true) => drop(outage.end()),
                    Ok(false) | Err(store::Error::LostLease) => {
                        error!("another printlog has acquired the recording lease of this database; shutting down");
                        alive.cancel();
                    }
                    Err(cause) => {
                        let reason = ErrorChain(&cause).to_string();
                        if outage.is_new(&reason) {
                            warn!("cannot renew the recording lease, retrying: {reason}");
                        }
                    }
                }
            }
        });
    }

    /// Releases the lease, so that the next server can record at once. Call it after everything has been written.
    pub(crate) async fn end(&self) {
        let Some(epoch) = self.epoch else { return };
        let ended = tokio::time::timeout(HEARTBEAT, self.store.release_lease(epoch)).await;
        if !matches!(ended, Ok(Ok(()))) {
            info!(
                "could not release the recording lease; the next server waits {LEASE_TIMEOUT:?} for it to expire"
            );
        }
    }
}

struct Waiter<'a> {
    store: &'a Store,
    holder: String,
    /// The lease as last read, and since when it has been unchanged.
    seen: Option<(Lease, Instant)>,
}

impl Waiter<'_> {
    /// Acquires the lease if it is free. Returns its number.
    async fn try_acquire(&mut self) -> Result<Option<i64>, store::Error> {
        let lease = self.store.lease().await?;
        let since = match &self.seen {
            Some((before, since)) if *before == lease => *since,
            _ => Instant::now(),
        };
        let is_free = lease.holder.is_none() || since.elapsed() >= LEASE_TIMEOUT;
        if is_free && let Some(epoch) = self.store.acquire_lease(&lease, &self.holder).await? {
            return Ok(Some(epoch));
        }
        if self.seen.is_none() {
            let other = lease.holder.as_deref().unwrap_or("another printlog");
            info!("{other} holds the recording lease of this database; waiting for it");
        }
        self.seen = Some((lease, since));
        Ok(None)
    }
}

/// A name that is unique to this process and meaningful in a log.
fn name() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host}:{}:{:08x}", process::id(), rand::random::<u32>())
}
