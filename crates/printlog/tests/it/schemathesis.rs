//! Tests the API with schemathesis, based on its own OpenAPI document. Takes a minute or two:
//! `scripts/schemathesis.sh`.

use std::{path::Path, process::Command};

use serde_json::json;
use store::{JobDetails, Location, Saved, Store};

use crate::{
    binary::Binary,
    test_app::{job, stored_at},
};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Adds printers and jobs, and a key whose id schemathesis will not guess.
async fn seeded(binary: &Binary) -> String {
    let store = Store::open(&Location::Sqlite {
        path: binary.path("data/printlog.db"),
    })
    .await
    .unwrap();
    for name in ["A", "B", "C"] {
        let printer = domain::NewPrinter {
            name: name.to_owned(),
            kind: domain::PrinterKind::default(),
            location: None,
            moonraker_url: "http://127.0.0.1:1".to_owned(),
            moonraker_api_key: None,
            is_active: name == "A",
        };
        let printer = store.add_printer(&printer, stored_at()).await.unwrap().id;
        for day in 1..=28 {
            let mut job = job(
                printer,
                &format!("{day:06X}"),
                &format!("2026-01-{day:02}T00:00:00Z"),
            );
            job.metadata = Some(json!({"size": day}).into());
            if let Saved::Inserted(id) = store.save_job(&job, stored_at()).await.unwrap() {
                let details = JobDetails {
                    filament_type: Some("PLA".to_owned()),
                    ..JobDetails::default()
                };
                store
                    .save_job_details(id, &details, jiff::Timestamp::UNIX_EPOCH)
                    .await
                    .unwrap();
            }
        }
    }
    for _ in 0..300 {
        store
            .create_key("in the way", store::KeyScope::Admin, None, stored_at())
            .await
            .unwrap();
    }
    let key = store
        .create_key("schemathesis", store::KeyScope::Admin, None, stored_at())
        .await
        .unwrap()
        .secret;
    store.close().await.unwrap();
    key
}

#[tokio::test]
#[ignore = "takes a minute or two; scripts/schemathesis.sh runs it"]
async fn the_api_does_what_its_document_says() {
    let program = Path::new(PROJECT).join(".cache/venv/bin/schemathesis");
    assert!(
        program.exists(),
        "{} is missing; scripts/install-test-deps.sh installs it",
        program.display()
    );
    let binary = Binary::new();
    let key = seeded(&binary).await;
    let server = binary.serve();
    let status = Command::new(program)
        .arg("--config-file")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.toml"))
        .arg("run")
        .arg(format!("http://{}/api/openapi.json", server.address))
        .args(["--header", &format!("Authorization: Bearer {key}")])
        // schemathesis stores its findings in the current folder.
        .current_dir(binary.folder.path())
        .status()
        .unwrap();
    let (ended, _, log) = server.end("-TERM");
    assert!(status.success(), "schemathesis found the problems above");
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}
