//! Words for states and outcomes, as Klipper, Moonraker and their forks spell them.

use crate::JobStatus;

/// Normalises a word for comparison: lower case, with `_` between its parts.
pub(crate) fn normalised(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', ' '], "_")
}

/// The outcome that a normalised word stands for. `None` if it stands for none.
pub(crate) fn outcome(word: &str) -> Option<JobStatus> {
    Some(match word {
        "complete" | "completed" | "finish" | "finished" | "success" | "successful" | "succeeded"
        | "done" => JobStatus::Completed,
        "cancel" | "canceled" | "cancelled" | "abort" | "aborted" => JobStatus::Cancelled,
        "error" | "fail" | "failed" | "failure" => JobStatus::Error,
        _ => return None,
    })
}
