//! A disk that can be filled: a small tmpfs mounted over a folder, visible only to processes started in its
//! namespaces.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub(crate) struct SmallDisk {
    /// The process that keeps the namespaces with the disk alive.
    holder: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of this size, such as `8M`, over the folder. `None`, with a message, if this machine does not
    /// allow mounts in user and mount namespaces, as in some containers.
    pub(crate) fn over(folder: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mount = r#"mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec sleep infinity"#;
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", mount, "sh", size])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare, of util-linux, starts");
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("its output"))
            .read_line(&mut said)
            .expect("a line");
        if said != "mounted\n" {
            eprintln!(
                "not run: no tmpfs can be mounted in a name space; {:?}",
                holder.wait()
            );
            return None;
        }
        Some(Self {
            holder,
            folder: folder.to_owned(),
        })
    }

    /// A command that runs in the disk's namespaces, in its parent folder.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--user", "--preserve-credentials", "--mount", "--target"])
            .arg(self.holder.id().to_string())
            .args(["sh", "-c", r#"cd "$1" && shift && exec "$@""#, "sh"])
            .arg(self.folder.parent().expect("a folder above"))
            .arg(program);
        command
    }

    /// Path of a file on the disk for processes outside its namespaces.
    pub(crate) fn outside(&self, file: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let folder = self.folder.strip_prefix("/").expect("an absolute path");
        root.join(folder).join(file)
    }

    /// Fills the remaining space.
    pub(crate) fn fill(&self) {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.outside("filler"))
            .expect("a file");
        let mut size = 1 << 16;
        while size > 0 {
            match file.write(&vec![b'x'; size]) {
                Ok(_) => {}
                Err(cause) if cause.kind() == ErrorKind::StorageFull => size /= 2,
                Err(cause) => panic!("the disk cannot be filled: {cause}"),
            }
        }
    }

    /// Frees that space.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.outside("filler")).expect("the file goes");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Fails only if the process has already ended.
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}
