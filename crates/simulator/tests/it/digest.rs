//! A one-line summary of a frame, identical for a recorded and a simulated one.

use serde_json::Value;

/// Summary of a message. `None` if it says nothing about the progress of a print.
pub(crate) fn line(message: &Value) -> Option<String> {
    match message.get("method").and_then(Value::as_str)? {
        "notify_status_update" => status(&message["params"][0]),
        "notify_history_changed" => {
            let change = &message["params"][0];
            Some(format!(
                "history {} {}",
                change["action"].as_str()?,
                job(&change["job"])
            ))
        }
        method @ ("notify_klippy_ready" | "notify_klippy_shutdown" | "notify_klippy_disconnected") => {
            Some(method.trim_start_matches("notify_").to_owned())
        }
        _ => None,
    }
}

/// The fields that describe events, without mere counters.
fn status(delta: &Value) -> Option<String> {
    let mut found = Vec::new();
    for (object, fields) in [
        ("webhooks", &["state"][..]),
        ("print_stats", &["state", "filename", "message"]),
        ("virtual_sdcard", &["is_active"]),
        ("pause_resume", &["is_paused"]),
    ] {
        for field in fields {
            if let Some(value) = delta.get(object).and_then(|fields| fields.get(field)) {
                found.push(format!("{field}={value}"));
            }
        }
    }
    if let Some(path) = delta
        .get("virtual_sdcard")
        .and_then(|fields| fields.get("file_path"))
    {
        found.push(format!(
            "file_path={}",
            path.as_str()
                .map_or("null", |path| path.rsplit('/').next().unwrap())
        ));
    }
    (!found.is_empty()).then(|| format!("status {}", found.join(" ")))
}

/// Summary of a job, without the values that differ between runs.
pub(crate) fn job(job: &Value) -> String {
    let number = |name: &str| job[name].as_f64();
    let metadata = if job["metadata"].as_object().unwrap().is_empty() {
        "no metadata"
    } else {
        "metadata"
    };
    let end = match (number("start_time"), number("end_time")) {
        (_, None) => "no end",
        (Some(start), Some(end)) if end < start => "ends before its start",
        // The wall clock was set during the print.
        (Some(start), Some(end)) if end - start > number("total_duration").unwrap() + 1000.0 => {
            "ends far too late"
        }
        (Some(start), Some(end)) if end - start < 0.1 => "ends at its start",
        _ => "ends",
    };
    let counted = if number("total_duration").unwrap() < 0.5 {
        "0 s"
    } else {
        "some s"
    };
    format!(
        "{} {:?} {} {end} {counted} {metadata} exists={} user={}",
        job["job_id"].as_str().unwrap(),
        job["filename"].as_str().unwrap(),
        job["status"].as_str().unwrap(),
        job["exists"],
        job.get("user").map_or("absent", |user| user.as_str().unwrap()),
    )
}

/// Summary of the response to `server.history.list`.
pub(crate) fn list(result: &Value) -> String {
    let jobs: Vec<String> = result["jobs"].as_array().unwrap().iter().map(job).collect();
    format!("list {} {jobs:?}", result["count"])
}
