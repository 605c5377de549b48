//! Periodic maintenance of the server's own data: backups and retention.

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use store::{BackupReason, Store};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info};

use crate::{
    clock::Clock,
    config::{BackupConfig, Config, RetentionConfig},
    error_chain::ErrorChain,
    retry::Outage,
};

/// Interval between two runs.
const INTERVAL: Duration = Duration::from_secs(600);
/// Interval after a failed run.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Failures of the last run, as texts for users. Empty if all went well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Housekeeping {
    /// Why a due backup could not be made.
    pub(crate) backup: Option<String>,
    /// Why expired data could not be removed.
    pub(crate) retention: Option<String>,
}

/// Starts periodic maintenance, until `stop`: at intervals, and when the settings are reloaded. The first run waits
/// for one interval, because it must not delay the start. Returns the failures of the last run.
pub(crate) fn start(
    store: Store,
    mut settings: watch::Receiver<Config>,
    clock: Clock,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> watch::Receiver<Housekeeping> {
    let (failures, receiver) = watch::channel(Housekeeping::default());
    tasks.spawn(async move {
        let (mut backup_outage, mut retention_outage) = (Outage::default(), Outage::default());
        loop {
            let pause = match *failures.borrow() == Housekeeping::default() {
                true => INTERVAL,
                false => RETRY_INTERVAL,
            };
            let next_run = async {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    Ok(()) = settings.changed() => {}
                }
            };
            if stop.run_until_cancelled(next_run).await.is_none() {
                return;
            }
            let config = settings.borrow_and_update().clone();
            remove_leftovers(&config, clock.now());
            // A failed backup does not prevent retention.
            let work = async {
                let backup = back_up(&store, &config.backup, clock.now()).await;
                let retention = apply_retention(&store, config.retention, clock.now()).await;
                (backup, retention)
            };
            let Some((backup, retention)) = stop.run_until_cancelled(work).await else {
                return;
            };
            failures.send_replace(Housekeeping {
                backup: reason("back up the database", backup, &mut backup_outage),
                retention: reason(
                    "delete data past its retention time",
                    retention,
                    &mut retention_outage,
                ),
            });
        }
    });
    receiver
}

/// The root cause of a failure, which has no file names in it.
fn reason(what: &str, result: Result<(), store::Error>, outage: &mut Outage) -> Option<String> {
    let cause = match result {
        Ok(()) => {
            if outage.end() {
                info!("can {what} again");
            }
            return None;
        }
        Err(cause) => anyhow::Error::new(cause),
    };
    let root = cause.root_cause().to_string();
    if outage.is_new(&root) {
        error!("cannot {what}, retrying: {cause:#}");
    }
    Some(root)
}

async fn back_up(store: &Store, config: &BackupConfig, now: Timestamp) -> Result<(), store::Error> {
    let Some(every) = config.schedule else {
        return Ok(());
    };
    if !is_due(&config.folder, every, now)? {
        return Ok(());
    }
    let backup = store
        .back_up(&config.folder, &BackupReason::Requested, now)
        .await?;
    let jobs = backup.rows("print_jobs").unwrap_or(0);
    info!(
        bytes = backup.bytes,
        jobs,
        "backed up {jobs} jobs to {}",
        backup.path.display()
    );
    for path in store::prune_backups(&config.folder, config.keep.into(), &backup.path)? {
        info!("removed the backup {}", path.display());
    }
    Ok(())
}

/// Whether a backup is due. Backups from the future, as after a clock was set back, are ignored: waiting for their
/// time could take years.
fn is_due(folder: &Path, every: Duration, now: Timestamp) -> Result<bool, store::Error> {
    let newest = store::backups(folder)?
        .iter()
        .filter_map(|path| store::made_at(path))
        .filter(|time| *time <= now)
        .max();
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    Ok(newest.is_none_or(|newest| now.duration_since(newest) >= every))
}

/// Removes leftovers of unfinished work. Removal that fails is retried at the next run.
pub(crate) fn remove_leftovers(config: &Config, now: Timestamp) {
    match store::remove_leftovers(
        &config.backup.folder,
        &config.database,
        &config.secret_file(),
        now,
    ) {
        Ok(gone) => {
            for path in gone {
                info!("removed {}, a leftover of unfinished work", path.display());
            }
        }
        Err(cause) => debug!("cannot remove leftovers: {}", ErrorChain(&cause)),
    }
}

async fn apply_retention(store: &Store, config: RetentionConfig, now: Timestamp) -> Result<(), store::Error> {
    let before = |kept: Duration| now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    let events = store.forget_events(now).await?;
    if events > 0 {
        debug!("removed {events} old events of jobs");
    }
    if let Some(kept) = config.raw_metadata {
        let rows = store.forget_raw_metadata(before(kept)).await?;
        if rows > 0 {
            info!("removed the raw metadata of {rows} G-code files");
        }
    }
    if let Some(kept) = config.thumbnails {
        let rows = store.forget_thumbnails(before(kept)).await?;
        if rows > 0 {
            info!("removed {rows} images");
        }
    }
    let jobs = store
        .forget_deleted_jobs(before(config.deleted_jobs), now)
        .await?;
    if jobs > 0 {
        info!("removed {jobs} deleted jobs, which can no longer be restored");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn backups_are_made_when_the_last_is_old_enough_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let location = store::Location::Sqlite {
            path: folder.path().join("printlog.db"),
        };
        let store = Store::open(&location).await.unwrap();
        let config = BackupConfig {
            folder: folder.path().join("backups"),
            schedule: Some(Duration::from_secs(3600)),
            keep: 2,
        };
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let mut counts = Vec::new();
        for minutes in [0, 30, 60, 90, 120, 180] {
            let now = start + SignedDuration::from_mins(minutes);
            back_up(&store, &config, now).await.unwrap();
            counts.push(store::backups(&config.folder).unwrap().len());
        }
        assert_eq!(counts, [1, 1, 2, 2, 2, 2]);
        let newest = store::backups(&config.folder).unwrap().pop().unwrap();
        assert_eq!(
            store::made_at(&newest),
            Some(start + SignedDuration::from_hours(3))
        );
        // The clock was set back by a year.
        let now = start - SignedDuration::from_hours(24 * 365);
        assert!(is_due(&config.folder, Duration::from_secs(3600), now).unwrap());
        store.close().await.unwrap();
    }
}
