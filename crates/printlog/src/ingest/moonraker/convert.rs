//! Converts Moonraker's types into domain types. The only module that does so.

use domain::{Figures, HistoryJob, KlippyState, PrintState, PrintStats};
use jiff::Timestamp;
use moonraker::StatusMirror;

/// Converts a history row.
pub fn history_job(row: moonraker::HistoryJob) -> HistoryJob {
    HistoryJob {
        job_id: row.job_id,
        user: row.user,
        filename: named(row.filename),
        status: row.status,
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
        state: stats.state.map_or(PrintState::Unknown, PrintState::from_klipper),
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
    let state = KlippyState::from_moonraker(webhooks.state?);
    let message = webhooks
        .state_message
        .filter(|_| state != KlippyState::Ready)
        .map(|message| message.trim().to_owned())
        .filter(|message| !message.is_empty());
    Some((state, message))
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
    filename.filter(|name| !name.is_empty())
}

fn filled(value: Option<serde_json::Value>) -> Option<serde_json::Value> {
    value.filter(|value| match value {
        serde_json::Value::Null => false,
        serde_json::Value::Object(fields) => !fields.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        _ => true,
    })
}
