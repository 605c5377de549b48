//! Words for states and outcomes: those of Klipper and Moonraker, and those of their forks.

use crate::JobStatus;

/// The form in which words are compared: lower case, with `_` between parts.
pub(crate) fn normalised(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', ' '], "_")
}

/// How a print ended, by a normalised word. `None` if the word does not say.
pub(crate) fn outcome(word: &str) -> Option<JobStatus> {
    Some(match word {
        "complete" | "completed" | "finish" | "finished" | "success" | "successful" | "succeeded"
        | "done" => JobStatus::Completed,
        "cancel" | "canceled" | "cancelled" | "abort" | "aborted" => JobStatus::Cancelled,
        "error" | "fail" | "failed" | "failure" => JobStatus::Error,
        _ => return None,
    })
}
