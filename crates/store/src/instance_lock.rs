//! One server a database file: a lock on a file beside it, which ends with the process, however that ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process,
};

use crate::{Error, Location, Result, connect};

/// The right to serve a database file, held until it is dropped.
#[derive(Debug)]
pub struct InstanceLock {
    /// `None` where the database is on a server: there a lease takes its place.
    _file: Option<File>,
}

impl InstanceLock {
    /// Takes the lock. It lies in `<database>.lock`, which stays: the lock is not the file but the hold of it.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it, [`Error::Open`] if the file cannot be made.
    pub fn take(location: &Location) -> Result<Self> {
        let Location::Sqlite { path } = location else {
            return Ok(Self { _file: None });
        };
        let path = lock_path(path);
        let open_error = |source: std::io::Error| Error::Open {
            location: path.display().to_string(),
            transient: false,
            source: source.into(),
        };
        connect::create_private(&path).map_err(open_error)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(open_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is only makes the message better.
                file.read_to_string(&mut holder).ok();
                let by = match holder.trim().parse::<u32>() {
                    Ok(process) => format!(" (process {process})"),
                    Err(_) => String::new(),
                };
                let location = location.to_string();
                return Err(Error::InUse { location, by });
            }
            Err(TryLockError::Error(cause)) => return Err(open_error(cause)),
        }
        // A full disk must not keep the server from starting: the lock holds without the number, too.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", process::id()));
        written.ok();
        Ok(Self { _file: Some(file) })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}
