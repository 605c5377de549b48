//! Real Moonrakers that announce themselves by multicast DNS on this machine's network.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Moonraker, Setup};

use crate::test_app::TestApp;

/// The printers found at these ports. There may be other Moonrakers on the network.
async fn found(app: &TestApp, ports: &[u16]) -> Vec<Value> {
    let list = app.get("/api/printers/discover").await.expect(200).json();
    let items = list["items"].as_array().unwrap().iter();
    items
        .filter(|item| ports.iter().any(|port| item["port"] == *port))
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn moonrakers_on_the_network_are_found() {
    let app = TestApp::start().await;
    let setup = || Setup::default().extra_config("[zeroconf]\n");
    let moonrakers = [
        Moonraker::start(setup()).await.unwrap(),
        Moonraker::start(setup()).await.unwrap(),
    ];
    let ports = moonrakers.each_ref().map(Moonraker::port);
    let all = async {
        loop {
            let items = found(&app, &ports).await;
            if items.len() == ports.len() {
                return items;
            }
        }
    };
    let items = tokio::time::timeout(Duration::from_secs(120), all)
        .await
        .expect("both tell of themselves");
    for item in &items {
        assert!(item["name"].as_str().unwrap().starts_with("Moonraker-"), "{item}");
        assert!(item["hostname"].as_str().unwrap().ends_with(".local"), "{item}");
        assert_eq!(item["addresses"], json!(["127.0.0.1"]));
        assert_eq!(item["printer_id"], Value::Null);
        let verdict = app
            .post(
                "/api/printers/test",
                &json!({"moonraker_url": item["moonraker_url"]}),
            )
            .await
            .expect(200)
            .json();
        assert_eq!(verdict["outcome"], "ok", "{verdict}");
    }

    let input = json!({"name": "Known", "moonraker_url": moonrakers[0].url(), "is_active": false});
    let id = app.post("/api/printers", &input).await.expect(201).json()["id"].clone();
    for item in found(&app, &ports).await {
        let wanted = if item["port"] == ports[0] {
            id.clone()
        } else {
            Value::Null
        };
        assert_eq!(item["printer_id"], wanted, "{item}");
    }
}
