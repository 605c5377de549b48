//! The print in the machine, as people want to see it.

use std::collections::BTreeMap;

use domain::{Job, JobId};
use jiff::{SignedDuration, Timestamp};
use moonraker::StatusMirror;

use super::{CurrentJob, Temperature};

/// Below this share of the file its position says too little about the time left.
const TELLING_PROGRESS: f64 = 0.05;

pub(super) fn describe(job: &Job, id: Option<JobId>, mirror: &StatusMirror, now: Timestamp) -> CurrentJob {
    let progress = mirror
        .progress()
        .filter(|progress| (0.0..=1.0).contains(progress));
    let info = mirror.print_stats().and_then(|stats| stats.info);
    CurrentJob {
        id,
        filename: job.filename.clone(),
        status: job.status,
        start_time: job.start_time,
        figures: job.figures,
        progress,
        eta: eta(job, progress, now),
        current_layer: info.and_then(|info| info.current_layer),
        total_layer: info.and_then(|info| info.total_layer),
    }
}

/// Now plus what is left: by the slicer's estimate at first, then by how far the file went in the time printed.
fn eta(job: &Job, progress: Option<f64>, now: Timestamp) -> Option<Timestamp> {
    let printed = job.figures.print_duration?;
    let by_slicer = job
        .metadata
        .as_ref()
        .and_then(|metadata| moonraker::lenient::known_number(metadata.get("estimated_time")?))
        .map(|estimated| (estimated - printed).max(0.0));
    let by_file = progress
        .filter(|progress| *progress > TELLING_PROGRESS && printed > 0.0)
        .map(|progress| printed * (1.0 - progress) / progress);
    let left = match (by_slicer, by_file, progress) {
        (Some(by_slicer), Some(by_file), Some(progress)) => by_slicer * (1.0 - progress) + by_file * progress,
        (by_slicer, by_file, _) => by_file.or(by_slicer)?,
    };
    now.checked_add(SignedDuration::try_from_secs_f64(left).ok()?)
        .ok()
}

pub(super) fn temperatures(mirror: &StatusMirror) -> BTreeMap<String, Temperature> {
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
