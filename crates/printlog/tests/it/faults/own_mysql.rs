//! A MySQL of its own, which may be killed, frozen and looked into.

use std::{path::Path, process::Command};

pub(crate) struct OwnMysql {
    folder: tempfile::TempDir,
    port: u16,
    flags: Vec<String>,
}

impl OwnMysql {
    /// `None`, and it says so, where no MySQL is to be tested.
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
            // What is acknowledged survives a kill.
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

    /// `-STOP` freezes it, `-CONT` lets it go on.
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

/// Whether this run has a MySQL; says so if it has none, and fails where all engines are to be tested.
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

/// The database of the tests at a port. Without TLS, so that a proxy can read along.
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

/// Where the programs of MySQL are.
pub(super) fn cache() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/mysql")
}

/// By MySQL's own word, after a thorough look at all tables of the server at that port.
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

/// The lines that MySQL's own client prints, fields apart by tabs.
pub(super) fn ask(port: u16, sql: &str) -> Vec<String> {
    try_ask(port, sql).unwrap_or_else(|said| panic!("{sql}: {said}"))
}

/// Or what it complains of.
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
