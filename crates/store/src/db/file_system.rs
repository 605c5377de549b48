//! Files and folders on real file systems: network shares that cannot sync a folder, symbolic links, and files that
//! belong to another user than the one who runs a command.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown, fchown},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, access},
    io::Errno,
    process::{getegid, geteuid},
};
use tracing::warn;

/// Errors of file systems that cannot sync a folder: EINVAL from CIFS, the others from FUSE and similar ones. Their
/// servers write directory entries themselves.
const NO_FOLDER_SYNC: [Errno; 8] = [
    Errno::INVAL,
    Errno::NOTSUP,
    Errno::NOSYS,
    Errno::NOTTY,
    Errno::BADF,
    Errno::PERM,
    Errno::ACCESS,
    Errno::ISDIR,
];

/// Maximum number of symbolic links that are followed to a file, as in Linux.
const MAX_LINKS: usize = 40;

/// Syncs the entries of a folder to disk, if the file system supports that.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let synced = File::open(or_current(folder)).and_then(|folder| folder.sync_all());
    match synced {
        Err(cause) if Errno::from_io_error(&cause).is_some_and(|errno| NO_FOLDER_SYNC.contains(&errno)) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Renames a complete file to its final name. The new name survives a power failure.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    // In one step: at every moment the name leads to a complete file.
    fs::rename(from, to)?;
    sync_folder(folder_of(to))
}

/// Creates a missing file and its folder. Only the owner may read the file.
///
/// If run as root, the file gets the owner of the folder, or of `like` if that exists: a command run as root must not
/// leave files that the server cannot open.
pub(crate) fn create_private(path: &Path, like: Option<&Path>) -> io::Result<()> {
    create(path, like, OpenOptions::new().write(true).mode(0o600)).map(drop)
}

/// Opens a file for appending and creates it if it is missing. If run as root, a new file gets the owner of its folder.
///
/// # Errors
/// The error of the file system. A refusal names the user, the missing right and a command that grants it.
pub fn append(path: &Path) -> io::Result<File> {
    match create(path, None, OpenOptions::new().append(true))? {
        Some(file) => Ok(file),
        None => {
            let file = OpenOptions::new().append(true).open(path);
            file.map_err(|cause| explained(path, cause))
        }
    }
}

/// Creates a file. `None` if it exists: it is not even opened, because closing it would release SQLite's locks on it.
fn create(path: &Path, like: Option<&Path>, options: &mut OpenOptions) -> io::Result<Option<File>> {
    create_folder(folder_of(path))?;
    // Not a check and then a creation, between which another process could create it.
    match options.create_new(true).open(path) {
        Ok(file) => {
            let owner = like
                .and_then(|like| like.metadata().ok())
                .map_or_else(|| folder_of(path).metadata(), Ok)?;
            give(path, &owner, |user, group| fchown(&file, user, group))?;
            Ok(Some(file))
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(cause) => Err(explained(path, cause)),
    }
}

/// Creates a missing folder and its parents. If run as root, each gets the owner of its parent folder.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let folder = or_current(folder);
    if folder.is_dir() {
        return Ok(());
    }
    create_folder(folder_of(folder))?;
    match fs::create_dir(folder) {
        Ok(()) => {
            let owner = folder_of(folder).metadata()?;
            give(folder, &owner, |user, group| chown(folder, user, group))
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(cause) if cause.kind() == ErrorKind::PermissionDenied => Err(not_created(folder, &cause)),
        Err(cause) => Err(explained(folder, cause)),
    }
}

/// The error for a file that cannot be created. It does not suggest a change of owner for the parent folder, which may
/// be `/var/lib`.
fn not_created(folder: &Path, cause: &io::Error) -> io::Error {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let text = format!(
        "printlog runs as user {user}, who cannot create the folder {folder} ({cause}); \
         `sudo install -d -o {user} -g {group} {folder}` creates it",
        folder = folder.display()
    );
    io::Error::new(cause.kind(), text)
}

/// Changes the owner of a file that root has just created. Root may lack the right to do so, in a container or on NFS.
/// Root itself can use the file, so a failure is only logged.
fn give(
    path: &Path,
    owner: &fs::Metadata,
    chown: impl FnOnce(Option<u32>, Option<u32>) -> io::Result<()>,
) -> io::Result<()> {
    // Only root can give files away, and only root creates them for another user.
    if !geteuid().is_root() || path.metadata()?.uid() == owner.uid() {
        return Ok(());
    }
    let (user, group) = (owner.uid(), owner.gid());
    if let Err(cause) = chown(Some(user), Some(group)) {
        warn!(
            "root cannot change the owner of {} to user {user} ({cause}): a server that runs as that user cannot \
             use it; run this command as that user (`sudo -u '#{user}' printlog …`)",
            path.display()
        );
    }
    Ok(())
}

/// Checks that this process can read and write a database file and the files of SQLite and printlog next to it, and
/// create files in its folder. Missing files are not an error.
pub(crate) fn check_access(database: &Path) -> io::Result<()> {
    let folder = folder_of(database);
    if let Err(errno) = access(folder, Access::WRITE_OK | Access::EXEC_OK)
        && errno != Errno::NOENT
    {
        return Err(explained(folder, errno.into()));
    }
    let files = ["", "-wal", "-shm", "-journal", ".lock"].map(|suffix| with_suffix(database, suffix));
    // All files, so that one command repairs everything.
    let refused = files.iter().filter_map(|file| {
        let errno = access(file, Access::READ_OK | Access::WRITE_OK).err()?;
        (errno != Errno::NOENT).then_some((file.as_path(), errno))
    });
    let refused: Vec<_> = refused.collect();
    match refused.first() {
        None => Ok(()),
        Some((_, errno)) => {
            let paths: Vec<_> = refused.iter().map(|(path, _)| *path).collect();
            Err(refusal(&paths, &(*errno).into()))
        }
    }
}

/// The error of the file system. A refusal also names the user, the missing right and a command that grants it.
pub(crate) fn explained(path: &Path, cause: io::Error) -> io::Error {
    if !matches!(
        cause.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    ) {
        return cause;
    }
    // The first ancestor that can be read: without the right to enter a folder, nothing in it can be examined.
    let known = path
        .ancestors()
        .map(or_current)
        .find(|path| path.metadata().is_ok());
    refusal(&[known.unwrap_or(path)], &cause)
}

fn refusal(paths: &[&Path], cause: &io::Error) -> io::Error {
    let absolute = |path: &&Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let paths: Vec<_> = paths.iter().map(absolute).collect();
    let names = |separator: &str| {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        names.join(separator)
    };
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let owner = paths.first().and_then(|path| path.metadata().ok());
    let text = match owner {
        _ if cause.kind() == ErrorKind::ReadOnlyFilesystem => format!(
            "{} is on a file system that is mounted read-only; mount it for writing",
            names(", ")
        ),
        Some(owner) if owner.uid() != user => {
            let as_owner = match owner.uid() {
                0 => String::new(),
                // If a user runs a command, the owner is the server's user.
                owner => format!("run it as that user (`sudo -u '#{owner}' printlog …`); alternatively, "),
            };
            format!(
                "printlog runs as user {user}, who cannot read and write {}, which belongs to user {}; \
                 {as_owner}`sudo chown {}{user}:{group} {}` grants access",
                names(", "),
                owner.uid(),
                if owner.is_dir() { "-R " } else { "" },
                names(" ")
            )
        }
        Some(_) if user != 0 => format!(
            "printlog runs as user {user}, who owns {} but cannot read and write it; `chmod -R u+rwX {}` grants access",
            names(", "),
            names(" ")
        ),
        _ => format!("printlog cannot read and write {} ({cause})", names(", ")),
    };
    io::Error::new(cause.kind(), text)
}

/// Resolves symbolic links and relative paths. The file need not exist.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        // By hand, because `canonicalize` needs the file to exist.
        let Ok(target) = path.read_link() else { break };
        path = folder_of(&path).join(target);
    }
    match (folder_of(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

/// Path of a sibling file: `path` with a suffix.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    or_current(path.parent().unwrap_or(path))
}

/// The current folder if `folder` is empty, as it is for a bare file name.
fn or_current(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}
