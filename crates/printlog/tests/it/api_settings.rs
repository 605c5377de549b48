//! Settings that users change.

use jiff::Timestamp;
use serde_json::{Value, json};
use store::JobDetails;

use crate::test_app::{Answer, TestApp, job};

const CURRENCY: &str = "/api/settings/currency";

async fn add_job_with_cost(app: &TestApp, currency: Option<&str>) {
    let printer = app.add_printer(currency.unwrap_or("none")).await;
    let id = app.add_job(&job(printer, "1", "2026-02-01T12:00:00Z")).await;
    let details = JobDetails {
        estimated_length: Some(1234.5),
        filament_cost: Some(0.5),
        currency: currency.map(str::to_owned),
        ..JobDetails::default()
    };
    let at = Timestamp::UNIX_EPOCH;
    assert!(app.store.save_job_details(id, &details, at).await.unwrap());
}

/// The setting, without the currencies to choose from.
fn setting(answer: Answer) -> Value {
    let mut setting = answer.expect(200).json();
    let choices = setting.as_object_mut().unwrap().remove("choices").unwrap();
    let choices = choices.as_array().unwrap();
    // Of ISO 4217: one in use, gold, a fund, and one that the euro superseded.
    let found = ["EUR", "XAU", "CHE", "HRK"].map(|code| choices.contains(&json!(code)));
    assert_eq!(found, [true, false, false, false]);
    setting
}

async fn system(app: &TestApp) -> (Value, Value) {
    let mut system = app.get("/api/system").await.expect(200).json();
    (system["currency"].take(), system["currency_needed"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_currency_is_needed_once_a_cost_has_none() {
    let app = TestApp::start().await;
    assert_eq!(system(&app).await, (Value::Null, json!(false)));
    add_job_with_cost(&app, Some("USD")).await;
    assert_eq!(system(&app).await, (Value::Null, json!(false)));
    add_job_with_cost(&app, None).await;
    assert_eq!(system(&app).await, (Value::Null, json!(true)));
    let unset = setting(app.get(CURRENCY).await);
    assert_eq!(unset, json!({"currency": null, "source": null}));

    let set = setting(app.put(CURRENCY, &json!({"currency": "EUR"})).await);
    assert_eq!(set, json!({"currency": "EUR", "source": "user"}));
    assert_eq!(setting(app.get(CURRENCY).await), set);
    assert_eq!(system(&app).await, (json!("EUR"), json!(false)));
    let jobs = app.get("/api/jobs").await.expect(200).json();
    let currencies: Vec<_> = jobs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["cost"]["currency"])
        .collect();
    assert_eq!(currencies, ["EUR", "USD"]);
    let summary = app.get("/api/analytics/summary").await.expect(200).json();
    let cost = summary["cost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cost| &cost["currency"]);
    assert_eq!(Vec::from_iter(cost), ["EUR", "USD"]);

    let removed = setting(app.put(CURRENCY, &json!({"currency": null})).await);
    assert_eq!(removed, unset);
    for wrong in [
        json!({"currency": "eur"}),
        json!({"currency": "XYZ"}),
        json!({"currency": "XAU"}),
        json!({"currency": "€"}),
        json!({"currency": 5}),
        json!({}),
    ] {
        assert_eq!(
            app.put(CURRENCY, &wrong).await.wrong_fields(422),
            ["currency"],
            "{wrong}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_currency_cannot_be_changed() {
    let app = TestApp::start_with(|config| config.api.currency = Some("CHF".to_owned())).await;
    let configured = json!({"currency": "CHF", "source": "config"});
    assert_eq!(setting(app.get(CURRENCY).await), configured);
    let refused = app.put(CURRENCY, &json!({"currency": "EUR"})).await.problem(409);
    assert_eq!(refused["code"], "currency_configured");
    assert_eq!(setting(app.get(CURRENCY).await), configured);
}
