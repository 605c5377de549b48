//! Replays every recorded frame of real Moonrakers to the client, and compares the results with a plain reading of the
//! recorded JSON.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use moonraker::{ConnectOptions, HistoryQuery, Map, Notification, RequestError, StatusMirror, Value};
use serde_json::json;

use crate::fake::FakeServer;

struct Line {
    connection: u64,
    direction: String,
    raw: String,
}

fn transcripts() -> Vec<(PathBuf, Vec<Line>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/transcripts");
    let mut folders = vec![folder];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "jsonl") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text.lines().map(line).collect()));
            }
        }
    }
    assert_eq!(found.len(), 57, "transcripts are missing, or some were added");
    found
}

fn line(text: &str) -> Line {
    let line: Value = serde_json::from_str(text).unwrap();
    Line {
        connection: line["conn"].as_u64().unwrap(),
        direction: line["dir"].as_str().unwrap().to_owned(),
        raw: line["raw"].as_str().unwrap_or_default().to_owned(),
    }
}

/// The messages of a frame: more than one in a batch.
fn messages(raw: &str) -> Vec<Value> {
    match serde_json::from_str(raw).unwrap() {
        Value::Array(messages) => messages,
        message => vec![message],
    }
}

fn merge(status: &mut Map<String, Value>, delta: &Value) {
    for (object, fields) in delta.as_object().unwrap() {
        let known = status.entry(object).or_insert_with(|| json!({}));
        for (field, value) in fields.as_object().unwrap() {
            known[field] = value.clone();
        }
    }
}

#[tokio::test]
async fn every_recorded_notification_arrives_in_order_and_whole() {
    let mut total = BTreeMap::<String, u64>::new();
    for (path, lines) in transcripts() {
        let connections: std::collections::BTreeSet<u64> = lines.iter().map(|line| line.connection).collect();
        for connection in connections {
            let frames: Vec<&str> = lines
                .iter()
                .filter(|line| line.connection == connection && line.direction == "recv")
                .map(|line| line.raw.as_str())
                .collect();
            let expected: Vec<Value> = frames.iter().flat_map(|raw| messages(raw)).collect();
            let server = FakeServer::bind().await;
            let (_client, mut notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
            let sending = async {
                for frame in &frames {
                    peer.send(*frame).await;
                }
                peer.socket.close(None).await.unwrap();
            };
            let receiving = async {
                let mut received = Vec::new();
                while let Some(notification) = notifications.recv().await {
                    received.push(notification);
                }
                received
            };
            let ((), received) = tokio::join!(sending, receiving);
            compare(&path, &expected, &received, &mut total);
        }
    }
    // Counted by another program over the same files.
    let expected = [
        ("notify_active_spool_set", 2),
        ("notify_filelist_changed", 116),
        ("notify_history_changed", 139),
        ("notify_job_queue_changed", 7),
        ("notify_klippy_disconnected", 8),
        ("notify_klippy_ready", 17),
        ("notify_klippy_shutdown", 3),
        ("notify_proc_stat_update", 109),
        ("notify_status_update", 1679),
    ];
    assert_eq!(
        total,
        expected.map(|(method, count)| (method.to_owned(), count)).into()
    );
}

/// Notifications whose contents are not read.
const UNREAD: [&str; 4] = [
    "notify_active_spool_set",
    "notify_filelist_changed",
    "notify_job_queue_changed",
    "notify_proc_stat_update",
];

/// Compares the output of a connection with its recorded messages.
fn compare(path: &Path, messages: &[Value], received: &[Notification], total: &mut BTreeMap<String, u64>) {
    let mut received = received.iter();
    let mut mirror = StatusMirror::default();
    let mut status = Map::new();
    for message in messages {
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            continue;
        };
        if method == "notify_gcode_response" {
            continue;
        }
        *total.entry(method.to_owned()).or_default() += 1;
        let params = &message["params"];
        let notification = received
            .next()
            .unwrap_or_else(|| panic!("{}: lost {message}", path.display()));
        match notification {
            Notification::StatusUpdate { delta, eventtime } => {
                assert_eq!(method, "notify_status_update");
                assert_eq!(*eventtime, params[1].as_f64());
                assert_eq!(Value::from(delta.clone()), params[0]);
                mirror.merge(delta.clone());
                merge(&mut status, &params[0]);
                for (object, fields) in &status {
                    assert_eq!(
                        mirror.object(object),
                        fields.as_object().filter(|fields| !fields.is_empty())
                    );
                }
                if let Some(state) = status.get("print_stats").and_then(|stats| stats.get("state")) {
                    assert_eq!(mirror.print_stats().unwrap().state, state.as_str());
                }
            }
            Notification::HistoryChanged { action, job, .. } => {
                assert_eq!(method, "notify_history_changed");
                let expected = &params[0];
                assert_eq!(Some(action.as_str()), expected["action"].as_str());
                assert_job(job, &expected["job"]);
            }
            Notification::KlippyReady => assert_eq!(method, "notify_klippy_ready"),
            Notification::KlippyShutdown => assert_eq!(method, "notify_klippy_shutdown"),
            Notification::KlippyDisconnected => assert_eq!(method, "notify_klippy_disconnected"),
            Notification::Other { method: other } => {
                assert_eq!(method, other);
                assert!(UNREAD.contains(&method), "{method}");
            }
        }
    }
    assert_eq!(received.next(), None, "{}", path.display());
}

fn assert_job(job: &moonraker::HistoryJob, expected: &Value) {
    let some = |name: &str| expected.get(name).filter(|value| !value.is_null()).cloned();
    assert_eq!(Some(job.job_id.as_str()), expected["job_id"].as_str());
    assert_eq!(Some(job.status.as_str()), expected["status"].as_str());
    assert_eq!(job.filename.as_deref(), expected["filename"].as_str());
    assert_eq!(job.user.as_deref(), expected.get("user").and_then(Value::as_str));
    for (field, name) in [
        (job.start_time, "start_time"),
        (job.end_time, "end_time"),
        (job.print_duration, "print_duration"),
        (job.total_duration, "total_duration"),
        (job.filament_used, "filament_used"),
    ] {
        assert_eq!(field, expected[name].as_f64(), "{name}");
    }
    assert_eq!(job.metadata, some("metadata"));
    assert_eq!(job.auxiliary_data, some("auxiliary_data"));
    assert_eq!(job.exists, expected["exists"].as_bool());
}

/// Makes the typed call that matches a recorded answer, and checks its result. Returns whether there is such a call.
async fn typed(client: &moonraker::Client, method: &str, answer: &Value) -> Option<Result<(), RequestError>> {
    let expected = &answer["result"];
    let checked = match method {
        "server.history.list" => client.history_list(&HistoryQuery::default()).await.map(|page| {
            let rows = expected["jobs"].as_array().unwrap();
            assert_eq!(page.rows, rows.len() as u64);
            assert_eq!(page.problems, []);
            page.jobs
                .iter()
                .zip(rows)
                .for_each(|(job, row)| assert_job(job, row));
        }),
        "server.info" => client.server_info().await.map(|info| {
            assert_eq!(info.klippy_state.as_deref(), expected["klippy_state"].as_str());
            assert!(info.klippy_connected.is_some() && info.components.contains(&"history".to_owned()));
        }),
        "printer.info" => client.printer_info().await.map(|info| {
            assert_eq!(info.state.as_deref(), expected["state"].as_str());
        }),
        "printer.objects.list" => client.printer_objects_list().await.map(|objects| {
            assert_eq!(json!(objects), expected["objects"]);
        }),
        "printer.objects.subscribe" => client
            .printer_objects_subscribe(Map::new())
            .await
            .map(|snapshot| {
                assert_eq!(snapshot.eventtime, expected["eventtime"].as_f64());
                assert_eq!(Value::from(snapshot.status), expected["status"]);
            }),
        "server.files.metadata" => client
            .files_metadata("a.gcode")
            .await
            .map(|metadata| match metadata {
                Some(metadata) => assert_eq!(&metadata, expected),
                None => assert!(
                    answer["error"]["message"]
                        .as_str()
                        .unwrap()
                        .starts_with("Metadata not")
                ),
            }),
        _ => return None,
    };
    Some(checked)
}

#[tokio::test]
async fn every_recorded_answer_is_understood() {
    let (mut answers, mut refusals, mut unauthorized) = (0, 0, 0);
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    for (path, lines) in transcripts() {
        let mut asked = BTreeMap::new();
        for line in lines {
            if line.direction == "send" {
                // Some of the recorded requests are broken on purpose.
                if let Ok(request) = serde_json::from_str::<Value>(&line.raw)
                    && let Some(id) = request.get("id").and_then(Value::as_u64)
                {
                    asked.insert(
                        (line.connection, id),
                        request["method"].as_str().unwrap_or("").to_owned(),
                    );
                }
            } else if line.direction == "recv" {
                for mut answer in messages(&line.raw) {
                    let Some(id) = answer.get("id").and_then(Value::as_u64) else {
                        continue;
                    };
                    let Some(method) = asked.remove(&(line.connection, id)) else {
                        continue;
                    };
                    let original = answer.clone();
                    let serving = async {
                        let request = peer.request().await;
                        answer["id"] = request["id"].clone();
                        peer.send(answer.to_string()).await;
                    };
                    let asking = typed(&client, &method, &original);
                    // Methods without a typed call send no request.
                    let result = tokio::select! {
                        result = asking => result,
                        () = async { serving.await; std::future::pending().await } => unreachable!(),
                    };
                    match result {
                        None => {}
                        Some(Ok(())) => answers += 1,
                        Some(Err(RequestError::Unauthorized { .. })) => unauthorized += 1,
                        Some(Err(RequestError::Refused { code, message, .. })) => {
                            assert_eq!(Some(code), original["error"]["code"].as_i64());
                            assert!(!message.is_empty());
                            refusals += 1;
                        }
                        Some(Err(other)) => panic!("{}: {other} from {original}", path.display()),
                    }
                }
            }
        }
    }
    // Counted by another program over the same files.
    assert_eq!((answers, refusals, unauthorized), (509, 30, 26));
}
