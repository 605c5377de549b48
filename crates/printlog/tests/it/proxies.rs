//! The configurations in `docs/proxy.md`, tested with real proxies in front of a real server.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::header;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::test_app::{TestApp, send};

/// Timeout for expected events, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The first block of `docs/proxy.md` in this language.
fn documented(language: &str) -> String {
    let page = fs::read_to_string(project().join("docs/proxy.md")).unwrap();
    let start = page.split_once(&format!("```{language}\n")).unwrap().1;
    start.split_once("```").unwrap().0.to_owned()
}

/// Replaces `old`, which must occur, with `new`.
#[track_caller]
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "docs/proxy.md no longer says {old}");
    text.replace(old, new)
}

/// A running proxy.
struct Proxy {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Proxy {
    async fn start(program: &str, make: impl FnOnce(SocketAddr, &Path) -> (String, Vec<String>)) -> Self {
        let program = project().join(".cache").join(program);
        assert!(
            program.exists(),
            "{} is missing; run scripts/install-test-deps.sh",
            program.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (configuration, arguments) = make(address, folder.path());
        fs::write(folder.path().join("configuration"), configuration).unwrap();
        let mut process = Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                assert!(process.try_wait().unwrap().is_none(), "the proxy has ended");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens)
            .await
            .expect("the proxy listens");
        Self {
            address,
            process,
            _folder: folder,
        }
    }

    async fn nginx(server: SocketAddr) -> Self {
        let site = replaced(&documented("nginx"), "127.0.0.1:8000", &server.to_string());
        let site: String = site
            .lines()
            .filter(|line| !line.trim_start().starts_with("ssl_"))
            .map(|line| format!("{line}\n"))
            .collect();
        Self::start("nginx/usr/sbin/nginx", |address, folder| {
            let site = replaced(&site, "listen 443 ssl;", &format!("listen {address};"));
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {name};\n"))
                .concat();
            let configuration = format!(
                "daemon off;\nmaster_process off;\npid pid;\nerror_log stderr error;\nevents {{}}\n\
                 http {{\naccess_log off;\n{temporary}{site}}}\n"
            );
            let folder = folder.display();
            let arguments = ["-e", "stderr", "-p", &format!("{folder}/"), "-c", "configuration"];
            (configuration, arguments.map(str::to_owned).to_vec())
        })
        .await
    }

    async fn caddy(server: SocketAddr) -> Self {
        let site = replaced(&documented("caddyfile"), "127.0.0.1:8000", &server.to_string());
        Self::start("caddy/usr/bin/caddy", |address, _| {
            let site = replaced(&site, "home.example {", &format!("http://:{} {{", address.port()));
            let quiet = "{\nadmin off\nlog {\nlevel ERROR\n}\n}\n";
            let arguments = ["run", "--config", "configuration", "--adapter", "caddyfile"];
            (format!("{quiet}{site}"), arguments.map(str::to_owned).to_vec())
        })
        .await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Checks everything that a browser needs from a proxy.
async fn carries_everything(app: &TestApp, proxy: &Proxy) {
    let at = proxy.address;
    let redirect = send(at, app.request("GET", "/printlog", "")).await;
    assert!(redirect.status.is_redirection(), "{}", redirect.status);
    let place = redirect.header("location").unwrap();
    assert!(place.ends_with("/printlog/"), "{place}");
    send(at, app.request("GET", "/printlog/health", ""))
        .await
        .expect(200);
    send(at, app.request("GET", "/printlog/api/jobs", ""))
        .await
        .expect(200);

    // A page signs in and makes a change with its cookie. For this, the server must receive the page's host name.
    let page = |method: &str, path: &str, body: String| {
        let mut request = app.request(method, path, body);
        let headers = request.headers_mut();
        headers.remove(header::AUTHORIZATION);
        headers.insert(header::HOST, "home.example".parse().unwrap());
        headers.insert(header::ORIGIN, "https://home.example".parse().unwrap());
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        request
    };
    let session = page(
        "POST",
        "/printlog/api/session",
        json!({"key": app.key}).to_string(),
    );
    let session = send(at, session).await.expect(200);
    let cookie = session.header("set-cookie").unwrap();
    assert!(cookie.contains("Path=/printlog"), "{cookie}");
    let name = format!("Voron behind {at}");
    let printer = json!({"name": name, "moonraker_url": "http://127.0.0.1:1", "is_active": false});
    let mut add = page("POST", "/printlog/api/printers", printer.to_string());
    let pair = cookie.split(';').next().unwrap();
    add.headers_mut().insert(header::COOKIE, pair.parse().unwrap());
    send(at, add).await.expect(201);

    // The stream never ends, so a buffering proxy would send nothing.
    let stream = TcpStream::connect(at).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = app.request("GET", "/printlog/api/live", "");
    let mut live = sender.send_request(request).await.unwrap();
    assert_eq!(live.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut heard = String::new();
    while !(heard.contains("event: hello") && heard.contains("event: heartbeat")) {
        let frame = tokio::time::timeout(PATIENCE, live.body_mut().frame())
            .await
            .unwrap_or_else(|_| panic!("nothing came any more after: {heard}"));
        heard.push_str(&String::from_utf8_lossy(
            frame.unwrap().unwrap().data_ref().unwrap(),
        ));
    }
}

async fn app() -> TestApp {
    TestApp::start_with(|config| config.api.base_path = "/printlog".to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_carries_everything() {
    let app = app().await;
    let proxy = Proxy::nginx(app.address).await;
    carries_everything(&app, &proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_carries_everything() {
    let app = app().await;
    let proxy = Proxy::caddy(app.address).await;
    carries_everything(&app, &proxy).await;
}
