//! Frames used in many scripts.

use serde_json::{Value, json};

/// A script line with a status update of `print_stats`.
pub(crate) fn stats(at: f64, fields: &Value) -> String {
    json!({ "at": at, "status": { "print_stats": fields } }).to_string() + "\n"
}

/// A history row.
pub(crate) fn row(id: &str, file: &str, status: &str, start: f64, end: Option<f64>, total: f64) -> Value {
    json!({
        "job_id": id, "user": "_TRUSTED_USER_", "filename": file, "status": status,
        "start_time": format!("@{start}"), "end_time": end.map(|end| format!("@{end}")),
        "print_duration": (total - 1.0).max(0.0), "total_duration": total, "filament_used": total * 10.0,
        "metadata": {}, "auxiliary_data": [], "exists": true,
    })
}

/// A script line in which the history reports this row.
pub(crate) fn history_change(at: f64, key: &str, row: &Value) -> String {
    json!({ "at": at, key: row }).to_string() + "\n"
}
