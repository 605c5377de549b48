//! Backups. Each backup is a SQLite database with the schema of its source, whatever engine the source runs on. Any
//! SQLite can open it. Restoring a backup and moving between engines use the same copy.

use std::{
    error::Error as _,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sea_orm::{ConnectionTrait, Statement};

use crate::{
    Error, Result, Store,
    db::{dialect::Engine, error::Fault, file_system, location::Location, transaction::LONG},
    migrations,
    ops::copy::{TableSum, copy_all},
};

/// Age of the last write after which an unfinished file counts as abandoned.
const ABANDONED: SignedDuration = SignedDuration::from_hours(1);

/// A backup that was reopened and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Path of the file.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Name of the newest migration in the backup.
    pub schema_version: String,
    /// Row counts and checksums of its tables.
    pub tables: Vec<TableSum>,
}

impl Backup {
    /// Number of rows of a table. `None` if the backup has no table of that name.
    #[must_use]
    pub fn rows(&self, table: &str) -> Option<u64> {
        let sum = self.tables.iter().find(|sum| sum.table == table)?;
        Some(sum.rows)
    }
}

/// Why a backup was made. Part of its file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupReason {
    /// Requested by a user or by the schedule. When there are more of these than are kept, the oldest are removed.
    Requested,
    /// Made before a newer printlog changes the schema.
    BeforeUpgrade,
    /// Made before a restore replaces the data.
    BeforeRestore,
}

impl BackupReason {
    fn suffix(&self) -> &'static str {
        match self {
            Self::Requested => "",
            Self::BeforeUpgrade => "-before-upgrade",
            Self::BeforeRestore => "-before-restore",
        }
    }
}

impl Store {
    /// Backs up the database into `folder` while others keep reading and writing. The file appears once it is complete
    /// and verified.
    ///
    /// # Errors
    /// [`Error::BackupFile`] if the file cannot be written, [`Error::Damaged`] if verification fails.
    pub async fn back_up(&self, folder: &Path, reason: &BackupReason, now: Timestamp) -> Result<Backup> {
        file_system::create_folder(folder).map_err(|cause| file_error(folder, cause))?;
        let path = free_name(folder, reason, now);
        let part = path.with_extension("part");
        // A leftover of an interrupted attempt in the same second.
        remove(&part)?;
        let made = async {
            self.write_backup(&part).await?;
            let backup = verify_backup(&part).await?;
            // On the disk before it has its name: a power failure must not leave a short file that looks
            // complete.
            File::open(&part)
                .and_then(|file| file.sync_all())
                .and_then(|()| file_system::rename(&part, &path))
                .map_err(|cause| file_error(&path, cause))?;
            Ok(Backup {
                path: path.clone(),
                ..backup
            })
        };
        let made = made.await;
        if made.is_err() {
            // Also if only syncing the folder failed. Otherwise each attempt would leave a file.
            remove(&part)?;
            remove(&path)?;
        }
        made
    }

    /// Finds the backup of an earlier failed upgrade if the database has not changed since, so that the next attempt
    /// does not make another one.
    pub(crate) async fn backup_of_failed_upgrade(&self, folder: &Path) -> Result<Option<Backup>> {
        let suffix = format!("{}.db", BackupReason::BeforeUpgrade.suffix());
        let is_such = |path: &PathBuf| {
            name_of(path).is_some_and(|name| name.starts_with("printlog-") && name.ends_with(&suffix))
        };
        let Some(newest) = paths_in(folder)?.into_iter().filter(is_such).max() else {
            return Ok(None);
        };
        // An unreadable file is not relied on, and is not in the way.
        let Ok(backup) = verify_backup(&newest).await else {
            return Ok(None);
        };
        let is_same = backup.tables == self.table_sums().await?;
        Ok(is_same.then_some(backup))
    }

    async fn write_backup(&self, part: &Path) -> Result<()> {
        match self.engine {
            Engine::Sqlite => {
                // Created before SQLite writes to it, with private permissions: the file contains API keys of printers.
                file_system::create_private(part, None).map_err(|cause| file_error(part, cause))?;
                self.read_within(LONG, "back up the database", |db| async move {
                    let backend = db.get_database_backend();
                    let path = part.display().to_string();
                    // Unlike a copy of the file, this is consistent while others write, and contains the log.
                    let vacuum = Statement::from_sql_and_values(backend, "VACUUM INTO ?", [path.into()]);
                    db.execute_raw(vacuum).await?;
                    Ok(())
                })
                .await
            }
            Engine::MySql | Engine::MariaDb => {
                let versions = self
                    .read("read the version of the schema", |db| async move {
                        migrations::history(&db).await
                    })
                    .await?;
                let location = Location::Sqlite {
                    path: part.to_owned(),
                };
                let target = Self::connect(&location, None).await?;
                let copied = async {
                    // The schema of the source, not ours: a backup before an upgrade has the old one.
                    target.create_schema(&versions).await?;
                    copy_all(self, &target).await
                };
                let copied = copied.await;
                // Also after an error, so that no log is left.
                let closed = target.close_into_one_file().await;
                copied?;
                closed
            }
        }
    }
}

/// Verifies a backup: opens it, checks it for damage and counts its rows. Changes nothing.
///
/// # Errors
/// [`Error::Damaged`], or [`Error::Open`] if the file is not a SQLite database.
pub async fn verify_backup(path: &Path) -> Result<Backup> {
    let bytes = fs::metadata(path).map_err(|cause| file_error(path, cause))?.len();
    let store = Store::open_unchanged(path).await?;
    let backup = async {
        store.find_damage(path).await?;
        let tables = store.table_sums().await?;
        let history = store
            .read("read the version of the schema", |db| async move {
                migrations::history(&db).await
            })
            .await?;
        let damaged = |found: &str| Error::Damaged {
            path: path.display().to_string(),
            found: found.to_owned(),
        };
        let schema_version = history
            .into_iter()
            .map(|(version, _)| version)
            .max()
            .ok_or_else(|| damaged("it is not a database of printlog"))?;
        // Shows jobs that are missing although the file is sound.
        if !store.check_totals().await?.is_empty() {
            return Err(damaged(
                "the totals of a printer differ from the sums over its jobs",
            ));
        }
        Ok(Backup {
            path: path.to_owned(),
            bytes,
            schema_version,
            tables,
        })
    };
    let backup = backup.await;
    store.close().await?;
    backup
}

impl Store {
    /// Runs SQLite's own integrity checks, which read the whole file.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first finding, or the error that reading the file returned.
    pub async fn find_damage(&self, path: &Path) -> Result<()> {
        let found = self
            .read_within(LONG, "check the database for damage", |db| async move {
                let backend = db.get_database_backend();
                let statement = Statement::from_string(backend, "PRAGMA integrity_check(1)");
                let row = db.query_one_raw(statement).await?;
                let found: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?;
                let statement = Statement::from_string(backend, "PRAGMA foreign_key_check");
                let own = migrations::own_tables().await?;
                let mut orphans = 0;
                for row in db.query_all_raw(statement).await? {
                    // Other programs, such as Litestream, keep tables of their own in the file.
                    orphans += usize::from(own.contains(&row.try_get_by_index::<String>(0)?));
                }
                Ok::<_, Fault>(match (found.as_deref(), orphans) {
                    (Some("ok"), 0) => None,
                    (Some("ok"), orphans) => Some(format!("{orphans} rows refer to rows that are missing")),
                    (found, _) => Some(found.unwrap_or("no answer").to_owned()),
                })
            })
            .await;
        let found = match found {
            // Too damaged to be checked.
            Err(error) if error.is_of_damage() => error.source().map(ToString::to_string),
            found => found?,
        };
        match found {
            None => Ok(()),
            Some(found) => Err(Error::Damaged {
                path: path.display().to_string(),
                found,
            }),
        }
    }
}

/// Requested backups in a folder, oldest first. A missing folder counts as empty.
///
/// # Errors
/// If the folder cannot be read.
pub fn backups(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = paths_in(folder)?;
    found.retain(|path| made_at(path).is_some());
    found.sort();
    Ok(found)
}

/// Paths in a folder. A missing folder counts as empty.
fn paths_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|cause| file_error(folder, file_system::explained(folder, cause)))?,
    };
    entries
        .map(|entry| Ok(entry.map_err(|cause| file_error(folder, cause))?.path()))
        .collect()
}

/// Time at which a requested backup was made, from its file name. `None` for any other file.
#[must_use]
pub fn made_at(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?;
    let time = name.strip_prefix("printlog-")?.strip_suffix(".db")?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Removes requested backups until `keep` are left and returns the removed ones. `made` is the newest backup. Backups
/// with a later date in their names go first (the clock was set back), then the oldest.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn prune_backups(folder: &Path, keep: usize, made: &Path) -> Result<Vec<PathBuf>> {
    let now = made_at(made);
    let mut old = backups(folder)?;
    old.retain(|path| path != made);
    // Stable: within both groups the oldest stay first.
    old.sort_by_key(|path| made_at(path) <= now);
    old.truncate((old.len() + 1).saturating_sub(keep.max(1)));
    for path in &old {
        remove(path)?;
    }
    Ok(old)
}

/// Removes the temporary files of interrupted backups, restores and other work, and returns the removed ones. Only
/// files with printlog's names for such work that have not been written to for an hour are removed.
///
/// # Errors
/// If a folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(
    backups: &Path,
    database: &Location,
    secret_file: &Path,
    now: Timestamp,
) -> Result<Vec<PathBuf>> {
    let is_part =
        |name: &str| name.starts_with("printlog-") && (name.ends_with(".part") || name.contains(".part-"));
    let mut gone = remove_old(backups, is_part, now)?;
    if let Location::Sqlite { path } = database {
        let path = file_system::resolve(path);
        let is_ours = |name: &str| {
            let rest = name_of(&path).and_then(|own| name.strip_prefix(own));
            rest.is_some_and(|rest| {
                [
                    ".restoring",
                    ".restoring-wal",
                    ".restoring-shm",
                    ".restoring-journal",
                ]
                .contains(&rest)
                    || rest.starts_with(".trial-")
            })
        };
        gone.extend(remove_old(file_system::folder_of(&path), is_ours, now)?);
    }
    let is_secret = |name: &str| {
        let rest = name_of(secret_file).and_then(|own| name.strip_prefix(own)?.strip_prefix('.'));
        rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    gone.extend(remove_old(file_system::folder_of(secret_file), is_secret, now)?);
    Ok(gone)
}

fn remove_old(folder: &Path, is_ours: impl Fn(&str) -> bool, now: Timestamp) -> Result<Vec<PathBuf>> {
    let mut found = paths_in(folder)?;
    found.retain(|path| {
        let written = path
            .symlink_metadata()
            .and_then(|metadata| match metadata.is_file() {
                // A folder or a link with such a name is not ours.
                true => metadata.modified(),
                false => Err(io::ErrorKind::InvalidInput.into()),
            });
        let written = written.ok().and_then(|time| Timestamp::try_from(time).ok());
        name_of(path).is_some_and(&is_ours)
            && written.is_some_and(|written| now.duration_since(written) > ABANDONED)
    });
    for path in &found {
        remove(path)?;
    }
    Ok(found)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn free_name(folder: &Path, reason: &BackupReason, now: Timestamp) -> PathBuf {
    let name = |now: Timestamp| {
        let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
        folder.join(format!("printlog-{time}{}.db", reason.suffix()))
    };
    let mut time = now;
    // Names have seconds; an earlier backup is never replaced.
    while name(time).exists() {
        time += SignedDuration::from_secs(1);
    }
    name(time)
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(file_error(path, cause)),
        _ => Ok(()),
    }
}

pub(crate) fn file_error(path: &Path, source: io::Error) -> Error {
    Error::BackupFile {
        path: path.display().to_string(),
        source,
    }
}
