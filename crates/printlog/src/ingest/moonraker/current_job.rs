//! The current print as shown to users.

use std::collections::BTreeMap;

use domain::{Job, PackedJson, is_resumed_file};
use jiff::{SignedDuration, Timestamp};
use moonraker::StatusMirror;

use crate::ingest::{CurrentJob, Temperature};

/// Below this progress, the position in the file is not used to estimate the remaining time.
const MIN_PROGRESS: f64 = 0.05;

/// The slicer's estimate for the current job. Kept, because a status is published every second and the metadata that
/// contains it is text.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    metadata: Option<PackedJson>,
    seconds: Option<f64>,
}

impl Estimate {
    /// Seconds that the slicer estimated for the whole file. `None` if unknown.
    fn of(&mut self, job: &Job) -> Option<f64> {
        let Some(metadata) = &job.metadata else {
            return None;
        };
        if !self
            .metadata
            .as_ref()
            .is_some_and(|known| known.is_same(metadata))
        {
            self.seconds = moonraker::lenient::known_number(&metadata.to_value()["estimated_time"]);
            self.metadata = Some(metadata.clone());
        }
        self.seconds
    }
}

/// Adds what the printer reports beyond the stored job: progress, layers and the expected end.
pub(crate) fn add_progress(
    current: &mut CurrentJob,
    job: &Job,
    estimate: &mut Estimate,
    mirror: &StatusMirror,
    now: Timestamp,
) {
    let info = mirror.print_stats().and_then(|stats| stats.info);
    current.progress = mirror
        .progress()
        .filter(|progress| (0.0..=1.0).contains(progress));
    current.eta = eta(job, estimate, current.progress, now);
    current.current_layer = info.and_then(|info| info.current_layer);
    current.total_layer = info.and_then(|info| info.total_layer);
}

/// Estimates the end: at first from the slicer's estimate, then increasingly from the progress in the file.
fn eta(job: &Job, estimate: &mut Estimate, progress: Option<f64>, now: Timestamp) -> Option<Timestamp> {
    let printed = job.figures.print_duration?;
    let by_slicer = estimate
        .of(job)
        .filter(|_| !job.filename.as_deref().is_some_and(is_resumed_file))
        .map(|estimated| estimated - printed)
        // A print that exceeds its estimate has no end time by the slicer.
        .filter(|left| *left > 0.0);
    let by_file = progress
        // At the end of the file nothing is left to extrapolate, and an expected end would be in the past at
        // once.
        .filter(|progress| *progress > MIN_PROGRESS && *progress < 1.0 && printed > 0.0)
        .map(|progress| printed * (1.0 - progress) / progress);
    let left = match (by_slicer, by_file, progress) {
        (Some(by_slicer), Some(by_file), Some(progress)) => by_slicer * (1.0 - progress) + by_file * progress,
        (by_slicer, by_file, _) => by_file.or(by_slicer)?,
    };
    now.checked_add(SignedDuration::try_from_secs_f64(left).ok()?)
        .ok()
}

pub(crate) fn temperatures(mirror: &StatusMirror) -> BTreeMap<String, Temperature> {
    mirror
        .heaters()
        .filter_map(|(name, heater)| {
            Some((
                name.to_owned(),
                Temperature {
                    temperature: heater.temperature?,
                    target: heater.target,
                },
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::{Cause, Figures, HistoryEnd, HistoryJob, PrinterId};
    use serde_json::json;

    use super::*;

    fn left(filename: &str, estimated: f64, printed: f64, progress: Option<f64>) -> Option<i64> {
        let mut job = Job::from_history(
            PrinterId(1),
            &HistoryJob {
                job_id: "1".to_owned(),
                user: None,
                filename: Some(filename.to_owned()),
                end: HistoryEnd::Running,
                cause: Cause::InProgress,
                start_time: None,
                end_time: None,
                figures: Figures::reported(Some(printed), Some(printed), None),
                metadata: None,
                auxiliary_data: None,
            },
        );
        job.metadata = Some(json!({ "estimated_time": estimated }).into());
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        Some(
            eta(&job, &mut Estimate::default(), progress, now)?
                .duration_since(now)
                .as_secs(),
        )
    }

    #[test]
    fn an_eta_is_in_the_future_or_unknown() {
        assert_eq!(left("a.gcode", 100.0, 40.0, None), Some(60));
        assert_eq!(left("a.gcode", 100.0, 40.0, Some(0.5)), Some(50));
        assert_eq!(
            left("a.gcode", 100.0, 120.0, Some(0.8)),
            Some(30),
            "by the file alone"
        );
        assert_eq!(left("a.gcode", 100.0, 120.0, None), None);
        assert_eq!(left("a.gcode", 100.0, 120.0, Some(1.0)), None);
        assert_eq!(left("a.gcode", 100.0, 100.0, Some(1.0)), None);
        assert_eq!(
            left("sub/PLR.gcode", 100.0, 40.0, None),
            None,
            "the estimate is of the whole"
        );
        assert_eq!(left("plr/a.gcode", 100.0, 40.0, Some(0.5)), Some(40));
    }
}
