//! Replaces all data of a database with that of another.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::SchemaManager;

use crate::{
    Error, Result, Store,
    db::{
        file_system::{self, with_suffix},
        lease::LEASE_TIMEOUT,
        location::Location,
    },
    migrations,
    ops::{
        backup::{BackupReason, file_error, remove, verify_backup},
        copy::{TableSum, copy_all},
        instance_lock::InstanceLock,
    },
};

/// Result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// Row counts and checksums of the tables after the restore.
    pub tables: Vec<TableSum>,
    /// The replaced data.
    pub replaced: Replaced,
}

/// The data that a restore replaced.
#[derive(Debug)]
pub enum Replaced {
    /// There was no data.
    Nothing,
    /// It was backed up to this file.
    BackedUp(PathBuf),
    /// It could not be backed up, for this reason. The file itself was kept under this name.
    SetAside(PathBuf, Error),
    /// It was incomplete, left by an interrupted restore.
    Unfinished,
}

/// A restore that has passed all checks and whose replacement is complete. Nothing has been changed yet.
pub struct Restore {
    to: Location,
    replacement: Replacement,
    tables: Vec<TableSum>,
    _alone: InstanceLock,
}

/// The file with the copy of the backup. Removed on drop if it was not used.
struct Replacement(PathBuf);

impl Drop for Replacement {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            fs::remove_file(with_suffix(&self.0, suffix)).ok();
        }
    }
}

impl Restore {
    /// Checks the backup `from` and the database `to`, which no server may be using, and copies the backup with this
    /// program's schema: next to a SQLite file, otherwise into `backups` or the folder for temporary files.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Damaged`], [`Error::NewerSchema`], [`Error::Unfinished`], [`Error::BadValue`],
    /// [`Error::IdsExhausted`].
    pub async fn prepare(from: &Path, to: &Location, backups: &Path) -> Result<Self> {
        // Held until the end: a server that started meanwhile would write into the data that is replaced.
        let alone = InstanceLock::take(to)?;
        // A copy of a database file may be incomplete without its log. If there is one, both are verified together
        // later.
        if !with_suffix(from, "-wal").exists() {
            verify_backup(from).await?;
        }
        let replacement = match to {
            Location::Sqlite { path } => {
                let path = file_system::resolve(path);
                let part = with_suffix(&path, ".restoring");
                file_system::create_private(&part, Some(&path)).map_err(|cause| file_error(&part, cause))?;
                Replacement(part)
            }
            Location::MySql { .. } => {
                // Before the copy, which may take minutes.
                check_server(to).await?;
                scratch_file(backups)?
            }
        };
        let tables = upgraded_copy(from, &replacement.0).await?;
        Ok(Self {
            to: to.clone(),
            replacement,
            tables,
            _alone: alone,
        })
    }

    /// Row counts and checksums of the tables after the restore.
    #[must_use]
    pub fn tables(&self) -> &[TableSum] {
        &self.tables
    }

    /// Backs up the current data into the folder `backups` and replaces it. A SQLite file is replaced in one step. On a
    /// server, the rows are replaced: if that is interrupted, every printlog refuses the database until a restore
    /// completes.
    ///
    /// # Errors
    /// If the current data is undamaged but cannot be backed up, for example because the disk is full. Then nothing was
    /// changed.
    pub async fn finish(self, backups: &Path, now: Timestamp) -> Result<Restored> {
        // Nothing has been changed up to here, and nothing is before the current data is safe.
        let saved = self.save(backups, now).await;
        match &self.to {
            Location::Sqlite { path } => {
                let path = file_system::resolve(path);
                let replaced = match saved {
                    Ok(replaced) => replaced,
                    // Only real damage. A full disk says nothing about the file, which may be the only copy
                    // of the data.
                    Err(cause) if cause.is_about_content() => {
                        Replaced::SetAside(keep_replaced(&path, &cause, now)?, cause)
                    }
                    Err(cause) => return Err(cause),
                };
                exchange(&self.replacement.0, &path)?;
                Ok(Restored {
                    tables: self.tables,
                    replaced,
                })
            }
            Location::MySql { .. } => {
                let replaced = match saved {
                    // What an interrupted restore left is no data to keep.
                    Err(Error::Unfinished { .. }) => Replaced::Unfinished,
                    saved => saved?,
                };
                let path = self.replacement.0.clone();
                let tables = load(&Location::Sqlite { path }, &self.to).await?;
                Ok(Restored { tables, replaced })
            }
        }
    }

    /// Backs up the current data. Leaves no log next to a SQLite file.
    async fn save(&self, backups: &Path, now: Timestamp) -> Result<Replaced> {
        if let Location::Sqlite { path } = &self.to
            && path.metadata().is_ok_and(|file| file.len() == 0)
        {
            return Ok(Replaced::Nothing);
        }
        let store = Store::connect(&self.to, None).await?;
        let saved = async {
            store.check_complete(&self.to).await?;
            if store.needs_lease() && store.is_new().await? {
                return Ok(Replaced::Nothing);
            }
            let backup = store.back_up(backups, &BackupReason::BeforeRestore, now).await?;
            Ok(Replaced::BackedUp(backup.path))
        };
        let saved = saved.await;
        let closed = match self.to {
            Location::Sqlite { .. } => store.close_into_one_file().await,
            Location::MySql { .. } => store.close().await,
        };
        let saved: Replaced = saved?;
        match closed {
            // Another program has the old file open. The backup contains all of its data.
            Err(cause) if cause.is_transient() => store.close().await?,
            closed => closed?,
        }
        Ok(saved)
    }
}

/// Copies all data from one database into another, which must have no printers, jobs or API keys. No server may be
/// using either.
///
/// # Errors
/// [`Error::InUse`], [`Error::NotEmpty`], [`Error::CopyDiffers`], [`Error::IdsExhausted`].
pub async fn move_database(from: &Location, to: &Location) -> Result<Vec<TableSum>> {
    // The source as well: what a server records during the copy would be lost.
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

/// Finds a newer schema or a recording server before the restore into a database on a server begins.
async fn check_server(to: &Location) -> Result<()> {
    let store = Store::connect(to, None).await?;
    let checked = async {
        match !store.is_new().await? && store.is_served().await? {
            true => Err(Error::InUse {
                location: to.to_string(),
                by: String::new(),
            }),
            false => Ok(()),
        }
    };
    let checked = checked.await;
    store.close().await?;
    checked
}

/// A file for the copy of a backup, because the backup's own folder may be read-only.
fn scratch_file(backups: &Path) -> Result<Replacement> {
    let name = format!("printlog-{:016x}.part", rand::random::<u64>());
    let path = backups.join(&name);
    if file_system::create_private(&path, None).is_ok() {
        return Ok(Replacement(path));
    }
    let path = std::env::temp_dir().join(name);
    file_system::create_private(&path, None).map_err(|cause| file_error(&path, cause))?;
    Ok(Replacement(path))
}

/// Copies the backup into the file `part`, migrates it to this program's schema and verifies it.
async fn upgraded_copy(from: &Path, part: &Path) -> Result<Vec<TableSum>> {
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&with_suffix(part, suffix))?;
    }
    copy_contents(from, part).map_err(|cause| file_error(part, cause))?;
    // A copied database file may have a log next to it with the last changes. SQLite merges it.
    let (log, part_log) = (with_suffix(from, "-wal"), with_suffix(part, "-wal"));
    if log.exists() {
        file_system::create_private(&part_log, Some(part))
            .and_then(|()| copy_contents(&log, &part_log))
            .map_err(|cause| file_error(&log, cause))?;
    }
    let location = Location::Sqlite {
        path: part.to_owned(),
    };
    // Errors refer to the backup, not to the copy.
    let as_backup = |cause| match cause {
        Error::Unfinished { .. } => Error::Unfinished {
            location: from.display().to_string(),
        },
        cause => cause,
    };
    let store = Store::open_with(&location, None).await.map_err(as_backup)?;
    // A backup with the largest id restores into a database that accepts no new row.
    let room = store.refuse_exhausted().await;
    store.close_into_one_file().await?;
    room?;
    let copy = verify_backup(part).await?;
    File::open(part)
        // Before it takes the place of the database.
        .and_then(|file| file.sync_all())
        .map_err(|cause| file_error(part, cause))?;
    Ok(copy.tables)
}

/// Copies the content only. `fs::copy` would copy the permissions, too: a backup may be readable by all, or read-only.
fn copy_contents(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = File::options().write(true).truncate(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut to).map(drop)
}

/// Replaces the database `path` with the file `part`. Removes the old log, which must not be applied to the new file.
fn exchange(part: &Path, path: &Path) -> Result<()> {
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&with_suffix(path, suffix))?;
    }
    file_system::rename(part, path).map_err(|cause| file_error(path, cause))
}

/// Keeps the file `path`, which a restore will replace, under a second name, and returns that name.
fn keep_replaced(path: &Path, cause: &Error, now: Timestamp) -> Result<PathBuf> {
    let state = if cause.is_of_damage() {
        "damaged"
    } else {
        "replaced"
    };
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    let aside = with_suffix(path, &format!(".{state}-{time}"));
    // The original name must exist at every moment: a server that starts without it would create a new database.
    let kept = fs::hard_link(path, &aside).or_else(|_| fs::copy(path, &aside).map(drop));
    if let Err(cause) = kept {
        remove(&aside)?;
        return Err(file_error(&aside, cause));
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        let log = with_suffix(path, suffix);
        if log.exists() {
            fs::rename(&log, with_suffix(&aside, suffix)).map_err(|cause| file_error(&log, cause))?;
        }
    }
    Ok(aside)
}

async fn load(from: &Location, to: &Location) -> Result<Vec<TableSum>> {
    let source = Store::open_with(from, None).await?;
    let target = Store::connect(to, None).await?;
    let loaded = async {
        source.refuse_exhausted().await?;
        let of_source = source.acquire_unused().await?;
        target.migrate().await?;
        let of_target = target.acquire_unused().await?;
        // In a transaction of its own, before the first row: the mark must survive whatever interrupts the
        // copy.
        target.mark(true).await?;
        let sums = copy_all(&source, &target).await?;
        target.mark(false).await?;
        target.release_lease(of_target).await?;
        source.release_lease(of_source).await?;
        Ok(sums)
    };
    let loaded = loaded.await;
    source.close().await?;
    target.close().await?;
    loaded
}

impl Store {
    /// Acquires the lease of a database. Fails if a server renews it.
    async fn acquire_unused(&self) -> Result<i64> {
        let seen = self.lease().await?;
        if seen.holder.is_some() && self.needs_lease() && !self.is_unfinished().await? {
            // A server that lives renews the lease in this time, and `acquire_lease` then fails.
            tokio::time::sleep(LEASE_TIMEOUT).await;
        }
        let taken = self.acquire_lease(&seen, "a restore").await?;
        taken.ok_or_else(|| Error::InUse {
            location: "on the server".to_owned(),
            by: format!(" ({})", seen.holder.as_deref().unwrap_or("just started")),
        })
    }

    /// Marks the database as incomplete, or removes the mark.
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

    /// Whether the database has no tables of printlog.
    async fn is_new(&self) -> Result<bool> {
        self.read("read the version of the schema", |db| async move {
            let version = migrations::schema_version(&SchemaManager::new(&db)).await?;
            Ok(version.is_none())
        })
        .await
    }

    async fn is_unfinished(&self) -> Result<bool> {
        self.read("check whether a restore is unfinished", |db| async move {
            migrations::is_unfinished(&db).await
        })
        .await
    }
}
