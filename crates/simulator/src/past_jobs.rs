//! The history from before the simulation as printlog's own types, to fill databases without a Moonraker.

use domain::{Cause, Figures, HistoryEnd, HistoryJob};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    PastPrints, Random, Version,
    generated::Generated,
    history::{Row, job_id},
};

/// A print of the generated past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastJob {
    /// The job as in Moonraker's history.
    pub history: HistoryJob,
    /// The parsed G-code file as an object with `details`, `tools`, `warnings`, and the weight per mm of filament.
    pub details: Value,
    /// Moonraker's id of the file. Prints of the same file share it.
    pub file_uuid: String,
}

const NAMES: [&str; 10] = [
    "Voron 2.4",
    "Voron Trident",
    "Prusa MK4",
    "Ender 3",
    "RatRig V-Core",
    "Creality K1 Max",
    "Qidi Q1 Pro",
    "Sovol SV08",
    "CR-10",
    "Voron 0.2",
];

/// Name of printer number `place` out of `printers`.
#[must_use]
pub fn printer_name(place: usize, printers: usize) -> String {
    match NAMES.get(place) {
        Some(name) if printers <= NAMES.len() => (*name).to_owned(),
        _ => format!("Printer {}", place + 1),
    }
}

/// The past prints of the printer with this seed before `now`, oldest first.
pub fn past_jobs(past: PastPrints, seed: u64, now: Timestamp) -> impl Iterator<Item = PastJob> {
    let generated = Generated::new(past, seed, Version::V0_11, now.as_duration().as_secs_f64());
    let mut id = generated.ids().start;
    generated.into_rows().map(move |row| {
        let job = past_job(id, &row);
        id += 1;
        job
    })
}

fn past_job(id: u64, row: &Row) -> PastJob {
    let nothing = Value::Null;
    let metadata = row.metadata.as_deref().unwrap_or(&nothing);
    PastJob {
        history: HistoryJob {
            job_id: job_id(id),
            user: Some(row.user.to_owned()),
            filename: Some(row.filename.clone()),
            end: HistoryEnd::of(&Cause::from(row.status)),
            cause: Cause::from(row.status),
            start_time: instant(row.start_time),
            end_time: row.end_time.and_then(instant),
            figures: Figures {
                print_duration: Some(row.print_duration),
                total_duration: Some(row.total_duration),
                filament_used: Some(row.filament_used),
            },
            metadata: Some(metadata.into()),
            auxiliary_data: Some((&row.auxiliary_data).into()),
        },
        details: details(metadata),
        file_uuid: metadata["uuid"].as_str().unwrap_or_default().to_owned(),
    }
}

fn instant(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is then no time")]
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

/// The details that the file of this Moonraker metadata would contain.
fn details(metadata: &Value) -> Value {
    let product = metadata["filament_name"].as_str().unwrap_or_default();
    let brand = product.split(' ').next().unwrap_or_default();
    let (length, weight) = (&metadata["filament_total"], &metadata["filament_weight_total"]);
    // Slow for flexible materials.
    let speed = match metadata["filament_type"].as_str() {
        Some("TPU") => 40,
        Some("PLA" | "PLA-CF") => 200,
        _ => 120,
    };
    let layers = metadata["layer_count"].as_u64().unwrap_or_default();
    let supported = layers.is_multiple_of(3);
    let infill = *Random::new(layers).pick(&[
        (10, "grid"),
        (15, "gyroid"),
        (15, "grid"),
        (20, "cubic"),
        (40, "rectilinear"),
    ]);
    let grams = weight.as_f64().unwrap_or_default();
    json!({
        "details": {
            "slicer": metadata["slicer"],
            "slicer_version": metadata["slicer_version"],
            "nozzle_diameter": metadata["nozzle_diameter"],
            "layer_height": metadata["layer_height"],
            "first_layer_height": metadata["first_layer_height"],
            "nozzle_temp": metadata["first_layer_extr_temp"],
            "nozzle_temp_first_layer": metadata["first_layer_extr_temp"],
            "bed_temp": metadata["first_layer_bed_temp"],
            "bed_temp_first_layer": metadata["first_layer_bed_temp"],
            "print_speed": speed,
            "infill_percentage": infill.0,
            "infill_pattern": infill.1,
            "support_enabled": supported,
            "support_type": supported.then_some("tree(auto)"),
            "filament_type": metadata["filament_type"],
            "filament_name": product,
            "filament_brand": brand,
            "filament_color": metadata["filament_colors"][0],
            "filament_used_mm": length,
            "filament_cost": (grams * 2.5).round() / 100.0,
            "estimated_time": metadata["estimated_time"],
            "estimated_filament": weight,
            "layer_count": layers,
            "object_height": metadata["object_height"],
        },
        "tools": [{
            "index": 0,
            "filament_type": metadata["filament_type"],
            "filament_name": product,
            "filament_brand": brand,
            "filament_color": metadata["filament_colors"][0],
            "used_mm": length,
            "used_g": weight,
        }],
        "warnings": [],
        "grams_per_mm": length.as_f64().filter(|length| *length > 0.0).map(|length| grams / length),
        "weight_source": "slicer_ratio",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn the_past_is_plausible() {
        let past = PastPrints {
            count: 5_000,
            days: 1_000.0,
        };
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let jobs: Vec<PastJob> = past_jobs(past, 7, now).collect();
        assert_eq!(jobs.len(), 5_000);
        let ends = |job: &PastJob| {
            let total = job.history.figures.total_duration.unwrap();
            job.history.start_time.unwrap().as_duration().as_secs_f64() + total
        };
        for pair in jobs.windows(2) {
            let begins = pair[1].history.start_time.unwrap().as_duration().as_secs_f64();
            assert!(ends(&pair[0]) <= begins, "one print at a time");
        }
        let last = ends(jobs.last().unwrap());
        assert!(
            (1_779_900_000.0..=1_780_000_000.0).contains(&last),
            "{last} is not today"
        );

        let lengths = || jobs.iter().map(|job| job.history.figures.total_duration.unwrap());
        assert!(
            lengths().filter(|length| *length < 1_800.0).count() > 500,
            "minutes"
        );
        assert!(lengths().filter(|length| *length > 86_400.0).count() > 20, "days");
        let materials: HashSet<_> = jobs
            .iter()
            .map(|job| job.details["details"]["filament_type"].as_str().unwrap())
            .collect();
        assert!(materials.len() >= 12, "{materials:?}");
        let mut prints: HashMap<&str, u32> = HashMap::new();
        for job in &jobs {
            *prints.entry(&job.file_uuid).or_default() += 1;
        }
        let again: u32 = prints.values().filter(|prints| **prints > 1).sum();
        assert!(again > 2_000, "{again} of a file that is printed several times");
        assert!(prints.values().filter(|prints| **prints == 1).count() > 1_000);
        let statuses: HashSet<_> = jobs.iter().map(|job| job.history.cause.as_str()).collect();
        assert_eq!(statuses.len(), 5);
        assert_eq!(jobs, past_jobs(past, 7, now).collect::<Vec<_>>());
    }
}
