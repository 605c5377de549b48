//! The rules of the lenient reader, for any value in any field: the other fields of the frame survive, an unknown value
//! is unknown and never 0, and nothing panics.

use std::{cell::RefCell, collections::BTreeMap};

use moonraker::{
    Client, ConnectOptions, HistoryJob, HistoryQuery, Notification, Notifications, StatusMirror, Value,
    lenient::{known_bool, known_count, known_number, number},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, json};
use tokio::runtime::Runtime;

use crate::fake::{FakeServer, Peer};

/// Any value, as JSON or as a frame may have it although JSON does not allow it.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é😀]{0,12}".prop_map(Value::from),
        "-?[0-9]{1,3}(\\.[0-9]{1,2})?".prop_map(Value::from),
        prop::sample::select(vec!["true", "FALSE", "NaN", "inf", "0x10", "", " ", "1e999"])
            .prop_map(Value::from),
    ];
    let json = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{0,8}", inner), 0..4)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    });
    let beyond_json = [
        "NaN",
        "-Infinity",
        r#""\ud83d""#,
        r#""\udce9.gcode""#,
        r#"["\ud83d\ud83d", NaN]"#,
        r#"{"\ud83d": {"a": Infinity}}"#,
    ];
    prop_oneof![
        4 => json.prop_map(|value| value.to_string()),
        1 => prop::sample::select(beyond_json.to_vec()).prop_map(str::to_owned),
    ]
}

/// An object of JSON texts, with one of the fields replaced, and another one that we do not know.
fn object(fields: &[(&str, &str)], replaced: &str, odd: &str) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| {
            let value = if *name == replaced { odd } else { value };
            format!(r#""{name}":{value}"#)
        })
        .chain([format!(r#""of a newer version":{odd}"#)])
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// One connection for all cases of a test.
struct Connection {
    client: Client,
    notifications: Notifications,
    peer: Peer,
}

impl Connection {
    async fn open() -> Self {
        let server = FakeServer::bind().await;
        let (client, notifications, peer) = server.connected(&ConnectOptions::default()).await;
        Self {
            client,
            notifications,
            peer,
        }
    }

    async fn notify(&mut self, method: &str, params: &str) -> Notification {
        let frame = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
        self.peer.send(frame).await;
        self.notifications.recv().await.unwrap()
    }

    /// Makes a call and answers it.
    async fn call<T>(&mut self, call: impl AsyncFnOnce(&Client) -> T, result: &str) -> T {
        let peer = &mut self.peer;
        let serve = async {
            let request = peer.request().await;
            peer.send(format!(r#"{{"id":{},"result":{result}}}"#, request["id"]))
                .await;
        };
        tokio::join!(call(&self.client), serve).0
    }
}

/// Runs an asynchronous test of a connection for many cases.
fn for_any<S: Strategy>(
    cases: &S,
    test: &impl AsyncFn(&mut Connection, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = Runtime::new().unwrap();
    let connection = RefCell::new(runtime.block_on(Connection::open()));
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(cases, |case| {
            runtime.block_on(test(&mut connection.borrow_mut(), case))
        })
        .unwrap();
}

/// The objects of a print with their fields.
const OBJECTS: [(&str, &[(&str, &str)]); 5] = [
    (
        "print_stats",
        &[
            ("state", r#""printing""#),
            ("filename", r#""b.gcode""#),
            ("total_duration", "20.5"),
            ("print_duration", "\"10.5\""),
            ("filament_used", "7"),
            ("message", r#""m""#),
            ("info", r#"{"current_layer":3,"total_layer":9}"#),
        ],
    ),
    (
        "webhooks",
        &[("state", r#""ready""#), ("state_message", r#""all good""#)],
    ),
    (
        "virtual_sdcard",
        &[
            ("progress", "0.5"),
            ("is_active", "1"),
            ("file_position", "\"50\""),
            ("file_size", "100"),
        ],
    ),
    (
        "display_status",
        &[("progress", "0.25"), ("message", r#""M117""#)],
    ),
    ("heater_bed", &[("temperature", "60.5"), ("target", "60")]),
];

/// The values of a mirror, by object and field.
fn values(mirror: &StatusMirror) -> BTreeMap<(&'static str, &'static str), String> {
    let print = mirror.print_stats().unwrap();
    let webhooks = mirror.webhooks().unwrap();
    let file = mirror.virtual_sdcard().unwrap();
    let display = mirror.display_status().unwrap();
    let (_, heater) = mirror.heaters().next().unwrap();
    BTreeMap::from([
        (("print_stats", "state"), format!("{:?}", print.state)),
        (("print_stats", "filename"), format!("{:?}", print.filename)),
        (
            ("print_stats", "total_duration"),
            format!("{:?}", print.total_duration),
        ),
        (
            ("print_stats", "print_duration"),
            format!("{:?}", print.print_duration),
        ),
        (
            ("print_stats", "filament_used"),
            format!("{:?}", print.filament_used),
        ),
        (("print_stats", "message"), format!("{:?}", print.message)),
        (("print_stats", "info"), format!("{:?}", print.info)),
        (("webhooks", "state"), format!("{:?}", webhooks.state)),
        (
            ("webhooks", "state_message"),
            format!("{:?}", webhooks.state_message),
        ),
        (("virtual_sdcard", "progress"), format!("{:?}", file.progress)),
        (("virtual_sdcard", "is_active"), format!("{:?}", file.is_active)),
        (
            ("virtual_sdcard", "file_position"),
            format!("{:?}", file.file_position),
        ),
        (("virtual_sdcard", "file_size"), format!("{:?}", file.file_size)),
        (("display_status", "progress"), format!("{:?}", display.progress)),
        (("display_status", "message"), format!("{:?}", display.message)),
        (("heater_bed", "temperature"), format!("{:?}", heater.temperature)),
        (("heater_bed", "target"), format!("{:?}", heater.target)),
    ])
}

/// The status with one field replaced.
fn status(object_name: &str, field: &str, odd: &str) -> String {
    let objects: Vec<_> = OBJECTS
        .iter()
        .map(|(name, fields)| {
            let replaced = if *name == object_name { field } else { "" };
            format!(r#""{name}":{}"#, object(fields, replaced, odd))
        })
        .collect();
    format!("{{{},\"an unknown object\":{odd}}}", objects.join(","))
}

fn any_status_field() -> impl Strategy<Value = (&'static str, &'static str)> {
    let fields = OBJECTS
        .iter()
        .flat_map(|(object, fields)| fields.iter().map(move |(field, _)| (*object, *field)));
    prop::sample::select(fields.collect::<Vec<_>>())
}

#[test]
fn any_value_in_a_status_update_leaves_the_other_fields() {
    let plain: Map<_, _> = serde_json::from_str(&status("", "", "null")).unwrap();
    let expected = values(&StatusMirror::of(plain));
    assert!(expected.values().all(|value| value != "None"), "{expected:?}");
    let cases = (any_status_field(), any_value(), any_value());
    for_any(&cases, &async |connection, ((object, field), odd, eventtime)| {
        let params = format!("[{},{eventtime},{odd}]", status(object, field, &odd));
        let notification = connection.notify("notify_status_update", &params).await;
        let Notification::StatusUpdate { delta, .. } = notification else {
            return Err(TestCaseError::fail(format!("{notification:?}")));
        };
        let mut found = values(&StatusMirror::of(delta));
        found.insert((object, field), expected[&(object, field)].clone());
        prop_assert_eq!(&found, &expected);
        Ok(())
    });
}

/// A history row. The fields that identify the job come first.
const ROW: [(&str, &str); 12] = [
    ("job_id", r#""00000A""#),
    ("start_time", "1700000000.5"),
    ("filename", r#""a.gcode""#),
    ("status", r#""completed""#),
    ("user", r#""me""#),
    ("end_time", "1700000100"),
    ("print_duration", "\"90.5\""),
    ("total_duration", "100"),
    ("filament_used", "1234.5"),
    ("metadata", r#"{"size":1}"#),
    ("auxiliary_data", "[]"),
    ("exists", "1"),
];
const IDENTITY: usize = 4;

/// Replaces the value of a row's field.
fn forget(job: &mut HistoryJob, field: &str) {
    match field {
        "user" => job.user = None,
        "end_time" => job.end_time = None,
        "print_duration" => job.print_duration = None,
        "total_duration" => job.total_duration = None,
        "filament_used" => job.filament_used = None,
        "metadata" => job.metadata = None,
        "auxiliary_data" => job.auxiliary_data = None,
        "exists" => job.exists = None,
        _ => {}
    }
}

#[test]
fn any_value_in_a_history_row_leaves_the_other_fields_and_rows() {
    let plain = HistoryJob::from_json(&object(&ROW, "", "null")).unwrap();
    let cases = (0..ROW.len(), any_value());
    for_any(&cases, &async |connection, (index, odd)| {
        let field = ROW[index].0;
        let row = object(&ROW, field, &odd);
        let page = format!(r#"{{"jobs":[{row},{}],"count":{odd}}}"#, object(&ROW, "", "{}"));
        let list = async |client: &Client| client.history_list(&HistoryQuery::default()).await;
        let page = connection.call(list, &page).await.unwrap();
        prop_assert_eq!(page.rows, 2);
        prop_assert_eq!(page.jobs.last(), Some(&plain));
        let params = format!(r#"[{{"action":"finished","job":{row}}}]"#);
        let notification = connection.notify("notify_history_changed", &params).await;
        if index < IDENTITY {
            return Ok(());
        }
        let Notification::HistoryChanged { job, .. } = notification else {
            return Err(TestCaseError::fail(format!("{notification:?}")));
        };
        prop_assert_eq!(page.jobs.first(), Some(&*job));
        let (mut found, mut expected) = (*job, plain.clone());
        forget(&mut found, field);
        forget(&mut expected, field);
        prop_assert_eq!(found, expected);
        Ok(())
    });
}

#[test]
fn any_value_in_an_answer_leaves_its_other_fields() {
    const SERVER: [(&str, &str); 6] = [
        ("klippy_connected", "\"TRUE\""),
        ("klippy_state", r#""ready""#),
        ("moonraker_version", r#""0.9""#),
        ("api_version_string", r#""1.5""#),
        ("components", r#"["history"]"#),
        ("failed_components", r#"["spoolman"]"#),
    ];
    const PRINTER: [(&str, &str); 4] = [
        ("state", r#""ready""#),
        ("state_message", r#""all good""#),
        ("hostname", r#""voron""#),
        ("software_version", r#""v0.13""#),
    ];
    let cases = (0..SERVER.len(), 0..PRINTER.len(), any_value());
    for_any(&cases, &async |connection, (server_field, printer_field, odd)| {
        let answer = object(&SERVER, SERVER[server_field].0, &odd);
        let info = connection.call(Client::server_info, &answer).await.unwrap();
        let fields = [
            info.klippy_connected == Some(true),
            info.klippy_state.as_deref() == Some("ready"),
            info.moonraker_version.as_deref() == Some("0.9"),
            info.api_version_string.as_deref() == Some("1.5"),
            info.components == ["history"],
            info.failed_components == ["spoolman"],
        ];
        let is_whole = |fields: &[bool], but: usize| (0..fields.len()).all(|n| n == but || fields[n]);
        prop_assert!(is_whole(&fields, server_field), "{info:?}");

        let answer = object(&PRINTER, PRINTER[printer_field].0, &odd);
        let info = connection.call(Client::printer_info, &answer).await.unwrap();
        let fields = [
            info.state.as_deref() == Some("ready"),
            info.state_message.as_deref() == Some("all good"),
            info.hostname.as_deref() == Some("voron"),
            info.software_version.as_deref() == Some("v0.13"),
        ];
        prop_assert!(is_whole(&fields, printer_field), "{info:?}");

        let answer = format!(r#"{{"status":{{"webhooks":{{"state":"ready"}}}},"eventtime":{odd}}}"#);
        let snapshot = connection.call(Client::query_print, &answer).await.unwrap();
        prop_assert_eq!(&snapshot.status["webhooks"], &json!({"state": "ready"}));
        let answer = format!(r#"{{"status":{odd},"eventtime":1.5}}"#);
        prop_assert_eq!(
            connection
                .call(Client::query_print, &answer)
                .await
                .unwrap()
                .eventtime,
            Some(1.5)
        );
        let answer =
            format!(r#"{{"system_uptime":{odd},"moonraker_stats":[{odd},{{"time":7,"memory":{odd}}}]}}"#);
        prop_assert_eq!(
            connection.call(Client::host_time, &answer).await.unwrap(),
            Some(7.0)
        );
        let answer = format!(r#"[{odd},{{"name":"gcodes","path":"/g","permissions":{odd}}}]"#);
        let folder = connection.call(Client::gcode_folder, &answer).await.unwrap();
        prop_assert_eq!(folder.as_deref(), Some("/g"));
        Ok(())
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_may_be_texts(value in prop::num::f64::NORMAL | prop::num::f64::ZERO, count: u64) {
        prop_assert_eq!(known_number(&json!(value)), Some(value));
        prop_assert_eq!(known_number(&json!(format!(" {value} "))), Some(value));
        prop_assert_eq!(known_count(&json!(count)), Some(count));
        prop_assert_eq!(known_count(&json!(count.to_string())), Some(count));
        if value < 0.0 {
            prop_assert_eq!(known_count(&json!(value)), None);
        }
    }

    #[test]
    fn truth_values_may_be_numbers_and_texts(value: bool) {
        let digit = u8::from(value);
        for form in [json!(value), json!(digit), json!(f64::from(digit)), json!(digit.to_string()),
                     json!(value.to_string()), json!(format!(" {} ", value.to_string().to_uppercase()))] {
            prop_assert_eq!(known_bool(&form), Some(value), "{}", form);
        }
    }

    #[test]
    fn other_texts_are_unknown(text in "[^0-9]{0,20}") {
        let value = json!(text);
        prop_assert_eq!(known_number(&value), None);
        prop_assert_eq!(known_count(&value), None);
        prop_assert_eq!(number(&value).is_ok(), text.trim().is_empty());
    }
}
