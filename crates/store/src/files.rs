//! Files and folders on the file systems that people have: shares that cannot sync a folder, links, and data of another
//! user than the one who runs a command.

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

/// What file systems answer that cannot sync a folder: CIFS says EINVAL, FUSE and others the rest. Their servers write
/// names themselves.
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

/// Symbolic links that are followed from a name to its file, as many as Linux does.
const MAX_LINKS: usize = 40;

/// Syncs the names in a folder to the disk, where the file system can do that.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let synced = File::open(or_current(folder)).and_then(|folder| folder.sync_all());
    match synced {
        Err(cause) if Errno::from_io_error(&cause).is_some_and(|errno| NO_FOLDER_SYNC.contains(&errno)) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Gives a complete file its final name, also after a power cut.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(folder_of(to))
}

/// Creates the file if it is missing, with its folder. Only its owner may read it.
///
/// Root creates it for the owner of the folder, or of `like` if that exists: a command that root runs must not leave
/// files that the server cannot open.
pub(crate) fn create_private(path: &Path, like: Option<&Path>) -> io::Result<()> {
    create(path, like, OpenOptions::new().write(true).mode(0o600)).map(drop)
}

/// Opens a file for appending. It is created if it is missing, for the owner of the folder if root does so.
///
/// # Errors
/// What the file system says; of a refusal, who may not do what, and the command that changes this.
pub fn append(path: &Path) -> io::Result<File> {
    match create(path, None, OpenOptions::new().append(true))? {
        Some(file) => Ok(file),
        None => {
            let file = OpenOptions::new().append(true).open(path);
            file.map_err(|cause| explained(path, cause))
        }
    }
}

/// The file, unless it existed before. It is not even opened then: to close it would release SQLite's locks on it.
fn create(path: &Path, like: Option<&Path>, options: &mut OpenOptions) -> io::Result<Option<File>> {
    create_folder(folder_of(path))?;
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

/// Creates the folder if it is missing, with those above. Each belongs to the owner of the folder it is in if root
/// does so.
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

/// Its folder is not suggested as the one to give away: that may be `/var/lib`.
fn not_created(folder: &Path, cause: &io::Error) -> io::Error {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let text = format!(
        "printlog runs as user {user}, who may not create the folder {folder} ({cause}); \
         `sudo install -d -o {user} -g {group} {folder}` creates it",
        folder = folder.display()
    );
    io::Error::new(cause.kind(), text)
}

/// Gives what root has just created to `owner`. Root may lack the right to do so, in a container or on NFS: it can work with
/// the file itself, and whoever else has to is reported.
fn give(
    path: &Path,
    owner: &fs::Metadata,
    chown: impl FnOnce(Option<u32>, Option<u32>) -> io::Result<()>,
) -> io::Result<()> {
    if !geteuid().is_root() || path.metadata()?.uid() == owner.uid() {
        return Ok(());
    }
    let (user, group) = (owner.uid(), owner.gid());
    if let Err(cause) = chown(Some(user), Some(group)) {
        warn!(
            "root cannot give {} to user {user} ({cause}), who owns what is around it: a server that runs as that user cannot \
             use it; run printlog as that user (`sudo -u '#{user}' printlog …`)",
            path.display()
        );
    }
    Ok(())
}

/// Whether this process may work with a database file: read and write it, what SQLite and printlog keep next to it, and
/// create files in its folder. What is missing is no hindrance.
pub(crate) fn check_access(database: &Path) -> io::Result<()> {
    let folder = folder_of(database);
    if let Err(errno) = access(folder, Access::WRITE_OK | Access::EXEC_OK)
        && errno != Errno::NOENT
    {
        return Err(explained(folder, errno.into()));
    }
    let files = ["", "-wal", "-shm", "-journal", ".lock"].map(|suffix| with_suffix(database, suffix));
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

/// The error of the file system, and if it is a refusal, who may not do what and the command that changes this.
pub(crate) fn explained(path: &Path, cause: io::Error) -> io::Error {
    if !matches!(
        cause.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    ) {
        return cause;
    }
    // What cannot even be looked at is in a folder that may not be entered.
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
                // Of a command that somebody runs, the server is the owner.
                owner => format!("run it as that user (`sudo -u '#{owner}' printlog …`), or give it away: "),
            };
            format!(
                "printlog runs as user {user}, who may not read and write {}, which belongs to user {}; \
                 {as_owner}`sudo chown {}{user}:{group} {}` changes this",
                names(", "),
                owner.uid(),
                if owner.is_dir() { "-R " } else { "" },
                names(" ")
            )
        }
        Some(_) if user != 0 => format!(
            "printlog runs as user {user}, who has {} but may not read and write it; `chmod -R u+rwX {}` changes this",
            names(", "),
            names(" ")
        ),
        _ => format!("printlog may not read and write {} ({cause})", names(", ")),
    };
    io::Error::new(cause.kind(), text)
}

/// The name of the file itself, where `path` is a symbolic link or relative. The file need not exist.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = path.read_link() else { break };
        path = folder_of(&path).join(target);
    }
    match (folder_of(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

/// A file next to `path`, whose name begins with that of `path`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    or_current(path.parent().unwrap_or(path))
}

/// The folder that a relative name without one is in.
fn or_current(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}
