//! Pages of a history with rows that the client or Moonraker itself cannot read.

use moonraker::{ConnectOptions, HistoryPage, HistoryQuery, Order, RequestError, Value};
use serde_json::json;

use crate::fake::{FakeServer, Peer};

/// Answers `server.history.list` over `rows` jobs. A page with a row in `bad` fails as a whole, as with Moonraker.
async fn serve(mut peer: Peer, rows: u64, bad: &[u64]) {
    loop {
        let request = peer.request().await;
        let params = &request["params"];
        let start = params["start"].as_u64().unwrap();
        let page = start..(start + params["limit"].as_u64().unwrap()).min(rows).max(start);
        if bad.iter().any(|row| page.contains(row)) {
            peer.refuse(&request, 500, "'NoneType' object has no attribute 'get'")
                .await;
        } else {
            let jobs: Vec<Value> = page
                .map(|row| json!({ "job_id": format!("{row:06X}") }))
                .collect();
            peer.answer(&request, json!({ "count": jobs.len(), "jobs": jobs }))
                .await;
        }
    }
}

async fn page(rows: u64, bad: &[u64], start: u64, limit: u64) -> Result<HistoryPage, RequestError> {
    let server = FakeServer::bind().await;
    let (client, _notifications, peer) = server.connected(&ConnectOptions::default()).await;
    let query = HistoryQuery {
        start,
        limit,
        order: Order::Ascending,
        ..HistoryQuery::default()
    };
    tokio::select! {
        page = client.history_page_skipping_bad_rows(query) => page,
        () = serve(peer, rows, bad) => unreachable!(),
    }
}

#[tokio::test]
async fn bad_rows_are_stepped_over_and_named() {
    for (rows, bad, start, limit) in [
        (100, &[][..], 0, 50),
        (100, &[7][..], 0, 50),
        (100, &[0, 49, 50][..], 0, 50),
        (100, &[99][..], 50, 50),
        (100, &[98][..], 90, 500),
        (20, &[3, 4, 5, 6, 7, 8][..], 3, 6),
        (5, &[0, 1, 2, 3, 4][..], 0, 500),
        (0, &[][..], 0, 10),
    ] {
        let page = page(rows, bad, start, limit).await.unwrap();
        let covered = start..(start + limit).min(rows);
        let ids: Vec<String> = page.jobs.iter().map(|job| job.job_id.clone()).collect();
        let good: Vec<String> = covered
            .clone()
            .filter(|row| !bad.contains(row))
            .map(|row| format!("{row:06X}"))
            .collect();
        assert_eq!(ids, good, "{bad:?} of {rows}");
        let named: Vec<u64> = page.problems.iter().map(|problem| problem.position).collect();
        let expected: Vec<u64> = bad.iter().copied().filter(|row| covered.contains(row)).collect();
        assert_eq!(named, expected);
        assert_eq!(page.rows, covered.end - covered.start);
        assert_eq!(page.is_last(limit), start + limit > rows);
    }
}

#[tokio::test]
async fn a_history_that_always_fails_is_an_error() {
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let serve = async {
        loop {
            let request = peer.request().await;
            peer.refuse(&request, 500, "database is locked").await;
        }
    };
    let result = tokio::select! {
        result = client.history_page_skipping_bad_rows(HistoryQuery::default()) => result,
        () = serve => unreachable!(),
    };
    assert!(matches!(result, Err(RequestError::Refused { code: 500, .. })));
}

#[tokio::test]
async fn rows_of_wrong_types_do_not_affect_the_others() {
    let server = FakeServer::bind().await;
    let (client, _notifications, mut peer) = server.connected(&ConnectOptions::default()).await;
    let serve = async {
        let request = peer.request().await;
        assert_eq!(
            request["params"],
            json!({"start": 10, "limit": 4, "order": "desc", "since": 1.5})
        );
        let answer = r#"{"jobs":[{"job_id":"00000C","total_duration":3},{"job_id":null},"what",{"job_id":"00000A","end_time":[]}]}"#;
        peer.send(format!(
            r#"{{"jsonrpc":"2.0","result":{answer},"id":{}}}"#,
            request["id"]
        ))
        .await;
    };
    let query = HistoryQuery {
        start: 10,
        limit: 4,
        since: Some(1.5),
        ..HistoryQuery::default()
    };
    let (page, ()) = tokio::join!(client.history_list(&query), serve);
    let page = page.unwrap();
    let ids: Vec<&str> = page.jobs.iter().map(|job| job.job_id.as_str()).collect();
    assert_eq!(ids, ["00000C", "00000A"]);
    assert_eq!((page.rows, page.is_last(4)), (4, false));
    let problems: Vec<String> = page.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems[0], "row 11: `job_id` is not a string");
    assert!(problems[1].starts_with("row 12: not a JSON object"));
    assert_eq!(problems[2], "row 13: `end_time` of job 00000A is not a number");
}
