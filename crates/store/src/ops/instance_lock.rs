//! Ensures one server per database file: a lock on a file next to it, which the kernel releases when the process ends.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read as _, Seek as _, Write as _},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::MetadataExt as _,
            net::{SocketAddr, UnixListener},
        },
    },
    path::Path,
    process,
};

use crate::{
    Error, Result,
    db::{file_system, location::Location},
};

/// The exclusive right to serve a database file, held until it is dropped.
#[derive(Debug)]
pub struct InstanceLock {
    /// `None` for a database on a server, which uses a lease instead.
    _file: Option<File>,
    /// Detects other names of the same file, such as hard links. Visible to the processes of one network namespace.
    _socket: Option<UnixListener>,
}

impl InstanceLock {
    /// Takes the lock on `<database>.lock`, next to the file that a symbolic link leads to. The lock file is never
    /// removed: only the lock on it counts.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process holds the lock, [`Error::Open`] if the file cannot be created.
    pub fn take(location: &Location) -> Result<Self> {
        let Location::Sqlite { path } = location else {
            return Ok(Self {
                _file: None,
                _socket: None,
            });
        };
        let database = file_system::resolve(path);
        let path = file_system::with_suffix(&database, ".lock");
        let open_error = |source: io::Error| Error::Open {
            location: path.display().to_string(),
            transient: false,
            source: source.into(),
        };
        let in_use = |by| Error::InUse {
            location: location.to_string(),
            by,
        };
        file_system::check_access(&database)
            .and_then(|()| file_system::create_private(&database, None))
            .and_then(|()| file_system::create_private(&path, Some(&database)))
            .map_err(open_error)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(open_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder's number is only needed for the error message.
                file.read_to_string(&mut holder).ok();
                return Err(in_use(match holder.trim().parse::<u32>() {
                    Ok(process) => format!(" (process {process})"),
                    Err(_) => String::new(),
                }));
            }
            Err(TryLockError::Error(cause)) => return Err(open_error(cause)),
        }
        // Two names of one file have two lock files.
        let socket = match lock_inode(&database) {
            Err(cause) if cause.kind() == ErrorKind::AddrInUse => {
                return Err(in_use(" (under another name of the file)".to_owned()));
            }
            // Platforms without abstract sockets only have the lock on the file.
            socket => socket.ok(),
        };
        // A full disk must not prevent the server from starting: the lock works without the number, too.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", process::id()));
        written.ok();
        Ok(Self {
            _file: Some(file),
            _socket: socket,
        })
    }
}

/// Refuses to open a file that a server uses under another name: the two would have two write-ahead logs, which damages
/// the database.
///
/// # Errors
/// [`Error::InUse`].
pub(crate) fn check_name(location: &Location) -> Result<()> {
    let Location::Sqlite { path } = location else {
        return Ok(());
    };
    let database = file_system::resolve(path);
    if !is_served(&database) {
        return Ok(());
    }
    let lock = File::open(file_system::with_suffix(&database, ".lock")).and_then(|file| {
        match file.try_lock_shared() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(cause)) => Err(cause),
        }
    });
    match lock {
        // The server holds the lock under this name, so a command may open the file.
        Ok(false) => Ok(()),
        // There is no lock under this name.
        Ok(true) | Err(_) => Err(Error::InUse {
            location: location.to_string(),
            by: " (under another name of the file; use the name from its configuration)".to_owned(),
        }),
    }
}

/// Whether a server has bound the socket of the file. Reads the list of sockets: binding it for a moment would refuse a
/// server that starts at this moment.
fn is_served(database: &Path) -> bool {
    let Ok(name) = socket_name(database) else {
        return false;
    };
    let name = format!(" @{name}");
    // Where the list is missing, commands have no protection, as on a network share.
    let sockets = fs::read("/proc/net/unix").unwrap_or_default();
    sockets
        .split(|byte| *byte == b'\n')
        .any(|line| line.ends_with(name.as_bytes()))
}

/// Binds the abstract socket named after the file's inode. A lock on the database file would be simpler, but on network
/// shares it blocks SQLite, and closing the file releases SQLite's locks.
fn lock_inode(database: &Path) -> io::Result<UnixListener> {
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(socket_name(database)?)?)
}

fn socket_name(database: &Path) -> io::Result<String> {
    let file = database.metadata()?;
    Ok(format!("printlog {} {}", file.dev(), file.ino()))
}
