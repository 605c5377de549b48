//! A dedicated MySQL that tests may kill, freeze and inspect.

use std::{path::Path, process::Command};

pub(crate) struct OwnMysql {
    folder: tempfile::TempDir,
    port: u16,
    flags: Vec<String>,
}

impl OwnMysql {
    /// `None`, with a message, if MySQL is not tested in this run.
    pub(crate) fn start() -> Option<Self> {
        is_wanted().then(|| Self::start_with(Vec::new()))
    }

    pub(super) fn start_with(flags: Vec<String>) -> Self {
        let server = Self {
            folder: tempfile::Builder::new().prefix("pl").tempdir_in("/tmp").unwrap(),
            port: free_port(),
            flags,
        };
        server.start_again();
        server
    }

    pub(crate) fn start_again(&self) {
        let started = self
            .script("start")
            .arg(cache())
            .arg(self.data())
            .arg(format!("--port={}", self.port))
            // Acknowledged transactions survive a kill.
            .arg("--innodb-flush-log-at-trx-commit=1")
            .args(&self.flags)
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(started.success(), "MySQL starts");
    }

    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    /// Sends a signal: `-STOP` freezes the server, `-CONT` resumes it.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.data().join("pid")).unwrap();
        let sent = Command::new("kill").args([signal, pid.trim()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("s")
    }

    fn script(&self, word: &str) -> Command {
        let mut command = script("mysql.sh");
        command.arg(word);
        command
    }
}

impl Drop for OwnMysql {
    fn drop(&mut self) {
        self.script("stop").arg(self.data()).status().ok();
    }
}

pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Whether this run tests MySQL. Prints a message if not, and fails if all engines must be tested.
pub(super) fn is_wanted() -> bool {
    let is_wanted = std::env::var_os("PRINTLOG_TEST_MYSQL_URL").is_some();
    if !is_wanted {
        assert!(
            std::env::var_os("PRINTLOG_TEST_ALL_ENGINES").is_none(),
            "PRINTLOG_TEST_MYSQL_URL is not set; scripts/with-databases.sh sets it"
        );
        eprintln!("not run: PRINTLOG_TEST_MYSQL_URL is not set");
    }
    is_wanted
}

/// URL of the test database at this port. Without TLS, so that a proxy can parse the traffic.
pub(super) fn url(port: u16) -> String {
    format!("mysql://root@127.0.0.1:{port}/printlog?ssl-mode=DISABLED")
}

pub(super) fn script(name: &str) -> Command {
    Command::new(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../scripts")
            .join(name),
    )
}

/// The folder with the MySQL programs.
pub(super) fn cache() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/mysql")
}

/// Verifies all tables of the server at this port with `CHECK TABLE ... EXTENDED`.
pub(super) fn tables_are_sound(port: u16) {
    let tables = tables(port);
    let found = ask(port, &format!("CHECK TABLE {} EXTENDED", tables.join(", ")));
    assert_eq!(found.len(), tables.len(), "{found:?}");
    assert!(
        found.iter().all(|line| line.ends_with("\tcheck\tstatus\tOK")),
        "{found:?}"
    );
}

pub(super) fn tables(port: u16) -> Vec<String> {
    let tables = ask(port, "SHOW TABLES FROM printlog");
    assert!(tables.len() > 10, "{tables:?}");
    tables.iter().map(|table| format!("printlog.{table}")).collect()
}

/// The output lines of the mysql client, with fields separated by tabs.
pub(super) fn ask(port: u16, sql: &str) -> Vec<String> {
    try_ask(port, sql).unwrap_or_else(|said| panic!("{sql}: {said}"))
}

/// Like [`ask`], but returns the error message on failure.
pub(super) fn try_ask(port: u16, sql: &str) -> Result<Vec<String>, String> {
    let output = script("mysql.sh")
        .arg("client")
        .arg(cache())
        .args(["--user=root", "--host=127.0.0.1", &format!("--port={port}")])
        .args(["--batch", "--skip-column-names", "--execute", sql])
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    Ok(text.lines().map(str::to_owned).collect())
}
