//! Converts Moonraker's types into domain types, and interprets its words for states and outcomes, which its forks spell
//! in several ways. The only module that does either.

use domain::{Cause, Figures, HistoryEnd, HistoryJob, KlippyState, PackedJson, PrintState, PrintStats};
use jiff::Timestamp;
use moonraker::StatusMirror;

/// Converts a history row.
pub fn history_job(row: moonraker::HistoryJob) -> HistoryJob {
    let status = normalised(&row.status);
    HistoryJob {
        job_id: row.job_id,
        user: row.user,
        filename: named(row.filename),
        end: HistoryEnd::of(&Cause::from(outcome(&status).unwrap_or(&status))),
        cause: Cause::from(row.status.as_str()),
        start_time: instant(row.start_time),
        end_time: instant(row.end_time),
        figures: Figures::reported(row.print_duration, row.total_duration, row.filament_used),
        metadata: filled(row.metadata),
        auxiliary_data: filled(row.auxiliary_data),
    }
}

/// The print in the mirror. `None` before the first full status.
pub fn print_stats(mirror: &StatusMirror) -> Option<PrintStats> {
    let stats = mirror.print_stats()?;
    Some(PrintStats {
        state: stats.state.map_or(PrintState::Unknown, print_state),
        filename: named(stats.filename.map(str::to_owned)),
        figures: Figures::reported(stats.print_duration, stats.total_duration, stats.filament_used),
        message: stats
            .message
            .filter(|message| !message.is_empty())
            .map(str::to_owned),
    })
}

/// Klippy's state and state message in the mirror. `None` before the first full status.
pub fn klippy(mirror: &StatusMirror) -> Option<(KlippyState, Option<String>)> {
    let webhooks = mirror.webhooks()?;
    let state = klippy_state(webhooks.state?);
    let message = webhooks
        .state_message
        // Klippy then says `Printer is ready`, which explains nothing.
        .filter(|_| state != KlippyState::Ready)
        .map(|message| message.trim().to_owned())
        .filter(|message| !message.is_empty());
    Some((state, message))
}

/// The state in `print_stats.state`.
pub fn print_state(word: &str) -> PrintState {
    let word = normalised(word);
    match outcome(&word).unwrap_or(&word) {
        "standby" => PrintState::Standby,
        "printing" => PrintState::Printing,
        "paused" => PrintState::Paused,
        COMPLETED => PrintState::Complete,
        CANCELLED => PrintState::Cancelled,
        ERROR => PrintState::Error,
        _ => PrintState::Unknown,
    }
}

/// The state in `server.info` and `webhooks.state`. An unknown state counts as `Startup`: printlog waits.
pub fn klippy_state(word: &str) -> KlippyState {
    word.parse().unwrap_or(KlippyState::Startup)
}

const COMPLETED: &str = "completed";
const CANCELLED: &str = "cancelled";
const ERROR: &str = "error";

/// Normalises a word for comparison: lower case, with `_` between its parts.
fn normalised(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', ' '], "_")
}

/// The outcome that a normalised word stands for, in Moonraker's spelling. `None` if it stands for none.
fn outcome(word: &str) -> Option<&'static str> {
    Some(match word {
        "complete" | "completed" | "finish" | "finished" | "success" | "successful" | "succeeded"
        | "done" => COMPLETED,
        "cancel" | "canceled" | "cancelled" | "abort" | "aborted" => CANCELLED,
        "error" | "fail" | "failed" | "failure" => ERROR,
        _ => return None,
    })
}

/// Converts Moonraker's float Unix seconds. 0 means no date; it comes from migrations of Moonraker's database.
pub fn instant(seconds: Option<f64>) -> Option<Timestamp> {
    let seconds = seconds.filter(|seconds| *seconds > 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is checked by from_millisecond"
    )]
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

fn named(filename: Option<String>) -> Option<String> {
    // Klipper reports an empty name after a reset, Moonraker for a start it missed.
    filename.filter(|name| !name.is_empty())
}

fn filled(value: Option<serde_json::Value>) -> Option<PackedJson> {
    let filled = value.filter(|value| match value {
        serde_json::Value::Null => false,
        // What Moonraker writes for a file that is gone.
        serde_json::Value::Object(fields) => !fields.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    filled.map(PackedJson::from)
}

#[cfg(test)]
mod tests {
    use domain::JobStatus;

    use super::*;

    #[test]
    fn spellings_of_forks_mean_the_same_state() {
        for (words, expected) in [
            (&["printing", "Printing", " PRINTING "][..], PrintState::Printing),
            (&["paused"], PrintState::Paused),
            (&["standby"], PrintState::Standby),
            (&["complete", "completed", "Finished"], PrintState::Complete),
            (&["cancelled", "canceled"], PrintState::Cancelled),
            (&["error", "Failed"], PrintState::Error),
            (
                &["preheating", "pausing", "resuming", "", "ready"],
                PrintState::Unknown,
            ),
        ] {
            for word in words {
                assert_eq!(print_state(word), expected, "{word}");
            }
        }
    }

    #[test]
    fn every_status_has_one_end_and_is_kept_as_the_cause() {
        for (status, expected) in [
            ("completed", HistoryEnd::Seen(JobStatus::Completed)),
            ("Finished", HistoryEnd::Seen(JobStatus::Completed)),
            ("canceled", HistoryEnd::Seen(JobStatus::Cancelled)),
            ("failed", HistoryEnd::Seen(JobStatus::Error)),
            ("klippy_shutdown", HistoryEnd::Seen(JobStatus::Error)),
            ("Klippy Shutdown", HistoryEnd::Seen(JobStatus::Error)),
            ("klippy_disconnect", HistoryEnd::Seen(JobStatus::Interrupted)),
            ("server_exit", HistoryEnd::Unseen),
            ("INTERRUPTED", HistoryEnd::Unseen),
            ("in-progress", HistoryEnd::Running),
            ("abducted_by_aliens", HistoryEnd::Seen(JobStatus::Interrupted)),
            ("", HistoryEnd::Seen(JobStatus::Interrupted)),
        ] {
            let row = serde_json::json!({ "job_id": "000001", "status": status });
            let row = moonraker::HistoryJob::from_json(&row.to_string()).unwrap();
            let row = history_job(row);
            assert_eq!((row.end, row.cause.as_str()), (expected, status));
        }
    }
}
