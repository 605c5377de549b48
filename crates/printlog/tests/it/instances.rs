//! One server per database, and configuration reloads at run time.

use std::time::Duration;

use hyper::StatusCode;
use printlog::server;
use store::{Location, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    binary::Binary,
    test_app::{Answer, defaults, send},
};

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let binary = Binary::new();
    let server = binary.serve();
    let second = binary.run_with(&["serve"], &[("PRINTLOG_API__PORT", "0")]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(
        second.stderr.contains("another printlog (process ") && second.stderr.contains("printlog.db"),
        "{}",
        second.stderr
    );
    // Commands work while the server is running, and a killed server leaves no lock behind.
    binary.json(&["keys", "list", "--json"]);
    // SQLite keeps its log under the name of the file, so two processes must not use two names.
    std::fs::hard_link(binary.path("data/printlog.db"), binary.path("hard.db")).unwrap();
    let path = binary.path("hard.db");
    let variables = [("PRINTLOG_DATABASE__PATH", path.to_str().unwrap())];
    let command = binary.run_with(&["keys", "list"], &variables);
    assert_eq!(command.code, 1, "{}", command.stderr);
    assert!(
        command.stderr.contains("under another name of the file"),
        "{}",
        command.stderr
    );
    server.end("-KILL");
    let (status, _, log) = binary.serve().end("-TERM");
    assert!(status.success(), "{log}");
}

#[test]
fn sighup_reads_what_can_change_and_says_what_cannot() {
    let binary = Binary::new();
    let write = |text: &str| std::fs::write(binary.path("config.yml"), text).unwrap();
    write("");
    let server = binary.serve_with(&[("PRINTLOG_LOGGING__FILE", "log")]);
    let log_holds = |words: &str| {
        for _ in 0..600 {
            if std::fs::read_to_string(binary.path("log"))
                .unwrap()
                .contains(words)
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "no `{words}` in {}",
            std::fs::read_to_string(binary.path("log")).unwrap()
        );
    };
    let allowed_origin = |origin: &str| {
        let answer = tokio::runtime::Runtime::new().unwrap().block_on(async {
            let request = hyper::Request::builder()
                .uri("/health")
                .header("host", "printlog")
                .header("origin", origin)
                .body(http_body_util::Full::default())
                .unwrap();
            send(server.address.parse().unwrap(), request).await
        });
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    let origin = "https://farm.example";
    assert_eq!(allowed_origin(origin), None);

    write("logging:\n  level: [\n");
    server.signal("-HUP");
    log_holds("keeping the current settings");
    let others = format!(
        "api:\n  cors_origins: [\"{origin}\"]\nmoonraker:\n  reconnect_delay: 7\n\
         metrics:\n  listen: 127.0.0.1:9\ndatabase:\n  secret_file: other.key\n"
    );
    write(&format!("logging:\n  level: WARN\n{others}"));
    server.signal("-HUP");
    log_holds("other changed settings of database, moonraker, metrics take effect after a restart");
    let log = std::fs::read_to_string(binary.path("log")).unwrap();
    assert!(
        !log.contains("applied the changed settings"),
        "that is less than a warning: {log}"
    );
    write(&others);
    server.signal("-HUP");
    log_holds("SIGHUP: applied the changed settings");
    assert_eq!(allowed_origin(origin).as_deref(), Some(origin));
    server.end("-TERM");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_mysql_take_turns() {
    take_turns("PRINTLOG_TEST_MYSQL_URL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_mariadb_take_turns() {
    take_turns("PRINTLOG_TEST_MARIADB_URL").await;
}

async fn take_turns(variable: &str) {
    let Ok(server) = std::env::var(variable) else {
        assert!(
            std::env::var_os("PRINTLOG_TEST_ALL_ENGINES").is_none(),
            "{variable} is not set; scripts/with-databases.sh sets it"
        );
        eprintln!("not run: {variable} is not set");
        return;
    };
    let mut url: Url = server.parse().unwrap();
    url.set_path(&format!("printlog_turns_{:016x}", rand::random::<u64>()));
    let location = Location::MySql { url };
    let store = Store::open(&location).await.unwrap();

    let first = Server::start(&location).await;
    first.wait_for_health(StatusCode::OK).await;
    let second = Server::start(&location).await;
    while second.fleet_reason().await.as_deref()
        != Some("waits for the recording lease, which another server holds")
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    second.get("/api/jobs").await.problem(503);
    // The second server does not take over the lease while the first one holds it.
    let epoch = store.lease().await.unwrap().epoch;
    first.end().await.unwrap();
    second.wait_for_health(StatusCode::OK).await;
    assert_eq!(store.lease().await.unwrap().epoch, epoch + 1);

    // A server that loses its lease, for example after a long sleep, exits with an error code.
    let seen = store.lease().await.unwrap();
    let mut taken = store.acquire_lease(&seen, "third").await.unwrap();
    while taken.is_none() {
        taken = store
            .acquire_lease(&store.lease().await.unwrap(), "third")
            .await
            .unwrap();
    }
    second.task.await.unwrap().unwrap_err();
    store.close().await.unwrap();
}

struct Server {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(location: &Location) -> Self {
        let mut config = defaults();
        config.database = location.clone();
        let folder = tempfile::tempdir().unwrap();
        config.secret_file = Some(folder.path().join("secret.key"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(server::run(config, listener, stop.clone()));
        Self {
            address,
            stop,
            task,
            _folder: folder,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = hyper::Request::builder()
            .uri(path)
            .header("host", "printlog")
            .header("authorization", "Bearer 3dp_any")
            .body(http_body_util::Full::default())
            .unwrap();
        send(self.address, request).await
    }

    async fn wait_for_health(&self, status: StatusCode) {
        while self.get("/health").await.status != status {
            assert!(!self.task.is_finished(), "the server has ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn fleet_reason(&self) -> Option<String> {
        let health = self.get("/health").await.json();
        health["fleet"]["reason"].as_str().map(str::to_owned)
    }

    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}
