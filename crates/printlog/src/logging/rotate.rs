//! A log file that is renamed when it is full, so that it never fills the card of a Raspberry Pi.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// A file is full at this many bytes.
const FULL: u64 = 10 * 1024 * 1024;
/// So many full files are kept beside the current one.
const KEPT: usize = 5;

/// The log file. Clones write to the same one.
#[derive(Debug, Clone)]
pub(super) struct RotatingFile(Arc<Mutex<Current>>);

#[derive(Debug)]
struct Current {
    path: PathBuf,
    file: File,
    length: u64,
    full: u64,
}

impl RotatingFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, FULL)
    }

    fn open_with(path: &Path, full: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        let length = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Current {
            path: path.to_owned(),
            file,
            length,
            full,
        }))))
    }
}

impl Current {
    /// Makes room: `printlog.log` becomes `printlog.log.1`, that `.2`, and so on; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        for age in (1..KEPT).rev() {
            let older = self.aged(age);
            if older.exists() {
                fs::rename(older, self.aged(age + 1))?;
            }
        }
        fs::rename(&self.path, self.aged(1))?;
        self.file = append(&self.path)?;
        self.length = 0;
        Ok(())
    }

    fn aged(&self, age: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        name.into()
    }
}

impl Write for Current {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A file that cannot be renamed is written on; a log line is never worth an error.
        if self.length > 0 && self.length + line.len() as u64 > self.full && self.rotate().is_err() {
            self.length = 0;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
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

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_renamed_and_only_the_last_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/printlog.log");
        let file = RotatingFile::open_with(&path, 10).unwrap();
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
            let file = RotatingFile::open_with(&path, 100).unwrap();
            file.make_writer().write_all(b"once more\n").unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), "once more\nonce more\n");
    }
}
