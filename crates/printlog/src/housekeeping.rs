//! Periodic maintenance of the server's own data: backups and retention.

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use store::{Occasion, Store};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info};

use crate::{
    clock::Clock,
    config::{BackupConfig, Config, RetentionConfig},
};

/// Interval between two runs.
const LOOK: Duration = Duration::from_secs(600);
/// Interval after a failed run.
const TRY_AGAIN: Duration = Duration::from_secs(60);

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
    let (tell, told) = watch::channel(Housekeeping::default());
    tasks.spawn(async move {
        loop {
            let pause = match *tell.borrow() == Housekeeping::default() {
                true => LOOK,
                false => TRY_AGAIN,
            };
            let next_look = async {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    Ok(()) = settings.changed() => {}
                }
            };
            if stop.run_until_cancelled(next_look).await.is_none() {
                return;
            }
            let config = settings.borrow_and_update().clone();
            remove_leftovers(&config, clock.now());
            // A failed backup does not prevent retention.
            let work = async {
                let backup = back_up(&store, &config.backup, clock.now()).await;
                let retention = forget(&store, config.retention, clock.now()).await;
                (backup, retention)
            };
            let Some((backup, retention)) = stop.run_until_cancelled(work).await else {
                return;
            };
            tell.send_modify(|last| {
                last.backup = reason("back the database up", backup, last.backup.as_deref());
                last.retention = reason(
                    "forget what has been kept for long enough",
                    retention,
                    last.retention.as_deref(),
                );
            });
        }
    });
    told
}

/// The cause of a failure, without file names. Logs it once per cause, not once per attempt.
fn reason(what: &str, result: Result<(), store::Error>, last: Option<&str>) -> Option<String> {
    let cause = match result {
        Ok(()) => {
            if last.is_some() {
                info!("could {what} again");
            }
            return None;
        }
        Err(cause) => anyhow::Error::new(cause),
    };
    let root = cause.root_cause().to_string();
    if last != Some(root.as_str()) {
        error!("cannot {what}, trying on: {cause:#}");
    }
    Some(root)
}

async fn back_up(store: &Store, config: &BackupConfig, now: Timestamp) -> Result<(), store::Error> {
    let Some(every) = config.every else {
        return Ok(());
    };
    if !is_due(&config.folder, every, now)? {
        return Ok(());
    }
    let backup = store.back_up(&config.folder, &Occasion::Wanted, now).await?;
    let jobs = backup.rows("print_jobs").unwrap_or(0);
    info!(
        bytes = backup.bytes,
        jobs,
        "backed {jobs} jobs up into {}",
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
                info!("removed {}, which unfinished work has left", path.display());
            }
        }
        Err(cause) => debug!("cannot remove leftovers: {:#}", anyhow::Error::new(cause)),
    }
}

async fn forget(store: &Store, config: RetentionConfig, now: Timestamp) -> Result<(), store::Error> {
    let before = |kept: Duration| now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    if let Some(kept) = config.raw_metadata {
        let rows = store.forget_raw_metadata(before(kept)).await?;
        if rows > 0 {
            info!("removed the raw metadata of {rows} gcode files");
        }
    }
    if let Some(kept) = config.thumbnails {
        let rows = store.forget_thumbnails(before(kept)).await?;
        if rows > 0 {
            info!("removed {rows} images");
        }
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
            every: Some(Duration::from_secs(3600)),
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
