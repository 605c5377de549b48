//! The real binary in its own folder.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::{self, JoinHandle},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Binary {
    pub(crate) folder: TempDir,
}

/// Exit code and output of a command.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Binary {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        command.output().unwrap().into()
    }

    /// The JSON output of a command, which must succeed.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.stderr);
        serde_json::from_str(&said.stdout).unwrap_or_else(|cause| panic!("{cause}: {}", said.stdout))
    }

    /// Adds an inactive printer.
    pub(crate) fn add_printer(&self, name: &str) {
        let url = "http://127.0.0.1:7125";
        self.json(&["printers", "add", name, url, "--inactive", "--json"]);
    }

    pub(crate) fn printer_count(&self) -> usize {
        let printers = self.json(&["printers", "list", "--json"]);
        printers["items"].as_array().unwrap().len()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_printlog"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Starts the server on a free port and waits until it has opened its database.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve"]);
        command.envs(variables.iter().copied());
        command.envs([("PRINTLOG_API__PORT", "0"), ("PRINTLOG_API__HOST", "127.0.0.1")]);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut seen = String::new();
        let mut read_until = |words: &str| loop {
            let start = seen.len();
            assert_ne!(
                log.read_line(&mut seen).unwrap(),
                0,
                "the server has ended: {seen}"
            );
            if let Some((_, rest)) = seen[start..].split_once(words) {
                break rest.trim().to_owned();
            }
        };
        let address = read_until("listening on http://");
        read_until("opened the database");
        // Keeps reading, because the server would block on a full pipe.
        let log = thread::spawn(move || {
            log.read_to_string(&mut seen).unwrap();
            seen
        });
        Server {
            process,
            address,
            log: Some(log),
        }
    }
}

pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    log: Option<JoinHandle<String>>,
}

impl Server {
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends a signal and waits for the process to end. Returns exit status, stdout and stderr.
    pub(crate) fn end(mut self, signal: &str) -> (ExitStatus, String, String) {
        self.signal(signal);
        let mut stdout = String::new();
        let pipe = self.process.stdout.as_mut().unwrap();
        pipe.read_to_string(&mut stdout).unwrap();
        let status = self.process.wait().unwrap();
        (status, stdout, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process is still running only if a test failed.
        let _ = self.process.kill();
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The file names in a folder, sorted.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
