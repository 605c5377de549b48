//! Puts all data of another database in the place of what is there.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};

use crate::{
    Error, InstanceLock, Location, Result, Store, TableSum,
    backup::{file_error, remove, verify_backup},
    copy::copy_all,
    lease::PATIENCE,
    migrations,
};

/// Restores the backup `from` into the database `to`, which is made if it is missing. No server may work with it.
///
/// A SQLite file is exchanged in one step. On a server the rows are: a database in which that was cut off is refused
/// by every printlog until it has been restored.
///
/// # Errors
/// [`Error::InUse`], [`Error::Damaged`], [`Error::NewerSchema`], [`Error::CopyDiffers`].
pub async fn restore_backup(from: &Path, to: &Location) -> Result<Vec<TableSum>> {
    let _alone = InstanceLock::take(to)?;
    verify_backup(from).await?;
    match to {
        Location::Sqlite { path } => {
            let part = beside(path, ".restoring");
            let sums = upgraded_copy(from, &part).await?;
            exchange(&part, path).await?;
            Ok(sums)
        }
        Location::MySql { .. } => {
            let folder = from.parent().unwrap_or(Path::new("."));
            let part = folder.join(".restoring.part");
            upgraded_copy(from, &part).await?;
            let loaded = load(&Location::Sqlite { path: part.clone() }, to).await;
            remove(&part)?;
            loaded
        }
    }
}

/// Copies everything from one database into another, which must have neither printers nor jobs nor API keys. No server
/// may work with either.
///
/// # Errors
/// [`Error::InUse`], [`Error::NotEmpty`], [`Error::CopyDiffers`].
pub async fn move_database(from: &Location, to: &Location) -> Result<Vec<TableSum>> {
    let _alone = (InstanceLock::take(from)?, InstanceLock::take(to)?);
    let target = Store::connect(to, None).await?;
    let empty = async {
        target.migrate().await?;
        let is_unfinished = target.is_unfinished().await?;
        let sums = target.table_sums().await?;
        Ok(is_unfinished
            || ["printers", "print_jobs", "api_keys"]
                .iter()
                .all(|name| sums.iter().any(|sum| sum.table == *name && sum.rows == 0)))
    };
    let empty: Result<bool> = empty.await;
    target.close().await?;
    if !empty? {
        let location = to.to_string();
        return Err(Error::NotEmpty { location });
    }
    load(from, to).await
}

/// A copy of the backup, brought to this program's schema.
async fn upgraded_copy(from: &Path, part: &Path) -> Result<Vec<TableSum>> {
    for suffix in ["", "-wal", "-shm"] {
        remove(&beside(part, suffix))?;
    }
    crate::connect::create_private(part)
        .and_then(|()| fs::copy(from, part))
        .map_err(|cause| file_error(part, cause))?;
    let location = Location::Sqlite {
        path: part.to_owned(),
    };
    let store = Store::open_with(&location, None).await?;
    let sums = store.table_sums().await;
    store.close_into_one_file().await?;
    File::open(part)
        .and_then(|file| file.sync_all())
        .map_err(|cause| file_error(part, cause))?;
    sums
}

/// Puts the file `part` in the place of the database `path`, whose log must not be taken for that of the new one.
async fn exchange(part: &Path, path: &Path) -> Result<()> {
    if path.exists() {
        let location = Location::Sqlite {
            path: path.to_owned(),
        };
        let old = Store::connect(&location, None).await;
        // Merges its log. A database that cannot even be opened has nothing to be merged.
        if let Ok(old) = old {
            old.close_into_one_file().await.ok();
        }
    }
    for suffix in ["-wal", "-shm"] {
        remove(&beside(path, suffix))?;
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::rename(part, path)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|cause| file_error(path, cause))
}

async fn load(from: &Location, to: &Location) -> Result<Vec<TableSum>> {
    let source = Store::open_with(from, None).await?;
    let target = Store::connect(to, None).await?;
    let loaded = async {
        let of_source = source.take_whole().await?;
        target.migrate().await?;
        let of_target = target.take_whole().await?;
        target.mark(true).await?;
        let sums = copy_all(&source, &target).await?;
        target.mark(false).await?;
        target.end_turn(of_target).await?;
        source.end_turn(of_source).await?;
        Ok(sums)
    };
    let loaded = loaded.await;
    source.close().await?;
    target.close().await?;
    loaded
}

impl Store {
    /// Takes the turn of a database that no server records into: whoever had it last does not renew it.
    async fn take_whole(&self) -> Result<i64> {
        let seen = self.lease().await?;
        if seen.holder.is_some() && self.needs_turns() && !self.is_unfinished().await? {
            tokio::time::sleep(PATIENCE).await;
        }
        let taken = self.take_turn(&seen, "a restore").await?;
        taken.ok_or_else(|| Error::InUse {
            location: "on the server".to_owned(),
            by: format!(" ({})", seen.holder.as_deref().unwrap_or("just started")),
        })
    }

    /// Marks the database as half full, or takes the mark away.
    async fn mark(&self, unfinished: bool) -> Result<()> {
        let name = migrations::UNFINISHED;
        let sql = match unfinished {
            true => format!("REPLACE INTO schema_migrations (version, applied_at) VALUES ('{name}', 0)"),
            false => format!("DELETE FROM schema_migrations WHERE version = '{name}'"),
        };
        let sql = &sql;
        self.write("mark the database", |tx| async move {
            tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql))
                .await?;
            Ok(())
        })
        .await
    }

    async fn is_unfinished(&self) -> Result<bool> {
        self.read("see whether the database is complete", |db| async move {
            migrations::is_unfinished(&db).await
        })
        .await
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Where the damaged file `path` is kept when a restore takes its place.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let aside = beside(path, &format!(".damaged-{time}"));
    for suffix in ["-wal", "-shm"] {
        let log = beside(path, suffix);
        if log.exists() {
            fs::rename(&log, beside(&aside, suffix)).map_err(|cause| file_error(&log, cause))?;
        }
    }
    fs::rename(path, &aside).map_err(|cause| file_error(path, cause))?;
    Ok(aside)
}
