//! Connection faults, and duplicated or reordered notifications.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use simulator::{Faults, Outcome, PrintPlan, PrinterConfig, SimPrinter, Simulator};

use crate::observer::Observer;

fn fast() -> PrinterConfig {
    PrinterConfig {
        time_scale: 20.0,
        updates_per_second: 80.0,
        seed: 5,
        ..PrinterConfig::default()
    }
}

#[tokio::test]
async fn a_cut_link_breaks_connections_but_no_print() {
    let printer = SimPrinter::start(fast(), 0).await.unwrap();
    let mut observer = Observer::watching(&printer.url()).await;
    printer.start_print("a.gcode", PrintPlan::lasting(20.0)).unwrap();
    observer.until("history added").await;
    printer.cut_link();
    observer.closed().await;
    assert_eq!(observer.digest.last().unwrap(), "closed 1006");
    assert!(Observer::open(&printer.url(), None).await.is_none());
    printer
        .wait_until(|view| view.print == Some("complete") && !view.job)
        .await;
    printer.restore_link();
    let mut observer = Observer::watching(&printer.url()).await;
    observer.list().await;
    assert!(observer.digest[0].contains("completed"));
}

#[tokio::test]
async fn a_frozen_link_says_nothing_and_keeps_the_socket() {
    let printer = SimPrinter::start(fast(), 0).await.unwrap();
    let mut observer = Observer::watching(&printer.url()).await;
    printer.freeze_link();
    printer.start_print("a.gcode", PrintPlan::lasting(2.0)).unwrap();
    printer
        .wait_until(|view| view.print == Some("complete") && !view.job)
        .await;
    // Only frames sent before the freeze may still arrive.
    while tokio::time::timeout(Duration::from_millis(100), observer.next())
        .await
        .is_ok()
    {}
    assert_eq!(observer.digest, [""; 0]);
    printer.restore_link();
    observer.until("history finished").await;
    assert_eq!(observer.digest.len(), 4);
}

#[tokio::test]
async fn a_power_cut_leaves_an_interrupted_job() {
    let printer = SimPrinter::start(fast(), 0).await.unwrap();
    let mut observer = Observer::watching(&printer.url()).await;
    printer.start_print("a.gcode", PrintPlan::lasting(100.0)).unwrap();
    observer.until("history added").await;
    printer.wait(10.0).await;
    printer.power_off();
    observer.closed().await;
    assert!(Observer::open(&printer.url(), None).await.is_none());
    printer.power_on();
    printer.wait_until(|view| view.ready).await;
    let job = printer.history_job("000001").unwrap();
    assert_eq!(
        (&job["status"], &job["end_time"]),
        (&json!("interrupted"), &json!(null))
    );
    let truth = printer.truth();
    assert_eq!(truth[0].outcome, Some(Outcome::PowerLost));
    assert!(truth[0].total_duration >= 10.0);
}

#[tokio::test]
async fn disorder_loses_nothing() {
    let faults = Faults {
        late_history: 0.5,
        history_twice: 0.5,
        twice: 0.3,
        overtaken: 0.3,
    };
    let printer = SimPrinter::start(PrinterConfig { faults, ..fast() }, 0)
        .await
        .unwrap();
    let mut observer = Observer::watching(&printer.url()).await;
    for _ in 0..12 {
        printer.start_print("a.gcode", PrintPlan::lasting(2.0)).unwrap();
        printer
            .wait_until(|view| view.print == Some("complete") && !view.job)
            .await;
    }
    let mut heard = BTreeMap::<(String, String), u32>::new();
    let mut statuses = Vec::new();
    // Each of the twelve prints starts and ends, however late the notification arrives.
    while heard.len() < 24 {
        let frame = observer.next().await.unwrap();
        let change = &frame["params"][0];
        if frame["method"] == "notify_history_changed" {
            let key = (change["job"]["job_id"].to_string(), change["action"].to_string());
            *heard.entry(key).or_default() += 1;
        } else if frame["method"] == "notify_status_update" {
            statuses.push(frame["params"][1].as_f64().unwrap());
        }
    }
    assert!(heard.values().any(|times| *times > 1), "some were sent twice");
    assert!(
        statuses.windows(2).all(|pair| pair[0] <= pair[1]),
        "deltas keep their order"
    );
    assert!(
        statuses.windows(2).any(|pair| pair[0] == pair[1]),
        "some came twice"
    );
}

#[tokio::test]
async fn a_status_update_overtakes_an_answer() {
    let faults = Faults {
        overtaken: 1.0,
        ..Faults::default()
    };
    let printer = SimPrinter::start(PrinterConfig { faults, ..fast() }, 0)
        .await
        .unwrap();
    let mut observer = Observer::watching(&printer.url()).await;
    printer.start_print("a.gcode", PrintPlan::lasting(100.0)).unwrap();
    let before = observer.frames.len();
    observer.call("server.info", json!({})).await.unwrap();
    let overtaking = observer.frames[before..]
        .iter()
        .filter(|frame| frame["method"] == "notify_status_update");
    assert!(overtaking.count() > 0);
}

#[tokio::test]
async fn a_fleet_has_printers_of_its_own_kind_each() {
    let mut simulator = Simulator::start(30, &fast(), None).await.unwrap();
    let urls: std::collections::BTreeSet<String> =
        simulator.printers().iter().map(|printer| printer.url()).collect();
    assert_eq!(urls.len(), 30);
    let schedule = simulator::Schedule {
        pause: 0.2..0.5,
        ..simulator::Schedule::busy(1.0..3.0)
    };
    simulator.run(0..10, 1, &schedule);
    let printing = simulator.printers()[..10].to_vec();
    for printer in &printing {
        printer
            .wait_until(|_| printer.truth().iter().filter(|run| run.outcome.is_some()).count() >= 2)
            .await;
    }
    assert!(
        simulator.printers()[10..]
            .iter()
            .all(|printer| printer.truth().is_empty())
    );
    let names = |printer: &SimPrinter| -> Vec<String> {
        printer.truth().into_iter().map(|run| run.filename).collect()
    };
    assert_ne!(names(&printing[0])[..2], names(&printing[1])[..2]);
}

#[tokio::test]
async fn dropped_subscriptions_stop_status_updates_only() {
    let printer = SimPrinter::start(fast(), 0).await.unwrap();
    let mut observer = Observer::watching(&printer.url()).await;
    printer.drop_subscriptions();
    printer.start_print("a.gcode", PrintPlan::lasting(2.0)).unwrap();
    observer.until("history finished").await;
    let updates = observer.digest.iter().filter(|line| line.starts_with("status"));
    assert_eq!(updates.count(), 0, "{:?}", observer.digest);
    assert_eq!((printer.view().sockets, printer.view().subscriptions), (1, 0));
}
