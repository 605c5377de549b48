//! Puts all data of another database in the place of what is there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::SchemaManager;

use crate::{
    Error, InstanceLock, Location, Occasion, Result, Store, TableSum,
    backup::{file_error, remove, verify_backup},
    copy::copy_all,
    files::{self, with_suffix},
    lease::PATIENCE,
    migrations,
};

/// What a restore has done.
#[derive(Debug)]
pub struct Restored {
    /// What the tables hold now.
    pub tables: Vec<TableSum>,
    /// What was there before.
    pub replaced: Replaced,
}

/// What a restore has replaced.
#[derive(Debug)]
pub enum Replaced {
    /// There was nothing.
    Nothing,
    /// A backup of it was made.
    BackedUp(PathBuf),
    /// No backup can be made of it, for this reason; the file itself is kept.
    SetAside(PathBuf, Error),
    /// A restore that was cut off had left half of a database.
    Unfinished,
}

/// A restore that has passed all checks, and has the replacement complete. Nothing has been changed yet.
pub struct Restore {
    to: Location,
    replacement: Replacement,
    tables: Vec<TableSum>,
    _alone: InstanceLock,
}

/// The file with the copy of the backup; removed when it has not been used.
struct Replacement(PathBuf);

impl Drop for Replacement {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            fs::remove_file(with_suffix(&self.0, suffix)).ok();
        }
    }
}

impl Restore {
    /// Checks the backup `from` and the database `to`, which no server may work with, and makes a copy of the backup
    /// with this program's schema: next to a SQLite file, otherwise in `backups` or in the folder for temporary files.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Damaged`], [`Error::NewerSchema`], [`Error::Unfinished`], [`Error::BadValue`],
    /// [`Error::IdsExhausted`].
    pub async fn prepare(from: &Path, to: &Location, backups: &Path) -> Result<Self> {
        let alone = InstanceLock::take(to)?;
        // Without its log a copy of a database file need not be complete; it is proved together with that.
        if !with_suffix(from, "-wal").exists() {
            verify_backup(from).await?;
        }
        let replacement = match to {
            Location::Sqlite { path } => {
                let path = files::resolve(path);
                let part = with_suffix(&path, ".restoring");
                files::create_private(&part, Some(&path)).map_err(|cause| file_error(&part, cause))?;
                Replacement(part)
            }
            Location::MySql { .. } => {
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

    /// What the tables are going to hold.
    #[must_use]
    pub fn tables(&self) -> &[TableSum] {
        &self.tables
    }

    /// Backs up what is there into the folder `backups`, and replaces it. A SQLite file is exchanged in one step. On a
    /// server the rows are: a database in which that was cut off is refused by every printlog until it is restored.
    ///
    /// # Errors
    /// When what is there cannot be backed up though it is sound, as on a full disk: then nothing has been changed.
    pub async fn finish(self, backups: &Path, now: Timestamp) -> Result<Restored> {
        let saved = self.save(backups, now).await;
        match &self.to {
            Location::Sqlite { path } => {
                let path = files::resolve(path);
                let replaced = match saved {
                    Ok(replaced) => replaced,
                    Err(cause) if cause.is_about_content() => {
                        Replaced::SetAside(set_aside(&path, &cause, now)?, cause)
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
                    Err(Error::Unfinished { .. }) => Replaced::Unfinished,
                    saved => saved?,
                };
                let path = self.replacement.0.clone();
                let tables = load(&Location::Sqlite { path }, &self.to).await?;
                Ok(Restored { tables, replaced })
            }
        }
    }

    /// Backs up what is there. A SQLite file is left without a log next to it.
    async fn save(&self, backups: &Path, now: Timestamp) -> Result<Replaced> {
        if let Location::Sqlite { path } = &self.to
            && path.metadata().is_ok_and(|file| file.len() == 0)
        {
            return Ok(Replaced::Nothing);
        }
        let store = Store::connect(&self.to, None).await?;
        let saved = async {
            store.check_complete(&self.to).await?;
            if store.needs_turns() && store.is_new().await? {
                return Ok(Replaced::Nothing);
            }
            let backup = store.back_up(backups, &Occasion::BeforeRestore, now).await?;
            Ok(Replaced::BackedUp(backup.path))
        };
        let saved = saved.await;
        let closed = match self.to {
            Location::Sqlite { .. } => store.close_into_one_file().await,
            Location::MySql { .. } => store.close().await,
        };
        let saved: Replaced = saved?;
        match closed {
            // Another program has the file open and keeps what is going to be the old one. All of it is in the backup.
            Err(cause) if cause.is_transient() => store.close().await?,
            closed => closed?,
        }
        Ok(saved)
    }
}

/// Copies everything from one database into another, which must have neither printers nor jobs nor API keys. No server
/// may work with either.
///
/// # Errors
/// [`Error::InUse`], [`Error::NotEmpty`], [`Error::CopyDiffers`], [`Error::IdsExhausted`].
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

/// What a restore into a database on a server finds only when it has begun, otherwise: a newer schema, and a server that
/// records into it.
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

/// A file for a copy of a backup, which itself may be where nothing can be written.
fn scratch_file(backups: &Path) -> Result<Replacement> {
    let name = format!("printlog-{:016x}.part", rand::random::<u64>());
    let path = backups.join(&name);
    if files::create_private(&path, None).is_ok() {
        return Ok(Replacement(path));
    }
    let path = std::env::temp_dir().join(name);
    files::create_private(&path, None).map_err(|cause| file_error(&path, cause))?;
    Ok(Replacement(path))
}

/// Fills the file `part` with the backup, brings that to this program's schema, and proves that it can be used.
async fn upgraded_copy(from: &Path, part: &Path) -> Result<Vec<TableSum>> {
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&with_suffix(part, suffix))?;
    }
    copy_contents(from, part).map_err(|cause| file_error(part, cause))?;
    // A copy of a database file may have its log next to it, with the last changes. SQLite merges it.
    let (log, part_log) = (with_suffix(from, "-wal"), with_suffix(part, "-wal"));
    if log.exists() {
        files::create_private(&part_log, Some(part))
            .and_then(|()| copy_contents(&log, &part_log))
            .map_err(|cause| file_error(&log, cause))?;
    }
    let location = Location::Sqlite {
        path: part.to_owned(),
    };
    // What is wrong is wrong with the backup.
    let as_backup = |cause| match cause {
        Error::Unfinished { .. } => Error::Unfinished {
            location: from.display().to_string(),
        },
        cause => cause,
    };
    let store = Store::open_with(&location, None).await.map_err(as_backup)?;
    let room = store.refuse_exhausted().await;
    store.close_into_one_file().await?;
    room?;
    let copy = verify_backup(part).await?;
    File::open(part)
        .and_then(|file| file.sync_all())
        .map_err(|cause| file_error(part, cause))?;
    Ok(copy.tables)
}

/// Not `fs::copy`, which copies the permissions, too: a backup may be readable by all, or not writable.
fn copy_contents(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = File::options().write(true).truncate(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut to).map(drop)
}

/// Puts the file `part` in the place of the database `path`, whose log must not be taken for that of the new one.
fn exchange(part: &Path, path: &Path) -> Result<()> {
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&with_suffix(path, suffix))?;
    }
    files::rename(part, path).map_err(|cause| file_error(path, cause))
}

/// Keeps the file `path`, which a restore is about to replace, under another name as well. Gives that name.
fn set_aside(path: &Path, cause: &Error, now: Timestamp) -> Result<PathBuf> {
    let state = if cause.is_of_damage() {
        "damaged"
    } else {
        "replaced"
    };
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    let aside = with_suffix(path, &format!(".{state}-{time}"));
    // The name must not be missing at any moment: a server that starts then would begin a new database.
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

    /// Whether no printlog has made its tables in the database.
    async fn is_new(&self) -> Result<bool> {
        self.read("read the version of the schema", |db| async move {
            let version = migrations::schema_version(&SchemaManager::new(&db)).await?;
            Ok(version.is_none())
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
