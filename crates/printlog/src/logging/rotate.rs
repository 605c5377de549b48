//! A log file that is rotated when it is full or old, so that it never fills the card of a Raspberry Pi.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tracing_subscriber::fmt::MakeWriter;

/// Number of rotated files that are kept in addition to the current one.
const KEPT: usize = 5;

/// When a file is rotated, and when a rotated one is removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Size in bytes at which a file is full.
    full: u64,
    /// Age since its creation at which a file is old.
    old: Duration,
    /// Time since its last write after which a rotated file is removed.
    outdated: Duration,
    /// How often the ages are checked.
    look: Duration,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        full: 10 * 1024 * 1024,
        old: Duration::from_secs(7 * 24 * 3600),
        outdated: Duration::from_secs(30 * 24 * 3600),
        look: Duration::from_secs(3600),
    };
}

/// The log file. Clones write to the same one.
#[derive(Debug, Clone)]
pub(super) struct RotatingFile(Arc<Mutex<Current>>);

#[derive(Debug)]
struct Current {
    path: PathBuf,
    file: File,
    length: u64,
    limits: Limits,
    looked: Instant,
}

impl RotatingFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, Limits::DEFAULT)
    }

    fn open_with(path: &Path, limits: Limits) -> io::Result<Self> {
        let file = store::append(path)?;
        let length = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Current {
            path: path.to_owned(),
            file,
            length,
            limits,
            looked: Instant::now(),
        }))))
    }
}

impl Current {
    /// Rotates the files: `printlog.log` becomes `printlog.log.1`, that becomes `.2`, and so on; the oldest is
    /// dropped.
    fn rotate(&mut self) -> io::Result<()> {
        for age in (1..KEPT).rev() {
            let older = self.aged(age);
            if older.exists() {
                fs::rename(older, self.aged(age + 1))?;
            }
        }
        fs::rename(&self.path, self.aged(1))?;
        self.file = store::append(&self.path)?;
        self.length = 0;
        Ok(())
    }

    fn aged(&self, age: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        name.into()
    }

    /// Checks the ages of all files from time to time. Ages are differences between file times; the clock is not
    /// read.
    fn look_at_ages(&mut self) -> io::Result<()> {
        if self.looked.elapsed() < self.limits.look {
            return Ok(());
        }
        self.looked = Instant::now();
        let current = self.file.metadata()?;
        let now = current.modified()?;
        if self.length > 0 && age(current.created(), now).is_some_and(|age| age >= self.limits.old) {
            self.rotate()?;
        }
        for number in 1..=KEPT {
            let path = self.aged(number);
            let written = fs::metadata(&path).and_then(|file| file.modified());
            if age(written, now).is_some_and(|age| age >= self.limits.outdated) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// The age of a file. `None` if the file does not exist or the file system does not record the time.
fn age(time: io::Result<SystemTime>, now: SystemTime) -> Option<Duration> {
    now.duration_since(time.ok()?).ok()
}

impl Write for Current {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // If the rotation fails, writing continues in the same file: logging must not cause an error.
        if self.length > 0 && self.length + line.len() as u64 > self.limits.full && self.rotate().is_err() {
            self.length = 0;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        self.look_at_ages().ok();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A writer for one line.
pub(super) struct Line(Arc<Mutex<Current>>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

impl MakeWriter<'_> for RotatingFile {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_at(full: u64) -> Limits {
        Limits {
            full,
            ..Limits::DEFAULT
        }
    }

    #[test]
    fn full_files_are_renamed_and_only_the_last_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/printlog.log");
        let file = RotatingFile::open_with(&path, full_at(10)).unwrap();
        for line in 0..9 {
            file.make_writer()
                .write_all(format!("line {line}\n").as_bytes())
                .unwrap();
        }
        let read = |age: &str| fs::read_to_string(folder.path().join(format!("deep/printlog.log{age}"))).ok();
        assert_eq!(read("").unwrap(), "line 8\n");
        assert_eq!(read(".1").unwrap(), "line 7\n");
        assert_eq!(read(".5").unwrap(), "line 3\n");
        assert_eq!(read(".6"), None);
    }

    #[test]
    fn an_existing_file_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("printlog.log");
        for _ in 0..2 {
            let file = RotatingFile::open_with(&path, full_at(100)).unwrap();
            file.make_writer().write_all(b"once more\n").unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), "once more\nonce more\n");
    }

    #[test]
    fn old_files_are_renamed_and_outdated_ones_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("printlog.log");
        let always = Limits {
            old: Duration::ZERO,
            look: Duration::ZERO,
            ..Limits::DEFAULT
        };
        let file = RotatingFile::open_with(&path, always).unwrap();
        let write = |line: &[u8]| file.make_writer().write_all(line).unwrap();
        let aged = |age: usize| folder.path().join(format!("printlog.log.{age}"));
        write(b"first\n");
        assert_eq!(
            fs::read_to_string(aged(1)).unwrap(),
            "first\n",
            "it is old at once"
        );
        write(b"second\n");
        assert_eq!(fs::read_to_string(aged(2)).unwrap(), "first\n");
        let long_ago =
            fs::metadata(aged(2)).unwrap().modified().unwrap() - Duration::from_secs(31 * 24 * 3600);
        File::options()
            .append(true)
            .open(aged(2))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        write(b"third\n");
        assert_eq!(fs::read_to_string(aged(1)).unwrap(), "third\n");
        assert_eq!(fs::read_to_string(aged(2)).unwrap(), "second\n");
        assert!(!aged(3).exists());
    }
}
